"""What a panel says of itself: its link comes back, its snippet runs, its receipt draws the same."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
from PIL import Image, ImageDraw

from genlab import api, calls
from genlab.api import STUDIO as STUDIO_ENGINE
from genlab.api import families, receipts
from genlab.calls import Own
from genlab.config import span
from genlab.errors import InvalidInput
from genlab.lab.pictures import Digit
from genlab.lessons import steps
from genlab.studio.catalog import CATALOG
from genlab.ui import app as page
from genlab.ui import explorer, panels, replay
from genlab.ui.card import returned_by
from genlab.ui.diffusion import source
from genlab.ui.panels import Panel, told_as
from genlab.ui.places import KEY
from genlab.ui.places import places as places_of
from genlab.ui.session import Sessions
from genlab.ui.studio import restoring

QUICK: dict[str, Any] = {"steps": 2, "n": 2, "seconds": 1, "frames": 2, "A.steps": 3, "B.steps": 3}
QUICK |= {"starts": 1}
OF_PLACE: dict[str, dict[str, Any]] = {
    "compare": {"families": ["vae", "ddpm"], "ddpm.steps": 2},
    "race": {"families": ["vae", "gan"], "samples": 100},
    "diffusion/steps": {"n": 50, "steps": ["2"], "samplers": ["ddim"]},
    "diffusion/guidance": {"scales": "1, 2"},
    "latent-space/way": {"families": ["vae"]},
    "latent-space/reconstruct": {"families": ["vae", "gan"]},
    "gan-lab/modes": {"steps": 10},
}


@pytest.fixture(scope="module")
def built() -> Iterator[tuple[gr.Blocks, dict[str, Panel], str]]:
    """The running page, its panels by their places, and its address."""
    found: list[Panel] = []
    listen = panels.listen

    def heard(app: gr.Blocks, given: list[Panel], *rest: Any) -> Any:
        found.extend(given)
        return listen(app, given, *rest)

    panels.listen = heard  # type: ignore[assignment]
    try:
        app = page.build_app()
    finally:
        panels.listen = listen
    _, url, _ = app.queue().launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", show_error=True, _frontend=False
    )
    yield app, {panel.place: panel for panel in found}, url
    app.close()


OF_TAB = {
    "diffusion": "noising reverse duel steps guidance interpolate invert inpaint image-to-image",
    "latent-space": "map way directions arithmetic reconstruct",
    "gan-lab": "ring modes verdict",
    "studio": "text sweep grid image hole control inside",
    "leaderboard": "models",
}
PLACES = ["compare", "race", *(f"{tab}/{name}" for tab, names in OF_TAB.items() for name in names.split())]


def first(panel: Panel) -> dict[Any, Any]:
    """The values that the page opens with; where a mask has to be painted, one that is."""
    values = {part: getattr(part, "value", None) for part in panel.inputs}
    for part in values:
        if isinstance(part, gr.State):
            values[part] = None
        if isinstance(part, gr.ImageEditor):
            ink = Image.new("RGBA", (280, 280))
            ImageDraw.Draw(ink).rectangle((100, 100, 200, 200), fill=(255, 255, 255, 255))
            values[part] = {"layers": [ink], "background": None, "composite": None}
    return values


def quick(panel: Panel) -> dict[Any, Any]:
    """The same, with values that take no time."""
    values, wanted = first(panel), QUICK | OF_PLACE.get(panel.place, {})
    return values | {part: wanted[name] for name, part in panel.fields.items() if name in wanted}


def other(part: Any) -> Any:
    """Another value than the one that ``part`` has at first."""
    if isinstance(part, gr.CheckboxGroup) or getattr(part, "multiselect", False):
        return [value for _, value in part.choices][-2:]
    if isinstance(part, gr.Radio | gr.Dropdown):
        return next(value for _, value in reversed(part.choices) if value != part.value)
    if isinstance(part, gr.Slider):
        return part.maximum if part.value != part.maximum else part.minimum
    if isinstance(part, gr.Number):
        return min(part.value + 1, part.ends()[1])
    return "0.5, 2 & more?"


def test_every_panel_has_an_address(built: Any) -> None:
    app, found, _ = built
    tabs = next(block for block in app.blocks.values() if isinstance(block, gr.Tabs))
    known = places_of(tabs)
    leaves = {place for place in known if not any(p.startswith(f"{place}/") for p in known)}
    assert leaves - {"leaderboard/families", "lessons"} == set(found) == set(PLACES)


def test_no_event_of_the_page_tells_its_outputs_how_it_goes(built: Any) -> None:
    """The browser would look for each of them at every change of state: seconds on so large a page."""
    events = [e for e in built[0].get_config_file()["dependencies"] if e["backend_fn"] and e["outputs"]]
    private = [e for e in events if e["api_visibility"] == "private"]
    assert len(private) > 100
    assert [e["id"] for e in private if e["show_progress"] != "hidden" or e["show_progress_on"] != []] == []


@pytest.mark.parametrize("place", [p for p in PLACES if not p.startswith("studio/")])
def test_a_setting_comes_back_from_its_link(place: str, built: Any) -> None:
    panel: Panel = built[1][place]
    assert panel.query(first(panel)) == f"{KEY}={place}"
    values = first(panel) | {part: other(part) for part in panel.fields.values()}
    query = dict(parse_qsl(panel.query(values)))
    assert query.pop(KEY) == place and query.keys() == panel.fields.keys()
    assert panel.restore(query) == ({part: values[part] for part in panel.fields.values()}, [])
    assert panel.restore({}) == ({part: part.value for part in panel.fields.values()}, [])


@pytest.mark.parametrize("place", PLACES)
def test_what_a_link_tells_in_vain_is_named(place: str, built: Any) -> None:
    """The keys that its own address has, those of the page and those of a host are not."""
    panel: Panel = built[1][place]
    own = (
        dict.fromkeys(panel.fields, "1") if panel.link is None else {"prompt": "a", "x": "steps", "seed": "1"}
    )
    page = {KEY: place, "job": "a.b", "lang": "ko", "run": "", "at": "1", "__theme": "dark"}
    assert panel.unknown(own | page) == []
    assert panel.unknown(own | page | {"stepps": "3", "utm_source": "mail"}) == ["stepps", "utm_source"]


@pytest.mark.parametrize("place", [p for p in PLACES if not p.startswith("studio/")])
def test_what_is_wrong_in_a_link_is_named_and_the_rest_is_set(place: str, built: Any) -> None:
    panel: Panel = built[1][place]
    whole = {name: told_as(other(part)) for name, part in panel.fields.items()}
    numbers = [name for name, part in panel.fields.items() if isinstance(part, gr.Number | gr.Slider)]
    spoilt, wrong = panel.restore(whole | dict.fromkeys(numbers, "x"))
    assert [said.split()[0] for said in wrong] == numbers
    for name, part in panel.fields.items():
        assert spoilt[part] == (part.value if name in numbers else other(part))
    for name, part in panel.fields.items():
        if isinstance(part, gr.Textbox):
            assert len(panel.restore({name: "x" * 10_000})[0][part]) == panels.LONGEST
            continue
        for text in ("nonsense", "nan", "1e999", "../../x"):
            found, (said,) = panel.restore({name: text})
            assert said.startswith(f"{name} is ") and found[part] == part.value
            assert "e+" not in said  # the field's own range, or what can be chosen
        if isinstance(part, gr.Number):
            lo, hi = part.ends()
            for beyond in (lo - 1, hi + 1):
                _, (said,) = panel.restore({name: str(beyond)})
                assert said.endswith(f"{span(lo, hi)}.")


STUDIO = [place for place in PLACES if place.startswith("studio/")]


@pytest.mark.parametrize("place", STUDIO)
def test_a_setting_of_the_studio_comes_back_from_its_link(place: str, built: Any) -> None:
    panel: Panel = built[1][place]
    fields = panel.fields
    values = {part: getattr(part, "value", None) for part in {*panel.restored, *panel.inputs}}
    values |= {fields["prompt"]: "a & b = 7?", fields["seed"]: 9, fields["steps"]: 4, fields["width"]: 64}
    values |= {fields["n"]: 1} if "n" in fields else {}
    query = dict(parse_qsl(panel.query(values)))
    assert query[KEY] == place
    restored, _ = panel.restore(query, values)
    assert {name: restored[part] for name, part in fields.items() if name not in LOOKS} == {
        name: values[part] for name, part in fields.items() if name not in LOOKS
    }
    assert {name: restored[fields[name]].value for name in LOOKS & fields.keys()} == {
        name: values[fields[name]] for name in LOOKS & fields.keys()
    }
    first, _ = panel.restore({}, values)
    assert {fields[name].value for name in ("prompt", "seed")} == {
        first[fields[name]] for name in ("prompt", "seed")
    }


LOOKS = {
    "width",
    "height",
    "scheduler",
    "few_steps",
    "refiner",
}  # restored with ranges or choices of the model


def test_a_link_to_a_model_brings_its_own_knobs(built: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the link does not tell is that model's, not mini-SD's, and nothing else writes the knobs."""
    app, found, _ = built
    monkeypatch.setattr(STUDIO_ENGINE, "unavailable", lambda card: None)
    card = next(card for card in CATALOG.values() if card.knobs.width == 512)
    for place in ("studio/text", "studio/inside", "studio/grid"):
        panel: Panel = found[place]
        values = {part: getattr(part, "value", None) for part in {*panel.restored, *panel.inputs}}
        restored, _ = panel.restore({"model": card.name, "prompt": "a hill", "steps": "7"}, values)
        fields = panel.fields
        assert restored[fields["model"]] == card.name and restored[fields["steps"]] == 7
        assert restored[fields["guidance"]] == card.knobs.guidance
        assert restored[fields["width"]].value == card.knobs.width
        changed = [fn for fn in app.fns.values() if any(event == "change" for _, event in fn.targets)]
        assert sum(fields["prompt"] in fn.outputs for fn in changed) == len(STUDIO)  # each panel's own box


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("studio=text_to_image&model=mini-sd&prompt=a+red+two&seed=3", "studio/text"),
        ("studio=text_to_image&model=mini-sd&prompt=a+red+two&x=guidance&x_values=1%2C+2", "studio/sweep"),
        (
            "studio=text_to_image&model=mini-sd&prompt=a&x=steps&x_values=1%2C+2&y=seed&y_values=1",
            "studio/grid",
        ),
        ("studio=inpaint&model=mini-sd&prompt=a&seed=1&n=2", "studio/hole"),
        ("tab=studio/inside&studio=text_to_image&model=mini-sd&prompt=a+red+two&seed=3", "studio/inside"),
    ],
)
def test_a_link_of_old_still_works(query: str, place: str, built: Any) -> None:
    given = dict(parse_qsl(query))
    assert given.get(KEY) or restoring.place_of(given) == place
    panel: Panel = built[1][place]
    restored, _ = panel.restore(given, {})
    assert restored[panel.fields["prompt"]] == given["prompt"]
    assert str(restored[panel.fields["seed"]]) == given.get("seed", "0")
    if "n" in panel.fields:
        assert restored[panel.fields["n"]] == int(given.get("n", 1))
    if "x" in given:
        assert given["x_values"] in restored.values()


def test_a_bad_link_of_old_is_refused() -> None:
    for query in ({"studio": "nonsense"}, {"studio": "text_to_image", "x": "steps"}):
        with pytest.raises(InvalidInput, match=r"^[^\n]{1,200}\.$"):
            restoring.place_of(query)


def skipped(updates: Any) -> bool:
    return all(one == gr.skip() for one in updates)


def test_what_a_visitor_brings_is_not_replaced_by_an_older_link(monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks() as app:
        parts, shown, note = source.Source("mine"), gr.HTML(), gr.HTML()
        parts.listen(app, lambda digit: (digit.label,), [], [shown], note)
        fields, looks = parts.fields, (parts.again,)
        panel = Panel("diffusion/mine", fields, lambda values: [], {parts.digit}, looks=looks)
        box = panels.listen(app, [panel], note, Sessions(api.JOBS))[panel.place]
    again, digit = parts.again[0], parts.digit
    turn = source.Turn()
    assert digit in panel.more
    assert again(turn, None, 4)[0].label == api.digit(4).label
    assert again(turn, api.digit(5), 4)[0].label == api.digit(4).label
    mine = Digit(api.digit(5).image, ())
    assert skipped(again(turn, mine, 4)) and skipped(again(turn, "The file is no picture.", 4))

    def slow(index: Any) -> Digit:  # meanwhile an upload comes in
        turn.count += 1
        return api.digit(index)

    monkeypatch.setattr(source, "held_out", slow)
    assert skipped(again(turn, None, 4))

    # A page that is opened by an address leaves what was brought; a link that is clicked later does not.
    (restore,) = [fn.fn for fn in app.fns.values() if fn.name == "restore"]
    assert restore({box: f"tab={panel.place}&index=4"}) == {note: "", parts.index: 4}
    assert restore({box: f"tab={panel.place}&index=4&at=1"}) == {note: "", parts.index: 4, digit: None}


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The splits of digits that the API looks at from now on, with nothing kept from before."""
    seen: list[str] = []
    load = families.dataset

    def dataset(split: Any = "train", *rest: Any) -> Any:
        seen.append(split)
        return load(split, *rest)

    for name, module in [*sys.modules.items()]:
        if name.startswith("genlab.api"):
            for kept in vars(module).values():
                if hasattr(kept, "cache_clear") and kept is not load:
                    kept.cache_clear()
            if getattr(module, "dataset", None) is load:
                monkeypatch.setattr(module, "dataset", dataset)
    return seen


@pytest.mark.parametrize("place", PLACES)
def test_a_snippet_runs(
    place: str, built: Any, looked_at: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it looks at digits of the data set if, and only if, its receipt tells which they were."""
    app, found, url = built
    panel: Panel = found[place]
    made = panel.calls(quick(panel))
    for one in made:
        for name, own in calls.files(one).items():
            (tmp_path / f"{name}.png").write_bytes(own.png)
    monkeypatch.chdir(tmp_path)
    said: dict[str, Any] = {}
    exec(compile(calls.snippet(made, returned_by(app), url), place, "exec"), said)
    last = returned_by(app)[made[-1].endpoint][-1]
    assert said[last]
    if panel.exact:
        assert bool(looked_at) == any(receipts.shows_digits(one.endpoint) for one in made)
    if "job" in (said.get("numbers") or {}):
        said["client"].predict(said["numbers"]["job"], api_name="/stop")


@pytest.mark.parametrize("place", ["diffusion/reverse", "diffusion/inpaint"])
def test_curl_hears_the_same(place: str, built: Any, tmp_path: Path) -> None:
    _, found, url = built
    panel: Panel = found[place]
    values = quick(panel)
    if "region" in panel.fields:
        values[panel.fields["region"]] = "painted"
    made = panel.calls(values)
    assert place == "diffusion/reverse" or calls.files(made[0]).keys() == {"mask"}
    for name, own in calls.files(made[0]).items():
        (tmp_path / f"{name}.png").write_bytes(own.png)
    script = calls.curl(made, url)
    heard = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "event: complete" in heard.stdout and "event: error" not in heard.stdout
    assert "weights_sha256" in heard.stdout


@pytest.mark.parametrize("place", ["map", "way", "directions", "arithmetic", "reconstruct"])
def test_whose_models_drew_is_told_under_what_they_drew(place: str) -> None:
    sessions, me = Sessions(api.JOBS), SimpleNamespace(session_hash="me")
    module = {"way": "interpolate"}.get(place, place)
    with gr.Blocks() as app, gr.Tabs(), gr.Tab("Latent space") as tab:
        build = getattr(explorer, module).build
        given = {"app": app, "tab": tab, "sessions": sessions}
        panel: Panel = build(**{name: given[name] for name in inspect.signature(build).parameters})
    ids = [part._id for part in app.blocks.values() if part.elem_id == panel.run]
    pressed = [fn.fn for fn in app.fns.values() if any(i in ids for i, _ in fn.targets)]
    look = pressed[0] if panel.run else panel.looks[-1][0]
    values = quick(panel) | {part: api.digit(3) for part in panel.more if isinstance(part, gr.State)}

    def notes() -> str:
        found = look(values, me)
        *_, end = found if panel.run else [found]
        return "".join(str(end[part]) for part in end if part.elem_id == f"{place}-note")

    assert notes() == ""
    session = sessions.get("me")
    for name in ("vae", "ddpm"):  # by what is asked here, the second does not draw
        session.library.put(name, session.entry(name).model, "trained here for 3 steps")
    told = notes()
    assert ("Drawn by your own VAE, trained here for 3 steps." in told) == (place != "map")
    assert "DDPM" not in told


def pixels(folder: Path) -> dict[str, Any]:
    return {path.name: np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))}


@pytest.mark.parametrize("place", ["compare", "diffusion/image-to-image", "studio/text"])
def test_a_receipt_makes_the_same_pixels(place: str, built: Any, tmp_path: Path) -> None:
    """Those of the call itself, and on a page of its own, of another seed other ones."""
    _, found, url = built
    panel: Panel = found[place]
    made = panel.calls(quick(panel))
    if place == "diffusion/image-to-image":  # with a picture of the visitor's own
        ink = Image.new("L", (28, 28))
        ImageDraw.Draw(ink).line((8, 6, 20, 22), fill=255, width=3)
        ink.save(tmp_path / "own.png")
        arguments = {k: v for k, v in made[0].arguments.items() if k != "index"}
        made = [calls.call("vary", picture=Own((tmp_path / "own.png").read_bytes()), **arguments)]
    receipt = calls.receipt(made, {})
    list(replay.replay(receipt, tmp_path / "a"))
    seed = receipt["calls"][0]["arguments"]["seed"]
    receipt["calls"][0]["arguments"]["seed"] = seed + 1
    list(replay.replay(receipt, tmp_path / "b"))
    given = {k: v for k, v in made[0].arguments.items() if not isinstance(v, Own)}
    client = replay.Client(url, verbose=False, download_files=str(tmp_path / "c"))
    if calls.files(made[0]):
        given["picture"] = replay.handle_file(tmp_path / "own.png")
    pictures, _ = client.predict(**given, api_name=f"/{made[0].endpoint}")
    a, b = pixels(tmp_path / "a"), pixels(tmp_path / "b")
    for k, one in enumerate(pictures):
        assert np.array_equal(a[f"0-pictures-{k}.png"], np.asarray(Image.open(one["image"])))
    assert any(not np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("wrong, said", [({"sed": 1}, "sed"), ({"seed": -1}, "seed is -1")])
def test_a_call_that_is_refused_is_said(wrong: dict, said: str, tmp_path: Path) -> None:
    receipt = {"calls": [{"endpoint": "sample", "arguments": {"model": "vae", "n": 1} | wrong}]}
    with pytest.raises(InvalidInput, match=f"^/sample refuses: .*{said}[^\\n]*\\.$"):
        list(replay.replay(receipt, tmp_path))


def test_a_large_picture_is_not_in_a_receipt(tmp_path: Path) -> None:
    own = Own(np.random.default_rng(0).bytes(calls.MAX_KEPT + 1))
    made = calls.receipt([calls.call("image_to_image", picture=own, steps=2)], {})
    told = made["calls"][0]["arguments"]["picture"]
    assert told == {"sha256": own.sha256}
    with pytest.raises(InvalidInput, match="--file picture=PATH"):
        replay._given("picture", told, tmp_path, {})
    (tmp_path / "other.png").write_bytes(b"another")
    with pytest.raises(InvalidInput, match="another picture"):
        replay._given("picture", told, tmp_path, {"picture": tmp_path / "other.png"})


def test_other_weights_and_versions_are_named() -> None:
    right = replay._here("vae")
    assert replay.differences({"weights": {"vae": right}, "versions": calls.versions()}) == []
    with pytest.raises(InvalidInput, match="vae has other weights"):
        replay.differences({"weights": {"vae": "0" * 64}})
    with pytest.raises(InvalidInput, match="weights is"):
        replay.differences({"weights": {"../../etc": "0"}})
    assert replay.differences({"versions": {"torch": "1.0"}}) == [
        f"torch was 1.0, is {calls.versions()['torch']}"
    ]


def test_of_every_endpoint_is_known_what_it_draws_with(built: Any) -> None:
    known = [*receipts.DRAWN_BY, *receipts.CHOSEN_BY]
    assert {*known, *receipts.PASSING} == returned_by(built[0]).keys() and len(known) == len(set(known))
    for panel in built[1].values():
        for made in panel.calls(first(panel)):
            named = made.arguments.get(receipts.CHOSEN_BY.get(made.endpoint, ""))
            assert receipts.drawn_by(*made) or named is None, made
    with pytest.raises(InvalidInput, match="no receipt"):
        receipts.drawn_by("train", {})


def test_of_every_endpoint_is_known_whether_it_depends_on_digits(built: Any) -> None:
    decided = [*receipts.OF_DIGITS.split(), *receipts.OF_NO_DIGITS.split()]
    assert sorted(decided) == sorted({*receipts.DRAWN_BY, *receipts.CHOSEN_BY})
    with pytest.raises(InvalidInput, match="no receipt"):
        receipts.shows_digits("train")
    for endpoint, told in built[0].get_api_info()["named_endpoints"].items():
        if {"index", "other_index"} & {one["parameter_name"] for one in told["parameters"]}:
            assert receipts.shows_digits(endpoint.removeprefix("/")), endpoint


def test_every_endpoint_stands_in_the_readme(built: Any) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    table = text.partition("| endpoint | what it does |\n| --- | --- |\n")[2].partition("\n\n")[0]
    told = [name for row in table.splitlines() for name in re.findall(r"`/(\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(returned_by(built[0]))


def test_other_test_digits_are_named() -> None:
    assert replay.differences({"digits": receipts.digits_sha256()}) == []
    assert "test digits were others" in replay.differences({"digits": "0" * 64})[0]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"calls": []}', '{"calls": 3}', "[" * 100_000, "nonsense", '{"calls": {}}']
)
def test_what_is_no_receipt(text: str, tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"receipt"):
        replay.read(tmp_path / "receipt.json")


@pytest.mark.parametrize("endpoint", ["train", "page", "../sample", 3, None])
def test_a_receipt_calls_no_other_endpoints(endpoint: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^endpoint is"):
        list(replay.replay({"calls": [{"endpoint": endpoint, "arguments": {}}]}, tmp_path))


@pytest.mark.parametrize("name", sorted(steps()))
def test_a_lesson_sets_its_panel(name: str, built: Any) -> None:
    """What a step's link says is understood, and there is a button to press."""
    step = steps()[name]
    panel: Panel = built[1][step.place]
    query = dict(parse_qsl(step.query(name)))
    assert query[KEY] == step.place and step.settings.keys() <= panel.fields.keys()
    restored, wrong = panel.restore(query)
    assert wrong == []
    assert panel.calls({**first(panel), **restored})
    assert not step.run or panel.run
