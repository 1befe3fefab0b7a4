"""Every endpoint, and every event of the page, with what no page would send: no 500, no path, no growth."""

from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import API, Hostile, values
from tests.server import Server, serving

# Values that make each call short where a hostile one happens to be allowed.
SHORT: dict[str, Any] = {"model": "vae", "n": 1, "steps": 1, "seconds": 0.1, "job": "x", "width": 64, "t": 5}
SHORT |= {"x": 0.0, "y": 0.0, "search_steps": 1, "batch_size": 2}
few = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
GROWTH = 60.0  # megabytes; a call that left its pictures or its session behind would leave hundreds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, whose jobs and whose memory are small."""
    folder = tmp_path_factory.mktemp("hostile")
    limits = {
        "GENLAB_STEPS": "2",
        "GENLAB_SECONDS": "2",
        "GENLAB_SESSIONS": "10",
        "GENLAB_JOBS": str(folder / "jobs"),
    }
    with serving(folder / "log", limits | {"GRADIO_TEMP_DIR": str(folder / "served")}) as found:
        yield found


@pytest.fixture(scope="module")
def hostile(server: Server) -> Hostile:
    return Hostile(server.url, server.log.parent / "served")


def alive(hostile: Hostile) -> None:
    """It still draws."""
    event = next(e for e in hostile.events if e["api_name"] == "sample")
    said = hostile.call(event, ["vae", 1, 3, *[None] * (len(event["inputs"]) - 3)])
    assert said.error is None and ".png" in said.text


def arguments(parameters: list[dict[str, Any]]) -> st.SearchStrategy[list[Any]]:
    """Some values hostile, at least one; the others short."""
    places = range(len(parameters))
    short = [SHORT.get(p["parameter_name"]) for p in parameters]

    def mixed(hits: set[int]) -> st.SearchStrategy[list[Any]]:
        return st.tuples(*(values if i in hits else st.just(short[i]) for i in places)).map(list)

    return st.sets(st.sampled_from(places), min_size=1).flatmap(mixed) if parameters else st.just([])


def attack(hostile: Hostile, event: dict[str, Any], data: st.SearchStrategy[list[Any]], times: int) -> None:
    """Call one event again and again."""

    @settings(few, max_examples=times)
    @given(data, values)
    def once(found: list[Any], event_data: Any) -> None:
        hostile.call(event, found, event_data=event_data)

    once()


def test_every_endpoint_takes_hostile_values(hostile: Hostile) -> None:
    events = {e["api_name"]: e for e in hostile.events}
    for name, endpoint in hostile.named().items():
        attack(hostile, events[name[1:]], arguments(endpoint["parameters"]), 8)
    alive(hostile)


def test_every_event_of_the_page_takes_hostile_values(hostile: Hostile) -> None:
    """Private ones too: their ids stand in the page."""
    private = [e for e in hostile.events if e["backend_fn"] and e["api_visibility"] == "private"]
    assert len(private) > 200
    for event in private:
        inputs = len(event["inputs"])
        attack(hostile, event, st.lists(values, min_size=inputs, max_size=inputs), 3)
    alive(hostile)


def test_memory_does_not_grow(hostile: Hostile, server: Server) -> None:
    """What a call leaves behind is dropped: after many of the same, the process is no larger."""
    event = next(e for e in hostile.events if e["api_name"] == "sample")
    process, sizes = psutil.Process(server.process.pid), []
    rest: list[Any] = [None] * (len(event["inputs"]) - 3)
    for half in range(2):
        for i in range(40):
            hostile.call(event, ["vae", 16, i, *rest])
            hostile.call(event, ["x" * 200_000, 16, i, *rest])
            hostile.http.post(
                f"{API}/run/page", json={"data": [], "fn_index": 0, "session_hash": f"{half}-{i}"}
            )
        sizes.append(process.memory_info().rss / 2**20)
    assert sizes[1] - sizes[0] < GROWTH, sizes
