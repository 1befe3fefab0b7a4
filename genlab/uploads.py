"""Pictures from visitors: opened without trust, one frame, upright."""

import contextlib
import io
import warnings
from collections.abc import Iterator

from PIL import Image, ImageOps, UnidentifiedImageError

from genlab.errors import InvalidInput

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_SIDE = 4096  # pixels; read from the header, before anything is decoded
MAX_BYTES = 20_000_000
ORIENTATION = 0x0112  # EXIF


def trust_nothing() -> None:
    """Pillow opens these kinds and sizes alone in this process, also where gradio calls it."""
    Image.MAX_IMAGE_PIXELS = MAX_SIDE**2 // 2  # it refuses twice as many
    Image.init()
    Image.ID[:] = [name for name in Image.ID if name in FORMATS]  # no EPS, which runs another program


def open_picture(data: bytes) -> Image.Image:
    """The picture in ``data``, nothing decoded yet; InvalidInput if it is none of ours or too large."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"The picture has {len(data) / 1e6:.0f} MB; it must have at most 20 MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise InvalidInput(f"The file is no picture of these kinds: {', '.join(FORMATS)}.") from None
    except Image.DecompressionBombError:
        raise InvalidInput(f"The picture must have at most {MAX_SIDE} pixels on each side.") from None
    if max(image.size) > MAX_SIDE:
        across, down = image.size
        raise InvalidInput(f"The picture is {across}x{down}; it must have at most {MAX_SIDE} on each side.")
    return image


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """What Pillow raises about a broken file becomes InvalidInput."""
    try:
        yield
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput("The picture is damaged: it cannot be decoded.") from error


def upright(image: Image.Image, notices: list[str]) -> Image.Image:
    """The first frame, turned as its camera was held; ``notices`` are told what was done."""
    if getattr(image, "n_frames", 1) > 1:
        notices.append("first frame of an animation")
        image.seek(0)
    if image.getexif().get(ORIENTATION, 1) != 1:
        notices.append("turned upright")
        image = ImageOps.exif_transpose(image)
    return image


def deep(image: Image.Image) -> bool:
    """Whether its pixels have 16 bits or more."""
    return image.mode.startswith("I") or image.mode == "F"


def transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
