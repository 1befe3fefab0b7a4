"""The denoiser of mini-SD: a CLIP text encoder and a U-Net with cross attention, trained together."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlab.config import Config, TrainConfig, knob
from genlab.models.base import Metrics, Optimizers, Trainable
from genlab.nn import exponential_average
from genlab.studio.mini.tokenizer import LENGTH
from genlab.studio.mini.vae import LATENT_CHANNELS

T = 1000
LATENT_SIZE = 8


@dataclass(frozen=True)
class DenoiserConfig(Config):
    width: int = knob(48, 16, 256, "Channels of the U-Net at 8x8: more draw better, slower", step=16)
    text_width: int = knob(64, 32, 512, "Channels of the text encoder", step=32)
    text_layers: int = knob(2, 1, 12, "Layers of the text encoder")
    drop: float = knob(0.12, 0.0, 1.0, "Share of empty captions: needed for guidance")
    gamma: float = knob(
        0.0, 0.0, 100.0, "Weight of a step: min(SNR, gamma) / (SNR + 1); 0 weighs all steps alike"
    )
    lr: float = knob(1e-3, 1e-6, 1.0, "Learning rate of U-Net and text encoder", log=True)
    ema: float = knob(0.999, 0.0, 0.99999, "Averaging of the weights over steps")


def make_scheduler() -> Any:
    """DDIM on the cosine schedule of Nichol & Dhariwal (2021), predicting v.

    Its last step has no signal left (alpha_bar = 2e-9), and sampling starts there (trailing
    spacing): otherwise no picture becomes wholly black or white (Lin et al., "Common Diffusion Noise
    Schedules and Sample Steps are Flawed", 2024). Every scheduler of diffusers knows this one.
    """
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=T,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        steps_offset=1,  # unused by this spacing, but StableDiffusionPipeline wants it
        clip_sample=False,
        set_alpha_to_one=True,
    )


class TextToLatent(nn.Module):
    """v(x_t, t, caption): what the pipeline needs of the training."""

    def __init__(self, config: DenoiserConfig, tokens: int) -> None:
        from diffusers import UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        super().__init__()
        c, text = config.width, config.text_width
        self.text_encoder: Any = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=tokens,
                hidden_size=text,
                intermediate_size=4 * text,
                projection_dim=text,
                num_hidden_layers=config.text_layers,
                num_attention_heads=text // 32,
                max_position_embeddings=LENGTH,
                bos_token_id=tokens - 2,
                eos_token_id=tokens - 1,
                pad_token_id=tokens - 1,
            )
        )
        self.unet: Any = UNet2DConditionModel(
            sample_size=LATENT_SIZE,
            in_channels=LATENT_CHANNELS,
            out_channels=LATENT_CHANNELS,
            block_out_channels=(c, 2 * c),
            # as in Stable Diffusion, all resolutions but the lowest look at the words, and the middle
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=text,
            attention_head_dim=2,
            norm_num_groups=8,
        )

    def forward(self, x_t: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        words = self.text_encoder(tokens).last_hidden_state  # (N, LENGTH, text_width)
        return self.unet(x_t, t, words).sample


class LatentDiffusion(Trainable):
    """v-prediction (Salimans & Ho, 2022) in the latent space, and the running average of ``net``."""

    averages = "net"
    alpha_bar: Tensor

    def __init__(self, config: Config, net: nn.Module, *, lr: float, ema: float, gamma: float = 0.0) -> None:
        super().__init__(config)
        self.net: Any = net
        self.average = exponential_average(net, ema)
        self.lr, self.gamma = lr, gamma
        self.register_buffer("alpha_bar", make_scheduler().alphas_cumprod, persistent=False)

    def optimizers(self) -> Optimizers:
        return {"net": torch.optim.Adam(self.net.parameters(), lr=self.lr, betas=(0.9, 0.99))}

    def predict(self, x_t: Tensor, t: Tensor, y: Any) -> Tensor:
        """v of noisy latents, (N, 4, 8, 8), given what is known of the pictures."""
        return self.net(x_t, t, y)

    def loss(self, x: Tensor, y: Any) -> tuple[Tensor, Metrics]:
        """``x``: latents (N, 4, 8, 8) of unit variance; ``y``: what ``predict`` takes."""
        # One random offset spreads the batch evenly over all t (Kingma et al., 2021, appendix I.1).
        u = torch.rand(1, device=x.device) + torch.arange(len(x), device=x.device) / len(x)
        t = (u % 1 * T).long().clamp(max=T - 1)
        alpha_bar = self.alpha_bar[t][:, None, None, None]
        alpha, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        eps = torch.randn_like(x)
        v = alpha * eps - sigma * x
        error = (self.predict(alpha * x + sigma * eps, t, y) - v).square().mean((1, 2, 3))  # (N,)
        loss = (error * self._weight(t)).mean()
        return loss, {"loss": loss, "mse": error.mean()}

    def _weight(self, t: Tensor) -> Tensor:
        """min(SNR, gamma) / (SNR + 1) (Hang et al., "Min-SNR Weighting", 2023), or 1."""
        snr = self.alpha_bar[t] / (1 - self.alpha_bar[t])
        return snr.clamp(max=self.gamma) / (snr + 1) if self.gamma else torch.ones_like(snr)

    def update(self, x: Tensor, y: Any, optimizers: Optimizers) -> Metrics:
        metrics = super().update(x, y, optimizers)
        self.average.update_parameters(self.net)
        return metrics


class MiniDenoiser(LatentDiffusion):
    """Text encoder and U-Net; what is known of a picture is its caption's token ids (N, LENGTH)."""

    Config = DenoiserConfig
    config: DenoiserConfig
    recipe = TrainConfig(steps=24_000, batch_size=64)

    def __init__(self, config: DenoiserConfig, tokens: int) -> None:
        net = TextToLatent(config, tokens)
        super().__init__(config, net, lr=config.lr, ema=config.ema, gamma=config.gamma)
