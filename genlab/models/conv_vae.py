"""A convolutional VAE for colour pictures of 32 x 32 pixels."""

from dataclasses import dataclass

from genlab.canvas import Canvas
from genlab.config import Config, TrainConfig, knob
from genlab.models.base import Card
from genlab.models.vae import VAE, Conv, beta_knob, failures, lr_knob

AVERAGE = 515.0  # nats of bce when the average of the tinted digits is drawn for all; untrained: 3072 ln 2
HAS_AVERAGE = 700.0  # runs with collapsed latents stay between 600 and 680: tints differ much


@dataclass(frozen=True)
class ConvVAEConfig(Config):
    latent: int = knob(
        128, 2, 256, "Numbers that describe a picture: more keep more detail, but are harder to sample"
    )
    width: int = knob(32, 8, 64, "Channels of the first convolution: more draw finer strokes, slower")
    beta: float = beta_knob()
    lr: float = lr_knob()


class ConvVAE(VAE):
    """The VAE in colour: three strided convolutions down to 4 x 4, and three transposed ones back."""

    Config = ConvVAEConfig  # type: ignore[assignment]
    config: ConvVAEConfig  # type: ignore[assignment]
    canvas = Canvas(32, colour=True)
    recipe = TrainConfig(steps=6000, batch_size=128, preview_every=500)
    live = TrainConfig(steps=500, batch_size=128, preview_every=50)
    failures = failures(AVERAGE, HAS_AVERAGE)
    card = Card(
        title="VAE in colour",
        year=2013,
        idea="The VAE with convolutions alone, on digits that each have a colour of their own.",
        equation=VAE.card.equation,
        paper=VAE.card.paper,
        url=VAE.card.url,
    )

    def network(self) -> Conv:
        c = self.config
        return Conv(c.latent, c.width, 3, self.canvas)
