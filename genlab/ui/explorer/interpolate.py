"""Between two digits, in several families' latent spaces side by side, on the arc and on the line."""

from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import Call, call
from genlab.config import check_choice
from genlab.lab.codes import FAMILIES, CodeKnobs
from genlab.lab.interpolation import PATHS, Path
from genlab.lab.reconstruction import End
from genlab.numbers import brief
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import Runner, credit, question
from genlab.ui.diffusion.source import Source, preview, usable
from genlab.ui.explorer.pieces import card, families, row, side_by_side
from genlab.ui.knobs import NOW, Values, components, read, seed_box
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk

WHY = (
    "Why spherical: the norm of Gaussian noise of d numbers is close to √d (10 for a GAN's 100, 28 for 784 "
    "pixels), and what draws from noise has seen no other; the arc stays there, the line cuts through the "
    "inside, where no noise is. (What DDIM finds backwards is shorter: Diffusion, panel Invert, says why.)"
)
PICTURE, SAMPLE = "a picture", "a sample"
PREFIXES = ("", "other_")  # of the parameters of both ends
ENDS = {"first": 0, "last": 210}  # test digits to begin with: of two kinds, in the embedded set too
FEWER = {"steps": 20, "starts": 4}  # than for a reconstruction: here it need not be exact


class EndBox:
    """One end of the way: a picture of the visitor's choice, or what each family draws by itself."""

    def __init__(self, panel: str, title: str, index: int) -> None:
        self.title = title
        self.kind = gr.Radio(
            [PICTURE, SAMPLE],
            value=PICTURE,
            label=title,
            info="A sample is what each family draws from the seed: another picture in each",
            elem_id=f"{panel}-kind",
        )
        with gr.Column() as self.pictures:
            self.source = Source(panel, index)
            self.chosen = gr.HTML("", elem_id=f"{panel}-chosen")
        with gr.Column(visible=False) as self.samples:
            self.seed = seed_box("Of the sample", f"{panel}-seed", index)

    @property
    def inputs(self) -> set[Any]:
        return {self.kind, self.source.digit, self.seed}

    def fields(self, prefix: str) -> dict[str, Component]:
        """The inputs; ``prefix`` begins the names."""
        found = {"kind": self.kind, **self.source.fields, "seed": self.seed}
        return {f"{prefix}{name}": part for name, part in found.items()}

    @property
    def looks(self) -> tuple[Any, ...]:
        """What shows a restored end."""
        return self.source.again, (self.turn, self.kind, [self.pictures, self.samples])

    def arguments(self, values: Values, prefix: str) -> dict[str, Any]:
        """The parameters of a call that choose the same end."""
        kind = check_choice(self.title, values[self.kind], (PICTURE, SAMPLE))
        found = self.source.arguments(values) if kind == PICTURE else {"seed": values[self.seed]}
        return {f"{prefix}{name}": value for name, value in found.items()}

    def turn(self, kind: str) -> tuple[Any, Any]:
        """What is shown for the kind of end."""
        return gr.Column(visible=kind == PICTURE), gr.Column(visible=kind == SAMPLE)

    def read(self, values: Values) -> End:
        kind = check_choice(self.title, values[self.kind], (PICTURE, SAMPLE))
        return usable(values[self.source.digit]) if kind == PICTURE else values[self.seed]

    def listen(self, app: gr.Blocks, note: gr.HTML) -> None:
        self.kind.input(self.turn, self.kind, [self.pictures, self.samples], **NOW)
        self.source.listen(app, lambda digit: (preview(digit),), [], [self.chosen], note)


def way(name: str, path: Path) -> str:
    """The pictures on one path, and how the norm of the code goes."""
    norms = path.norms.tolist()
    told = ", ".join(brief(norms[i]) for i in (0, len(norms) // 2, -1))
    return (
        f'<div class="gl-way"><b>{name}</b> <small>norm of the code at the first, middle and last picture: '
        f"{told}</small>{row(path.images, f'{name}, {len(path.images)} pictures')}</div>"
    )


def build(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel with its events."""
    question("What lies between two digits? Each family has its own space, and its own answer.")
    gr.HTML(f"<p>{WHY}</p>")
    with gr.Row(elem_classes="gl-controls"):
        ends = []
        for title, index in ENDS.items():
            with gr.Column(scale=2, min_width=220):
                ends.append(EndBox(f"way-{title}", title, index))
        with gr.Column(scale=3, min_width=240, elem_id="way-knobs"):
            chosen = families(FAMILIES, api.SIDE_BY_SIDE, "way-families")
            n = gr.Slider(
                2,
                api.MAX_PICTURES,
                9,
                step=1,
                label="number of images (n)",
                info="On each way",
                elem_id="way-n",
            )
            with gr.Accordion("More", open=False):
                knobs = components(CodeKnobs, FEWER)
        with gr.Column(scale=1, min_width=160):
            runner = Runner("way", sessions)
    runner.note.render()
    hint = "Press Run: pictures between the two, in each family, on two ways."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="way-shown")

    shared = {"n": n, "families": chosen, **knobs}

    def calls(values: Values) -> list[Call]:
        picked = [end.arguments(values, prefix) for end, prefix in zip(ends, PREFIXES, strict=True)]
        return [call("between", **picked[0], **picked[1], **read(values, shared))]

    def walk(values: Values, session: Session) -> Walk[Updates]:
        first, last = (end.read(values) for end in ends)
        wanted = read(values, shared)
        found = yield from api.between(first, last, library=session.library, **wanted)
        cards = (
            card(name, "".join(way(path, paths[path]) for path in PATHS)) for name, paths in found.items()
        )
        return {shown: side_by_side(cards, wide=True), runner.note: credit(session, *found)}

    inputs = set(shared.values()).union(*(end.inputs for end in ends))
    runner.listen(walk, inputs, [shown])
    for end in ends:
        end.listen(app, runner.note)
    looks = tuple(look for end in ends for look in end.looks)
    named = [end.fields(prefix) for end, prefix in zip(ends, PREFIXES, strict=True)]
    return Panel("latent-space/way", named[0] | named[1] | shared, calls, inputs, run="way-run", looks=looks)
