"""Every task draws what diffusers alone draws, bit for bit, from weights that are there once."""

import itertools
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from genlab.studio import loading
from genlab.studio.card import ModelCard
from genlab.studio.engine import Engine
from genlab.studio.request import TASKS
from genlab.studio.schedulers import SCHEDULERS
from tests.studio.helpers import arrays, ask, draw, followed, plain, plain_pipe, scheduled

PLAIN = [name for name, sampler in SCHEDULERS.items() if not sampler.distilled]


@pytest.fixture
def images(picture: Any, mask: Any) -> dict[str, Any]:
    return {"picture": picture, "mask": mask}


@pytest.mark.parametrize("model", ["sd", "sdxl"])
@pytest.mark.parametrize("task", TASKS)
def test_every_task_with_every_scheduler_is_plain_diffusers(
    task: str, model: str, shared: Engine, models: Path, images: dict[str, Any]
) -> None:
    for scheduler in PLAIN:
        request = ask(task, model, images, scheduler=scheduler, n=2, seed=7, negative_prompt="blue")
        expected = plain(plain_pipe(models, request), request)
        found = draw(shared, request).pictures
        assert np.array_equal(arrays(found), arrays(expected)), scheduler


@pytest.mark.parametrize("model", ["sd", "sdxl"])
def test_no_negative_prompt_is_what_diffusers_takes_for_none(
    model: str, shared: Engine, models: Path
) -> None:
    request = ask("text_to_image", model, seed=3)
    expected = plain(plain_pipe(models, request), request)
    assert np.array_equal(arrays(draw(shared, request).pictures), arrays(expected))


def test_any_number_of_steps_works_with_every_scheduler(shared: Engine, images: dict[str, Any]) -> None:
    for task, scheduler, steps in itertools.product(TASKS, PLAIN, (1, 2)):
        strength = {"strength": 1.0} if hasattr(TASKS[task], "strength") else {}
        request = ask(task, images=images, scheduler=scheduler, steps=steps, **strength)
        assert len(draw(shared, request).pictures) == 1


def test_a_picture_depends_on_its_own_seed_alone(shared: Engine) -> None:
    together = arrays(draw(shared, ask("text_to_image", n=4, seed=10)).pictures)
    for i in range(4):
        alone = arrays(draw(shared, ask("text_to_image", seed=10 + i)).pictures)[0]
        assert np.abs(together[i] - alone).max() <= 1
    assert np.abs(together[0] - together[1]).max() > 1


def test_the_tasks_share_their_weights(engine: Engine, models: Path, images: dict[str, Any]) -> None:
    for task in TASKS:
        draw(engine, ask(task, images=images))
    numbers = [
        tensor.numel()
        for part in ("sd/unet", "sd/vae", "sd/text_encoder", "sd-control")
        for path in (models / part).glob("*.safetensors")
        for tensor in loading_tensors(path)
    ]
    assert engine.bytes() - 4 * sum(numbers) < 1000  # buffers that are not saved


def loading_tensors(path: Path) -> list[torch.Tensor]:
    from safetensors.torch import load_file

    return list(load_file(path).values())


def test_putting_a_pipeline_together_converts_nothing(
    cards: dict[str, ModelCard], images: dict[str, Any]
) -> None:
    base = loading.load_base(cards["sd"], torch.float16, checked=False).parts
    control = loading.load_part(cards["sd"], "control", torch.float16).parts
    before = {id(p): p.data_ptr() for p in base["unet"].parameters()}
    for task in TASKS:
        pipe = loading.assemble(cards["sd"], task, base | control)
        assert {p.dtype for p in pipe.unet.parameters()} == {torch.float16}
        assert {id(p): p.data_ptr() for p in pipe.unet.parameters()} == before


def test_the_refiner_goes_on_from_the_bases_latents(engine: Engine, models: Path) -> None:
    request = ask("text_to_image", "sdxl", steps=10, refiner="on", n=2, negative_prompt="blue")
    base = plain_pipe(models, request)
    latents = plain(base, request, denoising_end=0.8, output_type="latent")
    refiner = diffusers.StableDiffusionXLImg2ImgPipeline.from_pretrained(
        models / "refiner", vae=base.vae, text_encoder_2=base.text_encoder_2
    )
    refiner = scheduled(refiner, request)
    expected = refiner(
        prompt=[request.prompt] * 2,
        negative_prompt=["blue"] * 2,
        image=latents,
        num_inference_steps=10,
        denoising_start=0.8,
        guidance_scale=request.knobs.guidance,
        generator=[torch.Generator().manual_seed(i) for i in range(2)],
    ).images
    drawn, told = followed(engine, request)
    assert np.array_equal(arrays(drawn.pictures), arrays(expected))
    assert drawn.evaluations == 10
    shares = [progress.share for progress in told if progress.share is not None]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    unrefined = draw(engine, request.change(refiner="off"))
    assert not np.array_equal(arrays(unrefined.pictures), arrays(expected))
    assert drawn.recipes[0]["refiner_source"]["repository"] == "refiner"


@pytest.mark.parametrize("scheduler", PLAIN)
def test_every_scheduler_can_be_refined(scheduler: str, shared: Engine) -> None:
    for steps in (5, 7):
        request = ask("text_to_image", "sdxl", refiner="on", steps=steps, scheduler=scheduler)
        assert draw(shared, request).pictures[0].size == (64, 64)


def test_the_few_step_lora_is_on_for_its_request_only(engine: Engine, models: Path) -> None:
    usual = ask("text_to_image", n=2)
    before = arrays(draw(engine, usual).pictures)
    assert engine.resident is not None
    weights = {k: v.clone() for k, v in engine.resident.parts["unet"].state_dict().items()}
    few = usual.change(few_steps="lcm", scheduler="lcm")
    pipe = plain_pipe(models, few)
    pipe.load_lora_weights(models / "lora")
    found = arrays(draw(engine, few).pictures)
    assert np.array_equal(found, arrays(plain(pipe, few)))
    assert not np.array_equal(found, before)
    after = engine.resident.parts["unet"].state_dict()
    assert after.keys() == weights.keys() and all(torch.equal(after[k], weights[k]) for k in weights)
    assert np.array_equal(arrays(draw(engine, usual).pictures), before)
