"""The laboratory's experiments: foreign pictures, noising, the way back, duels, latents."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.data import Dataset, to_float, to_uint8
from genlab.diffusion.schedules import SCHEDULES
from genlab.errors import InvalidInput
from genlab.lab import noising
from genlab.lab.duel import duel, outcomes
from genlab.lab.interpolation import PATHS
from genlab.lab.latents import (
    REGIONS,
    RepaintKnobs,
    VaryKnobs,
    interpolate,
    invert_digit,
    repaint_digit,
    vary_digit,
)
from genlab.lab.pictures import read_digit, read_mask
from genlab.lab.reverse import record
from genlab.lab.sweeps import spread
from genlab.library import Library
from genlab.models.denoising import Denoising, Guided
from genlab.noise import Noise
from genlab.sampling import sample
from genlab.walks import finish
from tests.helpers import bomb


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def seven(embedded: dict[str, Dataset]) -> np.ndarray:
    """A test digit, (28, 28) uint8, white on black."""
    data = embedded["test"]
    return data.images[data.labels == 7][0, 0].numpy()


def big(digit: np.ndarray, margin: int = 40) -> Image.Image:
    """The digit enlarged five times on a larger sheet, off its centre."""
    sheet = np.zeros((140 + 3 * margin, 140 + margin), np.uint8)
    sheet[margin : margin + 140, :140] = np.kron(digit, np.ones((5, 5), np.uint8))
    return Image.fromarray(sheet)


def likeness(a: torch.Tensor, b: np.ndarray) -> float:
    """Correlation of pixels."""
    return float(np.corrcoef(a.numpy().ravel(), b.ravel())[0, 1])


def test_a_digit_of_the_right_size_is_left_alone(seven: np.ndarray) -> None:
    digit = read_digit(encoded(Image.fromarray(seven)))
    np.testing.assert_array_equal(digit.image[0].numpy(), seven)
    assert digit.notices == ()


def test_a_drawn_digits_faint_background_stays_as_it_is(seven: np.ndarray) -> None:
    faint = np.maximum(
        seven, np.arange(784, dtype=np.uint8).reshape(28, 28) % 4
    )  # 0 to 3, as models leave it
    np.testing.assert_array_equal(read_digit(encoded(Image.fromarray(faint))).image[0].numpy(), faint)


def variants(digit: np.ndarray) -> dict[str, bytes]:
    image = big(digit)
    array = np.asarray(image)
    alpha = Image.merge("RGBA", [Image.new("L", image.size, 0)] * 3 + [image])  # black ink on nothing
    light = Image.merge("RGBA", [Image.new("L", image.size, 255)] * 3 + [image])  # white ink on nothing
    turned, exif = image.rotate(-90, expand=True), Image.Exif()
    exif[0x0112] = 8  # the camera was held upright: turn by 90 degrees
    return {
        "grey": encoded(image),
        "white paper": encoded(Image.fromarray(255 - array)),
        "rgb": encoded(image.convert("RGB")),
        "palette": encoded(image.convert("P")),
        "cmyk": encoded(image.convert("RGB").convert("CMYK"), "JPEG", quality=95),
        "rgba": encoded(alpha),
        "rgba light": encoded(light),
        "16 bit": encoded(Image.fromarray(array.astype(np.uint16) * 257)),
        "exif": encoded(turned, "JPEG", quality=95, exif=exif),
        "animated gif": encoded(
            image, "GIF", save_all=True, append_images=[Image.new("L", image.size, 90)] * 2
        ),
        "1 bit": encoded(image.point(lambda v: 255 * (v > 127)).convert("1")),
        "webp": encoded(image, "WEBP", lossless=True),
        "coloured": encoded(Image.merge("RGB", [image, Image.new("L", image.size, 0), image])),
    }


@pytest.mark.parametrize("kind", variants(np.eye(28, dtype=np.uint8)))
def test_any_kind_of_picture_becomes_the_same_digit(kind: str, seven: np.ndarray) -> None:
    digit = read_digit(variants(seven)[kind])
    assert digit.image.shape == (1, 28, 28) and digit.image.dtype == torch.uint8
    assert likeness(digit.image[0], seven) > 0.9, kind
    assert any("28x28" in notice for notice in digit.notices)
    told = {"white paper": "inverted", "animated gif": "first frame", "exif": "upright", "16 bit": "8 bits"}
    assert told.get(kind, "") in " ".join(digit.notices)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no picture"),
        (b"hello", "no picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "no picture"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(100), "no picture"),
        (encoded(Image.new("L", (50, 50))), "empty"),
        (encoded(Image.new("L", (50, 50), 255)), "empty"),
        (encoded(Image.new("RGBA", (50, 50))), "empty"),
        (encoded(Image.effect_noise((300, 300), 90))[:2000], "damaged"),
        (bomb(13_000), "4096"),
        (bomb(30_000), "4096"),
        (bytes(20_000_001), "20 MB"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_digit(data)
    assert said in str(caught.value) and str(caught.value).count(".") == 1


def test_a_bomb_is_refused_from_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InvalidInput, match="4096"):
        read_digit(bomb(13_000))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("t", [0, 10, 300, 999])
def test_jump_and_walk_have_the_moments_of_theory(name: str, t: int) -> None:
    schedule, x_0 = SCHEDULES[name](), torch.rand(1, 1, 28, 28).expand(30, 1, 28, 28) * 2 - 1
    n = x_0.numel()
    for way in (noising.jump, noising.walk):
        noised = way(schedule, x_0, t, 5)
        mean, std = noising.moments(x_0, noised)
        assert abs(mean) < 5 * noised.sigma / n**0.5 and abs(std / noised.sigma - 1) < 5 / (2 * n) ** 0.5
        assert noised.alpha**2 + noised.sigma**2 == pytest.approx(1)
        assert noised.snr == pytest.approx(float(schedule.snr()[t]), rel=1e-9)


def test_the_jumps_noise_is_the_same_at_every_t() -> None:
    schedule, x_0 = SCHEDULES["cosine"](), torch.zeros(1, 1, 28, 28)
    a, b = (noising.jump(schedule, x_0, t, 3) for t in (100, 900))
    assert torch.allclose(a.x_t / a.sigma, b.x_t / b.sigma, atol=1e-6)


@pytest.fixture(scope="module")
def ddpm() -> Any:
    return Library().shipped("ddpm").model


@torch.no_grad()
def test_the_recorded_way_is_that_of_sampling(ddpm: Any) -> None:
    moments = list(record(ddpm, 7, 3, sampler="ddpm", steps=8))
    *_, samples = sample(ddpm, 1, 3, 7, sampler="ddpm", steps=8)
    assert torch.equal(to_uint8(moments[-1].x_t), samples.images[0]) and moments[-1].t == -1
    assert moments[-1].eps is None and moments[-1].score is None
    for m in moments[:-1]:
        again = ddpm.schedule.add_noise(m.x_0, torch.tensor([m.t]), m.eps)
        assert torch.allclose(again, m.x_t, atol=1e-4), "x_t is x_0 and eps together"
        assert torch.allclose(m.score * m.sigma, -m.eps, atol=1e-5)
    assert torch.equal(moments[0].x_t, Noise(3, 1).normal(1, 28, 28)[0])


def test_a_duel_of_equals_is_a_draw_and_both_start_alike(ddpm: Any) -> None:
    same = finish(duel(ddpm, 3, 0, None, {"steps": 5}, {"steps": 5, "eta": 0.0}))
    assert torch.equal(same.first.images, same.second.images) and same.distance.max() == 0
    other = finish(duel(ddpm, 3, 0, None, {"steps": 5}, {"steps": 5, "sampler": "heun"}))
    assert other.first.labels == other.second.labels and other.second.evaluations == 8
    pixels = [s.images.float().flatten(1) / 255 for s in other[:2]]
    assert torch.allclose(other.distance, (pixels[0] - pixels[1]).norm(dim=1), atol=1e-5)
    with pytest.raises(InvalidInput, match="steps is 0"):
        finish(duel(ddpm, 3, 0, None, {"steps": 5}, {"steps": 0}))


def test_ddim_is_determined_by_its_start_and_ddpm_is_not(ddpm: Any) -> None:
    sure, chance = (
        finish(outcomes(ddpm, 4, 0, 3, steps=10)),
        finish(outcomes(ddpm, 4, 0, 3, steps=10, sampler="ddpm")),
    )
    assert all(torch.equal(sure.images[0], image) for image in sure.images) and sure.spread < 1e-4
    assert chance.spread > 1 and not torch.equal(chance.images[0], chance.images[1])
    noisy = finish(outcomes(ddpm, 4, 0, 3, steps=10, eta=1.0))
    assert noisy.spread > 1


def test_a_duel_is_of_two_samplers_unless_told_otherwise(ddpm: Any) -> None:
    """Whatever the family draws with by itself."""
    found = finish(duel(ddpm, 2, 0, 3, {"steps": 5}, {"steps": 5, "sampler": "ddpm"}))
    assert found.distance.min() > 1


def test_between_two_starts(ddpm: Any) -> None:
    ends = [next(iter(finish(outcomes(ddpm, 1, seed, 3, steps=10)).images)) for seed in (1, 2)]
    for path in PATHS:
        found = finish(interpolate(ddpm, (1, 2), 3, 5, path, Guided(steps=10)))
        difference = found.images[[0, -1]].int() - torch.stack(ends).int()
        assert difference.abs().max() <= 1, "the ends are the two seeds' own pictures"
        middle = found.norms[2] / found.norms[0]
        assert abs(middle - (1 if path == "spherical" else 0.5**0.5)) < 0.05


def test_the_middle_of_the_line_is_too_typical(ddpm: Any) -> None:
    judge = Library().classifier()
    label, spreads = torch.full((24,), 3), {}
    for path in PATHS:
        middles = [
            finish(interpolate(ddpm, (i, 100 + i), 3, 3, path, Guided(steps=10))).images[1] for i in range(24)
        ]
        spreads[path] = spread(judge.features(to_float(torch.stack(middles))), label)
    assert spreads["linear"] < 0.9 * spreads["spherical"]


def test_a_mask_is_where_a_picture_is_white() -> None:
    sheet = np.zeros((280, 280), np.uint8)
    sheet[140:] = 255
    assert torch.equal(read_mask(encoded(Image.fromarray(sheet))), REGIONS["lower half"])
    with pytest.raises(InvalidInput, match="mask is empty"):
        read_mask(encoded(Image.new("L", (28, 28))))
    with pytest.raises(InvalidInput, match="4096"):
        read_mask(bomb(13_000))


def test_a_digit_comes_back_from_its_inversion(ddpm: Any, seven: np.ndarray) -> None:
    image = torch.from_numpy(seven)[None]
    plain = finish(invert_digit(ddpm, image, 7, Denoising(steps=50)))
    shown = (plain.image.float() - image.float()).div(255).pow(2).mean().sqrt()
    assert plain.error < 0.05 and abs(float(shown) - plain.error) < 0.01
    assert finish(invert_digit(ddpm, image, 7, Denoising(steps=4))).error > 2 * plain.error


def test_a_half_is_repainted_and_the_other_kept(ddpm: Any, seven: np.ndarray) -> None:
    image, mask = torch.from_numpy(seven)[None], REGIONS["lower half"]
    found = finish(repaint_digit(ddpm, image, mask, 7, 3, 0, RepaintKnobs(steps=10)))
    assert found.shape == (3, 1, 28, 28) and (found[:, :, :14] == image[:, :14]).all()
    assert not torch.equal(found[0, :, 14:], found[1, :, 14:])


def test_strength_goes_from_the_digit_to_a_fresh_one(ddpm: Any, seven: np.ndarray) -> None:
    image = torch.from_numpy(seven)[None]
    distances = []
    for strength in (0.0, 0.2, 0.5, 1.0):
        found = finish(vary_digit(ddpm, image, 7, 4, 0, VaryKnobs(steps=20, strength=strength)))
        distances.append(float((found.float() - image.float()).div(255).flatten(1).norm(dim=1).mean()))
    assert distances[0] == 0 and distances == sorted(distances)
    fresh = finish(vary_digit(ddpm, image, 7, 4, 0, VaryKnobs(steps=20, strength=1.0)))
    *_, samples = sample(ddpm, 4, 0, 7, steps=20)
    assert (fresh.float() - samples.images.float()).abs().mean() < 3, "nothing of the digit is left"


def test_strange_pictures_leave_no_memory_behind() -> None:
    pages = os.sysconf("SC_PAGE_SIZE")
    large = encoded(
        Image.fromarray(np.kron(np.eye(2, dtype=np.uint8) * 255, np.ones((1500, 1500), np.uint8)))
    )

    def after(rounds: int) -> int:
        for _ in range(rounds):
            read_digit(large)
            for data in (bomb(13_000), b"hello", large[: len(large) // 2]):
                with pytest.raises(InvalidInput):
                    read_digit(data)
        return int(Path("/proc/self/statm").read_text().split()[1]) * pages

    settled = after(3)
    assert after(10) - settled < 100e6, "one picture of 3000x3000 takes 72 MB as float64"
