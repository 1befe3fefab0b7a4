"""Pictures that visitors bring to the studio: RGB of the size that is drawn, and masks."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from genlab.errors import InvalidInput
from genlab.uploads import decoding, deep, open_picture, transparent, upright

PAINTED = 127  # a mask's pixel brighter than this is drawn anew
DEEP_WHITE = 2**16 - 1  # of 16-bit pictures; those of floats have no fixed white


class Upload(NamedTuple):
    """A picture ready to be used, and what had to be done to it."""

    image: Image.Image
    notices: tuple[str, ...]


def rgb(image: Image.Image, notices: list[str]) -> Image.Image:
    """One upright frame in three channels: transparency over white, 16 bits reduced to 8.

    A fourth channel must not reach a pipeline: diffusers would take it for latents.
    """
    image = upright(image, notices)
    if deep(image):
        notices.append("reduced to 8 bits")
        levels = np.nan_to_num(np.asarray(image, dtype=np.float64))
        white = DEEP_WHITE if image.mode.startswith("I") else max(levels.max(), 1.0)
        return Image.fromarray((255 * levels / white).clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if transparent(image):
        notices.append("laid on white")
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def read_picture(data: bytes | Image.Image) -> Upload:
    """An uploaded file, or a picture that is open already, as RGB of its own size."""
    notices: list[str] = []
    image = open_picture(data) if isinstance(data, bytes) else data
    with decoding():
        return Upload(rgb(image, notices), tuple(notices))


def fit(upload: Upload, width: int, height: int) -> Upload:
    """The middle of a picture, cut to the shape of ``width`` x ``height`` and brought to that size."""
    if upload.image.size == (width, height):
        return upload
    across, down = upload.image.size
    cut = "" if across * height == down * width else "cut to its middle, "
    said = f"{cut}brought from {across}x{down} to {width}x{height}"
    image = ImageOps.fit(upload.image, (width, height), Image.Resampling.LANCZOS)
    return Upload(image, (*upload.notices, said))


def read_mask(data: bytes | Image.Image, picture: Image.Image) -> Image.Image:
    """A mask of the size of ``picture``: L, 255 where it is drawn anew; InvalidInput if nothing is."""
    image = open_picture(data) if isinstance(data, bytes) else data
    if image.size != picture.size:
        sizes = [f"{across}x{down}" for across, down in (image.size, picture.size)]
        raise InvalidInput(f"The mask is {sizes[0]} and the picture {sizes[1]}; they must have one size.")
    with decoding():
        black = Image.new("RGB", image.size)
        flat = upright(image, [])
        if transparent(flat):
            black.paste(flat.convert("RGBA"), mask=flat.convert("RGBA").getchannel("A"))
            flat = black
        mask = flat.convert("L").point(lambda level: 255 * (level > PAINTED))
    if not mask.getbbox():
        raise InvalidInput("The mask is empty; paint over the part that should be drawn anew.")
    return mask


def fit_mask(mask: Image.Image, width: int, height: int) -> Image.Image:
    """The mask cut and brought to size as ``fit`` does with its picture."""
    if mask.size == (width, height):
        return mask
    small = ImageOps.fit(mask, (width, height), Image.Resampling.BOX)
    return small.point(lambda level: 255 * (level > PAINTED))
