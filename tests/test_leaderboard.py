"""The leaderboard: its measures against other implementations, its rows, and what ships of it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from genlab import checkpoints, evaluation, leaderboard
from genlab.__main__ import main
from genlab.checkpoints import WEIGHTS
from genlab.data import Dataset
from genlab.errors import InvalidInput
from genlab.leaderboard import board as boards
from genlab.leaderboard import claims, commands, rows, text
from genlab.leaderboard.about import bound, held_out, training_compute, update_flops
from genlab.leaderboard.claims import FAMILIES, Claim, Comparison
from genlab.leaderboard.entries import Entry
from genlab.leaderboard.rows import Judge
from genlab.library import Library, read_metrics
from genlab.models import MODELS
from genlab.models.vae import VAE, VAEConfig
from genlab.noise import Noise
from genlab.ui import build_app
from genlab.ui.places import places
from tests.helpers import tiny

README = WEIGHTS.parent / "README.md"


# --- the measures


def test_coverage_against_scikit_learn() -> None:
    real, fake = Noise(0, 400).normal(8), Noise(1, 300).normal(8) * 0.7 + 0.5
    r, f = real.double().numpy(), fake.double().numpy()
    radii = NearestNeighbors(n_neighbors=6).fit(r).kneighbors(r)[0][:, -1]  # itself is the first
    closest = NearestNeighbors(n_neighbors=1).fit(f).kneighbors(r)[0][:, 0]
    expected = (closest <= radii).mean()
    assert evaluation.coverage(real, fake) == pytest.approx(expected) and 0.1 < expected < 0.9


def test_coverage_of_extremes() -> None:
    a = Noise(0, 200).normal(64)
    assert evaluation.coverage(a, a.clone()) == 1 and evaluation.coverage(a, a + 100) == 0
    assert evaluation.coverage(a, a[:1].repeat(200, 1)) < 0.1, "always the same picture"


def dense(n_in: int, n_out: int) -> int:
    """Operations of a linear layer for one picture: forward, and the gradient of its weights."""
    return 2 * 2 * n_in * n_out


def test_operations_of_a_dense_network() -> None:
    model, latent = VAE(VAEConfig(network="mlp", latent=20)), 20
    layers = ((784, 400), (400, 2 * latent), (latent, 400), (400, 784))
    once = sum(dense(*layer) for layer in layers)
    back = sum(2 * n_in * n_out for n_in, n_out in layers[1:])  # to the input, which the pictures do not need
    assert update_flops(model, 32) == 32 * (once + back)


def test_operations_of_a_chain_add_up() -> None:
    model = tiny("wgan_gp")
    first = {"train": {"steps": 10, "batch_size": 20}, "steps": 10}
    last = {"train": {"steps": 5, "batch_size": 10}, "steps": 4, "from": first}
    found = training_compute(model, last)
    assert found.steps == 14 and found.images == 240
    assert found.flops == 10 * update_flops(model, 20) + 4 * update_flops(model, 10)
    assert update_flops(model, 20) > update_flops(tiny("wgan"), 20), "a penalty costs"


def test_the_bound_is_that_of_the_loss(embedded: dict[str, Dataset]) -> None:
    """With beta = 1 the loss is the bound."""
    model = tiny("vae", beta=1).eval()
    losses = held_out(model, embedded["test"])
    assert losses == held_out(model, embedded["test"]) and bound(losses) == pytest.approx(losses["loss"])
    assert held_out(tiny("gan"), embedded["test"]) == {} and bound({}) is None


# --- rows


@pytest.fixture(scope="module")
def judge(library: Library, embedded: dict[str, Dataset]) -> Judge:
    folder = library.folder / "classifier"
    return Judge(
        library.classifier(),
        checkpoints.weights_sha256(folder),
        evaluation.load_reference(folder),
        embedded["train"],
        embedded["test"],
    )


def last(steps: Iterator[Any]) -> Any:
    *_, found = steps
    return found


def without_cost(row: rows.Row) -> rows.Row:
    return {key: value for key, value in row.items() if key not in ("seconds_per_1000", "versions")}


def test_an_interrupted_row_goes_on_with_its_next_picture(
    library: Library, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Entry("flow", "flow", library.folder / "flow", {"steps": 1})
    head = rows.head_of(entry, 600, 3, judge.sha256)
    whole = last(rows.measure(entry, head, judge, tmp_path / "whole"))
    monkeypatch.setattr(rows, "SAVE_SECONDS", -1.0)
    begun = rows.measure(entry, head, judge, tmp_path)
    assert [step["sampled"] for step in itertools.islice(begun, 2)] == [256, 512]
    begun.close()  # type: ignore[attr-defined]
    assert rows.measured(tmp_path, head) is None
    *steps, row = rows.measure(entry, head, judge, tmp_path)
    assert [step["sampled"] for step in steps] == [512, 600], "what was drawn was on the disk"
    assert without_cost(row) == without_cost(whole) == without_cost(rows.measured(tmp_path, head) or {})
    assert row["label_accuracy"] is not None and row["machine"]["threads"] >= 1
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".json"]


def test_other_weights_are_measured_anew(
    library: Library, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "STATE", tmp_path / "state")
    entry = Entry("gan", "gan", tmp_path / "gan")
    nothing: boards.Board = {"models": []}
    checkpoints.save("gan", tiny("gan", 1), entry.folder, {"train": {}, "steps": 1})
    assert commands.fill(entry, 300, 0, judge, nothing) and not commands.fill(entry, 300, 0, judge, nothing)
    assert commands.fill(entry, 300, 1, judge, nothing), "another seed"
    checkpoints.save("gan", tiny("gan", 2), entry.folder, {"train": {}, "steps": 1})
    assert commands.fill(entry, 300, 0, judge, nothing)


def test_the_board_of_some_rows(library: Library, judge: Judge, tmp_path: Path) -> None:
    entry = Entry("gan", "gan", tmp_path / "gan")
    checkpoints.save("gan", tiny("gan"), entry.folder, {"train": {"steps": 3, "batch_size": 10}, "steps": 3})
    for seed in (0, 1):
        last(rows.measure(entry, rows.head_of(entry, 300, seed, judge.sha256), judge, tmp_path))
    options: Any = {"n": 300, "state": tmp_path, "folder": library.folder / "classifier"}
    made = boards.assemble({"gan": entry}, judge, {"models": []}, seeds=[0, 1, 2], **options)
    (line,) = made["models"]
    for key in ("frechet", "coverage", "nearest_train"):
        values = [row[key] for row in line["rows"]]
        assert line["mean"][key] == pytest.approx(np.mean(values))
        assert line["spread"][key] == pytest.approx(np.std(values, ddof=1)) and len(values) == 2
    assert line["mean"]["label_accuracy"] is None and line["training"]["images"] == 30
    real = evaluation.measure_features(judge.reference.train[:300], judge.reference, judge.classifier)
    assert made["floor"]["frechet"] == real["frechet"] and "GAN 2" in text.caption(made)
    # A fresh checkout has the board alone, and finds its rows there.
    again = boards.assemble(
        {"gan": entry}, judge, made, seeds=[0, 1], **options | {"state": tmp_path / "none"}
    )
    assert again["models"][0]["rows"] == line["rows"]


def test_the_board_is_kept_where_the_readme_reads_it(tmp_path: Path) -> None:
    shipped = leaderboard.read()
    (tmp_path / "README.md").write_text(f"before\n{text.BEGIN}\nold\n{text.END}\nafter\n")
    commands.keep(shipped, tmp_path / "weights")
    kept = (tmp_path / "README.md").read_text()
    assert kept == f"before\n{text.BEGIN}\n{text.table(shipped)}\n{text.END}\nafter\n"
    assert leaderboard.read(tmp_path / "weights") == shipped
    with pytest.raises(InvalidInput, match=r"README\.md has no"):
        text.replaced("nothing", "table")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--n", "99"], "n is 99"),
        (["--n", "x"], "n is 'x'"),
        (["--seeds", "0", "-1"], "seeds is -1"),
        (["--seeds", "1", "1"], "names one twice"),
        (["--models", "gan", "chess"], "models is 'chess'"),
    ],
)
def test_bad_flags(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["leaderboard", *arguments])
    assert caught.value.code == 2 and said in capsys.readouterr().err


# --- what ships


def test_the_board_is_of_the_weights_that_ship() -> None:
    board = leaderboard.read()
    known = leaderboard.entries(WEIGHTS, WEIGHTS / "none")
    assert board["n"] == 10_000 and set(MODELS) <= {line["name"] for line in board["models"]}
    assert board["judge"] == checkpoints.weights_sha256(WEIGHTS / "classifier")
    for line in board["models"]:
        entry = known[line["name"]]
        for row in line["rows"]:
            assert rows.fits(row, rows.head_of(entry, 10_000, row["seed"], board["judge"])), line["name"]
    assert [line["mean"]["frechet"] for line in board["models"]] == sorted(
        line["mean"]["frechet"] for line in board["models"]
    )


def test_it_agrees_with_the_figures_beside_the_weights() -> None:
    for line in leaderboard.read()["models"]:
        if not line["baseline"]:
            single = read_metrics(WEIGHTS / line["name"])
            first = next(row for row in line["rows"] if row["seed"] == single["seed"])
            assert first["frechet"] == pytest.approx(single["frechet"], rel=0.02)
            assert first["recall"] == pytest.approx(single["recall"], abs=0.01)


def test_readme_and_markdown_are_of_the_json() -> None:
    board = leaderboard.read()
    assert text.replaced(README.read_text(), text.table(board)) == README.read_text()
    assert (WEIGHTS / "LEADERBOARD.md").read_text() == text.page(board)


# --- the comparison of the families


def told(found: Comparison) -> list[Claim]:
    return [*found.strengths, *found.weaknesses, found.density]


@pytest.mark.parametrize("name", MODELS)
def test_every_claim_has_its_number_and_holds(name: str) -> None:
    board, measured = leaderboard.read(), claims.read_curves()
    assert FAMILIES[name].strengths and FAMILIES[name].weaknesses
    for claim in told(FAMILIES[name]):
        shown, other = claim.values(board, measured)
        assert (shown is None) == (claim.shown is None), claim.says
        assert (other is None) == (claim.other is None) == (claim.sign == ""), claim.says
        assert claim.holds(board, measured) is not False, f"{claim.says}: {shown} {claim.sign} {other}"


def test_a_claim_that_no_longer_holds_is_seen() -> None:
    board = {"models": [{"name": n, "title": n, "mean": {"recall": r}} for n, r in (("a", 0.4), ("b", 0.8))]}
    claim = claims.board_claim("more", "compare", "recall", "a", ">", "b")
    assert claim.holds(board, {}) is False and claims.evidence(claim, board, {}) == "recall 0.400 (b: 0.800)"
    missing = claims.board_claim("more", "compare", "recall", "c", ">", "b")
    assert missing.holds(board, {}) is None and claims.evidence(missing, board, {}) == "not measured yet"


def test_every_claim_links_to_a_panel_of_the_page() -> None:
    tabs = next(block for block in build_app().blocks.values() if isinstance(block, gr.Tabs))
    known = places(tabs)
    assert {"compare", "diffusion/steps", "leaderboard/families"} <= set(known)
    for name in MODELS:
        assert {c.place for c in told(FAMILIES[name])} | {FAMILIES[name].speed} <= set(known)
