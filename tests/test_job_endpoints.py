"""Jobs through the real gradio_client: who has the id may look, follow, stop, go on and fetch."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from genlab import api, checkpoints
from genlab.jobs import training
from genlab.race import files

SMALL = {"network": "mlp", "latent": 4}
LONG: dict[str, Any] = {"steps": 1_000_000, "batch_size": 2, "preview_every": 1_000_000, "options": SMALL}


@pytest.fixture
def visit(url: str) -> Iterator[Callable[[], Client]]:
    """New clients, each a visitor of his own; what they leave running is stopped."""
    clients: list[Client] = []

    def connect() -> Client:
        clients.append(Client(url, verbose=False, analytics_enabled=False))
        return clients[-1]

    yield connect
    for job in list(api.JOBS._jobs.values()):
        if job.active:
            api.JOBS.stop(job.id)
    for client in clients:
        client.close()
    until(lambda: api.JOBS.counts() == (0, 0))


def until(condition: Callable[[], object]) -> None:
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.04)
    pytest.fail("it never came to that")


def refused(client: Client, said: str, api_name: str, **values: Any) -> None:
    with pytest.raises(AppError, match=said) as caught:
        client.predict(**values, api_name=api_name)
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text and str(api.SETTINGS.folder) not in text


def test_a_training_that_fails(visit: Callable[[], Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for its result gets an error, who asks how the job goes its state."""
    monkeypatch.setattr(training, "training_bytes", lambda model, batch: 1 << 60)
    client = visit()
    refused(client, "batch_size is 64; .* would need about", "/train", model="vae", steps=40, batch_size=64)
    id = client.predict("vae", steps=40, batch_size=64, api_name="/submit")["job"]
    last, _ = client.submit(id, api_name="/follow").result()
    assert last["state"] == "failed" and last["message"].startswith("batch_size is 64;")
    refused(client, "it has left no files", "/checkpoint", job=id)
    _, numbers = client.predict("vae", n=1, api_name="/sample")
    assert numbers["origin"] == "shipped"


def test_a_training_in_the_background(visit: Callable[[], Client]) -> None:
    mine, yours = visit(), visit()
    told = mine.predict("vae", steps=40, options=SMALL, api_name="/submit")
    id = told["job"]
    assert told["state"] in ("running", "waiting") and told["kind"] == "training" and told["model"] == "vae"
    stream = yours.submit(id, api_name="/follow")
    last, picture = stream.result()
    assert last["state"] == "finished" and last["step"] == 40
    assert [step for step, _ in last["curves"]["loss"]] == list(range(1, 41)), "from the start"
    assert np.asarray(Image.open(picture)).std() > 0
    steps = [state["step"] for state, _ in stream.outputs()]
    assert steps == sorted(steps)
    for client in (mine, yours):
        state = client.predict(id, api_name="/job")
        assert state["state"] == "finished" and state["weights_sha256"] == last["weights_sha256"]
    weights, config = mine.predict(id, api_name="/checkpoint")[0]
    assert checkpoints.sha256(Path(weights)) == last["weights_sha256"] and Path(config).name == "config.json"
    # who followed to the end draws from it; who only submitted has not asked for it yet
    assert yours.predict("vae", n=1, api_name="/sample")[1]["weights_sha256"] == last["weights_sha256"]
    assert mine.predict("vae", n=1, api_name="/sample")[1]["origin"] == "shipped"


def test_stop_ends_this_job_alone_and_it_can_go_on(visit: Callable[[], Client]) -> None:
    mine, yours = visit(), visit()
    mine_id = mine.predict("vae", **LONG, api_name="/submit")["job"]
    yours_id = yours.predict("vae", **LONG, api_name="/submit")["job"]
    state = lambda id: mine.predict(id, api_name="/job")  # noqa: E731
    assert state(yours_id)["line"]["before"] == 0 and state(mine_id)["line"] is None
    until(lambda: state(mine_id)["step"] > 0)
    mine.predict(mine_id, api_name="/stop")
    until(lambda: state(mine_id)["state"] == "stopped")
    until(lambda: state(yours_id)["state"] == "running")
    stopped = state(mine_id)
    assert stopped["resumable"] and "what was learned is kept" in stopped["message"]
    assert mine.predict(mine_id, api_name="/resume")["job"] == mine_id
    assert mine.predict(mine_id, api_name="/stop")["state"] == "stopped", "it was still in line"
    yours.predict(yours_id, api_name="/stop")
    until(lambda: state(yours_id)["state"] == "stopped")


def test_a_client_has_one_job_at_work_and_one_waiting(visit: Callable[[], Client]) -> None:
    client = visit()
    client.predict("vae", **LONG, api_name="/submit")
    refused(client, "VAE is at work already; stop it first", "/submit", model="vae")
    client.predict("gan", **LONG | {"options": {"width": 8}}, api_name="/submit")
    refused(client, "a job waiting already", "/submit", model="ddpm")
    refused(client, "a job waiting already", "/race")


def test_a_stranger_without_the_id_can_do_nothing(visit: Callable[[], Client]) -> None:
    mine, stranger = visit(), visit()
    id = mine.predict("vae", **LONG, api_name="/submit")["job"]
    for guess in ("", "x", id[:-1], id[::-1], f"{id}/", "../" + id):
        for endpoint in ("/job", "/stop", "/resume", "/checkpoint", "/follow"):
            refused(stranger, "there is no such job, or it has expired", endpoint, job=guess)
    assert mine.predict(id, api_name="/job")["state"] == "running"
    refused(mine, "it has not ended", "/checkpoint", job=id)


def test_cancelling_a_train_call_stops_it(visit: Callable[[], Client]) -> None:
    client = visit()
    call = client.submit("vae", **LONG, api_name="/train")
    until(lambda: any(state["step"] for state, *_ in call.outputs()))
    id = call.outputs()[0][0]["job"]
    call.cancel()
    until(lambda: client.predict(id, api_name="/job")["state"] == "stopped")


BAD = [
    ("/submit", {"model": "x"}, "model is"),
    ("/submit", {"model": "vae", "steps": 0}, "steps is"),
    ("/submit", {"model": "vae", "options": {"lr": "abc"}}, "lr is"),
    ("/submit", {"model": "vae", "start": "x"}, "start is"),
    ("/race", {"families": ["vae"]}, "families is"),
    ("/race", {"families": ["vae", "vae"]}, "families is"),
    ("/race", {"families": "vae"}, "families is"),
    ("/race", {"seconds": 0}, "seconds is"),
    ("/race", {"seconds": "abc"}, "seconds is"),
    ("/race", {"samples": 99}, "samples is"),
    ("/race", {"frames": 1.5}, "frames is"),
]


@pytest.mark.parametrize(("endpoint", "values", "said"), BAD, ids=str)
def test_bad_input_is_one_sentence(
    visit: Callable[[], Client], endpoint: str, values: dict[str, Any], said: str
) -> None:
    refused(visit(), f"^{said}", endpoint, **values)


def test_a_race(visit: Callable[[], Client]) -> None:
    client = visit()
    wanted = {"families": ["vae", "gan"], "seconds": 0.3, "frames": 2}
    id = client.predict(**wanted, api_name="/race")["job"]
    state, picture = client.submit(id, api_name="/follow").result()
    assert state["state"] == "finished" and state["kind"] == "race" and state["floor"] > 0
    assert list(state["families"]) == ["vae", "gan"]
    for name, family in state["families"].items():
        assert family["state"] == "finished" and family["seconds"] >= 0.3 and family["step"] > 0
        assert family["frechet"] == state["curves"][name]["frechet"][-1][1] > state["floor"] / 2
    assert Image.open(picture).width > 500
    film, record = client.predict(id, api_name="/checkpoint")[0]
    with Image.open(film) as animation:
        assert animation.format == "GIF" and animation.n_frames == 3
    assert Path(record).name == files.RACE
    seen = files.load(api.JOBS.get(id).folder)
    assert {n: s.step for n, s in seen.families.items()} == {
        n: f["step"] for n, f in state["families"].items()
    }
