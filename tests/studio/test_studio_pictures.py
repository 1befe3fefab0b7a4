"""Pictures and masks of every kind become RGB and L of the size drawn, or are refused in a sentence."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.errors import InvalidInput
from genlab.studio.pictures import fit, fit_mask, read_mask, read_picture
from genlab.studio.previews import Previewer, fit_linear

SIZE = (40, 24)


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def palette() -> bytes:
    """The left half red, the right half transparent."""
    image = Image.new("P", SIZE)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (20, 0, 40, 24))
    return saved(image, transparency=1)


def animation() -> bytes:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def sixteen() -> bytes:
    """Half as bright as 16 bits can be."""
    return saved(Image.fromarray(np.full((24, 40), 32768, dtype=np.uint16)))


def turned() -> bytes:
    """Red, held sideways."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.new("RGB", (24, 40), "red"), exif=exif)


READABLE: dict[str, tuple[bytes, Any, Any, str]] = {  # file, colours at left and right, what is said
    "RGB": (saved(Image.new("RGB", SIZE, "red")), (255, 0, 0), (255, 0, 0), ""),
    "RGBA": (saved(Image.new("RGBA", SIZE, (255, 0, 0, 0))), (255,) * 3, (255,) * 3, "white"),
    "LA": (saved(Image.new("LA", SIZE, (0, 0))), (255,) * 3, (255,) * 3, "white"),
    "P": (palette(), (255, 0, 0), (255,) * 3, "white"),
    "CMYK": (saved(Image.new("CMYK", SIZE), "JPEG"), (255,) * 3, (255,) * 3, ""),
    "16 bits": (sixteen(), (128,) * 3, (128,) * 3, "8 bits"),
    "1 bit": (saved(Image.new("1", SIZE, 1)), (255,) * 3, (255,) * 3, ""),
    "animation": (animation(), (255, 0, 0), (255, 0, 0), "first frame"),
    "turned": (turned(), (255, 0, 0), (255, 0, 0), "upright"),
}


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_becomes_rgb(kind: str) -> None:
    data, left, right, said = READABLE[kind]
    image, notices = read_picture(data)
    assert (image.mode, image.size) == ("RGB", SIZE)
    for x, expected in ((5, left), (35, right)):
        assert np.abs(np.subtract(image.getpixel((x, 12)), expected)).max() <= 2
    assert (said in "; ".join(notices)) and bool(said) == bool(notices)
    assert read_picture(Image.open(io.BytesIO(data))).image.size == SIZE


def header_of(side: int) -> bytes:
    """A PNG that claims to be ``side`` pixels square, and has no pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", b""), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
BROKEN = {
    "no picture": b"hello",
    "empty": b"",
    "huge": header_of(20_000),
    "wide": header_of(4097),
    "truncated": saved(Image.fromarray(NOISE))[:3000],
    "another kind": saved(Image.new("RGB", SIZE), "PPM"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_refused_in_a_sentence(kind: str) -> None:
    for read in (read_picture, lambda data: read_mask(data, Image.new("RGB", SIZE))):
        with pytest.raises(InvalidInput, match=r"^[^\n]{1,150}\.$"):
            read(BROKEN[kind])


def test_fit_cuts_the_middle_and_says_so() -> None:
    wide = Image.new("RGB", (80, 40), "red")
    wide.paste("blue", (20, 0, 60, 40))
    upload = fit(read_picture(wide), 32, 32)
    assert upload.image.size == (32, 32) and upload.notices == (
        "cut to its middle, brought from 80x40 to 32x32",
    )
    assert {upload.image.getpixel(xy) for xy in ((1, 1), (30, 30), (16, 16))} == {(0, 0, 255)}
    mask = Image.new("L", (80, 40))
    mask.paste(255, (40, 0, 80, 40))
    small = fit_mask(mask, 32, 32)
    assert (small.getpixel((12, 16)), small.getpixel((20, 16))) == (0, 255)
    assert set(np.unique(small)) <= {0, 255}


def test_masks() -> None:
    base = Image.new("RGB", SIZE)
    half = Image.new("L", SIZE)
    half.paste(128, (20, 0, 40, 24))
    clear = Image.new("RGBA", SIZE)
    clear.paste((255, 255, 255, 255), (20, 0, 40, 24))
    for mask in (half, half.convert("RGB"), clear, saved(half), saved(clear)):
        found = read_mask(mask, base)
        assert found.mode == "L" and found.getbbox() == (20, 0, 40, 24)
    with pytest.raises(InvalidInput, match="mask is empty"):
        read_mask(Image.new("L", SIZE, 127), base)
    with pytest.raises(InvalidInput, match=r"24x40 and the picture 40x24"):
        read_mask(Image.new("L", (24, 40), 255), base)


class Averages:
    """An autoencoder that is truly linear: each latent a mix of the block's colours."""

    mix = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, -0.5], [0.3, 0.0, 1.0], [0.2, 0.2, 0.2]])
    device, dtype = torch.device("cpu"), torch.float32

    class config:
        block_out_channels = (1, 1, 1, 1)
        scaling_factor = 0.5

    def parameters(self) -> list[torch.Tensor]:
        return [torch.empty(5_000_001, device="meta")]  # too slow to decode previews with

    def encode(self, x: torch.Tensor) -> Any:
        z = torch.einsum("kc,nchw->nkhw", self.mix, torch.nn.functional.avg_pool2d(x, 8)) + 0.1

        class Encoded:
            class latent_dist:
                mean = z

        return Encoded


def test_linear_previews_bring_flat_colours_back() -> None:
    vae = Averages()
    assert fit_linear(vae).shape == (5, 3)
    colours = torch.tensor([[1.0, -1.0, 0.0], [-0.5, 0.25, 1.0]])
    latents = vae.encode(colours[:, :, None, None].expand(-1, -1, 64, 64)).latent_dist.mean * 0.5
    for picture, colour in zip(Previewer(vae).pictures(latents), colours, strict=True):
        assert picture.size == (8, 8)
        assert np.abs(np.asarray(picture) - ((colour + 1) * 127.5).numpy()).max() <= 1
