"""The endpoint that tells how good every model is."""

import gradio as gr

from genlab import api
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add this endpoint to the app in whose context this is called."""
    publish(LeaderboardCalls(sessions).leaderboard, [outputs.numbers], "sampling", shared={})


class LeaderboardCalls(Calls):
    """The endpoint itself."""

    def leaderboard(self, request: gr.Request) -> Json:
        """Every shipped model under one protocol, and the floor that real digits set. Of each the mean and
        spread over the seeds, parameters, training compute, seconds; its rows with seed, weights and machine.
        """
        return jsonable(api.leaderboard())
