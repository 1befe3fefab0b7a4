"""Digits on larger and coloured canvases, and the way back."""

import colorsys

import pytest
import torch
import torch.nn.functional as F

from genlab.canvas import PALEST, Canvas, tints
from genlab.data import Dataset, to_float, to_uint8
from genlab.errors import InvalidInput

ALL = [Canvas(side, colour) for side in (28, 32, 64, 128) for colour in (False, True)]


@pytest.mark.parametrize("canvas", ALL, ids=str)
def test_a_digit_comes_back_as_it_was(canvas: Canvas, digits: Dataset) -> None:
    images = digits.images[::9]
    x = canvas.lay(to_float(images))
    assert x.shape == (len(images), *canvas.shape) and x[0].numel() == canvas.pixels
    assert x.min() >= -1 and x.max() <= 1 + 1e-6
    back = canvas.digits(to_uint8(x))
    assert back.dtype == torch.uint8 and back.shape == images.shape
    assert (back.int() - images.int()).abs().max() <= 1, "the rounding of pixels, no more"


def test_the_smallest_canvas_leaves_pictures_alone(digits: Dataset) -> None:
    x = to_float(digits.images[:4])
    assert Canvas().lay(x) is x and Canvas().digits(digits.images) is digits.images


def test_larger_ones_are_doubled(digits: Dataset) -> None:
    x = to_float(digits.images[:4])
    framed = F.pad(x, (2, 2, 2, 2), value=-1.0)
    assert torch.equal(Canvas(32).lay(x), framed)
    expected = F.interpolate(framed, scale_factor=2, mode="bilinear")
    assert torch.allclose(Canvas(64).lay(x), expected)


def test_the_way_back_takes_the_nearest_small_picture() -> None:
    """Of pictures that are no enlarged ones: least squares, against numpy's of the whole linear map."""
    torch.manual_seed(0)
    canvas = Canvas(64)
    x = torch.rand(1, 1, 64, 64) * 0.5 - 0.25  # so that nothing is cut off at black or white
    pixels = torch.eye(32 * 32).view(-1, 1, 32, 32)
    enlarge = F.interpolate(pixels, scale_factor=2, mode="bilinear").flatten(1).T  # (4096, 1024)
    given = to_float(to_uint8(x)).flatten()
    expected = torch.linalg.lstsq(enlarge.double(), given.double()[:, None]).solution.view(32, 32)[2:-2, 2:-2]
    found = to_float(canvas.digits(to_uint8(x)))[0, 0]
    assert (found - expected.clamp(-1, 1)).abs().max() <= 1 / 255 + 1e-4


def test_tints_are_those_of_colorsys() -> None:
    torch.manual_seed(0)
    u = torch.rand(50, 2)
    for (hue, pale), found in zip(u.tolist(), tints(u), strict=True):
        expected = colorsys.hsv_to_rgb(hue, PALEST + (1 - PALEST) * pale, 1.0)
        assert found.flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_each_digit_has_a_tint_of_its_own(digits: Dataset) -> None:
    torch.manual_seed(0)
    x = Canvas(28, True).lay(to_float(digits.images[:1]).expand(20, -1, -1, -1)) + 1
    ink = x.amax((2, 3))  # (20, 3)
    assert len(ink.unique(dim=0)) == 20
    colour = x[0][:, x[0].amax(0) > 0.5]  # (3, inked pixels)
    assert (colour / colour.amax(0)).std(1).max() < 1e-5, "one tint over a whole digit"


@pytest.mark.parametrize("side", [32, 64])
def test_colour_pictures_keep_their_colours(side: int) -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    canvas = Canvas(side, True)
    canvas.check("cifar10")
    x = canvas.lay(to_float(images))
    assert x.shape == (3, *canvas.shape) and torch.equal(x, canvas.lay(to_float(images)))
    assert (canvas.like(to_uint8(x), "cifar10").int() - images.int()).abs().max() <= 1


@pytest.mark.parametrize("canvas", [Canvas(), Canvas(64), Canvas(28, True)], ids=str)
def test_colour_pictures_do_not_go_on_every_canvas(canvas: Canvas) -> None:
    canvas.check("kmnist")
    with pytest.raises(InvalidInput, match=r"data is 'cifar10'.*choose conv_vae"):
        canvas.check("cifar10")
