"""The folds that measure: how good is the model, and is it copying?"""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api, evaluation
from genlab.library import Library, read_metrics
from genlab.numbers import brief, whole
from genlab.ui import html
from genlab.ui.card import Card, Updates, sentence
from genlab.ui.curves import digit_histogram
from genlab.ui.knobs import MEASURING, SAMPLING, Values, read
from genlab.ui.session import Sessions
from genlab.visualize import colour

MEASURED = 1000  # samples, unless the visitor wants more
COMPARED = 12  # samples beside their nearest training images


def table(name: str, metrics: dict[str, Any], library: Library) -> str:
    """The measurements and the digits drawn."""
    judge = read_metrics(library.folder / "classifier")
    floor = judge.get("floor", {})  # of 10,000 digits; what was measured just now brings its own
    real = floor | metrics.get("real", {}) | {"test_accuracy": judge.get("test_accuracy")}
    digits = metrics.get("digits")
    plot = digit_histogram(digits, colour(name)) if digits else ""
    return html.quality_table(metrics, real) + plot


def yardstick(library: Library) -> str:
    """How far real digits are from the training images, where that was measured."""
    far = read_metrics(library.folder / "classifier").get("floor", {}).get("nearest_train")
    return f" Real test digits are {brief(far)} from all 60,000 on average." if far else ""


def drawn(n: int, wanted: Any, passed: float) -> str:
    """The bar when n samples of those ``wanted`` were drawn in ``passed`` seconds."""
    if n == wanted:
        return html.bar(None, "All samples are drawn. Measuring them.")
    share = n / wanted
    return html.bar(share, f"{whole(n)} of {whole(wanted)} samples drawn, {html.left(share, passed)}")


def build(card: Card, sessions: Sessions) -> None:
    """Both folds, with their events."""
    build_quality(card, sessions)
    build_copying(card, sessions)


def build_quality(card: Card, sessions: Sessions) -> None:
    with gr.Accordion("Quality", open=False, elem_id=f"quality-{card.name}") as fold:
        shown = gr.HTML(html.quality_table({}, {}))
        n = gr.Slider(
            100, evaluation.N, MEASURED, step=100, label="samples", info="More are more exact and take longer"
        )
        button = gr.Button("Measure now", size="sm", elem_id=f"measure-{card.name}")
        progress = gr.HTML("")

    def open_fold(request: gr.Request) -> str:
        try:
            session = sessions.get(request.session_hash)
            return table(card.name, session.entry(card.name).metrics, session.library)
        except Exception as error:
            return html.note(sentence(error))

    def measure(values: Values, request: gr.Request) -> Iterator[Updates]:
        session, wanted = sessions.get(request.session_hash), values[n]
        found: dict[str, Any] = {}
        yield {progress: html.bar(None, "Loading the judge and the real digits.")}
        try:
            entry = session.entry(card.name)
            knobs, seed = read(values, card.sampling), values[card.shared.seed]
            began = time.monotonic()
            for found in api.evaluate(card.name, wanted, seed, library=session.library, **knobs):
                yield {progress: drawn(found.get("sampled") or wanted, wanted, time.monotonic() - began)}
            session.library.measured(entry, found)
            yield {
                shown: table(card.name, found, session.library),
                progress: "",
                card.distance: html.distance(session.entry(card.name).metrics),
            }
        except Exception as error:
            yield {progress: html.note(sentence(error))}

    fold.expand(open_fold, None, shown, **SAMPLING)
    button.click(measure, card.inputs | {n}, [shown, progress, card.distance], **MEASURING)


def build_copying(card: Card, sessions: Sessions) -> None:
    with gr.Accordion("Is it copying?", open=False, elem_id=f"copying-{card.name}"):
        gr.Markdown(
            "Each sample (left) beside the training image nearest to it (right), with their distance: "
            "Euclidean over the pixels, each from 0 to 1. A copy would have a distance near 0."
        )
        button = gr.Button("Find the nearest", size="sm", elem_id=f"nearest-{card.name}")
        shown = gr.HTML("")

    def compare(values: Values, request: gr.Request) -> Iterator[str]:
        session, shared = sessions.get(request.session_hash), card.shared
        yield html.bar(None, "Searching the training images.")
        try:
            label, knobs = shared.label(values, card.name), read(values, card.sampling)
            found = api.nearest(
                card.name, COMPARED, values[shared.seed], label, library=session.library, **knobs
            )
            data = session.library.get(card.name).data
            known = yardstick(session.library) if data == "mnist" else ""
            searched = f"The first {COMPARED}. Searched: {api.dataset('train', data).source}."
            yield html.note(searched + known, plain=True) + html.pairs(found)
        except Exception as error:
            yield html.note(sentence(error))

    button.click(compare, card.inputs, shown, **MEASURING)
