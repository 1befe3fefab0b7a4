"""The endpoints as an agent has them: a real MCP client over loopback; and what the API page tells."""

import asyncio
import base64
import inspect
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult, TextContent
from PIL import Image

from genlab import api
from genlab.models import MODELS
from genlab.ui import LAUNCH, build_app
from genlab.ui.agents import HEADER, SEEN

PATIENCE = 300.0  # seconds for an answer; nothing here tests speed
TINY = {"network": "mlp", "latent": 4}


class Agent:
    """A caller that knows nothing but the server's address."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url, self.headers = url + "gradio_api/mcp/", headers

    def do(self, act: Any) -> Any:
        """What ``act`` finds in a session of its own."""

        async def session() -> Any:
            wait = {"timeout": PATIENCE, "sse_read_timeout": PATIENCE}
            async with (
                streamablehttp_client(self.url, headers=self.headers, **wait) as (read, write, _),
                ClientSession(read, write) as found,
            ):
                self.hello = await found.initialize()
                return await act(found)

        return asyncio.run(session())

    def tools(self) -> dict[str, Any]:
        return {tool.name: tool for tool in self.do(lambda s: s.list_tools()).tools}

    def call(self, tool: str, follow: bool = False, **arguments: Any) -> CallToolResult:
        """``follow``: as a client does that wants to hear of the progress."""

        async def heard(*_: Any) -> None: ...

        extra = {"progress_callback": heard} if follow else {}
        return self.do(lambda s: s.call_tool(tool, arguments, **extra))


def texts(result: CallToolResult) -> list[str]:
    assert not result.isError, result.content
    return [c.text for c in result.content if c.type == "text"]


def numbers(result: CallToolResult) -> Any:
    """The last of the texts is JSON."""
    return json.loads(texts(result)[-1])


def pictures(result: CallToolResult) -> list[np.ndarray]:
    """The pixels of what an agent sees."""
    seen = [c for c in result.content if c.type == "image"]
    assert all(c.mimeType == "image/png" for c in seen)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(c.data)))) for c in seen]


def refusal(result: CallToolResult) -> str:
    [said] = result.content
    assert result.isError and isinstance(said, TextContent)
    assert "Traceback" not in said.text and "\n" not in said.text
    return said.text


@pytest.fixture(scope="module")
def app() -> Iterator[gr.Blocks]:
    found = build_app().queue(max_size=64)
    found.launch(**LAUNCH, prevent_thread_lock=True, quiet=True)
    yield found
    found.close()


@pytest.fixture(scope="module")
def url(app: gr.Blocks) -> str:
    assert app.mcp_server, app.mcp_error  # gradio would go on without
    return str(app.local_url)


@pytest.fixture
def agent(url: str) -> Agent:
    return Agent(url)


def test_the_tools_are_the_public_endpoints(agent: Agent, client: Client) -> None:
    named = client.view_api(return_format="dict")["named_endpoints"]
    tools = agent.tools()
    assert {f"/{name}" for name in tools} == set(named)
    assert agent.hello.instructions and HEADER in agent.hello.instructions
    for name, tool in tools.items():
        told = {p["parameter_name"]: p for p in named[f"/{name}"]["parameters"]}
        assert tool.description.startswith(named[f"/{name}"]["description"])
        assert tool.inputSchema["properties"].keys() == told.keys()
        needed = {n for n, p in told.items() if not p["parameter_has_default"]}
        assert set(tool.inputSchema.get("required", [])) == needed
        for schema in tool.inputSchema["properties"].values():
            assert schema["description"] and "{" not in schema["description"].replace('{"', "")
            assert {"type", "oneOf"} & schema.keys()


@pytest.mark.parametrize("follow", [False, True])
def test_an_agent_sees_what_a_program_gets(agent: Agent, client: Client, follow: bool) -> None:
    result = agent.call("sample", follow, model="ddpm", n=2, steps=2, seed=5)
    expected, told = client.predict(model="ddpm", n=2, steps=2, seed=5, api_name="/sample")
    seen = pictures(result)
    assert len(seen) == 2
    for pixels, picture, text in zip(seen, expected, texts(result), strict=False):
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(picture["image"])))
        caption, link = text.split(": ", 1)
        assert caption == picture["caption"]
        opened = Image.open(io.BytesIO(httpx.get(link).content))
        np.testing.assert_array_equal(pixels, np.asarray(opened))
    measured = ("seconds", "images_per_second")
    assert {k: v for k, v in numbers(result).items() if k not in measured} == {
        k: v for k, v in told.items() if k not in measured
    }


@pytest.mark.parametrize("follow", [False, True])
def test_of_a_stream_an_agent_gets_the_end(agent: Agent, follow: bool) -> None:
    result = agent.call("reverse", follow, label=3, seed=2, steps=2)
    assert numbers(result)["t"][-1] == -1
    *_, samples = api.sample("ddpm", 1, 2, 3, steps=2, sampler="ddim")
    np.testing.assert_array_equal(pictures(result)[-1], samples.images[0, 0].numpy())


def test_many_pictures_are_links(agent: Agent) -> None:
    result = agent.call("sample", model="vae", n=SEEN + 3)
    assert len(pictures(result)) == SEEN and len(texts(result)) == SEEN + 3 + 1


def test_long_numbers_are_an_outline_and_a_link(agent: Agent, client: Client) -> None:
    _, expected = client.predict(api_name="/manifold")
    _, outline, link = texts(agent.call("manifold"))
    assert len(outline) < 5000 and json.loads(outline)["codes"][:3] == expected["codes"][:3]
    assert httpx.get(link.split(": ", 1)[1]).json() == expected


BAD = [
    ("sample", {"model": "ddpm", "n": 0}, "n is 0; it must be a whole number from 1 to 256."),
    ("sample", {"model": "ddpm", "n": "abc"}, "n is 'abc'; it must be a whole number from 1 to 256."),
    ("sample", {"model": "pixelcnn"}, "model is 'pixelcnn'; it must be one of autoencoder,"),
    ("reverse", {"steps": 0}, "steps is 0;"),
    ("sample", {}, "No value provided for required argument: model"),
    ("noise", {"t": 1, "picture": "/etc/passwd"}, "picture is '/etc/passwd'; a picture goes in as"),
    (
        "noise",
        {"t": 1, "picture": "http://127.0.0.1/x.png"},
        "picture is 'http://127.0.0.1/x.png'; a picture",
    ),
    ("noise", {"t": 1, "picture": "data:image/png;base64,%"}, "The file is no picture of these kinds"),
]


@pytest.mark.parametrize(("tool", "arguments", "said"), BAD)
def test_a_bad_value_is_refused_in_a_sentence(agent: Agent, tool: str, arguments: Any, said: str) -> None:
    assert refusal(agent.call(tool, **arguments)).startswith(said)
    if tool == "reverse":
        assert said in refusal(agent.call(tool, follow=True, **arguments))


def test_a_picture_goes_in(agent: Agent, tmp_path: Path) -> None:
    drawn = agent.call("sample", model="vae", n=1, seed=3)
    [pixels] = pictures(drawn)
    [here] = [c.data for c in drawn.content if c.type == "image"]
    link = texts(drawn)[0].split(": ", 1)[1]
    for picture in (f"data:image/png;base64,{here}", link):  # sent along, or by what this server gave
        x_0, _ = pictures(agent.call("noise", t=10, picture=picture))
        np.testing.assert_array_equal(x_0, pixels)
    secret = tmp_path / "secret.png"
    Image.fromarray(pixels).save(secret)
    outside = link.split("file=")[0] + f"file={secret}"
    assert refusal(agent.call("noise", t=10, picture=outside))  # only what gradio serves itself


def test_agents_do_not_share_what_they_train(url: str) -> None:
    mine, other, nobody = Agent(url, {HEADER: "mine"}), Agent(url, {HEADER: "other"}), Agent(url)
    job = numbers(mine.call("submit", model="vae", steps=2, options=TINY))["job"]
    files = mine.call("follow", job=job)
    assert json.loads(texts(files)[0])["state"] == "finished"

    def origin(agent: Agent) -> str:
        return numbers(agent.call("sample", model="vae", n=1))["origin"]

    assert origin(mine).startswith("trained here")
    assert origin(other) == origin(nobody) == "shipped"
    names = {text.rsplit("/", 1)[1] for text in texts(nobody.call("checkpoint", job=job))[:2]}
    assert names == {"model.safetensors", "config.json"}  # who has the id may


# The view "Use via API or MCP" of the page

FREE = {"prompt", "negative_prompt", "job", "x", "y", "x_values", "y_values"}  # text that is no choice
FREE |= {"repository", "revision"}
LASTING = {"train", "job", "follow", "stop", "resume", "checkpoint"}
REQUIRED = {"t": 5, "x": 0.0, "y": 0.0}
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
VISITOR = SimpleNamespace(session_hash=None, headers={})


def described(app: gr.Blocks) -> Iterator[tuple[Any, str, str, str]]:
    """Every parameter of every endpoint: the function behind it, its name, type and description."""
    functions = {f"/{fn.api_name}": fn.fn for fn in app.fns.values() if fn.api_visibility == "public"}
    for endpoint, info in app.get_api_info()["named_endpoints"].items():
        for parameter in info["parameters"]:
            told = parameter["python_type"]
            yield functions[endpoint], parameter["parameter_name"], told["type"], told["description"]


def numeric(kind: str) -> bool:
    return bool(re.search(r"\b(int|float)\b", kind)) and "str" not in kind


def test_the_api_page_tells_types_and_ranges(app: gr.Blocks) -> None:
    for fn, name, kind, told in described(app):
        where = (fn.__name__, name, kind, told)
        assert kind not in ("", "Any", "None | Any") and "list[Any]" not in kind, where
        assert told, where
        if numeric(kind):
            assert re.search(rf"{NUMBER}[^.]* to {NUMBER}", told), where


def refusal_of(fn: Any, field: str, value: Any) -> str:
    """What the endpoint says to ``value``; of a knob that only some families have, one of these."""
    parameters = inspect.signature(fn).parameters
    chosen = "model" in parameters and parameters["model"].default is inspect.Parameter.empty
    for model in MODELS if chosen and field != "model" else [None]:
        given = {**REQUIRED, "request": VISITOR, "model": model, field: value}
        with pytest.raises(gr.Error) as caught:
            next(iter(fn(*(given.get(name) for name in parameters))))
        if "it must be" in caught.value.message:
            break
    return caught.value.message


def test_the_api_page_tells_the_truth(app: gr.Blocks) -> None:
    """What is out of range is refused with the very range, or the very options, that stand on the page."""
    checked = 0
    for fn, field, kind, told in described(app):
        choice = "str" in kind and "dict" not in kind
        if not (numeric(kind) or choice) or field in FREE or fn.__name__ in LASTING:
            continue
        if (fn.__name__, field) == ("guidance_sweep", "guidance"):  # what it runs over
            continue
        bad: Any = -(10**9) if numeric(kind) else "nonsense"
        said = refusal_of(fn, field, [bad] if "list" in kind else bad)
        where = (fn.__name__, field, said, told)
        _, _, allowed = said.partition("; it must be ")
        if numeric(kind):
            ends = re.search(rf"({NUMBER}) to ({NUMBER})", allowed)
            assert ends, where
            assert re.search(rf"(?<![\d.]){ends[1]} .*?to {ends[2]}\b", told), where
        else:
            _, found, options = allowed.rstrip(".").rpartition(" of ")
            assert found or " out of " in said, where
            assert all(option in told for option in options.split(", ")), where
        checked += 1
    assert checked > 200
