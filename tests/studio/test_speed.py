"""What makes the studio faster: true to the published networks, and pictures as without it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab.__main__ import main
from genlab.errors import InvalidInput
from genlab.studio import loading, published, speed
from genlab.studio.benchmark import BenchmarkConfig, measure, report
from genlab.studio.catalog import CATALOG
from genlab.studio.ladder import LADDER, Rung
from genlab.studio.published import PUBLISHED

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def pristine() -> dict[str, dict[str, Any]]:
    """The parts of both tiny models."""
    return {name: published.parts(PUBLISHED[name], CPU, torch.float32) for name in ("tiny", "tiny-xl")}


def draw(parts: dict[str, Any], name: str, prompt: str, cache: speed.PromptCache | None = None) -> Tensor:
    """Latents of two steps."""
    card = CATALOG["sdxl" if PUBLISHED[name].kind == "sdxl" else "sd15"]
    pipe = loading.assemble(card, "text_to_image", parts)
    if cache is not None:
        cache.attach(pipe)
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    side = PUBLISHED[name].side
    return pipe(
        prompt=[prompt] * 2,
        negative_prompt=["dark"] * 2,
        num_inference_steps=2,
        width=side,
        height=side,
        generator=generators,
        output_type="latent",
    ).images


def predicted(unet: Any) -> Tensor:
    """The U-Net's output for fixed noise."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 8, 8, generator=generator)
    text = torch.randn(2, 77, unet.config.cross_attention_dim, generator=generator)
    with torch.no_grad():
        return unet(x, 500, encoder_hidden_states=text).sample


# --- the published networks


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("sd15", {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480}),
        (
            "sdxl",
            {
                "unet": 2_567_463_684,
                "vae": 83_653_863,
                "text_encoder": 123_060_480,
                "text_encoder_2": 694_659_840,
            },
        ),
    ],
)
def test_the_published_networks_have_the_published_sizes(model: str, sizes: dict[str, int]) -> None:
    with torch.device("meta"):
        made = published.networks(PUBLISHED[model])
    assert {name: sum(p.numel() for p in net.parameters()) for name, net in made.items()} == sizes


def test_random_weights_depend_on_the_seed_alone_and_predict_noise_of_size_one(
    pristine: dict[str, dict[str, Any]],
) -> None:
    unet = pristine["tiny"]["unet"]
    again = published.parts(PUBLISHED["tiny"], CPU, torch.float32)["unet"]
    assert all(torch.equal(a, b) for a, b in zip(unet.parameters(), again.parameters(), strict=True))
    assert 0.5 < float(predicted(unet).std()) < 2


# --- the options


@pytest.mark.parametrize("name", ["tiny", "tiny-xl"])
def test_the_prompt_cache_changes_no_bit_and_spares_the_encoders(
    name: str, pristine: dict[str, dict[str, Any]]
) -> None:
    parts, runs, cache = pristine[name], [], speed.PromptCache()
    hooks = [
        net.register_forward_hook(lambda *_: runs.append(1))
        for key, net in parts.items()
        if key.startswith("text_encoder")
    ]
    plain = draw(parts, name, "a red seven")
    each = len(runs)
    first, second = (draw(parts, name, "a red seven", cache) for _ in range(2))
    assert torch.equal(first, plain) and torch.equal(second, plain)
    assert len(runs) == 2 * each, "the second picture reads no prompt"
    other = draw(parts, name, "a blue four", cache)
    assert torch.equal(other, draw(parts, name, "a blue four")) and not torch.equal(other, plain)
    for hook in hooks:
        hook.remove()


def test_the_prompt_cache_forgets_what_was_not_used_for_longest(
    pristine: dict[str, dict[str, Any]],
) -> None:
    parts, runs = pristine["tiny"], []
    pipe = loading.assemble(CATALOG["sd15"], "text_to_image", parts)
    speed.PromptCache(size=2).attach(pipe)
    hook = parts["text_encoder"].register_forward_hook(lambda *_: runs.append(1))
    encoded = []
    for prompt in ("a", "b", "a", "c", "a", "b"):
        before = len(runs)
        pipe.encode_prompt([prompt], CPU, 1, False)
        encoded.append(len(runs) > before)
    assert encoded == [True, True, False, True, False, True]
    hook.remove()


def test_a_refiner_shares_the_cache_and_not_the_base_s_embeddings(
    pristine: dict[str, dict[str, Any]],
) -> None:
    parts, cache = pristine["tiny-xl"], speed.PromptCache()
    without = parts | {"text_encoder": None, "tokenizer": None}
    pipes = [loading.assemble(CATALOG["sdxl"], "text_to_image", of) for of in (parts, without)]
    expected = [pipe.encode_prompt(["a"], None, CPU, 1, False)[0] for pipe in pipes]
    for pipe in pipes:
        cache.attach(pipe)
    for _ in range(2):
        found = [pipe.encode_prompt(["a"], None, CPU, 1, False)[0] for pipe in pipes]
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_adapters_of_a_text_encoder_switch_the_cache_off(pristine: dict[str, dict[str, Any]]) -> None:
    encoder = copy.deepcopy(pristine["tiny"]["text_encoder"])
    pipe = loading.assemble(CATALOG["sd15"], "text_to_image", pristine["tiny"] | {"text_encoder": encoder})
    speed.PromptCache().attach(pipe)
    before, _ = pipe.encode_prompt(["a"], CPU, 1, False)
    encoder.peft_config = {"style": None}
    with torch.no_grad():
        encoder.final_layer_norm.bias.add_(1)  # as a LoRA would
    after, _ = pipe.encode_prompt(["a"], CPU, 1, False)
    torch.testing.assert_close(after, before + 1)


def test_prepared_networks_compute_the_same_to_rounding_however_often(
    pristine: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(speed.COMPILE, raising=False)
    parts = copy.deepcopy(pristine["tiny"])
    plain = predicted(parts["unet"])
    for _ in range(2):
        speed.prepare(parts, GPU)
        torch.testing.assert_close(predicted(parts["unet"]), plain, atol=1e-5, rtol=1e-5)
    weight = parts["unet"].conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert "Fused" in str(next(iter(parts["unet"].attn_processors.values())))
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        a, b = (p["vae"].encode(image).latent_dist.mean for p in (pristine["tiny"], parts))
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_a_lora_is_never_ignored(pristine: dict[str, dict[str, Any]]) -> None:
    parts = copy.deepcopy(pristine["tiny"])
    speed.fuse(parts)
    changed = copy.deepcopy(pristine["tiny"]["unet"])
    for unet in (parts["unet"], changed):  # what an adapter does to the three matrices
        block = next(m for m in unet.modules() if type(m).__name__ == "BasicTransformerBlock")
        with torch.no_grad():
            block.attn1.to_v.weight.mul_(3)
    parts["unet"].peft_config = {"style": None}
    speed.fuse(parts)
    assert torch.equal(predicted(parts["unet"]), predicted(changed))
    assert not torch.equal(predicted(changed), predicted(pristine["tiny"]["unet"]))
    del parts["unet"].peft_config
    speed.fuse(parts)
    torch.testing.assert_close(predicted(parts["unet"]), predicted(changed), atol=1e-5, rtol=1e-5)


def test_a_cpu_keeps_its_networks_as_they_are(pristine: dict[str, dict[str, Any]]) -> None:
    parts = copy.deepcopy(pristine["tiny"])
    speed.prepare(parts, CPU)
    assert torch.equal(predicted(parts["unet"]), predicted(pristine["tiny"]["unet"]))
    assert parts["unet"].conv_in.weight.is_contiguous()


def test_compiling_is_asked_for_in_known_words(
    pristine: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(speed.COMPILE, "fast")
    with pytest.raises(InvalidInput, match=r"'fast'.*0, 1, blocks, unet"):
        speed.prepare(copy.deepcopy(pristine["tiny"]), GPU)


# --- the ladder


def test_the_command_measures_the_ladder_on_a_cpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    out = tmp_path / "ladder.json"
    flags = ["--model", "tiny", "--steps", "4", "--repeats", "1", "--compiled", "blocks", "--out", str(out)]
    main(["benchmark-studio", *flags])
    kept, shown = json.loads(out.read_text()), capsys.readouterr().out
    rungs = {rung["name"]: rung for rung in kept["rungs"]}
    assert [*rungs] == [rung.name for rung in LADDER if rung.compiles != "unet"]
    assert all(name in shown for name in rungs)
    for rung in kept["rungs"]:
        assert rung["ratio"] == rungs["plain diffusers"]["seconds"] / rung["seconds"]
    assert [rung["right"] for rung in kept["rungs"]] == [True] * 5 + [None]
    assert rungs["+ guidance cut off"]["difference"] > 1e-3, "it draws another picture"
    assert kept["best"] == max(r["ratio"] for r in kept["rungs"] if r["right"])
    assert kept["met"] == (kept["best"] >= 1.5) and ("met" if kept["met"] else "missed") in shown
    assert kept["device"] == "CPU" and kept["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert kept["command"].startswith("python -m genlab benchmark-studio --model tiny --steps 4")


def test_a_rung_that_draws_something_else_never_counts_as_fast() -> None:
    def deaf(nets: dict[str, Any], device: torch.device) -> None:
        """Fast and wrong: the U-Net no longer hears the text."""
        for module in nets["unet"].modules():
            if getattr(module, "is_cross_attention", False):
                module.forward = lambda hidden_states, **_: torch.zeros_like(hidden_states)

    config = BenchmarkConfig(model="tiny-xl", steps=3, repeats=1)
    cut = next(rung for rung in LADDER if rung.cut_off)._replace(changes=(), compiles="")
    rungs = list(measure(config, CPU, (LADDER[0], Rung("deaf", (deaf,)), cut)))
    assert [rung.right for rung in rungs] == [True, False, None]
    assert report(config, CPU, rungs)["best"] == 1.0
