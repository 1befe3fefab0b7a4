"""Race at equal compute: exact on a clock of our own, whatever the families cost."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from genlab import api, checkpoints, evaluation
from genlab.__main__ import main
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.errors import CheckpointError, InvalidInput
from genlab.evaluation import Reference, features_of
from genlab.events import Step
from genlab.jobs import Look
from genlab.library import Library
from genlab.models import FIRST, MODELS, GenerativeModel
from genlab.noise import Noise
from genlab.race import (
    Advanced,
    Dropped,
    Finished,
    Frame,
    Looked,
    Looking,
    RaceConfig,
    RaceDone,
    RaceEvent,
    RaceRecord,
    RaceStarted,
    files,
    film,
    race,
    run,
)
from genlab.sampling import sample_chunks
from genlab.training import finish, train, warmup_steps
from genlab.ui.race import shown
from genlab.visualize import colour
from tests.helpers import states_equal, tiny

DIGITS = Dataset(
    torch.arange(40 * 784).reshape(40, 1, 28, 28).remainder(256).to(torch.uint8),
    torch.arange(40) % 10,
    "40 patterns",
    complete=False,
)
LOOK = 0.5  # seconds on the clock that drawing takes


class Clock:
    """Stands still but for what the fakes charge."""

    def __init__(self) -> None:
        self.now, self.updates = 0.0, 0

    def __call__(self) -> float:
        return self.now

    def __deepcopy__(self, memo: Any) -> "Clock":
        return self  # a copied family lives in the same time


class Judge:
    """A classifier with two features: mean and spread of the pixels."""

    def features(self, x: Tensor) -> Tensor:
        return torch.stack([x.mean((1, 2, 3)), x.std((1, 2, 3))], dim=1)


REAL = Reference(Noise(1, 300).normal(2), Noise(2, 300).normal(2))


class Fake(GenerativeModel):
    """One weight that every step moves, at costs that go round; the loss is not finite from ``fails`` on."""

    live = TrainConfig(steps=100, batch_size=4)

    def __init__(
        self, clock: Clock, costs: tuple[float, ...], fails: int = 10**9, look: float = LOOK
    ) -> None:
        super().__init__(GenerativeModel.Config())
        self.w = torch.nn.Parameter(torch.zeros(()))
        self.clock, self.costs, self.fails, self.look = clock, costs, fails, look
        self.updates = 0

    def optimizers(self) -> Any:
        return {"w": torch.optim.SGD(self.parameters(), lr=0.01)}

    def loss(self, x: Tensor, y: Tensor) -> Any:
        self.clock.now += self.costs[self.updates % len(self.costs)]
        self.clock.updates += 1
        self.updates += 1
        loss = -self.w if self.updates < self.fails else self.w * torch.nan
        return loss, {"loss": loss}

    def sample(self, noise: Noise, *, labels: Tensor | None = None, **_: Any) -> Iterator[Tensor]:
        x = noise.normal(1, 4, 4)
        self.clock.now += self.look
        yield x
        yield (x + self.w.detach()).tanh()


def fakes(clock: Clock, *costs: float | tuple[float, ...], **options: Any) -> dict[str, GenerativeModel]:
    each = (cost if isinstance(cost, tuple) else (cost,) for cost in costs)
    return {f"family {i}": Fake(clock, cost, **options) for i, cost in enumerate(each)}


def faked(models: dict[str, GenerativeModel], clock: Any, **config: Any) -> Iterator[RaceEvent]:
    return race(models, DIGITS, RaceConfig(**config), Judge(), REAL, clock=clock)  # type: ignore[arg-type]


def frames_of(events: list[RaceEvent], name: str) -> list[Frame]:
    return [e.frame for e in events if isinstance(e, Looked) and e.frame.name == name]


def eighths(lo: int, hi: int) -> st.SearchStrategy[float]:
    """Numbers that add up exactly."""
    return st.integers(lo, hi).map(lambda k: k / 8)


# --- the scheduler


@settings(max_examples=12, deadline=None)
@given(
    costs=st.lists(st.lists(eighths(1, 40), min_size=1, max_size=3).map(tuple), min_size=2, max_size=4),
    seconds=eighths(4, 40),
    frames=st.integers(1, 5),
)
def test_nobody_is_ahead_by_more_than_a_step(
    costs: list[tuple[float, ...]], seconds: float, frames: int
) -> None:
    clock = Clock()
    models = fakes(clock, *costs)
    used, slowest = dict.fromkeys(models, 0.0), max(map(max, costs))
    running, last = set(models), dict.fromkeys(models, 0.0)
    events = []
    for event in faked(models, clock, seconds=seconds, frames=frames):
        events.append(event)
        if isinstance(event, Advanced):
            name = event.name
            assert used[name] == min(used[n] for n in running), "the one that has used least"
            costs_of = models[name].costs  # type: ignore[union-attr]
            last[name] = costs_of[(event.step - 1) % len(costs_of)]
            used[name] += last[name]
            assert event.seconds == used[name] and event.images_seen == 4 * event.step
        elif isinstance(event, Finished):
            running.remove(event.name)
            assert seconds <= event.seconds == used[event.name] < seconds + last[event.name]
        if len(running) > 1:
            assert max(used[n] for n in running) - min(used[n] for n in running) <= slowest
    assert not running and isinstance(events[0], RaceStarted) and isinstance(events[-1], RaceDone)
    looks = [e for e in events if isinstance(e, Looked)]
    assert events[-1].looking_seconds == LOOK * len(looks)
    rehearsals = sum(cost[0] for cost in costs)
    assert clock.now == sum(used.values()) + LOOK * len(looks) + rehearsals, "every second is accounted for"
    for name in models:
        moments = [f.moment for f in frames_of(events, name)]
        assert moments[0] == 0 and moments[-1] == frames and moments == sorted(set(moments))


@pytest.mark.parametrize("frames", [1, 4, 8])
def test_looks_are_evenly_spaced_in_compute(frames: int) -> None:
    clock = Clock()
    events = list(faked(fakes(clock, 0.125, 1.0, 6.0), clock, seconds=8, frames=frames))
    fine, coarse, slow = (frames_of(events, f"family {i}") for i in range(3))
    assert [f.seconds for f in fine] == [8 * k / frames for k in range(frames + 1)]
    assert [f.seconds for f in coarse] == [f.seconds for f in fine]
    at = [6 // (8 / frames)] if frames > 1 else []  # a step that passes several moments is looked at once
    assert [f.moment for f in slow] == [0, *at, frames] and slow[-1].seconds == 12
    assert [f.step for f in fine] == [round(f.seconds * 8) for f in fine]
    assert [f.loss is None for f in fine] == [True] + [False] * frames
    assert {f.images.untyped_storage().nbytes() for f in fine} == {16 * 16}, "no more is kept than shown"


def test_looking_costs_the_families_nothing() -> None:
    def steps(look: float) -> list[Advanced]:
        clock = Clock()
        events = faked(fakes(clock, 0.25, (1.0, 0.5), look=look), clock, seconds=6, frames=3)
        return [e for e in events if isinstance(e, Advanced)]

    assert steps(0.0) == steps(1000.0) and len(steps(0.0)) > 24


def test_a_training_has_an_end_even_where_the_budget_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_STEPS", 5)
    clock = Clock()
    events = list(faked(fakes(clock, 0.0, 0.125), clock, seconds=0.5, frames=2))
    ends = {e.name: e.step for e in events if isinstance(e, Finished)}
    assert ends == {"family 0": 5, "family 1": 4}
    assert frames_of(events, "family 0")[-1].moment == 2


# --- stopping and running away


def snapshots(models: dict[str, GenerativeModel]) -> dict[str, dict[str, Tensor]]:
    return {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in models.items()}


@pytest.mark.parametrize("kind", [RaceStarted, Looking, Looked, Advanced, Finished])
@pytest.mark.parametrize("count", [1, 3])
def test_closing_stops_at_once(kind: type, count: int) -> None:
    clock = Clock()
    models = fakes(clock, 0.25, 0.5, 1.0)
    events = faked(models, clock, seconds=2, frames=2)
    seen = itertools.count(1)
    for event in events:
        if isinstance(event, kind) and next(seen) == (1 if kind is RaceStarted else count):
            break
    before, updates = snapshots(models), clock.updates
    events.close()  # type: ignore[attr-defined]
    assert clock.updates == updates and list(events) == []
    assert all(states_equal(model.state_dict(), before[name]) for name, model in models.items())
    assert not any(model.training for model in models.values())


def test_closing_gives_back_the_last_good_weights() -> None:
    clock = Clock()
    models = fakes(clock, 0.25, 0.5)
    events = faked(models, clock, seconds=100, frames=1)
    broken = models["family 0"]
    for event in events:
        if isinstance(event, Advanced) and event.step == 60:
            with torch.no_grad():
                broken.w.fill_(torch.inf)  # type: ignore[operator]
            break
    events.close()  # type: ignore[attr-defined]
    assert all(bool(v.isfinite().all()) for m in models.values() for v in m.state_dict().values())


@pytest.mark.parametrize("fails", [1, 5])
def test_a_family_that_diverges_leaves_and_the_others_go_on(fails: int) -> None:
    clock = Clock()
    models = fakes(clock, 0.25, 0.5)
    models["bad"] = Fake(clock, (0.25,), fails=fails)
    events = list(faked(models, clock, seconds=4, frames=4))
    (dropped,) = [e for e in events if isinstance(e, Dropped)]
    assert (dropped.name, dropped.step, dropped.seconds) == ("bad", fails - 1, (fails - 1) * 0.25)
    assert "loss" in dropped.reason and "learning rate" in dropped.reason
    after = events[events.index(dropped) + 1 :]
    assert not any(getattr(e, "name", None) == "bad" for e in after) and not frames_of(after, "bad")
    assert {e.name: e.seconds for e in events if isinstance(e, Finished)} == {"family 0": 4, "family 1": 4}
    assert isinstance(events[-1], RaceDone)
    assert bool(models["bad"].w.isfinite()) and not models["bad"].training  # type: ignore[operator,union-attr]


def test_a_race_that_all_have_left_is_over() -> None:
    clock = Clock()
    events = list(faked(fakes(clock, 1.0, 1.0, fails=3), clock, seconds=50, frames=4))
    assert [e.step for e in events if isinstance(e, Dropped)] == [2, 2]
    assert isinstance(events[-1], RaceDone) and not any(isinstance(e, Finished) for e in events)


# --- real families


def ticking() -> Any:
    """A clock by which every step takes one second."""
    ticks = itertools.count()
    return lambda: float(next(ticks))


CONFIG = RaceConfig(seconds=4, frames=1, samples=100, seed=3)


@pytest.fixture(scope="module")
def judge(library: Library) -> tuple[Any, Reference]:
    return library.classifier(), evaluation.load_reference(library.folder / "classifier")


Raced = tuple[dict[str, GenerativeModel], list[RaceEvent]]


def raced(names: Any, digits: Dataset, judge: tuple[Any, Reference], config: RaceConfig) -> Raced:
    models = {name: tiny(name, seed=config.seed) for name in names}
    return models, list(race(models, digits, config, *judge, clock=ticking()))


@pytest.fixture(scope="module")
def four(digits: Dataset, judge: tuple[Any, Reference]) -> Raced:
    """A race of all families, four steps each."""
    return raced(MODELS, digits, judge, CONFIG)


@pytest.mark.parametrize("name", MODELS)
def test_racing_is_training(name: str, four: Raced, digits: Dataset) -> None:
    """Neither the others, nor the looks, nor the rehearsal leave a trace in the weights."""
    alone = tiny(name, seed=CONFIG.seed)
    plan = replace(alone.live, steps=10**6, decay="none", seed=CONFIG.seed, preview_every=10**6)
    events = train(alone, digits, plan, warmup=warmup_steps(alone.live))
    losses = [e.metrics["loss"] for e in itertools.islice(events, 5) if isinstance(e, Step)]
    events.close()  # type: ignore[attr-defined]
    finish(alone, digits)
    models, told = four
    assert states_equal(models[name], alone) and not models[name].training
    assert [e.loss for e in told if isinstance(e, Advanced) and e.name == name] == losses


def closed_form(a: Tensor, b: Tensor) -> float:
    """Frechet distance of two clouds of features, by the root of one covariance."""
    s_a, s_b = np.cov(a.double().numpy().T), np.cov(b.double().numpy().T)
    values, vectors = np.linalg.eigh(s_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ s_b @ root).clip(0)).sum()
    gap = (a.double().mean(0) - b.double().mean(0)).pow(2).sum().item()
    return gap + float(np.trace(s_a) + np.trace(s_b) - 2 * cross)


@pytest.mark.parametrize("name", MODELS)
def test_a_frame_is_what_the_family_draws_then(name: str, four: Raced, judge: tuple[Any, Reference]) -> None:
    models, events = four
    start, end = frames_of(events, name)
    assert (start.step, end.step, start.seconds, end.seconds) == (0, 4, 0, 4)
    for frame, model in ((start, tiny(name, seed=CONFIG.seed).eval()), (end, models[name])):
        drawn = torch.cat([s.images for s in sample_chunks(model, 100, CONFIG.seed, **model.preview_knobs)])
        assert frame.images.shape == (16, *model.canvas.shape) and torch.equal(frame.images, drawn[:16])
        expected = closed_form(judge[1].test, features_of(judge[0], model.canvas.digits(drawn)))
        assert frame.frechet == pytest.approx(expected, rel=1e-3)
    assert not torch.equal(start.images, end.images)


def test_the_floor_is_that_of_the_evaluation(four: Raced, judge: tuple[Any, Reference]) -> None:
    classifier, reference = judge
    real = evaluation.measure_features(reference.train[:100], reference, classifier)
    started = four[1][0]
    assert isinstance(started, RaceStarted) and started.floor == real["frechet"] > 0


def test_the_same_seed_races_the_same(four: Raced, digits: Dataset, judge: tuple[Any, Reference]) -> None:
    """Also in other company: a family's race depends on itself and the seed."""
    config = replace(CONFIG, seed=4)
    again, other = (raced(("wgan_gp", "gan"), digits, judge, c)[1] for c in (CONFIG, config))
    for name in ("gan", "wgan_gp"):
        for a, b, c in zip(*(frames_of(e, name) for e in (four[1], again, other)), strict=True):
            assert torch.equal(a.images, b.images) and not torch.equal(a.images, c.images)
            assert replace(a, images=None) == replace(b, images=None) and a.frechet != c.frechet


# --- the record and its files


def recorded(seconds: float = 4, frames: int = 4, fails: int = 10**9) -> RaceRecord:
    """A race of two made-up families, under real names."""
    clock = Clock()
    models: dict[str, GenerativeModel] = {
        "vae": Fake(clock, (0.25,)),
        "ddpm": Fake(clock, (0.75, 0.5), fails=fails),
    }
    config = RaceConfig(seconds=seconds, frames=frames)
    record = RaceRecord(models, config)
    for event in race(models, DIGITS, config, Judge(), REAL, clock=clock):  # type: ignore[arg-type]
        record.take(event)
    return record


def test_the_record_of_a_race() -> None:
    record = recorded(fails=5)
    vae, ddpm = record.families.values()
    assert (vae.state, vae.step, vae.images_seen, vae.seconds) == ("finished", 16, 64, 4)
    assert (ddpm.state, ddpm.step, ddpm.seconds) == ("diverged", 4, 2.5) and "learning rate" in ddpm.message
    assert record.loss_curve("vae")[-1] == (4, vae.loss) and len(record.loss_curve("vae")) == 16
    assert [s for s, _ in vae.distances] == [0, 1, 2, 3, 4] and record.moments == 4
    assert record.floor == evaluation.frechet_distance(REAL.test, REAL.train[:100])
    assert {name: f.moment for name, f in record.at(3).items()} == {"vae": 3, "ddpm": 2}
    assert record.at(1)["ddpm"].seconds == 1.25 and record.at(-1) == {}
    assert record.looking is None and record.looking_seconds == LOOK * (5 + 3)


def test_who_came_nearest_is_said_by_the_last_looks() -> None:
    record = recorded()
    last = {name: standing.frames[-1].frechet for name, standing in record.families.items()}
    assert record.nearest == min(last.items(), key=lambda pair: pair[1])
    assert RaceRecord(["vae", "gan"], RaceConfig()).nearest is None


def test_a_replay_shows_the_compute_of_its_moment() -> None:
    record = recorded()
    look = Look("i", "race", "race", "finished", "Over.", "", None, 4.0, False, (), record)
    now, then = shown(look), shown(look, 1)
    assert "4.00 of 4.00 s of compute" in now and "4.00 of 4.00 s" not in then
    assert "1.00 of 4.00 s of compute" in then and 'data-moment="1"' in then
    assert f"{MODELS[record.nearest[0]].card.title} came nearest" in now  # type: ignore[index]


def test_a_long_race_is_a_short_record() -> None:
    record = RaceRecord(["vae", "gan"], RaceConfig())
    for step in range(1, 12_346):
        record.take(Advanced("vae", step, 4 * step, step / 8, -step))
    curve = record.loss_curve("vae")
    assert 200 <= len(curve) <= 400 and curve[-1][0] > 0.99 * 12_345 / 8
    assert all(a[0] < b[0] and a[1] == -8 * a[0] for a, b in itertools.pairwise(curve))
    assert record.loss_curve("gan") == [] and record.families["vae"].step == 12_345


def test_a_race_that_is_given_up() -> None:
    clock = Clock()
    models = fakes(clock, 0.25, 3.0)
    record = RaceRecord(models, RaceConfig(seconds=4))
    for event in faked(models, clock, seconds=4):
        record.take(event)
        if isinstance(event, Looking) and event.moment == 4:
            assert record.looking == "family 0"
            break
    record.stop()
    assert [s.state for s in record.families.values()] == ["stopped", "stopped"] and record.looking is None


def test_a_race_can_be_opened_again(tmp_path: Path) -> None:
    record = recorded(fails=5)
    files.save(record, tmp_path / "deep" / "race", {"command": "by hand"})
    again = files.load(tmp_path / "deep" / "race")
    assert again.to_json() == record.to_json() == json.loads(json.dumps(record.to_json()))
    for name, standing in record.families.items():
        other = again.families[name]
        assert replace(standing, frames=()) == replace(other, frames=())
        for a, b in zip(standing.frames, other.frames, strict=True):
            assert torch.equal(a.images, b.images) and replace(a, images=None) == replace(b, images=None)
    folder = tmp_path / "deep" / "race"
    assert sorted(p.name for p in folder.iterdir()) == [files.FRAMES, files.RACE]
    assert json.loads((folder / files.RACE).read_text())["command"] == "by hand"


def test_files_that_are_no_race_are_named(tmp_path: Path) -> None:
    files.save(recorded(), tmp_path / "a")
    files.save(recorded(fails=3), tmp_path / "b")
    good = (tmp_path / "a" / files.RACE).read_text()
    with pytest.raises(CheckpointError, match=r"b/frames\.safetensors does not have the sha256"):
        (tmp_path / "b" / files.RACE).write_text(good)
        files.load(tmp_path / "b")
    altered = json.loads(good)
    altered["config"]["seconds"] = -1
    message = r"a/race\.json or frames\.safetensors is missing or broken"
    for text in ("", "{}", "[1]", good[:-50], good.replace('"floor"', '"ceiling"'), json.dumps(altered)):
        (tmp_path / "a" / files.RACE).write_text(text)
        with pytest.raises(CheckpointError, match=message):
            files.load(tmp_path / "a")


# --- the film


def region(image: Image.Image, top: int, bottom: int) -> np.ndarray:
    return np.asarray(image.convert("RGB"))[top:bottom].astype(int)


def near(pixels: np.ndarray, hue: str) -> int:
    """How many pixels have about that colour."""
    wanted = np.array([int(hue[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(pixels - wanted).max(-1) < 12).sum())


def test_the_film_grows(tmp_path: Path) -> None:
    record = recorded(seconds=8, frames=6)
    path = tmp_path / "race.gif"
    film.write_gif(record, path)
    assert [p.name for p in tmp_path.iterdir()] == ["race.gif"]
    with Image.open(path) as gif:
        assert gif.n_frames == 7 and gif.width == film.WIDTH  # type: ignore[attr-defined]
        shots, pauses = [], []
        for k in range(7):
            gif.seek(k)
            shots.append(gif.convert("RGB"))
            pauses.append(gif.info["duration"])
    assert len(set(pauses[:-1])) == 1 and pauses[-1] == film.LAST_MS > pauses[0]
    below = shots[0].height - film.CHART
    for a, b in itertools.pairwise(shots):
        assert (region(a, 0, film.TITLE) != region(b, 0, film.TITLE)).any(), "the headline tells the time"
        words = (film.TITLE, film.TITLE + film.WORDS)
        assert (region(a, *words) != region(b, *words)).any(), "steps and distances"
        assert (region(a, below, a.height) != region(b, below, b.height)).any(), "the lines"
    # ddpm is drawn last: nothing covers its line, which only grows
    drawn = [near(region(shot, below, shot.height), colour("ddpm")) for shot in shots]
    assert drawn == sorted(drawn) and drawn[-1] > 3 * drawn[0] > 0
    assert all(near(region(shots[-1], 0, below), colour(name)) > 100 for name in record.families), "swatches"


def test_the_film_of_a_race_that_was_left(tmp_path: Path) -> None:
    record = recorded(fails=3)
    shots = film.frames_of(record)
    assert len(shots) == 5 and len({s.size for s in shots}) == 1
    finished = film.frames_of(recorded())
    words = (film.TITLE, film.TITLE + 20)
    assert (region(shots[-1], *words) != region(finished[-1], *words)).any(), "it says who has left"
    with pytest.raises(InvalidInput, match="no pictures yet"):
        film.write_gif(RaceRecord(["vae", "gan"], RaceConfig()), tmp_path / "race.gif")
    assert list(tmp_path.iterdir()) == []


# --- the edges


@pytest.mark.parametrize(
    "families",
    [
        [],
        ["vae"],
        ["vae", "vae"],
        ["vae", "dalle"],
        "vae gan",
        None,
        7,
        ["vae", None],
        [["vae"], "gan"],
        ["vae"] * 9,
    ],
)
def test_bad_families_are_refused(families: Any) -> None:
    with pytest.raises(
        InvalidInput, match=rf"families is .*2 to {len(MODELS)} different names out of autoencoder, vae"
    ) as refused:
        api.race(families)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"seconds": 0}, "seconds is 0; it must be a number from 0.05 to 3600"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"frames": 49}, "frames is 49; it must be a whole number from 1 to 48"),
        ({"samples": 99}, "samples is 99; it must be a whole number from 100 to 1000"),
        ({"seed": -1}, "seed is -1"),
        ({"laps": 3}, "option is 'laps'; it must be one of seconds, frames, samples, seed"),
    ],
)
def test_bad_knobs_are_refused(knobs: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        api.race(["vae", "gan"], **knobs)
    assert words in str(refused.value)


def test_the_api_builds_what_the_seed_says(library: Library) -> None:
    both, pair = api.race(seed=5, library=library), api.race(["gan", "vae"], seed=5, library=library)
    assert tuple(both.models) == FIRST and list(pair.models) == ["gan", "vae"]
    assert both.config == RaceConfig(seed=5)
    torch.manual_seed(5)
    assert states_equal(both.models["gan"], MODELS["gan"].build({}))
    assert states_equal(both.models["gan"], pair.models["gan"])
    assert not states_equal(pair.models["gan"], api.race(["gan", "vae"], library=library).models["gan"])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "race"
    flags = ["--seconds", "0.05", "--frames", "1", "--seed", "2", "--out", str(folder)]
    main(["race", "gan", "wgan_gp", *flags])
    printed = capsys.readouterr()
    assert all(word in printed.out for word in ("GAN", "WGAN-GP", "finished", "floor", str(folder)))
    assert "gan" in printed.err and "distance" in printed.err
    record = files.load(folder)
    assert list(record.families) == ["gan", "wgan_gp"] and record.config.seed == 2
    told = json.loads((folder / files.RACE).read_text())["command"]
    assert told == "python -m genlab race gan wgan_gp --seconds 0.05 --frames 1 --samples 100 --seed 2"
    with Image.open(folder / "race.gif") as gif:
        assert gif.n_frames == 2  # type: ignore[attr-defined]
    for name, standing in record.families.items():
        model: Any = checkpoints.load(folder / name)
        *_, drawn = sample_chunks(model, 16, 2, **model.preview_knobs)
        assert torch.equal(drawn.images, standing.frames[-1].images), "the weights are those of the last look"
        assert checkpoints.read_training(folder / name)["command"] == told
        assert standing.state == "finished" and standing.step >= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vae"], "families is ['vae']"),
        (["vae", "dalle"], "out of autoencoder, vae, conv_vae, gan"),
        (["vae", "gan", "--seconds", "soon"], "seconds is 'soon'"),
        (["vae", "gan", "--samples", "7"], "samples is 7"),
        (["vae", "gan", "--out", "file/race"], "out is 'file/race'; it must be a folder"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as end:
        main(["race", *arguments])
    printed = capsys.readouterr()
    assert end.value.code == 2 and printed.out == "" and words in printed.err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
