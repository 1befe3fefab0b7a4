"""The page. ``build_app`` lives in ``genlab.ui.app``; only this package and app.py import gradio."""

from genlab.ui.app import LAUNCH, build_app

__all__ = ["LAUNCH", "build_app"]
