"""The endpoints as MCP tools: gradio's server, whose answers an agent can see, read and open.

Gradio makes a tool of every public endpoint, but answers with Python's text of the result: pictures in a
gallery are paths on the server, and several results are one tuple.
"""

import base64
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
import gradio.mcp
from gradio import processing_utils
from gradio.utils import get_upload_folder
from gradio_client import handle_file

from genlab.config import quote
from genlab.errors import InvalidInput
from genlab.ui.gate.bodies import served
from genlab.ui.gate.headers import AGENT

SERVED = "/gradio_api/file="
NOT_FETCHED = "a picture goes in as data:image/png;base64,..., or as a link that this server gave."
LONG = 20_000  # characters of JSON; of a longer one an agent gets the outline, and a link to all of it
FEW = 32  # items of a list that an outline has in full
SEEN = 32  # pictures of one answer that come as pictures; the others are links
HEADER = AGENT
INSTRUCTIONS = f"""\
Draw, train, measure and take apart the families of image generation on MNIST (autoencoder, VAE, GAN, \
diffusion, flow matching), and Stable Diffusion. Begin with `models`. Digits are 28 x 28 pixels; of many \
pictures the first {SEEN} come as images, all as links. The same seed draws the same pictures. `train` \
answers when it has ended; for anything long call `submit`, then `job`, at the end `checkpoint`. \
Each call is a visitor of its own, unless your client sends the header {HEADER} with a secret of yours: \
then you draw from what you have trained."""


def session_key(request: gr.Request) -> str | None:
    """Whose session a call belongs to; None for one of its own. Gradio makes the calls of all agents as one
    client, so that of an agent is told by what it sends."""
    if request.headers.get("x-gradio-user") != "mcp":
        return request.session_hash
    own = request.headers.get(HEADER)
    return f"agent {own}" if own else None


def offer() -> None:
    """Let gradio serve its tools so, as it offers no other way."""
    gradio.mcp.GradioMCPServer = Tools  # type: ignore[misc]


class Tools(gradio.mcp.GradioMCPServer):
    """Gradio's MCP server of an app."""

    def create_mcp_server(self) -> Any:
        original = self.Server

        def server(name: str) -> Any:
            found = original(name, instructions=INSTRUCTIONS)
            # A bad value reaches the endpoint, whose sentence names field and range; the schema's does not.
            found.call_tool = partial(found.call_tool, validate_input=False)  # type: ignore[method-assign]
            return found

        self.Server = server  # type: ignore[assignment]
        return super().create_mcp_server()

    @property
    def _file_data_tool_description(self) -> str:
        return f" {NOT_FETCHED.capitalize()}"

    def get_input_schema(self, tool_name: str, parameters: dict[str, str] | None = None) -> Any:
        schema, files = super().get_input_schema(tool_name, parameters)
        for name, one in schema["properties"].items():
            one.pop("additional_description", None)  # the description once more
            if [name] in files:  # gradio makes a string of the object, but leaves these
                one.pop("required", None), one.pop("title", None)
        return schema, files

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        """A picture as it is sent, or one that this server has drawn, by its link. Gradio would download any
        address: here nothing is fetched for a caller."""
        names = {name for name, *rest in filedata_positions if not rest}
        return {k: _file(k, v) if k in names and isinstance(v, str) else v for k, v in value.items()}

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        found = await super()._execute_tool_without_progress(job)
        return list(found[0]) if len(found) == 1 and isinstance(found[0], tuple) else found

    def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
        """Results as MCP content: a link for each file, its picture too, anything else as JSON."""
        data = processing_utils.add_root_url(list(data), root_url, None)
        found: list[Any] = []
        seen = 0
        for output in data:
            files = list(files_of(output))
            if not files and output not in (None, []):
                found += map(self._text, told(output, root_url))
            for caption, file in files:
                found.append(self._text(": ".join(filter(None, (caption, file["url"] or file["path"])))))
                path = Path(file["path"])
                if seen < SEEN and path.suffix == ".png":
                    picture = base64.b64encode(path.read_bytes()).decode()
                    found.append(self.types.ImageContent(type="image", data=picture, mimeType="image/png"))
                    seen += 1
        return found

    def _text(self, text: str) -> Any:
        return self.types.TextContent(type="text", text=text)


def files_of(output: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The files of one output, which is a file, several, or a gallery; with their captions."""
    for item in output if isinstance(output, list) else [output]:
        file = item.get("image", item) if isinstance(item, dict) else None
        if isinstance(file, dict) and file.get("meta") == {"_type": "gradio.FileData"}:
            yield item.get("caption") or "", file


def told(value: Any, root_url: str) -> Iterator[str]:
    """``value`` as JSON; of a long one the outline, and where all of it is."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= LONG:
        yield text
        return
    yield json.dumps(outline(value), ensure_ascii=False)
    path = processing_utils.save_bytes_to_cache(text.encode(), "numbers.json", get_upload_folder())
    yield f"Lists are shortened; all of it: {root_url}{SERVED}{path}"


def outline(value: Any) -> Any:
    """``value`` with the beginnings of its long lists."""
    if isinstance(value, dict):
        return {key: outline(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= FEW:
        return [outline(item) for item in value]
    return [*map(outline, value[:3]), f"... {len(value) - 3} more"]


def cached(address: Any) -> str | None:
    """The file behind a link to what this server serves from its cache."""
    if not isinstance(address, str) or SERVED not in address:
        return None
    return served(unquote(urlsplit(address).path.partition(SERVED)[2]))


def _file(name: str, text: str) -> Any:
    """The argument ``name`` as gradio's client takes a file; InvalidInput if it is neither."""
    if path := cached(text):
        return handle_file(path)
    if not text.startswith("data:"):
        raise InvalidInput(f"{name} is {quote(text)}; {NOT_FETCHED}")
    try:
        return handle_file(processing_utils.save_base64_to_cache(text, get_upload_folder()))
    except (ValueError, OSError):
        raise InvalidInput(f"{name} is {quote(text)}; {NOT_FETCHED}") from None
