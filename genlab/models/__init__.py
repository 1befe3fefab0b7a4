"""The registry: one family, one file, one line here."""

from genlab.models.autoencoder import Autoencoder
from genlab.models.base import GenerativeModel, Trainable
from genlab.models.cgan import CGAN
from genlab.models.classifier import Classifier
from genlab.models.conv_vae import ConvVAE
from genlab.models.dcgan import DCGAN
from genlab.models.ddpm import DDPM
from genlab.models.dit import DiT
from genlab.models.flow import Flow
from genlab.models.gan import GAN
from genlab.models.vae import VAE
from genlab.models.wgan import WGAN
from genlab.models.wgan_gp import WGANGP

MODELS: dict[str, type[GenerativeModel]] = {
    "autoencoder": Autoencoder,
    "vae": VAE,
    "conv_vae": ConvVAE,
    "gan": GAN,
    "cgan": CGAN,
    "dcgan": DCGAN,
    "wgan": WGAN,
    "wgan_gp": WGANGP,
    "ddpm": DDPM,
    "dit": DiT,
    "flow": Flow,
}

# Side by side where nobody has chosen others.
FIRST = ("vae", "gan", "wgan_gp", "ddpm")

# What ``python -m genlab train`` accepts: the families, and the classifier that judges them all.
TRAINABLE: dict[str, type[Trainable]] = {**MODELS, "classifier": Classifier}
