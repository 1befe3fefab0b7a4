"""Every family against its formulas, and all of them against the contract."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.diffusion.flow import SOLVERS
from genlab.diffusion.samplers import SAMPLERS
from genlab.models import TRAINABLE
from genlab.models.base import Card
from genlab.models.cgan import ConditionalBatchNorm
from genlab.models.classifier import distort
from genlab.models.denoising import T
from genlab.models.gan import LOSSES, NOISE
from genlab.models.vae import Latent
from genlab.nn import UNet, exponential_average
from genlab.noise import Noise
from tests.helpers import scrambled, states_equal, tiny

FAMILIES = sorted({*TRAINABLE} - {"classifier"})


def batch(digits: Dataset, n: int = 16) -> tuple[Tensor, Tensor]:
    return digits.batch(torch.arange(n) * len(digits) // n)


def dense_layers(net: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


# --- VAE


def test_vae_kl_is_that_of_torch_distributions(digits: Dataset) -> None:
    vae, (x, y) = scrambled(tiny("vae")), batch(digits)
    mean, log_variance = vae.encode(x)
    q = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(q, Normal(torch.zeros_like(mean), 1.0)).sum(1).mean()
    assert vae.loss(x, y)[1]["kl"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_vae_counts_the_latents_that_tell_something(digits: Dataset) -> None:
    vae, (x, y) = tiny("vae"), batch(digits)
    mean = torch.zeros(len(x), 4)
    mean[:, 1], mean[:, 3] = torch.linspace(-1, 1, len(x)), 0.3  # KL 0.19 on average, and 0.3^2 / 2 = 0.045
    vae.encode = lambda x: Latent(mean, torch.zeros(len(x), 4))
    assert vae.loss(x, y)[1]["active_latents"] == 1
    mean[:, 3] = 0.35  # 0.061
    assert vae.loss(x, y)[1]["active_latents"] == 2


@pytest.mark.parametrize("beta", [0.0, 0.5, 3.0])
def test_vae_loss_is_the_likelihood_and_beta_kl(digits: Dataset, beta: float) -> None:
    vae, (x, y) = tiny("vae", beta=beta), batch(digits)
    torch.manual_seed(1)
    loss, metrics = vae.loss(x, y)
    torch.manual_seed(1)
    mean, log_variance = vae.encode(x)
    z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
    p, pixel = ((v.double() + 1) / 2 for v in (vae.decode(z), x))
    likelihood = (pixel * p.log() + (1 - pixel) * (1 - p).log()).sum() / len(x)
    assert metrics["bce"].item() == pytest.approx(-likelihood.item(), rel=1e-5)
    assert loss.item() == pytest.approx((metrics["bce"] + beta * metrics["kl"]).item(), rel=1e-6)


def test_vae_gradient_passes_through_the_draw(digits: Dataset) -> None:
    """The derivative for the encoder's output bias, against finite differences of the same draw."""
    vae, (x, y) = tiny("vae", beta=0.0).double(), batch(digits, 4)
    bias = vae.net.encode[-1].bias

    def loss() -> Tensor:
        torch.manual_seed(1)
        return vae.loss(x.double(), y)[0]

    (gradient,) = torch.autograd.grad(loss(), bias)
    for i in range(len(bias)):  # means, then log variances
        with torch.no_grad():
            bias[i] += 1e-5
            above = loss()
            bias[i] -= 2e-5
            below = loss()
            bias[i] += 1e-5
        assert gradient[i].item() == pytest.approx((above - below).item() / 2e-5, rel=1e-4, abs=1e-6)
    assert (gradient != 0).all()


class FirstPixels(nn.Module):
    """An encoder that reads the latents off the first four pixels, with hardly any variance."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(5.0))

    def forward(self, x: Tensor) -> Tensor:
        z = self.scale * x.flatten(1)[:, :4]
        return torch.cat([z, torch.full_like(z, -12)], dim=1)


def test_the_mixture_prior_follows_the_latents() -> None:
    vae = tiny("vae").eval()
    vae.net.encode, vae.net.decode = FirstPixels(), nn.Identity()
    n, left = 2000, 600
    x = 0.05 * Noise(0, n).normal(1, 28, 28)
    centre = torch.tensor([0.5, -0.4, 0.3, 0.0])
    x.view(n, -1)[:left, :4] += centre
    x.view(n, -1)[left:, :4] -= centre
    with torch.no_grad():
        vae.finish(x)
        *_, drawn = vae.sample(Noise(1, 4000), prior="mixture")
        z = torch.logit((drawn.double() + 1) / 2)  # what the decoder was given
        real = 5 * x.flatten(1)[:, :4].double()
        for i in (0, 1, 2):
            assert abs((z[:, i] * centre[i] > 0).double().mean() - left / n) < 0.04
        assert (z.mean(0) - real.mean(0)).abs().max() < 0.15
        assert (torch.cov(z.T) - torch.cov(real.T)).abs().max() < 0.3
        assert float((z[:, 0].abs() < 1).double().mean()) < 0.01  # nothing between the two clusters
        *_, plain = vae.sample(Noise(1, 4000), prior="normal")
        z = torch.logit((plain.double() + 1) / 2)
        assert z.mean(0).abs().max() < 0.1 and (torch.cov(z.T) - torch.eye(4)).abs().max() < 0.15


def test_an_unfitted_mixture_is_the_normal_prior() -> None:
    vae = tiny("vae")
    (a,), (b,) = (list(vae.sample(Noise(3, 5), prior=p)) for p in ("mixture", "normal"))
    assert torch.allclose(a, b)


def test_a_mixture_of_fewer_pictures_than_components() -> None:
    vae = tiny("vae").eval()
    vae.finish(Noise(0, 3).normal(1, 28, 28).clamp(-1, 1))
    *_, x = vae.sample(Noise(0, 50))
    assert x.isfinite().all() and vae.mix_weight.sum().item() == pytest.approx(1)


# --- Autoencoder


def test_the_autoencoder_loses_what_it_does_not_rebuild(digits: Dataset) -> None:
    model, (x, y) = tiny("autoencoder"), batch(digits)
    loss, _ = model.loss(x, y)
    expected = ((x - model.decode(model.code(x))).double() ** 2).sum() / x.numel()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert model.code(x).shape == (len(x), 4)


# --- the textbook sizes


def test_the_textbook_autoencoder() -> None:
    model = tiny("autoencoder", latent=32)
    assert dense_layers(model.encoder) == [(784, 256), (256, 128), (128, 32)]
    assert dense_layers(model.decoder) == [(32, 128), (128, 256), (256, 784)]


@pytest.mark.parametrize("latent", [2, 20])
def test_the_textbook_vae(latent: int) -> None:
    net = tiny("vae", network="mlp", latent=latent).net
    assert dense_layers(net.encode) == [(784, 400), (400, 2 * latent)]
    assert dense_layers(net.decode) == [(latent, 400), (400, 784)]


@pytest.mark.parametrize("name", ["gan", "wgan", "wgan_gp"])
def test_the_textbook_gan(name: str) -> None:
    gan = tiny(name, network="mlp")
    assert dense_layers(gan.generator) == [(100, 256), (256, 512), (512, 1024), (1024, 784)]
    assert dense_layers(gan.discriminator) == [(784, 512), (512, 256), (256, 1)]
    assert gan.generator(torch.zeros(2, 100)).shape == (2, 1, 28, 28)


# --- GAN


class Still(torch.optim.SGD):
    """An optimizer that leaves gradients and weights alone."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.0)


def test_gan_losses_and_gradients_are_the_formulas(digits: Dataset) -> None:
    gan, (x, y) = tiny("gan", dropout=0.0), batch(digits)
    torch.manual_seed(2)
    metrics = gan.update(
        x, y, {"d": Still(gan.discriminator.parameters()), "g": Still(gan.generator.parameters())}
    )
    torch.manual_seed(2)
    fake = gan.generator(torch.randn(len(x), NOISE))
    real_p, fake_p = (gan.discriminator(v).sigmoid() for v in (x, fake))
    assert metrics["loss_d"].item() == pytest.approx(
        -(real_p.log().mean() + (1 - fake_p).log().mean()).item(), rel=1e-4
    )
    loss = -fake_p.log().mean()
    assert metrics["loss"].item() == pytest.approx(loss.item(), rel=1e-4)
    assert metrics["d_real"].item() == pytest.approx(real_p.mean().item(), rel=1e-4)
    assert metrics["d_fake"].item() == pytest.approx(fake_p.mean().item(), rel=1e-4)
    for p, expected in zip(
        gan.generator.parameters(), torch.autograd.grad(loss, list(gan.generator.parameters())), strict=True
    ):
        assert torch.allclose(p.grad, expected, rtol=1e-3, atol=1e-6)


def test_minimax_is_what_the_discriminator_maximises(digits: Dataset) -> None:
    gan, (x, y) = tiny("gan", dropout=0.0, loss="minimax"), batch(digits)
    torch.manual_seed(2)
    metrics = gan.update(
        x, y, {"d": Still(gan.discriminator.parameters()), "g": Still(gan.generator.parameters())}
    )
    torch.manual_seed(2)
    fake = gan.discriminator(gan.generator(torch.randn(len(x), NOISE))).sigmoid()
    assert metrics["loss"].item() == pytest.approx((1 - fake).log().mean().item(), rel=1e-4)


# d loss / d logit of the generator's losses, by D.
SLOPES: dict[str, Any] = {"minimax": lambda d: -d, "non_saturating": lambda d: -(1 - d)}


@pytest.mark.parametrize("loss", LOSSES)
def test_minimax_saturates_where_the_discriminator_is_sure(loss: str) -> None:
    logit = torch.tensor([-10.0], requires_grad=True)
    (slope,) = torch.autograd.grad(LOSSES[loss].generator(logit).sum(), logit)
    sure = torch.sigmoid(torch.tensor(-10.0)).item()
    assert slope.item() == pytest.approx(SLOPES[loss](sure), rel=1e-4)


@pytest.mark.parametrize("name", ["gan", "cgan", "wgan", "wgan_gp"])
@pytest.mark.parametrize(("moves", "rests"), [("d", "g"), ("g", "d")])
def test_each_optimizer_moves_its_own_network(name: str, moves: str, rests: str, digits: Dataset) -> None:
    gan, (x, y) = tiny(name), batch(digits)
    if name == "wgan":
        gan.constrain()  # as it does after each step of the critic, one of no length included
    networks = {"d": gan.discriminator, "g": gan.generator}
    before = {k: [p.clone() for p in net.parameters()] for k, net in networks.items()}
    gan.update(x, y, gan.optimizers() | {rests: Still(networks[rests].parameters())})
    assert all(torch.equal(a, b) for a, b in zip(before[rests], networks[rests].parameters(), strict=True))
    moved = [not torch.equal(a, b) for a, b in zip(before[moves], networks[moves].parameters(), strict=True)]
    assert sum(moved) > len(moved) / 2
    assert all(p.requires_grad for p in gan.discriminator.parameters())


# --- WGAN-GP


def with_linear_critic(**knobs: Any) -> Any:
    gan = tiny("wgan_gp", **knobs)
    gan.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    return gan


def test_the_slope_of_a_linear_critic_is_its_weight(digits: Dataset) -> None:
    gan, (x, y) = with_linear_critic(), batch(digits)
    norm = gan.gradient_norm(x, gan.generate(y).detach(), y)
    assert torch.allclose(norm, gan.discriminator[1].weight.norm().expand(len(x)), rtol=1e-5)


def test_the_slope_is_taken_between_real_and_generated() -> None:
    """Of f(x) = |x|^2 / 2 the slope is x itself: on the segment from 0 to v it has length u |v|."""
    gan, v = tiny("wgan_gp"), torch.full((500, 1, 28, 28), 0.5)

    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x**2).flatten(1).sum(1, keepdim=True) / 2

    gan.discriminator = Half()
    u = gan.gradient_norm(v, torch.zeros_like(v), torch.zeros(500).long()) / v[0].norm()
    assert u.min() >= 0 and u.max() <= 1 and abs(u.mean() - 0.5) < 5 * (1 / 12 / 500) ** 0.5
    assert u.std() > 0.2  # every picture has its own point


@pytest.mark.parametrize("penalty", [0.0, 10.0])
def test_the_critics_loss(penalty: float, digits: Dataset) -> None:
    gan, (x, y) = with_linear_critic(penalty=penalty, n_critic=1), batch(digits)
    weight = gan.discriminator[1].weight.detach().clone()
    metrics = gan.update(
        x, y, {"d": Still(gan.discriminator.parameters()), "g": Still(gan.generator.parameters())}
    )
    expected = -metrics["wasserstein"] + penalty * (weight.norm() - 1) ** 2
    assert metrics["loss_d"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert metrics["gradient_norm"].item() == pytest.approx(weight.norm().item(), rel=1e-5)


@pytest.mark.parametrize(("images", "n_critic"), [(16, 1), (16, 5), (6, 5), (7, 2), (20, 20)])
def test_the_critic_steps_n_critic_times(images: int, n_critic: int, digits: Dataset) -> None:
    gan, (x, y) = tiny("wgan_gp", n_critic=n_critic), batch(digits, images)
    optimizers, steps, seen = gan.optimizers(), {"d": 0, "g": 0}, []
    for k, optimizer in optimizers.items():
        optimizer.register_step_post_hook(lambda *_, k=k: steps.update({k: steps[k] + 1}))
    gan.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    gan.update(x, y, optimizers)
    assert steps == {"d": n_critic, "g": 1}
    assert torch.equal(torch.cat(seen[: 3 * n_critic : 3]), x)  # every real picture is used once


# --- WGAN


def test_the_critics_weights_stay_in_their_box(digits: Dataset) -> None:
    gan, (x, y) = tiny("wgan", clip=0.005, lr_d=1e-3, n_critic=1), batch(digits)
    optimizers = gan.optimizers()
    assert {type(o) for o in optimizers.values()} == {torch.optim.RMSprop}
    gan.update(x, y, optimizers)
    weights = torch.cat([w.detach().flatten() for w in gan.discriminator.parameters()])
    assert weights.abs().max() <= 0.005 < max(w.abs().max() for w in gan.generator.parameters())
    metrics = gan.update(x, y, optimizers)
    assert metrics["clipped"].item() == pytest.approx(
        (weights.abs() > 0.00499).float().mean().item(), abs=0.01
    )
    assert metrics["loss_d"].item() == pytest.approx(-metrics["wasserstein"].item(), rel=1e-5)


# --- Conditional GAN


def test_both_players_are_told_the_digit(digits: Dataset) -> None:
    gan, (x, y) = scrambled(tiny("cgan", dropout=0.0)), batch(digits)
    other = (y + 1) % 10
    assert not torch.allclose(gan.judge(x, y), gan.judge(x, other), atol=1e-5)
    seen: list[Tensor] = []
    gan.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    gan.update(x, y, gan.optimizers())
    assert [labels.tolist() for labels in seen] == [[*y.tolist(), *y.tolist()], y.tolist()]


def test_conditional_batch_norm_is_torchs_with_the_labels_scale_and_shift() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(8, 5, 3, 3), torch.tensor([0, 1, 2, 0, 1, 2, 9, 9])
    layer = scrambled(ConditionalBatchNorm(5))  # type: ignore[arg-type]
    found = layer(x, y)
    for digit in y.unique():
        plain = nn.BatchNorm2d(5)
        plain.load_state_dict(
            plain.state_dict() | {"weight": layer.scale.weight[digit], "bias": layer.shift.weight[digit]}
        )
        assert torch.allclose(found[y == digit], plain(x)[y == digit], atol=1e-6)


def test_the_noise_alone_sets_the_generators_statistics() -> None:
    """What batch norm normalises first does not know the label, so that labels cannot replace the noise."""
    gan = scrambled(tiny("cgan")).eval()
    seen: list[Tensor] = []
    gan.generator.net[2].norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    z = torch.randn(4, NOISE)
    for digit in (3, 7):
        gan.draw(gan.generator, z, torch.full((4,), digit))
    assert torch.equal(*seen)


def test_the_discriminator_projects_on_the_labels_embedding(digits: Dataset) -> None:
    """Logits for two labels differ by (v_a - v_b)^T phi(x); Miyato & Koyama, equation 3."""
    gan, (x, _) = scrambled(tiny("cgan", dropout=0.0)).eval(), batch(digits, 4)
    d = gan.discriminator
    a, b = torch.full((4,), 2), torch.full((4,), 5)
    expected = d.phi(x) @ (d.label.weight[2] - d.label.weight[5])
    assert torch.allclose((gan.judge(x, a) - gan.judge(x, b))[:, 0], expected, atol=1e-5)


# --- DDPM


class Perfect(nn.Module):
    """Knows that every picture is 0.3 everywhere, and hence the noise."""

    def __init__(self, schedule: Any) -> None:
        super().__init__()
        self.schedule, self.seen = schedule, []  # type: ignore[var-annotated]

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        self.seen.append((t, y))
        bar = self.schedule.alpha_bar[t].view(-1, 1, 1, 1)
        return ((x - bar.sqrt() * 0.3) / (1 - bar).sqrt()).float()


def perfect(**knobs: Any) -> Any:
    ddpm = tiny("ddpm", **knobs)
    ddpm.net = Perfect(ddpm.schedule)
    return ddpm


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_perfect_network_has_no_loss(schedule: str) -> None:
    loss, _ = perfect(schedule=schedule).loss(torch.full((500, 1, 4, 4), 0.3), torch.zeros(500).long())
    assert loss < 1e-6


def test_an_ignorant_network_loses_the_variance_of_the_noise() -> None:
    ddpm = tiny("ddpm").eval()  # its last layer starts at zero
    loss, _ = ddpm.loss(torch.zeros(64, 1, 28, 28), torch.zeros(64).long())
    assert abs(loss - 1) < 5 * (2 / (64 * 784)) ** 0.5


@pytest.mark.parametrize("drop", [0.0, 0.25, 1.0])
def test_labels_are_dropped_at_their_rate(drop: float) -> None:
    n = 4000
    ddpm, y = perfect(drop=drop), torch.arange(n) % 10
    ddpm.loss(torch.zeros(n, 1, 2, 2), y)
    _, seen = ddpm.net.seen[0]
    dropped = seen == 10
    assert abs(dropped.float().mean() - drop) <= 5 * (drop * (1 - drop) / n) ** 0.5
    assert torch.equal(seen[~dropped], y[~dropped])


def test_times_are_spread_evenly() -> None:
    ddpm = perfect()
    for _ in range(20):
        ddpm.loss(torch.zeros(100, 1, 2, 2), torch.zeros(100).long())
    times = torch.stack([t for t, _ in ddpm.net.seen])
    assert times.min() >= 0 and times.max() < T
    for t in times:  # one in each hundredth of the range
        assert torch.bincount(t // 10, minlength=100).max() <= 2 and len(set((t // 20).tolist())) == 50
    assert len(set(times[:, 0].tolist())) > 15  # and not always the same ones


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("ddpm", {"steps": 1}),
        ("ddpm", {"steps": 4, "guidance": 2.0}),
        *(("ddpm", {"steps": 6, "sampler": sampler}) for sampler in SAMPLERS),
        ("flow", {"steps": 1}),
        ("flow", {"steps": 4, "guidance": 2.0}),
        *(("flow", {"steps": 6, "sampler": solver}) for solver in SOLVERS),
    ],
)
def test_evaluations_are_counted_as_they_happen(name: str, knobs: dict[str, Any]) -> None:
    model, rows = scrambled(tiny(name)).eval(), []
    model.average.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    frames = list(model.sample(Noise(0, 3), **knobs))
    assert sum(rows) == 3 * model.evaluations(**knobs) and len(frames) == knobs["steps"]


# --- building blocks


def test_the_average_follows_its_recurrence() -> None:
    w = nn.Linear(3, 2)
    average = exponential_average(w, 0.9)
    values = [torch.randn(2, 3) for _ in range(100)]
    expected = torch.zeros(2, 3)
    for n, value in enumerate(values):
        with torch.no_grad():
            w.weight.copy_(value)
        average.update_parameters(w)
        d = min(0.9, (1 + n) / (10 + n)) if n else 0.0  # the first is taken as it is
        expected = d * expected + (1 - d) * value
        assert torch.allclose(average.module.weight, expected, atol=1e-5)
    assert not any(p.requires_grad for p in average.parameters())


@pytest.mark.parametrize("width", range(16, 129, 16))
@pytest.mark.parametrize("blocks", [1, 4])
def test_every_unet_that_the_knobs_allow(width: int, blocks: int) -> None:
    ddpm = tiny("ddpm", width=width, blocks=blocks)
    x = torch.randn(2, 1, 28, 28)
    assert ddpm.net(x, torch.tensor([0, 999]), torch.tensor([3, 10])).shape == x.shape


def test_the_unet_looks_at_time_label_and_every_pixel() -> None:
    net = UNet(width=16, blocks=1, classes=10)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    x = torch.randn(1, 1, 28, 28, requires_grad=True)
    t, y = torch.tensor([500]), torch.tensor([3])
    out = net(x, t, y)
    assert not torch.allclose(out, net(x, t + 100, y)) and not torch.allclose(out, net(x, t, y + 1))
    (gradient,) = torch.autograd.grad(out[0, 0, 14, 14], x)  # attention sees the whole picture
    assert (gradient != 0).float().mean() > 0.99


@pytest.mark.parametrize("name", sorted(TRAINABLE))
@pytest.mark.parametrize("width", [8, 9, 13, 64])
def test_widths_that_are_no_round_numbers(name: str, width: int, digits: Dataset) -> None:
    knobs = TRAINABLE[name].Config.__dataclass_fields__
    network = {"network": "conv"} if "network" in knobs else {}
    fits = "width" in knobs and not width % knobs["width"].metadata["step"]
    model, (x, y) = tiny(name, **network, **({"width": width} if fits else {})), batch(digits, 4)
    metrics = model.update(model.canvas.lay(x), y, model.optimizers())
    assert all(v.isfinite() for v in metrics.values())


def test_distortion_is_mild_and_differs_between_pictures(digits: Dataset) -> None:
    x, _ = batch(digits)
    assert torch.allclose(distort(x, 0.0), x, atol=1e-4)
    moved = distort(x[:1].repeat(2, 1, 1, 1), 1.0)
    assert not torch.allclose(moved[0], moved[1]) and moved.min() >= -1.0001 and moved.max() <= 1.0001
    assert abs(moved.mean() - x[0].mean()) < 0.1


# --- other canvases


@pytest.mark.parametrize(("palette", "channels"), [("grey", 1), ("colour", 3)])
def test_dcgan_is_the_network_of_the_paper(palette: str, channels: int) -> None:
    """In colour, at width 64, it has the weights that PyTorch's DCGAN tutorial counts, and a last bias."""
    model = tiny("dcgan", width=64, palette=palette)
    for player, weights in ((model.generator, 3_576_704 + channels), (model.discriminator, 2_765_568)):
        assert sum(p.numel() for p in player.parameters()) == weights - (3 - channels) * 64 * 16
    scales = [m.weight for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    kernels = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    for weights, mean in ((scales, 1.0), (kernels, 0.0)):
        together = torch.cat([w.flatten() for w in weights])
        assert float(together.mean()) == pytest.approx(mean, abs=2e-3)
        assert float(together.std()) == pytest.approx(0.02, rel=0.05)
    assert model.canvas.shape == (channels, 64, 64)


def test_dcgan_judges_real_and_generated_pictures_apart(digits: Dataset) -> None:
    """Batch norm must not let a real picture's logit depend on the generated ones."""
    model, (x, y) = tiny("dcgan"), batch(digits, 8)
    x = model.canvas.lay(x)
    real, _ = model.verdicts(x, torch.zeros_like(x), y)
    assert torch.equal(real, model.verdicts(x, torch.ones_like(x), y)[0])
    assert torch.equal(real, model.discriminator(x))


def test_dcgan_is_held_by_the_slope_at_real_pictures(digits: Dataset) -> None:
    """R1 of a linear discriminator w x is r1 / 2 ||w||^2 on the mean; three steps of four compute nothing."""
    model, (x, y) = tiny("dcgan", r1=0.5), batch(digits, 2)
    model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(64 * 64, 1, bias=False))
    extras = torch.stack([model.smoothness(model.canvas.lay(x), x, y)[0] for _ in range(400)])
    once = 0.5 / 2 * model.discriminator[1].weight.square().sum()
    assert float(extras.mean()) == pytest.approx(float(once), rel=0.3) and extras.max() == 4 * once
    extras.sum().backward()
    assert model.discriminator[1].weight.grad.abs().sum() > 0


def test_dcgan_reaches_black_and_white() -> None:
    """tanh alone would not."""
    model = tiny("dcgan")
    for sign in (-1.0, 1.0):
        model.average.module[-2].bias.data.fill_(2.5 * sign)
        *_, x = model.sample(Noise(0, 4))
        assert (x == sign).all()


def test_the_colour_vae_halves_three_times() -> None:
    model = tiny("conv_vae", width=32, latent=128)
    shapes: list[tuple[int, ...]] = []
    for module in model.net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda module, given, made: shapes.append(tuple(made.shape[1:])))
    model.loss(torch.zeros(2, 3, 32, 32), torch.zeros(2, dtype=torch.int64))
    down = [(32, 16, 16), (64, 8, 8), (128, 4, 4)]
    assert shapes == [*down, (64, 8, 8), (32, 16, 16), (32, 32, 32), (3, 32, 32)]


# --- the contract


@pytest.mark.parametrize("name", FAMILIES)
def test_the_card_is_filled(name: str) -> None:
    family = TRAINABLE[name]
    for field in dataclasses.fields(Card):
        assert getattr(family.card, field.name), field.name
    assert "$" not in family.card.equation and family.card.url.startswith("https://")
    assert isinstance(family.recipe, TrainConfig) and isinstance(family.live, TrainConfig)
    assert family.live.steps < family.recipe.steps
    family.Sampling(**family.preview_knobs)
    for config in (family.Config, family.Sampling):
        assert all(f.metadata["help"] for f in dataclasses.fields(config))


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_an_update_learns_and_tells(name: str, digits: Dataset) -> None:
    model, (x, y) = tiny(name), batch(digits)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    metrics = model.update(model.canvas.lay(x), y, model.optimizers())
    assert "loss" in metrics and all(v.dim() == 0 and v.isfinite() for v in metrics.values())
    assert not states_equal(before, model.state_dict())


@pytest.mark.parametrize("name", ["vae", "ddpm", "classifier"])
def test_the_loss_falls(name: str, digits: Dataset) -> None:
    model, (x, y) = tiny(name), batch(digits, 64)
    torch.manual_seed(0)
    optimizers = model.optimizers()
    losses = [float(model.update(x, y, optimizers)["loss"].detach()) for _ in range(40)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_are_pictures(name: str) -> None:
    model = scrambled(tiny(name)).eval()
    labels = torch.tensor([3, 1, 4]) if model.conditional else None
    for x in model.sample(Noise(0, 3), labels=labels, **model.preview_knobs):
        assert x.shape == (3, *model.canvas.shape) and x.min() >= -1 and x.max() <= 1 and not x.requires_grad
    assert x.std() > 0.001
    assert model.evaluations(**model.preview_knobs) >= 1


@pytest.mark.parametrize("name", [n for n in FAMILIES if TRAINABLE[n].conditional])
def test_a_label_makes_a_difference_and_only_its_own(name: str) -> None:
    model = scrambled(tiny(name)).eval()
    known = model.Sampling.__dataclass_fields__

    def draw(*labels: int, **knobs: Any) -> Tensor:
        knobs |= {"steps": 3} if "steps" in known else {}
        *_, x = model.sample(Noise(0, 3), labels=torch.tensor(labels), **knobs)
        return x

    a, b = draw(1, 2, 3), draw(1, 7, 3)
    assert torch.allclose(a[[0, 2]], b[[0, 2]], atol=1e-5) and not torch.allclose(a[1], b[1], atol=1e-4)
    if "guidance" in known:
        assert torch.allclose(draw(1, 2, 3, guidance=0.0), draw(4, 5, 6, guidance=0.0), atol=1e-5)
