"""The limits of a server come from its environment, through one object."""

from pathlib import Path

import pytest

from genlab.errors import InvalidInput
from genlab.settings import PUBLIC, Limits, read


def test_at_home_and_on_a_space() -> None:
    assert read({}).limits == Limits()
    assert read({"SPACE_ID": "me/genlab"}).limits == PUBLIC
    for name in (
        "steps",
        "seconds",
        "megabytes",
        "keep_seconds",
        "keep_jobs",
        "keep_megabytes",
        "hub_megabytes",
    ):
        assert getattr(PUBLIC, name) < getattr(Limits(), name), "strangers share it"
    for name in ("sessions", "calls_at_once", "file_seconds", "file_megabytes"):
        assert getattr(PUBLIC, name) < getattr(Limits(), name)
    for name in ("visits", "calls", "calls_address", "calls_all", "uploads"):
        assert getattr(PUBLIC, name) > getattr(Limits(), name) == 0, "at home there is no such limit"


def test_each_limit_has_a_variable() -> None:
    given = {"GENLAB_SLOTS": "3", "GENLAB_SECONDS": "90.5", "GENLAB_JOBS": "/srv/jobs", "GENLAB_DATA": "/x"}
    found = read(given)
    assert (found.limits.slots, found.limits.seconds, found.folder) == (3, 90.5, Path("/srv/jobs"))
    assert read(given | {"SPACE_ID": "x", "GENLAB_STEPS": "50000"}).limits.steps == 50_000


def test_a_machines_account_is_lent_at_home_alone() -> None:
    assert not read({}).account and read({"GENLAB_ACCOUNT": "1"}).account
    assert not read({"GENLAB_ACCOUNT": "1", "SPACE_ID": "me/genlab"}).account


@pytest.mark.parametrize(
    ("name", "value"), [("SLOTS", "0"), ("SECONDS", "soon"), ("LINE", "1.5"), ("STEPS", "")]
)
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{name.lower()} is "):
        read({f"GENLAB_{name}": value})
