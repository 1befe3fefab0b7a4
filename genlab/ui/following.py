"""Jobs seen from an event of the page: asynchronous, so that a viewer holds no thread of the server."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import gradio as gr
from gradio.components import Component

from genlab.jobs import Job, Look
from genlab.jobs.job import HEARTBEAT
from genlab.ui.session import Session, Sessions

KEY = "job"  # of the page's address: the ids of the jobs on it, with dots between them

# Writes the ids into the address, so that a reload, a bookmark or a sent link shows the same jobs.
REMEMBER = f"""(...ids) => {{
    const address = new URL(window.location), found = ids.filter(Boolean).map(id => id.split(' ')[0]);
    if (found.length) address.searchParams.set('{KEY}', found.join('.'));
    else address.searchParams.delete('{KEY}');
    genlabPanels.put(address);
}}"""


async def follow(job: Job) -> AsyncIterator[Look]:
    """Looks at the job as it changes, until it has ended (that one last)."""
    shown = None
    while True:
        look = await asyncio.to_thread(job.look)  # which may have to wait for a lock
        if look is not shown:
            yield look
        if look.ended:
            return
        shown = look
        await asyncio.sleep(HEARTBEAT)


def build_boxes(names: Iterable[str]) -> dict[str, Component]:
    """For each name, where the id of its job stands, and after a space what makes it new; the page's
    address follows them.

    Made outside all tabs: what is in a tab that was never opened does not reach the address.
    """
    boxes: dict[str, Component] = {
        name: gr.Textbox("", visible="hidden", elem_id=f"job-{name}") for name in names
    }
    found = list(boxes.values())
    for box in found:
        box.change(None, found, None, js=REMEMBER, api_visibility="private")  # type: ignore[attr-defined]
    return boxes


def arrive(sessions: Sessions, request: gr.Request) -> tuple[Session, list[str]]:
    """The visitor's session with the jobs of his address taken up, and what is wrong with some of them."""
    session = sessions.get(request.session_hash)
    ids = [id for id in request.query_params.get(KEY, "").split(".") if id]
    return session, session.watch(ids)
