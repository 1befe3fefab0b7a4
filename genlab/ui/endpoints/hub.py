"""The endpoint that loads a model from the Hugging Face hub. Saving asks for an account: the page does
it, and the command line.
"""

import gradio as gr

from genlab import api
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add it to the app in whose context this is called."""
    publish(HubCalls(sessions).load_from_hub, [outputs.numbers], "hub")


class HubCalls(Calls):
    """The endpoint itself."""

    def load_from_hub(self, request: gr.Request, repository: str, revision: str | None = None) -> Json:
        """Load a model of genlab from a public repository; in this session it takes its family's place.

        Args:
            repository: Its id on the Hugging Face hub, user/name.
            revision: A branch, tag or commit; empty for the newest.
        """
        found = api.load_from_hub(repository, revision)
        self.session(request).take(found)
        return jsonable(
            {
                "model": found.name,
                "config": vars(found.model.config),
                "repository": found.repository,
                "commit": found.commit,
                "weights_sha256": found.sha256,
                "data": found.data,
                "origin": found.origin,
            }
        )
