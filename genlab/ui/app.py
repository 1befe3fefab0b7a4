"""The page as a whole: a head with the status line, one tab for each question, the endpoints."""

import os
from typing import Any

import gradio as gr

from genlab.api import JOBS, SETTINGS, STUDIO
from genlab.jobs import JobStore
from genlab.models import MODELS
from genlab.studio.engine import Engine
from genlab.ui import (
    account,
    agents,
    compare,
    diffusion,
    endpoints,
    explorer,
    ganlab,
    html,
    leaderboard,
    lessons,
    panels,
    pictures,
    places,
    race,
    status,
    studio,
    translations,
)
from genlab.ui.following import arrive, build_boxes
from genlab.ui.job_view import entry
from genlab.ui.knobs import NOW
from genlab.ui.page import Page
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions
from genlab.ui.studio import restoring
from genlab.ui.theme import CSS, HEAD, THEME
from genlab.uploads import trust_nothing

# Gradio 6 takes the look at launch, not with the blocks.
LAUNCH: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "head": HEAD + places.SCRIPT + compare.SCRIPT + lessons.SCRIPT + translations.SCRIPT,
    "i18n": translations.I18N,
    "show_error": True,
    "footer_links": ["api", "gradio", "settings"],
    "ssr_mode": False,
    "max_file_size": "20mb",
    "enable_monitoring": False,
    "_frontend": False,  # gradio ends a server whose own page takes 3 s, as on a machine that is busy
    "run_history": False,
    "mcp_server": os.environ.get("GRADIO_MCP_SERVER", "True").lower() == "true",
    "allowed_paths": [str(SETTINGS.folder)],  # what was trained, to download: each in an unguessable folder
}


def build_app(store: JobStore = JOBS, engine: Engine = STUDIO) -> gr.Blocks:
    """The whole application, ready for ``queue`` and ``launch``.

    Args:
        store: Where trainings run, and whose library of models is shown.
        engine: The studio's.
    """
    trust_nothing()
    pictures.write_whole()
    agents.offer()
    sessions, sign_in = Sessions(store), account.button()
    with Page(store.limits, title="genlab", analytics_enabled=False, fill_width=True) as app:
        gr.HTML(
            '<header class="gl-head"><h1>genlab</h1>'
            "<p>Ideas for drawing a digit, trained and measured side by side.</p></header>"
        )
        status.build(app, sessions, sign_in)
        arrived = gr.HTML("", elem_classes="gl-quiet", elem_id="arrived")
        jobs = build_boxes([*MODELS, race.NAME])
        found: list[Panel] = []
        with gr.Tabs() as tabs:
            with gr.Tab("Compare", id="compare"):
                found.append(compare.build(app, jobs, sessions))
            with gr.Tab("Race", id="race"):
                found.append(race.build(jobs, sessions))
            with gr.Tab("Diffusion", id="diffusion"):
                found += diffusion.build(app, sessions)
            with gr.Tab("Latent space", id="latent-space") as latent_space:
                found += explorer.build(app, latent_space, sessions)
            with gr.Tab("GAN lab", id="gan-lab"):
                found += ganlab.build(app, sessions)
            with gr.Tab("Studio", id="studio", elem_id="studio"):
                found += studio.build(app, sessions, engine)
            with gr.Tab("Leaderboard", id="leaderboard"):
                found.append(leaderboard.build(tabs))
            with gr.Tab("Lessons", id="lessons"):
                lessons.build(tabs)
        gr.HTML(lessons.guide(), elem_classes="gl-guide")
        boxes = panels.listen(app, found, arrived, sessions)
        places.listen(app, tabs, boxes, arrived, restoring.place_of, (found[0].place, found[0].fields))
        # Last, for the browser looks for each component from the top of the page.
        endpoints.expose(sessions, engine)

        def leave(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        def arriving(request: gr.Request) -> dict[Any, Any]:
            session, wrong = arrive(sessions, request)
            entries = {jobs[name]: entry(job) for name, job in session.jobs.items() if name in jobs}
            told = "".join(map(html.note, wrong)) or gr.skip()  # a link may have told already
            return {arrived: told, **entries}

        app.load(arriving, None, [arrived, *jobs.values()], **NOW)
        app.unload(leave)
        translations.mark(app)
    return app
