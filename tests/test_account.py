"""Who may save to which account; without OAuth the page is built without a way to sign in."""

import dataclasses
from typing import Any

import gradio as gr
import pytest

from genlab.errors import InvalidInput
from genlab.ui import account

TOKEN = gr.OAuthToken(token="hf_ada", scope="openid", expires_at=0)
SPACE = {"SYSTEM": "spaces", "SPACE_ID": "ada/genlab"} | dict.fromkeys(account.VARIABLES, "x")


def on_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)


def test_a_way_to_sign_in_is_offered_where_it_leads_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not account.offered() and account.button() is None
    on_a_space(monkeypatch)
    assert account.offered() and account.button() is not None
    monkeypatch.setattr(account, "find_spec", lambda name: None)
    assert not account.offered(), "gradio[oauth] is missing"
    monkeypatch.undo()
    on_a_space(monkeypatch)
    monkeypatch.delenv("OAUTH_CLIENT_ID")
    assert not account.offered(), "a Space without hf_oauth"


def test_whose_account(monkeypatch: pytest.MonkeyPatch) -> None:
    assert account.reading(TOKEN) == account.writing(TOKEN) == "hf_ada"
    assert account.reading(None) is False, "nobody's, not this machine's"
    with pytest.raises(InvalidInput, match="hf auth login"):
        account.writing(None)
    on_a_space(monkeypatch)
    with pytest.raises(InvalidInput, match=r"^Sign in with Hugging Face first"):
        account.writing(None)
    lent: Any = dataclasses.replace(account.SETTINGS, account=True)
    monkeypatch.setattr(account, "SETTINGS", lent)
    assert account.reading(None) is None and account.writing(None) is None
