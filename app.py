"""The application's entry, for ``python app.py`` and for a Hugging Face Space."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from genlab.ui import LAUNCH, build_app  # after the setting, which gradio reads on import

MAX_WAITING = 64  # events in the queue, over all visitors

demo = build_app().queue(max_size=MAX_WAITING)

if __name__ == "__main__":
    demo.launch(**LAUNCH)
