"""How a look inside a pipeline is shown: pictures, plots and a table as HTML."""

import math
from html import escape

from PIL import Image
from torch import Tensor

from genlab.numbers import brief, whole
from genlab.studio.compression import Compression
from genlab.studio.lens import Inside, Step
from genlab.ui import html
from genlab.ui.curves import Line, line_plot
from genlab.ui.diffusion.pieces import figure, img
from genlab.ui.studio.maps import BELOW_AND_ABOVE, LITTLE_AND_MUCH, coloured, legend, overlay

MEAN, THIS_STEP = "mean of all steps", "this step"
LATENT_RANGE = 3.0  # standard deviations of noise, in full colour
LATENTS = "The U-Net never sees pixels, only these four small pictures; the autoencoder turns them into one."
GUIDANCE = (
    "Asked with the prompt and without it, the U-Net sees slightly different noise; "
    "the sampler goes w = {:g} times the way from the second to the first."
)
UNGUIDED = "At w = 1 the U-Net is asked only once, with the prompt; raise guidance to see it asked twice."
WORDS = (
    "In cross attention every place of the picture looks up the words; each map is bright where its word is "
    "looked at most, dark where least."
)
SHARES = "looked at; below each: its share of a place's attention, least to most"
APART = (
    "The text encoder reads from left to right: the start has seen no word, so it serves as a place to look "
    "at nothing; the end and the padding behind it have seen the whole prompt."
)
COMPRESSION = "Diffusion runs on so many fewer numbers; the round trip is what encoding this picture loses."


def show(found: Inside, k: int, this_step: bool) -> str:
    """Step k, from 1; the words' maps of ``this_step`` or of all."""
    step = found.steps[k - 1]
    return (
        f'<p class="gl-filled">step {k} of {len(found.steps)}: t = {step.t:g}</p>'
        + "".join(html.note(notice, plain=True) for notice in found.drawn.notices)
        + part("The picture it believes in, and the latents it works on", LATENTS, latents(found, step))
        + part("With the words and without", *guidance(found, k))
        + part("Where each word is looked at", WORDS, words(found, step.attention if this_step else None))
        + part("Why latents", COMPRESSION, table(found.compression, found.round_trip.psnr))
    )


def part(title: str, explanation: str, body: str) -> str:
    return f'<section class="gl-part"><h3>{title}</h3><p>{explanation}</p>{body}</section>'


def captioned(picture: Image.Image, said: str, caption: str | None = None) -> str:
    return figure(img(picture, said), caption or escape(said))


def latents(found: Inside, step: Step) -> str:
    """x_0 and the finished picture, then the channels of x_t."""
    figures = captioned(step.picture, "x̂₀: what it believes in, decoded")
    figures += captioned(found.drawn.pictures[0], "the finished picture")
    for i, channel in enumerate(step.x_t):
        picture = coloured(channel, -LATENT_RANGE, LATENT_RANGE, BELOW_AND_ABOVE)
        figures += captioned(picture, f"xₜ, channel {i + 1}")
    scale = legend("−3", "3", BELOW_AND_ABOVE, "values of the latents (noise has a standard deviation of 1)")
    return f'<div class="gl-five">{figures}</div>{scale}'


def guidance(found: Inside, k: int) -> tuple[str, str]:
    """Explanation and pictures of the two predictions at step k."""
    step, norms = found.steps[k - 1], found.norms()
    points = {name: list(enumerate(values, start=1)) for name, values in norms.items()}
    lines = [Line("ε with the prompt", points["cond"], "#E69F00")]
    if step.eps_uncond is None:
        return UNGUIDED, f'<div class="gl-plots">{norm_plot("norm of ε", lines, k)}</div>'
    lines.append(Line("ε without", points["uncond"], "#56B4E9", "5 3"))
    difference = Line("difference", points["difference"], "#009E73")
    plots = norm_plot("norm of both predictions", lines, k)
    plots += norm_plot("norm of their difference", [difference], k)
    far = (step.eps_cond.float() - step.eps_uncond.float()).norm(dim=0)  # (h, w)
    peak = float(far.max())
    said = "where the words change the noise"
    picture = coloured(far, 0.0, peak, LITTLE_AND_MUCH)
    caption = f"{said}<br>norm {brief(norms['difference'][k - 1])}"
    figures = f"<div>{captioned(picture, said, caption)}{legend('0', brief(peak), LITTLE_AND_MUCH, '')}</div>"
    return GUIDANCE.format(found.guidance), f'<div class="gl-plots">{figures}{plots}</div>'


def norm_plot(title: str, lines: list[Line], k: int) -> str:
    return line_plot(title, lines, "step", marker=k)


def words(found: Inside, attention: Tensor | None) -> str:
    """A heat map a word over the finished picture, of ``attention`` or the mean of all steps."""
    maps = (found.attention() if attention is None else attention).float()
    pairs = list(zip(found.names(), maps, strict=True))
    picture = found.drawn.pictures[0]

    def heat(name: str, one: Tensor) -> str:
        least, most = (100 * float(end) for end in (one.min(), one.max()))
        caption = f"<b>{escape(name)}</b><br>{brief(least)} to {brief(most)} %"
        return captioned(overlay(picture, one), f"attention to {name}", caption)

    named, apart = ("".join(heat(*pair) for pair in some) for some in (pairs[:-2], pairs[-2:]))
    scale = legend("least", "most", LITTLE_AND_MUCH, SHARES)
    if not named:
        named = html.note("The prompt has no words.", plain=True)
    return f'<div class="gl-words">{named}</div>{scale}<p>{APART}</p><div class="gl-words">{apart}</div>'


def table(found: Compression, psnr: float) -> str:
    """Numbers in pixels against numbers in latents."""

    def row(name: str, shape: tuple[int, int, int]) -> str:
        size = " × ".join(map(str, shape))
        return f'<tr><th scope="row">{name}</th><td>{size}</td><td>{whole(math.prod(shape))}</td></tr>'

    return (
        '<table class="gl-table gl-narrow"><thead><tr><th scope="col">of this picture</th>'
        '<th scope="col">height × width × channels</th><th scope="col">numbers</th></tr></thead><tbody>'
        f"{row('pixels', found.pixels)}{row('latents', found.latents)}</tbody></table>"
        f"<p>{found.ratio:g} times fewer numbers. Encoded and decoded again, the picture comes back with "
        f"{brief(psnr)} dB (peak signal-to-noise ratio: 20 is visibly blurred, 40 hardly told apart).</p>"
    )
