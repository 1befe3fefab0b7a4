"""mini-SD: true captions, exact pictures, a tokenizer that takes any text, and a training that resumes."""

import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.__main__ import main
from genlab.config import TrainConfig
from genlab.data import Dataset, to_uint8
from genlab.errors import CheckpointError, InvalidInput
from genlab.events import Done, Saved
from genlab.studio.mini import captions, evaluation, pictures, tokenizer, training
from genlab.studio.mini.diffusion import DenoiserConfig, MiniDenoiser
from genlab.studio.mini.latents import encode_text
from genlab.studio.mini.pictures import COLOURS, PALETTE, RGB, ColouredDigits, Facts
from genlab.studio.mini.vae import AutoencoderConfig

TINY_VAE = AutoencoderConfig(channels=8)
TINY_UNET = DenoiserConfig(width=16, text_width=32, text_layers=1)
SHORT = TrainConfig(steps=6, batch_size=8)


def finished(events: Any) -> Done:
    *_, done = events
    assert isinstance(done, Done)
    return done


@pytest.fixture(scope="module")
def coloured(digits: Dataset) -> ColouredDigits:
    return ColouredDigits.of(digits)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tokenizer of the captions."""
    return tokenizer.build(captions.vocabulary(), tmp_path_factory.mktemp("tokenizer"))


# --- pictures


def test_a_pixel_is_the_blend_of_both_colours_by_mnists_grey(digits: Dataset) -> None:
    images = digits.images[:9]
    ink, background = torch.arange(9), torch.tensor([9] * 9)
    drawn = pictures.blend(images, ink, background)
    assert drawn.shape == (9, 3, 32, 32)
    for i in range(9):
        for channel in range(3):
            a, b = list(PALETTE.values())[i][channel], list(PALETTE.values())[9][channel]
            share = F.pad(images[i, 0].double(), (2, 2, 2, 2)) / 255
            expected = (a * share + b * (1 - share)) / 127.5 - 1
            torch.testing.assert_close(drawn[i, channel].double(), expected, atol=1e-6, rtol=0)


def test_ink_and_background_differ_and_every_pair_is_as_frequent() -> None:
    torch.manual_seed(0)
    ink, background = pictures.colour_pairs(90_000, torch.device("cpu"))
    counts = torch.bincount(ink * 10 + background, minlength=100).view(10, 10)
    assert int(counts.diagonal().sum()) == 0
    others = counts[~torch.eye(10, dtype=torch.bool)]
    assert int(others.min()) > 850 and int(others.max()) < 1150


def test_the_colours_are_far_apart() -> None:
    distances = torch.cdist(RGB, RGB) * 127.5 + 1000 * torch.eye(10)
    assert float(distances.min()) > 90


@pytest.mark.parametrize("width", [2, 3, 4, 6])
def test_the_stroke_width_of_a_line_is_its_width(width: int) -> None:
    line = torch.zeros(1, 1000, 40)
    line[:, 10:-10, 12 : 12 + width] = 1
    torch.testing.assert_close(pictures.stroke_width(line), torch.tensor([float(width)]), rtol=0.02, atol=0)
    # The same line at 45 degrees, its edges blurred over the pixels that they cross.
    y, x = torch.meshgrid(torch.arange(400.0), torch.arange(400.0), indexing="ij")
    diagonal = (width / 2 + 0.5 - (x - y).abs() / 2**0.5).clamp(0, 1)[None]
    torch.testing.assert_close(
        pictures.stroke_width(diagonal), torch.tensor([float(width)]), rtol=0.15, atol=0
    )


@pytest.mark.parametrize("degrees", [-30, -10, 0, 10, 30])
def test_the_slant_of_a_sheared_line_is_the_angle_of_the_shear(degrees: int) -> None:
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(60.0), indexing="ij")
    middle = 30 - torch.tan(torch.tensor(degrees * torch.pi / 180)) * (y - 30)  # leans right upwards
    line = ((x - middle).abs() < 2).float() * ((y - 30).abs() < 12)
    found = pictures.slant_degrees(line[None])
    torch.testing.assert_close(found, torch.tensor([float(degrees)]), atol=1.0, rtol=0)


def test_a_third_of_real_digits_is_thin_and_a_third_slanted(embedded: dict[str, Dataset]) -> None:
    whole = ColouredDigits.of(embedded["train"])
    for marks in (whole.stroke, whole.slant):
        shares = torch.bincount(marks + 1, minlength=3) / len(whole)
        assert len(shares) == 3 and all(0.25 < share < 0.42 for share in shares.tolist())


# --- captions


def claims(text: str) -> dict[str, Any]:
    """What a caption states, read without its grammar: number, colours by their place, adjectives."""
    found: dict[str, Any] = {}
    tokens = re.findall(r"\w+|,", text)
    for i, token in enumerate(tokens):
        before = [t for t in tokens[max(0, i - 2) : i] if t not in ("a", "an")]
        after = tokens[i + 1] if i + 1 < len(tokens) else ""
        if token in captions.NUMBERS or token.isdigit():
            found["digit"] = int(token) if token.isdigit() else captions.NUMBERS.index(token)
        elif token in COLOURS:
            behind = after == "background" or (before and before[-1] in ("on", "over", "against"))
            found["background" if behind else "ink"] = COLOURS.index(token)
        elif token in ("thin", "thick"):
            found["stroke"] = {"thin": -1, "thick": 1}[token]
        elif token in ("upright", "slanted"):
            found["slant"] = {"upright": -1, "slanted": 1}[token]
        else:
            known = "a an of in on over against background ink picture image drawing digit number ,"
            assert token in known.split(), f"{token!r} in {text!r}"
    return found


def test_captions_say_only_what_is_true_of_the_picture(coloured: ColouredDigits) -> None:
    torch.manual_seed(1)
    x, facts = coloured.draw(torch.arange(len(coloured)))
    rng, said = Random(2), dict.fromkeys(("digit", "ink", "background", "stroke", "slant"), 0)
    for picture, fact in zip(x, facts.rows(), strict=True):
        assert torch.equal(picture[:, 0, 0], RGB[fact[2]]), "the corner shows the background"
        inkiest = (picture - RGB[fact[2]][:, None, None]).norm(dim=0).argmax()
        torch.testing.assert_close(picture.flatten(1)[:, inkiest], RGB[fact[1]], atol=0.05, rtol=0)
        truth = dict(zip((f.name for f in dataclasses.fields(Facts)), fact, strict=True))
        for _ in range(10):
            text = captions.caption(fact, rng)
            if text in COLOURS:  # a colour alone is either of the two
                assert COLOURS.index(text) in fact[1:3]
                continue
            for name, value in claims(text).items():
                assert truth[name] == value, f"{text!r} of {truth}"
                said[name] += 1
    assert min(said.values()) > 300, "every kind of fact is told"


def test_captions_vary_and_a_share_is_empty(coloured: ColouredDigits) -> None:
    _, facts = coloured.draw(torch.arange(len(coloured)))
    texts = [text for i in range(20) for text in captions.captions(facts, Random(i), drop=0.12)]
    assert 0.10 < texts.count("") / len(texts) < 0.14
    assert len(set(texts)) > len(texts) / 3
    assert captions.captions(facts, Random(5)) == captions.captions(facts, Random(5))


def test_the_prompts_of_the_evaluation_tell_digit_and_colours() -> None:
    asked = evaluation.prompts(500)
    assert asked == evaluation.prompts(500) and asked[:50] == evaluation.prompts(50)
    for prompt in asked:
        told = claims(prompt.text)
        assert (told["digit"], told["ink"], told["background"]) == prompt[1:]
    assert len({(p.ink, p.background) for p in asked}) > 60


# --- tokenizer


def test_every_word_of_the_captions_is_one_token(words: Any) -> None:
    for word in [*captions.vocabulary(), *map(str, range(10)), ","]:
        assert len(words.tokenize(word)) == 1, word
    assert len(words("a thick red seven on a blue background").input_ids) == 8 + 2


@pytest.mark.parametrize(
    "text",
    ["", "일곱", "pneumonoultramicroscopic", "x" * 10_000, "👍\0 עברית\u202e", "reds redred SEVEN", "é"],
)
def test_any_text_becomes_tokens(words: Any, text: str) -> None:
    ids = encode_text(words, [text])
    assert ids.shape == (1, tokenizer.LENGTH)
    assert ids.min() >= 0 and ids.max() == len(words) - 1 == words.eos_token_id
    assert ids[0, 0] == words.bos_token_id


def test_unknown_words_are_spelled_in_bytes(words: Any) -> None:
    """No byte is lost: the pieces of a word join to the word again."""
    assert "".join(words.tokenize("zebra")).replace("</w>", "") == "zebra"
    assert len(words.tokenize("일")) == len("일".encode())


# --- reading pictures


class Judge:
    """Stands in for the classifier: it returns the digits it was shown."""

    def features(self, x: Tensor) -> Tensor:
        self.seen = x
        return x

    def predict(self, features: Tensor) -> Tensor:
        return torch.zeros(len(features), dtype=torch.int64)


def test_a_perfect_picture_is_read_without_error(coloured: ColouredDigits) -> None:
    torch.manual_seed(3)
    x, facts = coloured.draw(torch.arange(len(coloured)))
    judge: Any = Judge()
    seen = evaluation.read(x, judge)
    assert torch.equal(seen.background, facts.background)
    assert (seen.ink == facts.ink).float().mean() > 0.99
    off = (to_uint8(judge.seen).int() - coloured.images.int()).abs().float().mean((1, 2, 3))
    assert float(off.median()) < 4, "MNIST's grey comes back"


def test_the_judge_reads_digits_in_any_colours(embedded: dict[str, Dataset]) -> None:
    from genlab.library import Library

    torch.manual_seed(4)
    x, facts = ColouredDigits.of(embedded["test"]).draw(torch.arange(len(embedded["test"])))
    assert (evaluation.read(x, Library().classifier()).digit == facts.digit).float().mean() > 0.97


# --- training


def test_the_last_noise_level_has_no_signal_left() -> None:
    from genlab.studio.mini.diffusion import make_scheduler

    scheduler = make_scheduler()
    scheduler.set_timesteps(25)
    assert scheduler.timesteps[0] == 999 and scheduler.alphas_cumprod[-1] < 1e-8


@pytest.mark.parametrize("gamma", [0.0, 5.0])
def test_the_loss_is_that_of_the_papers(gamma: float, words: Any) -> None:
    """v = alpha eps - sigma x, weighed by min(SNR, gamma) / (SNR + 1), against a plain loop."""
    torch.manual_seed(0)
    model = MiniDenoiser(dataclasses.replace(TINY_UNET, gamma=gamma), len(words)).eval()
    x, tokens = torch.randn(6, 4, 8, 8), encode_text(words, ["a red 7"] * 6)
    torch.manual_seed(1)
    loss, _ = model.loss(x, tokens)
    torch.manual_seed(1)
    u = torch.rand(1)
    eps = torch.randn_like(x)
    expected = 0.0
    for i in range(6):
        t = int((u + i / 6) % 1 * 1000)
        bar = float(model.alpha_bar[t])
        x_t = bar**0.5 * x[i] + (1 - bar) ** 0.5 * eps[i]
        v = bar**0.5 * eps[i] - (1 - bar) ** 0.5 * x[i]
        with torch.no_grad():
            error = (model.net(x_t[None], torch.tensor([t]), tokens[:1])[0] - v).square().mean()
        snr = bar / (1 - bar)
        expected += float(error) * (min(snr, gamma) / (snr + 1) if gamma else 1.0) / 6
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A folder in which both stages of the smallest networks ran without interruption."""
    folder = tmp_path_factory.mktemp("mini")
    finished(training.train_autoencoder(digits, folder, SHORT, TINY_VAE))
    finished(training.train_denoiser(digits, folder, SHORT, TINY_UNET))
    return folder


def weights(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.glob("*/*.safetensors"))}


def test_a_stopped_training_resumes_to_the_same_weights(
    trained: Path, tmp_path: Path, digits: Dataset
) -> None:
    for train_stage, config in (
        (training.train_autoencoder, TINY_VAE),
        (training.train_denoiser, TINY_UNET),
    ):
        for event in train_stage(digits, tmp_path, SHORT, config, save_seconds=0):  # type: ignore[operator]
            if isinstance(event, Saved) and event.step == 3:
                break
        finished(train_stage(digits, tmp_path, SHORT, config))  # type: ignore[operator]
    assert weights(tmp_path) == weights(trained) and len(weights(trained)) == 3
    assert not list(tmp_path.glob("*.state.*")), "a finished training leaves no state"


KILLED = """
import sys
from pathlib import Path
from tests.test_mini import LONGER, TINY_VAE, noise, training
for _ in training.train_autoencoder(noise(), Path(sys.argv[1]), LONGER, TINY_VAE, save_seconds=0):
    pass
"""
LONGER = TrainConfig(steps=60, batch_size=4)


def noise() -> Dataset:
    """Images that every process can make at once."""
    images = torch.randint(256, (20, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    return Dataset(images.to(torch.uint8), torch.arange(20) % 10, "noise", complete=False)


def test_a_killed_training_goes_on(tmp_path: Path) -> None:
    """A real kill in the middle: then it ends with the weights of an undisturbed training."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "killed")])
    while not (tmp_path / "killed" / "vae.state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "vae").exists(), "it was killed in the middle"
    for name in ("killed", "whole"):
        finished(training.train_autoencoder(noise(), tmp_path / name, LONGER, TINY_VAE))
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole") != {}


def test_plain_diffusers_loads_it_and_draws(trained: Path) -> None:
    from diffusers import StableDiffusionPipeline

    assert max(p.stat().st_size for p in trained.glob("*/*")) < 10e6
    pipe = StableDiffusionPipeline.from_pretrained(trained)
    pipe.set_progress_bar_config(disable=True)
    out = pipe(["a red 7", "일곱 unheard-of " * 50], num_inference_steps=2, output_type="np").images
    assert out.shape == (2, 32, 32, 3) and torch.from_numpy(out).isfinite().all()


def test_the_latents_have_unit_variance(trained: Path, digits: Dataset, words: Any) -> None:
    from genlab.studio.mini.pipeline import load_autoencoder

    latents = training.encoded(digits, trained, load_autoencoder(trained), words, 0.0, 0)
    assert len(latents) == training.ROUNDS * len(digits)
    torch.manual_seed(0)
    z, ids = latents.batch(torch.arange(len(latents)))
    assert z.shape[1:] == (4, 8, 8) and ids.shape == (len(latents), tokenizer.LENGTH)
    assert 0.9 < float(latents.images[:, 0].float().std()) < 1.1, "the means"
    again, _ = latents.batch(torch.arange(len(latents)))
    spread = (z - again).std() / 2**0.5
    torch.testing.assert_close(spread, latents.images[:, 1].float().square().mean().sqrt(), rtol=0.05, atol=0)


def test_evaluation_gives_every_figure(trained: Path, digits: Dataset) -> None:
    from genlab.studio.mini.pipeline import load_pipeline

    config = evaluation.EvaluationConfig(n=10, steps=1)
    judge: Any = Judge()
    judge.features = lambda x: x
    *_, result = evaluation.evaluate(load_pipeline(trained), judge, digits, trained, config)
    for name in ("digit_right", "ink_right", "background_right", "all_right", "red_share"):
        assert 0 <= result[name] <= 1
    assert result["n"] == 10 and len(result["sha256"]) == 3 and result["psnr_images"] == len(digits)


def test_the_commands_train_what_is_missing_and_measure_it(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genlab.studio.mini.commands.load_mnist", lambda split: digits)
    monkeypatch.setattr("genlab.flags.LOG_SECONDS", 0)
    small = ["--steps", "2", "--batch-size", "4", "--channels", "8"]
    small += ["--width", "16", "--text-width", "32", "--text-layers", "1"]
    main(["train-mini", "--out", str(tmp_path), *small])
    said = capsys.readouterr()
    assert said.out.count("Trained 2 steps") == 3
    assert "images/s" in said.err, "a log without a terminal has lines too"
    (tmp_path / "model_index.json").unlink()
    main(["train-mini", "--out", str(tmp_path), *small])
    assert capsys.readouterr().out.count("Trained 2 steps") == 1, "the others are there already"
    record = json.loads((tmp_path / "training.json").read_text())
    assert [record[stage]["steps"] for stage in ("vae", "unet", "control")] == [2, 2, 2]
    assert record["unet"]["config"]["width"] == 16

    main(["evaluate-mini", "--weights", str(tmp_path), "--n", "10", "--steps", "1", "--write"])
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["command"] == "python -m genlab evaluate-mini --n 10 --steps 1 --guidance 3.0 --seed 0"
    own = {name for name in weights(tmp_path) if not name.startswith("controlnet/")}
    assert figures["n"] == 10 and set(figures["sha256"]) == own


def test_bad_flags_are_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, named in ((["--lr", "-1"], "lr is -1"), (["--steps", "0"], "steps is 0")):
        with pytest.raises(SystemExit):
            main(["train-mini", "--out", str(tmp_path), *flags])
        assert named in capsys.readouterr().err
    with pytest.raises(InvalidInput):
        evaluation.EvaluationConfig(guidance=float("nan"))


def test_the_second_stage_asks_for_the_first(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(CheckpointError, match="--stage vae"):
        finished(training.train_denoiser(digits, tmp_path, SHORT, TINY_UNET))
