"""A race as an animated picture: the families' samples side by side, their distances growing below."""

import io
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw

from genlab.checkpoints import write_bytes
from genlab.errors import InvalidInput
from genlab.models import MODELS
from genlab.race.chart import FONT, INK, PAPER, chart, short
from genlab.race.events import Frame
from genlab.race.record import RaceRecord
from genlab.visualize import COLOURS, OTHERS, colour, grid

WIDTH = 976  # four grids of 234 pixels and the gaps between
GAP = 8
GRID = 351  # pixels of a grid's edge, at most
TITLE, WORDS, CHART = 30, 66, 250  # heights of the headline, of the words above a grid, of the chart
SHADES = (256 - 128) // (len(COLOURS) + 1)  # of each family's colour in the palette, beside 128 greys
FILM_MS, FRAME_MS, LAST_MS = 8000, (150, 800), 3000  # of all frames but the last; of one; of the last


def title_of(name: str) -> str:
    return MODELS[name].card.title if name in MODELS else name


def frames_of(record: RaceRecord) -> list[Image.Image]:
    """One RGB picture for each moment of the race."""
    return [still(record, moment) for moment in range(record.moments + 1)]


def gif(record: RaceRecord) -> bytes:
    """The animation; the last frame stays longer. InvalidInput if nobody has been looked at yet."""
    frames = frames_of(record)
    if not frames:
        raise InvalidInput("This race has no pictures yet; let it run until the first look.")
    palette = _palette()
    # Without dithering, and with one palette for all, text stays sharp and still parts stay still.
    drawn = [f.quantize(palette=palette, dither=Image.Dither.NONE) for f in frames]
    pause = min(max(FILM_MS // len(drawn), FRAME_MS[0]), FRAME_MS[1])
    durations = [pause] * (len(drawn) - 1) + [LAST_MS]
    buffer = io.BytesIO()
    drawn[0].save(buffer, "GIF", save_all=True, append_images=drawn[1:], duration=durations, loop=0)
    return buffer.getvalue()


def write_gif(record: RaceRecord, path: Path) -> None:
    """Write the animation; an interrupted write leaves the old file."""
    write_bytes(path, gif(record))


def _palette() -> Image.Image:
    """Greys, and each family's colour on its way to white."""
    levels: list[tuple[int, ...]] = [(grey, grey, grey) for grey in (*range(0, 254, 2), 255)]
    for hue in (*COLOURS.values(), OTHERS):
        rgb = ImageColor.getrgb(hue)
        levels += [tuple(c + (255 - c) * k // SHADES for c in rgb) for k in range(SHADES)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for level in levels for value in level])
    return palette


def still(record: RaceRecord, moment: int) -> Image.Image:
    """One moment, RGB."""
    seen, n = record.at(moment), len(record.families)
    column = (WIDTH - (n + 1) * GAP) // n
    pictures = {name: grid(frame.images, side=min(column, GRID)) for name, frame in seen.items()}
    below = TITLE + WORDS + max(picture.height for picture in pictures.values()) + GAP
    sheet = Image.new("RGB", (WIDTH, below + CHART), PAPER)
    pen = ImageDraw.Draw(sheet)
    budget = record.config.seconds
    now = short(budget * moment / record.config.frames)
    pen.text((GAP, GAP), f"After {now} of {short(budget)} seconds of compute for each family", INK, FONT)
    for i, name in enumerate(record.families):
        corner = (GAP + i * (column + GAP), TITLE)
        _tell(pen, corner, name, seen.get(name), record)
        if name in pictures:
            sheet.paste(pictures[name], (corner[0], TITLE + WORDS))
    sheet.paste(chart(record, moment, (WIDTH, CHART)), (0, below))
    return sheet


def _tell(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], name: str, frame: Frame | None, record: RaceRecord
) -> None:
    """Name, effort and distance of a family, each on its line under ``corner``."""
    x, y = corner
    pen.rectangle((x, y + 3, x + 12, y + 15), colour(name))
    standing = record.families[name]
    ended = frame is not None and standing.state in ("diverged", "stopped") and frame is standing.frames[-1]
    pen.text((x + 20, y), title_of(name) + (f", {standing.state}" if ended else ""), INK, FONT)
    if frame is None:
        return
    ratio = f" ({short(frame.frechet / record.floor)} x real digits)" if record.floor else ""
    pen.text((x, y + 21), f"{short(frame.seconds)} s, {frame.step:,} steps", INK, FONT)
    pen.text((x, y + 42), f"distance {short(frame.frechet)}{ratio}", INK, FONT)
