"""Gradio's Blocks whose every error is one sentence, also where gradio itself fails at what a client sent."""

import logging
from typing import Any

import gradio as gr

from genlab.ui.card import sentence
from genlab.ui.gate.bodies import MISFIT

log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """All events and calls pass through here: a client reads no exception that was not written for it."""

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
