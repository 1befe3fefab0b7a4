"""Flow matching and the transformer against closed forms and diffusers."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from genlab.diffusion import flow
from genlab.diffusion.flow import SOLVERS
from genlab.models.dit import Block, positions
from genlab.models.flow import FlowConfig
from genlab.noise import Noise
from tests.helpers import scrambled, tiny

Field = Callable[[Tensor, Tensor], Tensor]


def bent(x: Tensor, t: Tensor) -> Tensor:
    """A velocity field that is no straight line."""
    return torch.sin(x) + t.view(-1, 1, 1, 1) * torch.cos(2 * x)


def start() -> Tensor:
    return Noise(0, 4).normal(1, 5, 5).double()


def end(solver: str, field: Field, steps: int) -> Tensor:
    *_, x = SOLVERS[solver](field, start(), flow.times(steps))
    return x


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_solvers_are_those_of_diffusers(solver: str, steps: int) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

    kinds = {"euler": FlowMatchEulerDiscreteScheduler, "heun": FlowMatchHeunDiscreteScheduler}
    scheduler = kinds[solver]()
    if solver == "euler":
        scheduler.set_timesteps(sigmas=[1 - i / steps for i in range(steps)])
    else:  # it has no such parameter: its own times, from 1 to 1 / 1000, and 0
        scheduler.set_timesteps(steps)
    x = start()
    sigmas = scheduler.sigmas.double()
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step(bent(x, sigmas[i].expand(4)), t, x).prev_sample.double()
    times = list(dict.fromkeys(sigmas.tolist()))
    *_, ours = SOLVERS[solver](bent, start(), times)
    assert torch.allclose(ours, x, rtol=1e-4, atol=1e-4)  # diffusers computes in float32


@pytest.mark.parametrize("solver", SOLVERS)
def test_straight_paths_need_one_step(solver: str) -> None:
    x_0, eps = torch.full_like(start(), 0.3), start()
    assert torch.allclose(end(solver, lambda x, t: eps - x_0, 1), x_0)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_order_of_convergence(solver: str, order: int) -> None:
    """Of dx/dt = x, followed from 1 to 0: the end is x / e."""
    errors = [
        (end(solver, lambda x, t: x, steps) - start() / math.e).abs().max().item() for steps in (40, 80, 160)
    ]
    # Heun's last step is Euler's, of local error h^2: the whole stays of second order.
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.15)


def test_the_path_of_a_gaussian() -> None:
    """For x_0 ~ N(0, s^2) the best velocity is known, and carries N(0, 1) to N(0, s^2)."""
    s = 0.5

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        t = t.view(-1, 1, 1, 1)
        return x * (t - (1 - t) * s**2) / ((1 - t) ** 2 * s**2 + t**2)  # E[eps - x_0 | x_t = x]

    assert torch.allclose(end("heun", velocity, 400), s * start(), atol=1e-3)


def test_interpolation_and_its_ends() -> None:
    x_0, eps = torch.rand(3, 1, 2, 2), torch.randn(3, 1, 2, 2)
    x_t = flow.interpolate(x_0, eps, torch.tensor([0.0, 1.0, 0.25]))
    assert torch.equal(x_t[0], x_0[0]) and torch.equal(x_t[1], eps[1])
    assert torch.allclose(x_t[2], 0.75 * x_0[2] + 0.25 * eps[2])


def test_logit_normal_times() -> None:
    t = flow.logit_normal((torch.arange(20_000) + 0.5) / 20_000)
    assert t.min() > 0 and t.max() < 1
    for q in (0.1, 0.25, 0.5, 0.9):
        assert torch.quantile(t.logit(), q).item() == pytest.approx(
            float(torch.special.ndtri(torch.tensor(q))), abs=0.01
        )


class Knows(nn.Module):
    """Knows that every picture is 0.3 everywhere, and hence the velocity."""

    def __init__(self) -> None:
        super().__init__()
        self.here = nn.Parameter(torch.zeros(1))  # says on which device

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        t = t.view(-1, 1, 1, 1) / 1000
        eps = (x - (1 - t) * 0.3) / t.clamp(min=1e-6)
        return eps - 0.3


def test_a_perfect_network_has_no_loss_and_draws_its_picture() -> None:
    model = tiny("flow")
    model.net = model.average = Knows()
    torch.manual_seed(3)
    loss, _ = model.loss(torch.full((500, 1, 4, 4), 0.3), torch.zeros(500).long())
    assert loss < 1e-3
    *_, x = model.sample(Noise(0, 2), steps=3)
    assert torch.allclose(x, torch.full_like(x, 0.3), atol=1e-4)


def test_an_ignorant_network_loses_the_variance_of_the_velocity() -> None:
    loss, _ = tiny("flow").eval().loss(torch.full((64, 1, 28, 28), -0.5), torch.zeros(64).long())
    assert loss.item() == pytest.approx(1 + 0.25, abs=0.05)


@pytest.mark.parametrize("times", ["uniform", "logit_normal"])
def test_which_times_are_trained(times: str) -> None:
    model, seen = tiny("flow", times=times), []

    class Spy(nn.Module):
        def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
            seen.append(t)
            return x

    model.net = Spy()
    model.loss(torch.zeros(4000, 1, 2, 2), torch.zeros(4000).long())
    middle = ((seen[0] > 250) & (seen[0] < 750)).float().mean()
    expected = 0.5 if times == "uniform" else 0.728  # P(|N(0, 1)| < ln 3)
    assert middle == pytest.approx(expected, abs=0.01)


def test_the_flow_is_on_the_network_of_the_diffusion() -> None:
    assert [*tiny("flow").net.state_dict()] == [*tiny("ddpm").net.state_dict()]
    assert FlowConfig().width == 48


# --- DiT


def test_a_fresh_transformer_sees_no_noise_and_its_blocks_do_nothing() -> None:
    model = tiny("dit", depth=2)
    x, t, y = torch.randn(3, 1, 28, 28), torch.tensor([0, 500, 999]), torch.tensor([1, 2, 10])
    assert torch.equal(model.net(x, t, y), torch.zeros(3, 1, 28, 28))
    h = torch.randn(3, 49, 32)
    assert torch.equal(model.net.blocks[0](h, torch.randn(3, 32)), h), "adaLN-Zero begins as the identity"
    assert model.net.blocks[0].modulation.out_features == 6 * 32


def test_the_block_is_that_of_diffusers() -> None:
    """With the same weights; diffusers embeds time and label inside its norm, from its own tables."""
    from diffusers.models.attention import BasicTransformerBlock

    torch.manual_seed(0)
    ours = scrambled(Block(64)).double()  # type: ignore[arg-type]
    theirs = BasicTransformerBlock(
        64, 2, 32, activation_fn="gelu-approximate", num_embeds_ada_norm=10, norm_type="ada_norm_zero",
        attention_bias=True, norm_elementwise_affine=False,
    ).double()  # fmt: skip
    condition = torch.randn(3, 64).double()

    class Given(nn.Module):
        def forward(self, *_: object, **__: object) -> Tensor:
            return condition

    theirs.norm1.emb = Given()
    theirs.norm1.silu = nn.Identity()  # ours is given what has passed through it
    q, k, v = ours.qkv.weight.chunk(3)
    with torch.no_grad():
        for mine, name in ((q, "to_q"), (k, "to_k"), (v, "to_v")):
            getattr(theirs.attn1, name).weight.copy_(mine)
        for mine, name in zip(ours.qkv.bias.chunk(3), ("to_q", "to_k", "to_v"), strict=True):
            getattr(theirs.attn1, name).bias.copy_(mine)
    theirs.attn1.to_out[0].load_state_dict(ours.out.state_dict())
    theirs.ff.net[0].proj.load_state_dict(ours.mlp[0].state_dict())
    theirs.ff.net[2].load_state_dict(ours.mlp[2].state_dict())
    theirs.norm1.linear.load_state_dict(ours.modulation.state_dict())
    x = torch.randn(3, 9, 64).double()
    expected = theirs(x, timestep=torch.zeros(3).long(), class_labels=torch.zeros(3).long())
    assert torch.allclose(ours(x, condition), expected, atol=1e-5)  # their norms use another epsilon


def test_every_patch_knows_where_it_is() -> None:
    table = positions(7, 64)
    assert table.shape == (49, 64) and torch.pdist(table).min() > 0.1
    # Rows differ in the first half alone, columns in the second.
    assert torch.equal(table[0, 32:], table[7, 32:]) and torch.equal(table[0, :32], table[1, :32])


@pytest.mark.parametrize("patch", ["2", "4", "7"])
def test_patches_come_back_where_they_were(patch: str) -> None:
    """With identity in the middle, the network is linear in each patch: a change there stays there."""
    net = scrambled(tiny("dit", patch=patch, depth=1)).net
    net.blocks = nn.ModuleList()
    x, t, y = torch.zeros(1, 1, 28, 28), torch.tensor([5]), torch.tensor([3])
    changed = x.clone()
    changed[0, 0, 14, 21] = 1.0
    side = int(patch)
    moved = (net(changed, t, y) - net(x, t, y))[0, 0].abs() > 1e-6
    rows, columns = moved.nonzero().T
    assert {int(r) // side for r in rows} == {14 // side} and {int(c) // side for c in columns} == {
        21 // side
    }
