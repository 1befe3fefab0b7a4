"""Responsiveness: a Sample through the real server while a training runs, against the idle server."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gradio_client import Client

from tests.benchmarks.timing import seconds
from tests.server import serving

ROUNDS, CALLS = 5, 8  # of each: idle and training in turn, so that a drifting machine slows both alike
MODELS = ("vae", "gan")
AS_A_USER_HAS_IT = ("env", "--unset=OMP_NUM_THREADS")  # all threads


def sample_seconds(client: Client) -> dict[str, list[float]]:
    """Seconds from the call to the answer, the pictures' addresses in it."""
    return {
        model: [seconds(lambda: client.predict(model, seed=i, api_name="/sample")) for i in range(CALLS)]  # noqa: B023
        for model in MODELS
    }


def begin(client: Client) -> str:
    """A DDPM as a visitor trains it; its job, once it makes steps."""
    job = client.predict("ddpm", api_name="/submit")["job"]
    while client.predict(job, api_name="/job")["step"] < 3:
        time.sleep(0.2)
    return job


def end(client: Client, job: str) -> None:
    client.predict(job, api_name="/stop")
    while client.predict(job, api_name="/job")["state"] == "running":
        time.sleep(0.2)


def measure(client: Client) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """All seconds by model: idle, and beside a training."""
    idle: dict[str, list[float]] = {model: [] for model in MODELS}
    training: dict[str, list[float]] = {model: [] for model in MODELS}
    sample_seconds(client)
    for _ in range(ROUNDS):
        for model, found in sample_seconds(client).items():
            idle[model] += found
        job = begin(client)
        for model, found in sample_seconds(client).items():
            training[model] += found
        end(client, job)
    return idle, training


def rows() -> Iterator[tuple[str, float, float]]:
    """(what, ratio measured, largest ratio wanted)."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"GENLAB_JOBS": os.path.join(folder, "jobs")}
        with serving(Path(folder) / "log.txt", env, inside=AS_A_USER_HAS_IT) as server:
            idle, training = measure(server.client())
    for model in MODELS:
        a, b = statistics.median(idle[model]), statistics.median(training[model])
        n, milliseconds = len(idle[model]), f"{b * 1000:.0f} ms / {a * 1000:.0f} ms"
        yield f"Sample of {model}: beside a training / idle ({milliseconds}, N = {n})", b / a, 2.0
