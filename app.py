"""The application's entry, for ``python app.py`` and for a Hugging Face Space."""

import contextlib
import ctypes
import os
import signal
from typing import Any

from genlab import host

os.environ.update(host.defaults())
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a training's idle threads leave the processor to others

from genlab import startup
from genlab.api import JOBS  # after the settings, which gradio and torch read on import
from genlab.ui import LAUNCH, build_app
from genlab.ui.gate.served import own_folder

MAX_WAITING = 64  # events in the queue, over all visitors
M_ARENA_MAX = -8  # of glibc's malloc.h

own_folder()
demo = build_app().queue(max_size=MAX_WAITING)


def share_heaps() -> None:
    """Threads that train or draw would each get a heap from glibc, which keeps what it once took."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 2)


def leave(*_: Any) -> None:
    """Save what is in training and go; open pages would hold an orderly end for longer than a host waits."""
    JOBS.close()
    os._exit(0)


if __name__ == "__main__":
    share_heaps()
    signal.signal(signal.SIGTERM, leave)
    try:
        startup.report()
        demo.launch(prevent_thread_lock=True, **LAUNCH)
        startup.report_later()
        demo.block_thread()
    finally:
        JOBS.close()
