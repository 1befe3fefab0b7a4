"""Answers that nobody fetches: gradio keeps them for as long as their session lives."""

import asyncio
from typing import Any

MOST = 1000  # messages of one session; a page or client that listens has none or a few


def under_way(queue: Any, session: str, kept: int) -> int:
    """How many calls of ``session`` wait or are at work; answers beyond ``kept`` that it never fetched go.

    A connection that broke leaves such answers behind, and a client that never listens all of them.
    """
    pending = queue.pending_event_ids_session.get(session, set())
    live = pending & queue.event_ids_to_events.keys()
    if len(pending) - len(live) > kept:
        pending &= live
        drain(queue.pending_messages_per_session.get(session))
    return len(live)


def hang_up(queue: Any) -> None:
    """End the calls of those who do not listen to them."""
    for session, messages in list(queue.pending_messages_per_session.items()):
        if messages.qsize() > MOST:
            drain(messages)
            asyncio.get_running_loop().create_task(queue.clean_events(session_hash=session))


def drain(messages: asyncio.Queue | None) -> None:
    while messages is not None and not messages.empty():
        messages.get_nowait()
