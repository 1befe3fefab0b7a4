"""A look inside a pipeline changes nothing, leaves nothing behind, and tells what was computed."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from genlab.errors import InvalidInput
from genlab.studio.attention import CrossAttention, Word, merge, probabilities, words_of
from genlab.studio.catalog import CATALOG
from genlab.studio.compression import compression, round_trip
from genlab.studio.engine import Engine
from genlab.studio.lens import Inside, inside, predict, scales_at
from genlab.studio.mini import captions, tokenizer
from genlab.studio.mini.diffusion import DenoiserConfig, MiniDenoiser
from genlab.studio.mini.pipeline import save_pipeline
from genlab.studio.mini.vae import AutoencoderConfig, MiniAutoencoder
from genlab.studio.request import ImageKnobs, Knobs, Request
from genlab.studio.schedulers import SCHEDULERS, make
from genlab.ui.endpoints import studio_inside
from genlab.ui.endpoints.values import make_outputs
from genlab.ui.studio.inside_view import show
from genlab.ui.studio.maps import BELOW_AND_ABOVE, coloured, overlay
from genlab.walks import finish

KINDS = {"mini-sd": "v_prediction", "mini-eps": "epsilon"}
PROMPT = "a red zebra on red"
SAMPLERS = [name for name, sampler in SCHEDULERS.items() if not sampler.distilled]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """mini-SD with the smallest random networks, once for each prediction type."""
    folder = tmp_path_factory.mktemp("models")
    words = tokenizer.build(captions.vocabulary(), folder / "tokenizer")
    torch.manual_seed(0)
    vae = MiniAutoencoder(AutoencoderConfig(channels=8)).net
    denoiser = MiniDenoiser(DenoiserConfig(width=16, text_width=32, text_layers=1), len(words))
    for name, kind in KINDS.items():
        save_pipeline(vae, denoiser, words, folder / name)
        config = folder / name / "scheduler" / "scheduler_config.json"
        config.write_text(config.read_text().replace("v_prediction", kind))
    return {name: folder / name for name in KINDS}


@pytest.fixture(scope="module")
def engine(models: dict[str, Path]) -> Iterator[Engine]:
    cards = {
        name: dataclasses.replace(CATALOG["mini-sd"], name=name) for name in KINDS
    }  # found by environment
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in models.items():
            patch.setenv(f"GENLAB_{name.upper().replace('-', '_')}", str(folder))
        yield Engine(torch.device("cpu"), cards, public=False)


def ask(model: str = "mini-sd", prompt: str = PROMPT, **knobs: Any) -> Request:
    return Request("text_to_image", model, prompt, Knobs(**{"steps": 4} | knobs), seed=3)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(np.int16)


def plain(folder: Path) -> Any:
    """The pipeline as diffusers alone loads it."""
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def seen(engine: Engine) -> Inside:
    """Four DDIM steps, guided."""
    return finish(inside(engine, ask()))


# --- nothing changes


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("scheduler", SAMPLERS)
def test_the_picture_is_that_of_draw_bit_for_bit(engine: Engine, model: str, scheduler: str) -> None:
    request = ask(model, scheduler=scheduler, guidance=1.0 if scheduler == "unipc" else 5.0, height=40)
    drawn, found = finish(engine.draw(request)), finish(inside(engine, request))
    assert np.array_equal(pixels(found.drawn.pictures[0]), pixels(drawn.pictures[0]))
    assert found.drawn.recipes == drawn.recipes
    evaluations = 5 if scheduler == "pndm" else 4
    assert len(found.steps) == evaluations and found.steps[0].t == 999


def hooks(engine: Engine) -> list[Any]:
    assert engine.resident is not None
    unet = engine.resident.parts["unet"]
    return [hook for m in unet.modules() for hook in (*m._forward_hooks, *m._forward_pre_hooks)]


def test_nothing_stays_behind(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = finish(engine.draw(ask()))
    stopped = inside(engine, ask(steps=150))
    while (next(stopped).share or 0) < 0.02:
        pass
    assert hooks(engine), "it is being watched"
    stopped.close()
    finish(engine.worker.stream(lambda report: None))  # the work has ended
    assert hooks(engine) == []

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(engine.resident.previewer, "pictures", fail)  # type: ignore[union-attr]
        with pytest.raises(ZeroDivisionError):
            finish(inside(engine, ask()))
    assert hooks(engine) == []
    after = finish(engine.draw(ask()))
    assert np.array_equal(pixels(before.pictures[0]), pixels(after.pictures[0]))


def test_only_plain_drawing_is_timed(engine: Engine) -> None:
    finish(engine.draw(ask()))
    rates = dict(engine.rates)
    finish(inside(engine, ask(steps=2)))
    assert engine.rates == rates


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (dataclasses.replace(ask(), n=2), "n is 2"),
        (
            Request(
                "image_to_image", "mini-sd", PROMPT, ImageKnobs(steps=4), picture=Image.new("RGB", (32, 32))
            ),
            "task is image_to_image",
        ),
        (ask(scheduler="lcm"), "scheduler is lcm"),
    ],
)
def test_what_cannot_be_looked_into_is_refused_at_once(engine: Engine, request_: Request, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        inside(engine, request_)


# --- predictions


@pytest.mark.parametrize("t", [1, 300, 700.25])
def test_noise_and_latents_come_back_from_every_kind_of_output(t: float) -> None:
    from diffusers import DDIMScheduler

    alpha, sigma = scales_at(DDIMScheduler(), t)
    assert alpha**2 + sigma**2 == pytest.approx(1)
    torch.manual_seed(1)
    x_0, eps = torch.randn(2, 1, 4, 8, 8, dtype=torch.float64)
    x_t = alpha * x_0 + sigma * eps
    outputs = {"v_prediction": alpha * eps - sigma * x_0, "epsilon": eps, "sample": x_0}
    for kind, output in outputs.items():
        found = predict(kind, output, x_t, alpha, sigma)
        torch.testing.assert_close(found.eps, eps)
        torch.testing.assert_close(found.x_0, x_0)


def test_between_two_times_the_noise_is_that_of_euler() -> None:
    from diffusers import DDIMScheduler

    scheduler = make("euler", DDIMScheduler(timestep_spacing="linspace").config)
    scheduler.set_timesteps(7)
    assert any(t % 1 for t in scheduler.timesteps.tolist())
    for t, ratio in zip(scheduler.timesteps.tolist(), scheduler.sigmas.tolist(), strict=False):
        alpha, sigma = scales_at(scheduler, t)
        assert sigma / alpha == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("model", KINDS)
def test_the_samplers_see_the_same_clean_latents(
    engine: Engine, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x_0 against what each scheduler of diffusers computes from the guided output, in its own frame."""
    import diffusers

    told: list[torch.Tensor] = []

    def spy(scheduler: str, method: str, of: Any) -> None:
        type_ = getattr(diffusers, scheduler)
        original = getattr(type_, method)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            told.append(of(result)[0])
            return result

        monkeypatch.setattr(type_, method, call)

    spy("DDIMScheduler", "step", lambda result: result[1])
    spy("EulerDiscreteScheduler", "step", lambda result: result[1])
    spy("DPMSolverMultistepScheduler", "convert_model_output", lambda result: result)
    spy("UniPCMultistepScheduler", "convert_model_output", lambda result: result)
    for scheduler in ("ddim", "euler", "dpmpp", "unipc"):
        told.clear()
        found = finish(inside(engine, ask(model, scheduler=scheduler)))
        assert len(told) == len(found.steps) == 4
        first = (
            0 if model == "mini-sd" else 1
        )  # at t = 999 noise is all there is, and x_0 its error, enlarged
        for step, x_0 in list(zip(found.steps, told, strict=True))[first:]:
            torch.testing.assert_close(step.x_0, x_0, rtol=1e-3, atol=1e-3)


def test_guidance_is_what_the_scheduler_was_given(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import DDIMScheduler

    given: list[tuple[torch.Tensor, int, torch.Tensor]] = []
    step_of = DDIMScheduler.step

    def step(self: Any, output: torch.Tensor, t: Any, x: torch.Tensor, *args: Any, **named: Any) -> Any:
        given.append((output[0], int(t), x[0]))
        return step_of(self, output, t, x, *args, **named)

    monkeypatch.setattr(DDIMScheduler, "step", step)
    found = finish(inside(engine, ask(guidance=4.0)))
    bars = make("ddim", engine.resident.parts["scheduler"].config).alphas_cumprod  # type: ignore
    for told, (v, t, x) in zip(found.steps, given, strict=True):
        assert told.t == t and torch.equal(told.x_t, x)
        assert told.eps_uncond is not None
        guided = told.eps_uncond + 4.0 * (told.eps_cond - told.eps_uncond)
        torch.testing.assert_close(guided, bars[t].sqrt() * v + (1 - bars[t]).sqrt() * x)
    norms = found.norms()
    assert norms["difference"][1] == pytest.approx(
        float(torch.dist(found.steps[1].eps_cond, found.steps[1].eps_uncond))  # type: ignore[arg-type]
    )
    assert all(len(values) == 4 for values in norms.values())


def test_without_guidance_the_prompt_alone_is_asked(engine: Engine) -> None:
    found = finish(inside(engine, ask(guidance=1.0)))
    assert all(step.eps_uncond is None for step in found.steps)
    assert list(found.norms()) == ["cond"]
    guided = finish(inside(engine, ask(guidance=5.0)))
    torch.testing.assert_close(found.steps[0].attention, guided.steps[0].attention, rtol=1e-2, atol=1e-3)


def test_the_steps_are_those_of_plain_diffusers(seen: Inside, models: dict[str, Path]) -> None:
    """x_t at every step, and at the last one x_0 is the picture: DDIM ends at its prediction."""
    latents: list[torch.Tensor] = []

    def note(pipe: Any, i: int, t: Any, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        latents.append(values["latents"][0].clone())
        return values

    plain(models["mini-sd"])(
        PROMPT,
        num_inference_steps=4,
        guidance_scale=3.0,
        width=32,
        height=32,
        generator=torch.Generator().manual_seed(3),
        callback_on_step_end=note,
    )
    for step, x_t in zip(seen.steps[1:], latents, strict=False):
        torch.testing.assert_close(step.x_t, x_t, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen.steps[-1].x_0, latents[-1], rtol=1e-4, atol=1e-4)
    off = np.abs(pixels(seen.steps[-1].picture) - pixels(seen.drawn.pictures[0]))
    assert off.max() <= 1, "decoded as the pipeline does"


# --- attention


def test_the_probabilities_are_those_that_the_fused_layer_uses(engine: Engine) -> None:
    """softmax(q k^T) v, projected, is the layer's own output."""
    finish(engine.draw(ask()))
    unet = engine.resident.parts["unet"]  # type: ignore[union-attr]
    layer = next(m for name, m in unet.named_modules() if name.endswith("attn2"))
    torch.manual_seed(2)
    x, words = torch.randn(2, 64, layer.query_dim), torch.randn(2, 32, layer.cross_attention_dim)
    with torch.no_grad():
        p = probabilities(layer, x, words)
        v = layer.head_to_batch_dim(layer.to_v(words))
        torch.testing.assert_close(layer.to_out[0](layer.batch_to_head_dim(p @ v)), layer(x, words))
    assert p.shape == (2 * layer.heads, 64, 32)
    torch.testing.assert_close(p.sum(-1), torch.ones(p.shape[:2]))


@pytest.mark.parametrize(("height", "width", "shown"), [(10, 18, (10, 18)), (160, 80, (64, 32))])
def test_tokens_share_the_attention_of_every_place(
    engine: Engine, height: int, width: int, shown: tuple[int, int]
) -> None:
    finish(engine.draw(ask()))
    unet = engine.resident.parts["unet"]  # type: ignore[union-attr]
    watch = CrossAttention(height, width)
    torch.manual_seed(4)
    with torch.no_grad(), watch.watching(unet):
        unet(torch.randn(2, 4, height, width), 500, torch.randn(2, 32, unet.config.cross_attention_dim))
    maps = watch.take()
    assert maps.shape == (32, *shown) and float(maps.min()) >= 0
    torch.testing.assert_close(maps.sum(0), torch.ones(shown))
    words = [Word("one", 0, (1, 2)), Word("two", 4, (3,))]
    merged = merge(maps, words)
    assert merged.shape == (4, *shown) and merged.dtype == torch.float16
    torch.testing.assert_close(merged[0].float(), maps[1] + maps[2], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(merged[-1].float(), maps[4:].sum(0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(merged.float().sum(0), torch.ones(shown), rtol=0, atol=3e-3)


def test_words_are_found_again_in_their_tokens(models: dict[str, Path]) -> None:
    pipe = plain(models["mini-sd"])
    words = words_of(pipe.tokenizer, "A red  zebra, on RED don't 일")
    assert [w.text for w in words] == ["A", "red", "zebra", ",", "on", "RED", "don't", "일"]
    ids = pipe.tokenizer("A red  zebra, on RED don't 일").input_ids
    assert [place for w in words for place in w.tokens] == list(range(1, len(ids) - 1)), (
        "none lost or doubled"
    )
    for word in words:
        spelled = pipe.tokenizer.decode([ids[place] for place in word.tokens]).replace(" ", "")
        assert spelled == word.text.lower()
    assert words_of(pipe.tokenizer, "") == words_of(pipe.tokenizer, " \n") == []
    many = words_of(pipe.tokenizer, "red " * 100)
    assert len(many) == tokenizer.LENGTH - 2 and many[-1].tokens == (tokenizer.LENGTH - 2,)


def test_a_word_that_appears_twice_has_two_maps(seen: Inside) -> None:
    assert seen.names() == ["a", "red", "zebra", "on", "red (2)", "start of text", "end of text and padding"]
    maps = seen.attention()
    assert maps.shape == (7, 8, 8)
    assert not torch.equal(maps[1], maps[4])
    torch.testing.assert_close(maps.sum(0), torch.ones(8, 8), rtol=0, atol=3e-3)
    assert len(seen.words[2].tokens) == 4, "z, e, b, r, a, of which one pair is known"


def test_an_empty_prompt_has_only_start_and_end(engine: Engine) -> None:
    found = finish(inside(engine, ask(prompt="")))
    assert found.words == [] and found.attention().shape == (2, 8, 8)


# --- compression


def tiny_vae(levels: int) -> Any:
    from diffusers import AutoencoderKL

    torch.manual_seed(5)
    return AutoencoderKL(
        latent_channels=4,
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        norm_num_groups=8,
    ).eval()


def test_compression_is_that_of_the_latents() -> None:
    large = compression(tiny_vae(4), 512, 512)  # Stable Diffusion's depth
    assert (math.prod(large.pixels), math.prod(large.latents), large.ratio) == (786_432, 16_384, 48)
    mini = compression(tiny_vae(3), 32, 32)
    assert (math.prod(mini.pixels), math.prod(mini.latents), mini.ratio) == (3_072, 256, 12)
    vae, (height, width, channels) = tiny_vae(4), compression(tiny_vae(4), 96, 64).latents
    with torch.no_grad():
        latents = vae.encode(torch.zeros(1, 3, 64, 96)).latent_dist.mean
    assert latents.shape == (1, channels, height, width)


def test_a_round_trip_is_measured_in_pixels() -> None:
    vae = tiny_vae(3)
    levels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    found = round_trip(vae, Image.fromarray(levels))
    assert found.picture.size == (48, 32)
    mse = np.square(levels.astype(float) - np.asarray(found.picture)).mean()
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / mse), abs=0.05)
    x = torch.from_numpy(levels).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        again = vae(x).sample[0].permute(1, 2, 0)  # encodes to the mode, decodes
    assert np.abs((again.numpy() + 1) * 127.5 - pixels(found.picture)).clip(0, 1).max() <= 1


# --- shown


def test_colours_say_below_zero_and_above() -> None:
    picture = coloured(torch.tensor([[-9.0, -3.0, 0.0, 3.0, 9.0]]), -3, 3, BELOW_AND_ABOVE)
    below, zero, above = (tuple(bytes.fromhex(colour[1:])) for colour in BELOW_AND_ABOVE)
    assert [picture.getpixel((i, 0)) for i in range(5)] == [below, below, zero, above, above]


def test_attention_is_bright_where_it_is_and_keeps_its_place() -> None:
    attention = torch.zeros(4, 8)  # twice as wide as high
    attention[0, 6:] = 0.1
    found = pixels(overlay(Image.new("RGB", (64, 32), "grey"), attention)).sum(2)
    assert found.shape == (32, 64) and found[:4, 56:].min() > found[16:].max()
    nothing = pixels(overlay(Image.new("RGB", (64, 32), "grey"), torch.zeros(4, 8)))
    assert np.ptp(nothing[..., 0]) == 0


def test_a_step_is_shown_with_all_its_parts(seen: Inside, engine: Engine) -> None:
    text = show(seen, 2, this_step=False)
    assert f"step 2 of 4: t = {seen.steps[1].t:g}" in text
    assert text.count("<img") == 2 + 4 + 1 + 7, "beliefs, channels, difference, five words and two more"
    assert "3,072" in text and "256" in text and "12 times fewer" in text
    assert text != show(seen, 2, this_step=True) != show(seen, 3, this_step=True)
    alone = finish(inside(engine, ask(guidance=1.0, prompt='a <b> "7"', steps=1)))
    text = show(alone, 1, this_step=False)
    assert "asked only once" in text and "<b></b>" not in text and "attention to &lt;" in text


def test_the_endpoint_tells_every_step(engine: Engine) -> None:
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as app:
        studio_inside.expose(engine, make_outputs())
    _, url, _ = app.queue().launch(prevent_thread_lock=True, quiet=True, show_error=True, _frontend=False)
    client = Client(url, verbose=False, analytics_enabled=False)
    try:
        pictures, numbers = client.predict(
            prompt=PROMPT, seed=3, model="mini-sd", steps=4, api_name="/inside"
        )
        with pytest.raises(AppError, match="steps is 0"):
            client.predict(model="mini-sd", steps=0, api_name="/inside")
    finally:
        client.close()
        app.close()
    expected = finish(inside(engine, ask()))
    captions_ = [picture["caption"] for picture in pictures]
    assert captions_ == [*(f"x_0, t = {t:g}" for t in numbers["t"]), "picture", *expected.names()]
    drawn = Image.open(pictures[4]["image"]).convert("RGB")
    assert np.array_equal(pixels(drawn), pixels(expected.drawn.pictures[0]))
    assert sum(part["share"] for part in numbers["attention"]) == pytest.approx(1, abs=3e-3)
    assert numbers["norms"]["difference"] == pytest.approx(expected.norms()["difference"], rel=1e-3)
    assert numbers["ratio"] == 12 and numbers["recipe"]["seed"] == 3
