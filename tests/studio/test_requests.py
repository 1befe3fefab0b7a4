"""What visitors type: every bad value is refused in one sentence, every text is drawn."""

from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from genlab.config import quote
from genlab.data import Dataset
from genlab.errors import InvalidInput
from genlab.studio import remarks
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.studio.mini import captions
from genlab.studio.mini.pictures import ColouredDigits
from genlab.studio.request import TASKS, InpaintKnobs, Knobs, Request, check_steps, clean_prompt
from tests.studio.helpers import ask, draw

BAD = [float("nan"), float("inf"), float("-inf"), True, "5", None, -1, 1e9, [5], {}, 10**5000]
NUMBERS = {"steps": [0, 1.5], "guidance": [0, 0.99], "strength": [-0.1, 1.5], "control_scale": [2.5]}
TEXTS = {
    "emoji": "🦄 red 🌈",
    "nul": "red\0seven\x1b",
    "right-to-left": "سبعة حمراء ‏",
    "unknown": "zxqw vrrrm",
    "surrogate": "red \ud800",
    "empty": "",
    "end of text": "red<|endoftext|>blue<|startoftext|>",
}


def refused(make: Any) -> str:
    """The sentence with which ``make`` refuses."""
    with pytest.raises(InvalidInput) as told:
        make()
    text = str(told.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 200
    return text


@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_out_of_range_is_taken(name: str) -> None:
    task = {"strength": "image_to_image", "control_scale": "control"}.get(name, "text_to_image")
    for value in [*BAD, *NUMBERS[name]]:
        assert refused(lambda value=value: ask(task, **{name: value})).startswith(f"{name} is ")


@pytest.mark.parametrize("value", [*BAD, 0, 33, 2056, 4096, 32.5], ids=quote)
@pytest.mark.parametrize("name", ["width", "height"])
def test_no_odd_size_is_taken(name: str, value: Any) -> None:
    assert refused(lambda: ask("text_to_image", **{name: value})).startswith(f"{name} is ")


@given(st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(), st.binary()))
@settings(max_examples=200, deadline=None)
def test_a_value_is_in_its_range_or_refused(value: Any) -> None:
    for task, name, lo, hi in (("image_to_image", "strength", 0, 1), ("text_to_image", "guidance", 1, 20)):
        try:
            found = getattr(TASKS[task](**{name: value}), name)
        except InvalidInput as error:
            assert str(error).startswith(f"{name} is ")
        else:
            assert isinstance(found, float) and lo <= found <= hi


def test_the_shape_and_the_models_sizes(cards: dict[str, ModelCard], shared: Engine) -> None:
    assert "4 times" in refused(lambda: ask("text_to_image", width=32, height=640))
    assert "32 to 256" in refused(lambda: shared.draw(ask("text_to_image", width=8, height=32)))
    assert "32 to 256" in refused(lambda: shared.draw(ask("text_to_image", width=264, height=128)))
    assert draw(shared, ask("text_to_image", width=96, height=40, steps=1)).pictures[0].size == (96, 40)


def test_names_that_are_none(shared: Engine) -> None:
    assert refused(lambda: Request("paint", "sd", "", Knobs())).startswith("task is 'paint'")
    assert refused(lambda: shared.draw(ask("text_to_image", "dall-e"))).startswith("model is 'dall-e'")
    assert refused(lambda: shared.estimate(ask("text_to_image", "dall-e"))).startswith("model is")
    assert refused(lambda: Request("control", "sd", "", InpaintKnobs())).startswith("knobs are")
    for name, lo, hi in (("n", 1, 8), ("seed", 0, 2**32 - 1)):
        for value in [*(bad for bad in BAD if bad != 1e9), lo - 1, hi + 1]:  # which is a seed
            assert refused(lambda n=name, v=value: ask("text_to_image", **{n: v})).startswith(name)
    assert ask("text_to_image", n=2, seed=2**32 - 1).seeds() == [2**32 - 1, 0]


def test_plain_knobs_take_the_tasks_own_defaults() -> None:
    assert Request("inpaint", "sd", "", Knobs(steps=9)).knobs == InpaintKnobs(steps=9)


@pytest.mark.parametrize("strength", [0.0, 0.01, 0.1, 0.33, 0.5])
def test_the_strength_that_is_proposed_leaves_a_step(strength: float) -> None:
    for steps in range(1, 151):
        knobs = TASKS["image_to_image"](steps=steps, strength=strength)
        if int(steps * strength) < 1:
            proposed = float(
                refused(lambda knobs=knobs: check_steps(knobs)).split("at least ")[1].split(",")[0]
            )
            check_steps(TASKS["image_to_image"](steps=steps, strength=proposed))
        else:
            check_steps(knobs)


def test_what_a_model_or_scheduler_cannot_do(shared: Engine) -> None:
    cases = {
        "distilled": ask("text_to_image", scheduler="lcm"),
        "at most 50": ask("text_to_image", scheduler="lcm", few_steps="lcm", steps=51),
        "refiner is on; Stable Diffusion 1.5 has none": ask("text_to_image", refiner="on", steps=10),
        "few_steps is lcm; SDXL has none": ask("text_to_image", "sdxl", few_steps="lcm"),
        "at least 5": ask("text_to_image", "sdxl", refiner="on", steps=4),
    }
    for sentence, request in cases.items():
        assert sentence in refused(lambda request=request: shared.draw(request))


def test_pictures_are_there_and_fit(shared: Engine, picture: Image.Image, mask: Image.Image) -> None:
    both = {"picture": picture, "mask": mask}
    for task in ("image_to_image", "inpaint", "control"):
        assert refused(lambda task=task: shared.draw(ask(task))).startswith("picture is missing")
        assert "64x72" in refused(lambda task=task: shared.draw(ask(task, images=both, height=72)))
        wrong = both | {"picture": picture.convert("RGBA")}
        assert "must be RGB" in refused(lambda task=task, w=wrong: shared.draw(ask(task, images=w)))
    assert refused(lambda: shared.draw(ask("inpaint", images={"picture": picture}))).startswith(
        "mask is missing"
    )
    small = both | {"mask": mask.resize((32, 32))}
    assert refused(lambda: shared.draw(ask("inpaint", images=small))).startswith("mask is ")
    extra = Request("text_to_image", "sd", "", Knobs(width=64, height=64), picture=picture)
    assert refused(lambda: shared.draw(extra)) == "picture is given; text_to_image takes none."


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_is_drawn(text: str, shared: Engine) -> None:
    drawn = draw(shared, ask("text_to_image", prompt=text, negative_prompt=text, steps=1))
    assert drawn.recipes[0]["prompt"] == clean_prompt("prompt", text)
    assert not any(character in drawn.recipes[0]["prompt"] for character in "\0\x1b\ud800")


def test_markup_in_a_prompt_is_text(shared: Engine) -> None:
    draw(shared, ask("text_to_image", steps=1))
    assert shared.resident is not None
    words = shared.resident.parts["tokenizer"]
    ids = words("red<|endoftext|>blue").input_ids
    assert ids.count(words.eos_token_id) == 1 and ids[-1] == words.eos_token_id
    assert words.decode(ids[1:-1]).replace(" ", "") == "red<|endoftext|>blue"


def test_words_that_a_small_model_does_not_know_are_named() -> None:
    card = CATALOG["mini-sd"]
    assert remarks.unknown(card, "A thick, RED seven (7) over black!") == []
    assert remarks.unknown(card, "") == []
    assert remarks.unknown(card, "a purple cat, eine rote Sieben") == [
        "mini-SD does not know cat, eine, rote, sieben"
    ]
    assert remarks.unknown(card, " ".join(f"w{i}" for i in range(9)))[0].endswith("w4, ...")
    assert remarks.unknown(CATALOG["sdxl"], "a purple cat") == []


def test_mini_sd_knows_every_word_of_its_captions(digits: Dataset) -> None:
    _, facts = ColouredDigits.of(digits).draw(torch.arange(len(digits)))
    texts = captions.captions(facts, Random(0))
    assert len(texts) == 300 and not [text for text in texts if remarks.unknown(CATALOG["mini-sd"], text)]


def test_a_negative_prompt_without_guidance_is_not_used(shared: Engine) -> None:
    request = ask("text_to_image", negative_prompt="red", guidance=1.0, steps=1)
    assert draw(shared, request).notices == ("negative prompt: not used, as guidance is 1",)
    assert draw(shared, request.change(guidance=2.0)).notices == ()


def test_long_prompts_say_what_is_read(shared: Engine) -> None:
    drawn = draw(shared, ask("text_to_image", prompt="dog " * 2_500, negative_prompt="red", steps=1))
    assert drawn.notices == (f'prompt: 32 of 2502 tokens are read; not "{("dog " * 10).rstrip() + " "}..."',)
    assert "10,001 characters" in refused(lambda: ask("text_to_image", prompt="a" * 10_001))
    for value in (None, 5, b"red", ["red"]):
        assert refused(lambda value=value: ask("text_to_image", prompt=value)).startswith("prompt is ")
