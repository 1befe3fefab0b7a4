"""The tab Leaderboard: which model is the best, by what measure, and at what price?"""

from collections.abc import Iterable
from html import escape
from typing import Any

import gradio as gr

from genlab import api
from genlab.calls import call
from genlab.leaderboard import Board, claims, path_of
from genlab.leaderboard.claims import FAMILIES, Claim, Curves
from genlab.leaderboard.text import COLUMNS, Column, caption, cell, real_cell
from genlab.models import MODELS
from genlab.numbers import brief, count
from genlab.ui import html
from genlab.ui.card import LATEX
from genlab.ui.diffusion.pieces import question
from genlab.ui.panels import Panel
from genlab.ui.places import link, places
from genlab.ui.scatter import Dot, scatter_plot
from genlab.visualize import colour

QUESTION = "Which model draws best, by what measure, and at what price?"
FAMILIES_QUESTION = "What is each family good at, and what not?"
HOW_TO_READ = (
    "Press a heading to sort. A dashed edge marks a baseline. Precision, recall and coverage: more is "
    "better; distance and KL: less. The nearest training image should be about as far as for real test "
    "digits: nearer is copied, or blurred. Training counts the operations of all steps, forward and backward."
)
PLOT = (
    "Both axes are logarithmic. Below and to the left is better; the thin line joins the models that no "
    "other beats in both. Circles that are not full are baselines."
)
ORIGIN = (
    "Every number is read from the files that the measurements wrote; the link opens the panel that shows it."
)
EMPTY = "Nothing is measured yet: python -m genlab leaderboard --write"

# Sorts the rows by a column, the better end first; those without a number stay last, the real digits first.
SORT = """element.addEventListener('click', event => {
    const head = event.target.closest('th button')?.closest('th');
    if (!head) return;
    const table = head.closest('table'), body = table.tBodies[0];
    const at = [...head.parentNode.children].indexOf(head), before = head.getAttribute('aria-sort');
    const up = before ? before === 'descending' : head.dataset.lower === '1';
    table.querySelectorAll('[aria-sort]').forEach(other => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const value = row => row.children[at].dataset.value;
    const rows = [...body.rows].filter(row => row.dataset.model);
    rows.sort((a, b) => (value(a) === '') - (value(b) === '') || (at === 0
        ? value(a).localeCompare(value(b)) : value(a) - value(b)) * (up ? 1 : -1));
    body.append(...rows);
});"""


def head(column: Column) -> str:
    """A heading that sorts; the board comes sorted by distance."""
    sorted_by = " aria-sort=ascending" if column.key == "frechet" else ""
    return (
        f'<th scope="col" data-lower="{int(column.lower)}" title="{escape(column.tip)}"{sorted_by}>'
        f"<button>{escape(column.head)}</button></th>"
    )


def data(column: Column, said: str, value: float | None) -> str:
    """A figure, and the number it sorts by."""
    mean, _, spread = said.partition(" ± ")
    off = f" <small>± {escape(spread)}</small>" if spread else ""
    number = "" if value is None else repr(value)
    title = escape(column.head)
    return f'<td data-head="{title}" data-value="{number}"><span>{escape(mean)}{off}</span></td>'


def subtitle(line: dict[str, Any]) -> str:
    """How a model was drawn, and on how many seeds it was measured."""
    knobs = [f"{key} {brief(v) if isinstance(v, float) else v}" for key, v in line["knobs"].items()]
    return ", ".join([*knobs, count(len(line["rows"]), "seed")])


def row(line: dict[str, Any], floor: float) -> str:
    """A model in its colour."""
    kind = f"gl-{line['family']}{' gl-baseline' if line['baseline'] else ''}"
    title, cells = escape(line["title"]), (data(column, *cell(line, column, floor)) for column in COLUMNS)
    return (
        f'<tr class="{kind}" data-model="{line["name"]}"><th scope="row" data-value="{title}">{title}'
        f"<small>{escape(subtitle(line))}</small></th>{''.join(cells)}</tr>"
    )


def table(board: Board) -> str:
    """Every model, the real digits first; the columns sort it."""
    first = '<th scope="col" data-lower="1"><button>model</button></th>'
    heads = first + "".join(map(head, COLUMNS))
    real = "".join(data(column, *real_cell(board, column)) for column in COLUMNS)
    rows = f'<tr><th scope="row">real digits (floor)</th>{real}</tr>'
    rows += "".join(row(line, board["floor"]["frechet"]) for line in board["models"])
    return f'<table class="gl-board"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def plot(board: Board) -> str:
    """Distance over time of every model."""
    dots = [
        Dot(
            line["title"].partition(" (")[0],
            line["mean"]["seconds_per_1000"],
            line["mean"]["frechet"],
            colour(line["family"]),
            not line["baseline"],
        )
        for line in board["models"]
    ]
    floor = ("real digits", board["floor"]["frechet"])
    return scatter_plot("Fréchet distance against time", dots, "seconds for 1,000 pictures", floor)


def claim_text(claim: Claim, board: Board, measured: Curves, titles: dict[str, str]) -> str:
    """A claim with its number, and the link to the panel that shows it."""
    said = claims.evidence(claim, board, measured)
    number = f": <b>{escape(said)}</b>" if said else ""
    return f"{escape(claim.says)}{number}. {link(claim.place, titles[claim.place])}"


def items(found: Iterable[Claim], board: Board, measured: Curves, titles: dict[str, str]) -> str:
    texts = (f"<li>{claim_text(claim, board, measured, titles)}</li>" for claim in found)
    return f"<ul>{''.join(texts)}</ul>"


def speed(name: str, place: str, board: Board, titles: dict[str, str]) -> str:
    line = claims.line_of(board, name)
    if not line:
        return "Not measured yet."
    seconds = brief(line["mean"]["seconds_per_1000"])
    said = f"{count(line['evaluations'], 'evaluation')}, {seconds} s for 1,000"
    return f"<b>{said}</b>. {link(place, titles[place])}"


def families(board: Board, measured: Curves, titles: dict[str, str]) -> str:
    """Year, idea, loss, strengths, weaknesses, density estimation and speed of every family that ships."""
    heads = ("family", "loss", "strengths", "weaknesses", "density estimation", "sampling")
    rows = ""
    for name in (name for name in MODELS if name in FAMILIES):
        card, found = MODELS[name].card, FAMILIES[name]
        columns = (
            f'<div class="gl-equation">$${escape(card.equation)}$$</div>',
            items(found.strengths, board, measured, titles),
            items(found.weaknesses, board, measured, titles),
            claim_text(found.density, board, measured, titles),
            speed(name, found.speed, board, titles),
        )
        cells = "".join(
            f'<td><div class="gl-head-of">{title}</div>{said}</td>'
            for title, said in zip(heads[1:], columns, strict=True)
        )
        rows += (
            f'<tr class="gl-{name}"><th scope="row">{escape(card.title)} ({card.year})'
            f"<small>{escape(card.idea)}</small></th>{cells}</tr>"
        )
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    return f'<table class="gl-board gl-families"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def build(tabs: gr.Tabs) -> Panel:
    """The whole tab.

    Args:
        tabs: The page's, all but this one built: what the claims link to.
    """
    board = api.leaderboard()
    titles = places(tabs)
    with gr.Tabs():
        with gr.Tab("Models", id="models"):
            question(QUESTION)
            if not board["models"]:
                gr.HTML(
                    html.note("Nothing is measured yet: python -m genlab leaderboard --write", plain=True)
                )
            else:
                build_models(board)
            panel = Panel("leaderboard/models", {}, lambda _: [call("leaderboard")], exact=False)
        with gr.Tab("Families", id="families"):
            question(FAMILIES_QUESTION)
            made = families(board, claims.read_curves(), titles)
            gr.Markdown(made, latex_delimiters=LATEX, elem_id="families-table")
            gr.HTML(f'<p class="gl-live">{ORIGIN}</p>')
    return panel


def build_models(board: Board) -> None:
    gr.HTML(f'<div class="gl-scroll">{table(board)}</div>', elem_id="board", js_on_load=SORT)
    how = f"{escape(caption(board))} Made by <code>{escape(board['command'])}</code>. {HOW_TO_READ}"
    gr.HTML(f'<p class="gl-live">{how}</p>')
    gr.HTML(f'{plot(board)}<p class="gl-live">{PLOT}</p>', elem_id="board-plot")
    gr.DownloadButton("Download as JSON", str(path_of()), size="sm", elem_id="board-json", scale=0)
