"""mini-SD's ControlNet: exact edges, hints that fit their pictures, and a training of the copy alone."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from genlab.__main__ import main
from genlab.data import Dataset
from genlab.errors import CheckpointError, InvalidInput
from genlab.events import Saved, Started
from genlab.studio.edges import canny
from genlab.studio.mini import captions, card, control_evaluation, hints, pipeline, tokenizer, training
from genlab.studio.mini.control import ControlConfig, MiniControl
from genlab.studio.mini.diffusion import MiniDenoiser
from genlab.studio.mini.hints import HintedDigits, Told
from genlab.studio.mini.latents import cached, encode, encode_text
from genlab.studio.mini.pictures import ColouredDigits
from genlab.studio.mini.vae import MiniAutoencoder
from tests.test_mini import SHORT, TINY_UNET, TINY_VAE, finished, weights

CONTROL = ControlConfig()


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tokenizer.build(captions.vocabulary(), tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def drawn(tmp_path: Path, words: Any) -> Path:
    """A folder with the pipeline of the smallest random networks."""
    torch.manual_seed(0)
    folder = tmp_path / "mini"
    folder.mkdir()
    pipeline.save_pipeline(MiniAutoencoder(TINY_VAE).net, MiniDenoiser(TINY_UNET, len(words)), words, folder)
    return folder


# --- edges


def rectangle(colour: Any, background: Any) -> Any:
    """Rows 10 to 29 and columns 15 to 44 in ``colour``."""
    picture = np.full((40, 60, 3), background, np.uint8)
    picture[10:30, 15:45] = colour
    return picture


@pytest.mark.parametrize("scale", [1, 8])
def test_the_edges_of_a_rectangle_are_its_outline(scale: int) -> None:
    """On every row through it there is one edge at either end, within a pixel; likewise on every column."""
    grey = np.kron(rectangle(255, 0)[:, :, 0], np.ones((scale, scale), np.uint8))
    edges = canny(grey)
    assert edges.shape == grey.shape and set(np.unique(edges)) == {0, 255}
    for found, (top, bottom), (left, right) in (
        (edges, (10, 30), (15, 45)),
        (edges.T, (15, 45), (10, 30)),
    ):
        for row in range(top * scale + 2, bottom * scale - 2):
            first, last = np.flatnonzero(found[row])
            assert abs(first + 0.5 - left * scale) < 1 and abs(last + 0.5 - right * scale) < 1
        outside = [*range(top * scale - 1), *range(bottom * scale + 1, len(found))]
        assert not found[outside].any()


def test_colours_of_the_same_lightness_have_an_edge() -> None:
    red, green = (150, 40, 0), (40, 96, 0)
    picture = rectangle(red, green)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    assert int(grey.max()) - int(grey.min()) <= 1 and not canny(grey).any()
    assert (canny(picture) > 0).sum() > 90


def test_a_weak_edge_needs_low_thresholds() -> None:
    picture = rectangle(30, 0)  # Sobel's operator gives 4 x 30 at its edges
    assert not canny(picture, 130, 200).any() and not canny(picture, 100, 200).any()
    assert canny(picture, 50, 100).any()


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (-1, 200, "low is -1"),
        (100, 256, "high is 256"),
        (float("nan"), 200, "low is nan"),
        ("50", 200, "low is '50'"),
        (201, 200, "low is 201; it must not be above high, which is 200"),
    ],
)
def test_bad_thresholds_are_refused(low: Any, high: Any, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        canny(np.zeros((8, 8), np.uint8), low, high)


@pytest.mark.parametrize("shape", [(8,), (8, 8, 4), (8, 8, 1), (0, 8), (1, 8, 8, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="picture is uint8 of shape"):
        canny(np.zeros(shape, np.uint8))
    with pytest.raises(InvalidInput, match="picture is float64"):
        canny(np.zeros((8, 8)))


# --- hints


def parts(shape: Tensor) -> tuple[int, int]:
    """Pieces of ink (8-connected) and of background (4-connected), by OpenCV."""
    ink = shape.numpy().astype(np.uint8)
    return cv2.connectedComponents(ink, None, 8)[0], cv2.connectedComponents(1 - ink, None, 4)[0]


def test_a_centre_line_is_thin_and_has_the_digits_pieces_and_holes(digits: Dataset) -> None:
    shapes = F.pad(digits.images[:, 0] >= 128, (2, 2, 2, 2))
    lines = hints.centre_lines(digits.images)
    assert not (lines & ~shapes).any()
    for shape, line in zip(shapes, lines, strict=True):
        assert parts(shape) == parts(line)
    blocks = F.avg_pool2d(lines[:, None].float(), 2, stride=1) == 1
    assert float(blocks.sum((1, 2, 3)).float().mean()) < 0.1, "hardly a pixel could still be taken away"
    assert float(lines.sum() / shapes.sum()) < 0.5


def test_the_centre_line_of_a_bar_is_its_middle() -> None:
    bar = torch.zeros(1, 15, 40, dtype=torch.bool)
    bar[:, 5:10, 5:35] = True
    rows, columns = hints.thinned(bar)[0].nonzero().T
    assert set(rows.tolist()) == {7} and columns.min() <= 8 and columns.max() >= 31


class Shrinking:
    """Stands in for the autoencoder: a latent is the picture at a quarter of its size."""

    config = SimpleNamespace(scaling_factor=0.5)
    device = torch.device("cpu")

    def encode(self, x: Tensor) -> Any:
        small = F.avg_pool2d(x, 4)
        mean = torch.cat([small, small.mean(1, keepdim=True)], dim=1)
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=mean, std=torch.zeros_like(mean)))


@pytest.fixture(scope="module")
def hinted(digits: Dataset, words: Any, tmp_path_factory: pytest.TempPathFactory) -> HintedDigits:
    made = encode(Shrinking(), ColouredDigits.of(digits), 3, 0)
    posteriors, facts = cached(tmp_path_factory.mktemp("latents") / "latents", "key", made)
    given = (posteriors, facts.digit, "test", False, facts, words, 1.0)
    return HintedDigits(*given, digits=digits.images, strokes=0.0)


def test_the_pictures_are_those_of_the_latents(hinted: HintedDigits) -> None:
    index = torch.randperm(len(hinted), generator=torch.Generator().manual_seed(0))
    latents, _ = hinted.batch(index)
    expected = F.avg_pool2d(hinted.pictures(index), 4) * 0.5
    torch.testing.assert_close(latents[:, :3], expected, atol=1e-3, rtol=0)


def test_the_outlines_lie_where_ink_meets_background(
    hinted: HintedDigits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "BROAD", 0.0)
    monkeypatch.setattr(hints, "TORN", 0.0)
    index = torch.arange(len(hinted))
    _, told = hinted.batch(index)
    assert told.hints.shape == (len(index), 3, 32, 32) and set(told.hints.unique().tolist()) == {0.0, 1.0}
    edges = told.hints[:, 0] > 0
    ink = F.pad(hinted.digits[index % len(hinted.digits)].float(), (2, 2, 2, 2)) / 255
    inner, outer = -F.max_pool2d(-ink, 3, 1, 1)[:, 0], F.max_pool2d(ink, 3, 1, 1)[:, 0]
    assert float((outer - inner)[edges].min()) > 0.1, "around an edge the share of ink changes"
    assert float((outer - inner)[edges].mean()) > 0.7
    assert 50 < float(edges.sum((1, 2)).float().mean()) < 120


def test_some_hints_are_centre_lines_some_broad_and_some_torn(
    hinted: HintedDigits, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    index = torch.arange(len(hinted))
    lines = hints.centre_lines(hinted.digits)[index % len(hinted.digits)]
    broad = hints.broader(lines)
    assert not (lines & ~broad).any() and 1.5 < float(broad.sum() / lines.sum()) < 3
    lost = (lines & ~hints.torn(lines)).sum((1, 2))
    assert int(lost.max()) <= hints.GAP**2 and (lost > 0).float().mean() > 0.3

    monkeypatch.setattr(hints, "TORN", 0.0)
    made = HintedDigits(**vars(hinted) | {"strokes": 0.5}).hints(index)[:, 0] > 0
    for kind, share in ((lines, 0.5 * (1 - hints.BROAD)), (broad, 0.5 * hints.BROAD)):
        found = (made == kind).flatten(1).all(1).float().mean()
        assert abs(float(found) - share) < 0.05


def test_the_captions_are_dropped_as_often_as_asked(hinted: HintedDigits) -> None:
    _, told = hinted.batch(torch.arange(4))
    assert torch.equal(told.tokens, encode_text(hinted.tokenizer, [""] * 4)), "drop is 1 here"


# --- the network and its training


def test_an_untrained_controlnet_changes_nothing(drawn: Path) -> None:
    """Bit for bit: it is joined on by convolutions that start at zero."""
    pipe = pipeline.load_pipeline(drawn)
    model = MiniControl(CONTROL, pipe.text_encoder, pipe.unet).eval()
    x, t = torch.randn(4, 4, 8, 8), torch.tensor([0, 300, 600, 999])
    tokens = encode_text(pipe.tokenizer, ["a red 7"] * 4)
    lines = (torch.rand(4, 3, 32, 32) < 0.1).float()
    with torch.no_grad():
        plain = pipe.unet(x, t, pipe.text_encoder(tokens).last_hidden_state).sample
        assert torch.equal(model.predict(x, t, Told(tokens, lines)), plain)
        for p in model.net.parameters():
            p.add_(0.1)
        assert not torch.allclose(model.predict(x, t, Told(tokens, lines)), plain)


def test_only_the_copy_learns_and_is_kept(drawn: Path, digits: Dataset) -> None:
    before = weights(drawn)
    events = training.train_control(digits, drawn, SHORT, CONTROL, save_seconds=0)
    started = next(events)
    size = None
    for event in events:
        if isinstance(event, Saved):
            size = {k: v.shape for k, v in load_file(event.path).items()}
    after = weights(drawn)
    assert after.pop("controlnet/diffusion_pytorch_model.safetensors") and after == before
    net = pipeline.load_controlnet(drawn)
    assert isinstance(started, Started) and started.parameters == sum(p.numel() for p in net.parameters())
    own = {name for name, _ in net.named_parameters()}
    kept = {name.removeprefix("model.net.") for name in size or () if name.startswith("model.net.")}
    assert kept == own, "the frozen networks are not in the state"
    assert any(net.state_dict()[f"controlnet_mid_block.{name}"].any() for name in ("weight", "bias"))
    assert not list(drawn.glob("*.state.*")), "a finished training leaves no state"


def test_a_stopped_training_resumes_to_the_same_weights(drawn: Path, digits: Dataset) -> None:
    found = []
    for stop in (None, 3):
        events = training.train_control(digits, drawn, SHORT, CONTROL, save_seconds=0)
        for event in events:
            if isinstance(event, Saved) and event.step == stop:
                events.close()
                finished(training.train_control(digits, drawn, SHORT, CONTROL))
                break
        found.append(weights(drawn))
    assert found[0] == found[1] and len(found[0]) == 4


def test_the_stage_asks_for_the_pipeline(tmp_path: Path, drawn: Path, digits: Dataset) -> None:
    for folder in (tmp_path, drawn):
        if folder is drawn:
            (drawn / "unet").rename(tmp_path / "elsewhere")
        with pytest.raises(CheckpointError, match="train it first, with --stage unet"):
            finished(training.train_control(digits, folder, SHORT, CONTROL))


def test_plain_diffusers_loads_it_and_draws(drawn: Path, digits: Dataset) -> None:
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
    from PIL import Image

    finished(training.train_control(digits, drawn, SHORT, CONTROL))
    assert load_file(drawn / "controlnet/diffusion_pytorch_model.safetensors")["conv_in.weight"].dtype == (
        torch.float16
    )
    net = ControlNetModel.from_pretrained(drawn / "controlnet")
    pipe: Any = StableDiffusionControlNetPipeline.from_pretrained(drawn, controlnet=net)
    pipe.set_progress_bar_config(disable=True)
    picture = Image.fromarray(canny(rectangle(255, 0)[:32, 10:42]))
    knobs: dict[str, Any] = {"num_inference_steps": 2, "output_type": "pt"}
    out = [
        p("a digit", picture, generator=torch.Generator().manual_seed(0), **knobs)
        for p in (pipe, pipeline.load_control_pipeline(drawn))
    ]
    assert out[0].images.shape == (1, 3, 32, 32) and torch.equal(out[0].images, out[1].images)


# --- evaluation


def test_intersection_over_union_of_squares() -> None:
    def square(top: int, left: int) -> Tensor:
        picture = torch.zeros(20, 20, dtype=torch.bool)
        picture[top : top + 4, left : left + 4] = True
        return picture

    nothing = torch.zeros(20, 20, dtype=torch.bool)
    a = torch.stack([square(2, 2), square(2, 2), square(2, 2), nothing, nothing])
    b = torch.stack([square(2, 2), square(2, 4), square(10, 2), square(2, 2), nothing])
    expected = torch.tensor([1.0, 8 / 24, 0.0, 0.0, 1.0])
    torch.testing.assert_close(control_evaluation.iou(a, b), expected)
    assert int(control_evaluation.grown(square(2, 2)[None]).sum()) == 36


class Judge:
    """Stands in for the classifier: it sees a 3 in every picture."""

    def features(self, x: Tensor) -> Tensor:
        return x

    def predict(self, features: Tensor) -> Tensor:
        return torch.full((len(features),), 3)


def test_the_trial_has_every_pair_of_colours_and_tells_no_digit(digits: Dataset) -> None:
    asked = control_evaluation.trial(digits, 90)
    corner = asked.originals[:, :, 0, 0]
    inkiest = (asked.originals - corner[:, :, None, None]).norm(dim=1).flatten(1).argmax(1)
    ink = asked.originals.flatten(2)[torch.arange(90), :, inkiest]
    assert len(torch.cat([corner, ink], 1).mul(20).round().unique(dim=0)) == 90
    assert all(text.startswith("a digit on a ") for text in asked.texts)
    assert asked.strokes.flatten(1).any(1).all()


def test_without_weight_the_lines_change_nothing(drawn: Path, digits: Dataset) -> None:
    """Scale 0 draws as the plain pipeline does, whatever the ControlNet has learned."""
    finished(training.train_control(digits, drawn, SHORT, CONTROL))
    pipes = pipeline.load_control_pipeline(drawn), pipeline.load_pipeline(drawn)
    for p in pipes[0].controlnet.parameters():
        p.data.add_(0.1)
    judge: Any = Judge()
    for scale in (0.0, 1.0):
        config = control_evaluation.ControlEvaluationConfig(n=10, steps=2, scale=scale)
        *_, result = control_evaluation.evaluate_control(*pipes, judge, digits, drawn, config)
        assert (result["outlines"] == result["unconditioned"]) == (scale == 0)
    threes = float((digits.labels[:10] == 3).float().mean())
    assert result["strokes"]["digit_right"] == pytest.approx(threes)
    assert 0 <= result["autoencoder"]["iou"] <= result["autoencoder"]["iou_1px"] <= 1
    assert len(result["sha256"]) == 4


def test_the_commands_train_and_measure_it(
    drawn: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genlab.studio.mini.commands.load_mnist", lambda split: digits)
    small = ["--steps", "2", "--batch-size", "4", "--control-lr", "0.002"]
    main(["train-mini", "--out", str(drawn), *small])
    assert capsys.readouterr().out.count("Trained 2 steps") == 1, "only the ControlNet was missing"
    main(["train-mini", "--out", str(drawn), *small])
    assert "Nothing is missing" in capsys.readouterr().out
    record = json.loads((drawn / "training.json").read_text())
    assert record["control"]["steps"] == 2 and record["control"]["config"]["control_lr"] == 0.002

    main(["evaluate-mini-control", "--weights", str(drawn), "--n", "10", "--steps", "1", "--write"])
    figures = json.loads((drawn / "metrics_control.json").read_text())
    assert figures["command"] == (
        "python -m genlab evaluate-mini-control --n 10 --steps 1 --guidance 3.0 --seed 0 --scale 1.0"
    )
    assert set(figures["sha256"]) == set(weights(drawn))
    assert {"iou", "iou_1px", "digit_right"} <= set(figures["outlines"]) and figures["strokes"]


def test_a_training_goes_on_from_what_was_trained(
    drawn: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genlab.studio.mini.commands.load_mnist", lambda split: digits)
    first = ["--stage", "control", "--out", str(drawn), "--batch-size", "4"]
    main(["train-mini", *first, "--steps", "4", "--control-lr", "0.01"])
    before = pipeline.load_controlnet(drawn).state_dict()
    made = json.loads((drawn / "training.json").read_text())["control"]
    main(["train-mini", *first, "--steps", "1", "--control-lr", "0.000001", "--from", str(drawn)])
    after = pipeline.load_controlnet(drawn).state_dict()
    assert any(before[f"controlnet_mid_block.{name}"].abs().max() > 1e-3 for name in ("weight", "bias"))
    assert all(torch.allclose(after[name], before[name], atol=1e-4) for name in before)
    record = json.loads((drawn / "training.json").read_text())["control"]
    assert record["from"] == made and record["steps"] == 1
    card.write(drawn)
    told = (drawn / "README.md").read_text()
    assert told.index("--control-lr 0.01") < told.index("--control-lr 1e-06 --from FOLDER")

    wider = dataclasses.replace(TINY_UNET, width=2 * TINY_UNET.width)
    with pytest.raises(CheckpointError, match="another size"):
        finished(training.train_denoiser(digits, drawn, SHORT, wider, base=drawn))
