"""Gradio's Blocks behind the gate, whose every error is one sentence, gradio's own too."""

import logging
from typing import Any

import gradio as gr

from genlab.settings import Limits
from genlab.ui.card import sentence
from genlab.ui.gate import guard
from genlab.ui.gate.bodies import MISFIT

log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """All events and calls pass through here: a client reads no exception that was not written for it.

    Args:
        limits: What visitors may ask for.
        options: Those of ``gradio.Blocks``.
    """

    def __init__(self, limits: Limits, **options: Any) -> None:
        self.limits = limits
        # How often, and from which age on, gradio deletes served files.
        cache = (max(1, int(limits.file_seconds / 24)), int(limits.file_seconds))
        super().__init__(delete_cache=cache, **options)

    def launch(self, *args: Any, **options: Any) -> Any:
        """``Blocks.launch``, with the gate before the server and a bounded number of sessions in memory."""
        behind = {"middleware": guard(self.limits)}  # new each time: gradio writes into it
        return super().launch(
            *args, app_kwargs=behind, state_session_capacity=self.limits.sessions, **options
        )

    async def preprocess_data(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Gradio's reading of what a client sent: what it cannot read is the client's mistake."""
        try:
            return await super().preprocess_data(*args, **kwargs)
        except Exception as error:
            log.info("what a client sent cannot be read", exc_info=error)
            raise gr.Error(MISFIT, print_exception=False) from error

    async def process_api(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """One step of an event."""
        try:
            return await super().process_api(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from error
