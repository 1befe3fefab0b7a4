"""Who is signed in to Hugging Face: the visitor, by OAuth on a Space, or this machine's own account.

A token is asked for when it is used, and given on to huggingface_hub; nothing here keeps it.
"""

import json
import os
from importlib.util import find_spec
from typing import Any

import gradio as gr
from gradio.utils import get_space

from genlab.api import SETTINGS
from genlab.errors import InvalidInput
from genlab.hub.edge import Token
from genlab.ui.knobs import NOW

SIGN_IN, SIGN_OUT = "Sign in with Hugging Face", "Sign out ({})"
VARIABLES = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
PACKAGES = ("authlib", "itsdangerous")
FIRST = "Sign in with Hugging Face first, at the top of the page."
NOT_HERE = (
    "Signing in works on a Hugging Face Space. On a machine of your own, run `hf auth login` and start the "
    "page with GENLAB_ACCOUNT=1, or save with `python -m genlab push`."
)

# gradio's own script forgets all but the first parameter of the address, among them the ids of jobs.
GO = f"""text => {{
    const way = text === {json.dumps(SIGN_IN)} ? '/login/huggingface' : '/logout';
    window.parent?.postMessage({{type: 'SET_SCROLLING', enabled: true}}, '*');
    window.location.assign(way + '?_target_url=' + encodeURIComponent('/' + window.location.search));
}}"""


def offered() -> bool:
    """Can visitors sign in? On a Space with ``hf_oauth: true``; elsewhere gradio only plays it, with a token
    that the hub does not know, and does not start without network.
    """
    ready = all(os.environ.get(name) for name in VARIABLES) and all(map(find_spec, PACKAGES))
    return get_space() is not None and ready


def button() -> gr.LoginButton | None:
    """What signs in and out, to be made outside the page, where gradio adds no script of its own."""
    if not offered():
        return None
    # Its picture would be a file of gradio's, which is not served here.
    return gr.LoginButton(SIGN_IN, icon=None, size="sm", elem_id="sign-in", scale=0, min_width=240)


def listen(app: gr.Blocks, found: gr.LoginButton) -> None:
    """Connect it, and show who is signed in when the page has loaded."""

    def who(profile: gr.OAuthProfile | None) -> Any:
        return gr.Button(SIGN_OUT.format(profile.username) if profile else SIGN_IN)

    found.click(None, found, None, js=GO, api_visibility="private")
    app.load(who, None, found, **NOW)


def reading(token: gr.OAuthToken | None) -> Token:
    """With whose eyes the hub is read: the visitor's, this machine's, or nobody's."""
    return token.token if token else None if SETTINGS.account else False


def writing(token: gr.OAuthToken | None) -> Token:
    """Whose account is written to; InvalidInput if nobody is signed in."""
    if token is None and not SETTINGS.account:
        raise InvalidInput(FIRST if offered() else NOT_HERE)
    return token.token if token else None
