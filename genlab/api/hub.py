"""A visitor's own models from the Hugging Face hub, and to it."""

from pathlib import Path
from typing import Any

from genlab.api.jobs import SETTINGS
from genlab.hub import Hub, Loaded, Saved
from genlab.hub.edge import Token
from genlab.models import MODELS

HUB = Hub(SETTINGS.limits)


def load_from_hub(
    repository: Any, revision: Any = None, *, model: str | None = None, token: Token = False, hub: Hub = HUB
) -> Loaded:
    """A model of genlab from any repository of the hub, checked; ``Hub.load`` tells the errors.

    Args:
        repository: "user/name".
        revision: A branch, tag or commit; None for the newest.
        model: The family it must be of; None for any that draws.
        token: Of the visitor, for what is private; False for nobody's.
        hub: Which counts it.
    """
    return hub.load(repository, revision, families=(model,) if model else tuple(MODELS), token=token)


def save_to_hub(
    folder: Path, repository: Any, *, token: Token, private: bool = True, hub: Hub = HUB
) -> Saved:
    """Save the model in ``folder`` to an account of the hub; ``genlab.hub.saving.save`` tells the errors.

    Args:
        folder: With weights and config.
        repository: "user/name", or the name alone.
        token: Of the visitor; None for this machine's account.
        private: For a repository that is not there yet.
        hub: Which one.
    """
    return hub.save(folder, repository, token=token, private=private)
