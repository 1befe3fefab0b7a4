"""A client that keeps to no rule of the page: raw HTTP to every event, public or not."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from hypothesis import strategies as st

from tests.server import PATIENCE, ROOT

API = "/gradio_api"
SESSION = "hostile"
LEAKS = (
    "Traceback",
    'File "',
    "site-packages",
    str(ROOT),
    str(Path.home()) + "/",
    tempfile.gettempdir() + "/",
)
OURS = "for a reason of ours"  # the sentence about a failure that nobody had thought of
LONGEST = 5.0  # seconds of work that one call may begin before it is cancelled

NAMES = (
    "../../x",
    "/etc/passwd",
    "..\\..\\x",
    "a\0b",
    "CON",
    "x\n",
    "",
    " ",
    "vае",
    "\ud800",
    "x" * 20_000,
    "%2e%2e/",
)
FILES = (
    "/etc/passwd",
    "app.py",
    "../../etc/passwd",
    "http://127.0.0.1:9/",
    "file:///etc/passwd",
    "\0",
    "",
    7,
    None,
)
NUMBERS = (0, -1, 2**63, -(10**40), 1e308, -0.0, 0.5, float("nan"), float("inf"), -float("inf"), True)

file_data = st.builds(
    lambda path, url: {"path": path, "url": url, "meta": {"_type": "gradio.FileData"}},
    st.sampled_from(FILES),
    st.sampled_from(FILES),
)
# A value is quoted in the sentence about it: these must not be of the words that are looked for.
words = st.text(max_size=30).filter(lambda text: not any(leak in text for leak in LEAKS))
leaves = st.one_of(
    st.none(),
    st.sampled_from(NUMBERS),
    st.sampled_from(NAMES),
    st.integers(),
    st.floats(),
    words,
    file_data,
)
values = st.one_of(
    leaves,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    ),
)


class Said(NamedTuple):
    """What came back: an HTTP status, everything that was said, and the error, if it is one."""

    status: int
    text: str
    error: str | None


class Hostile:
    """One such client.

    Args:
        url: Where the server answers.
        served: The folder whose files it serves: the only path that it may tell.
    """

    def __init__(self, url: str, served: Path) -> None:
        self.http = httpx.Client(base_url=url, timeout=PATIENCE)
        self.served = str(served)
        self.events: list[dict[str, Any]] = self.http.get("/config").json()["dependencies"]

    def named(self) -> dict[str, dict[str, Any]]:
        """Every public endpoint by name, with its parameters."""
        return self.http.get(f"{API}/info").json()["named_endpoints"]

    def post(self, path: str, body: Any) -> Said:
        """One request; ``body`` as JSON of Python's kind, which has NaN too, or as bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.http.post(path, content=content, headers={"Content-Type": "application/json"})
        return self.clean(Said(answer.status_code, answer.text, told(answer)))

    def call(self, event: dict[str, Any], data: list[Any], **more: Any) -> Said:
        """Join the queue as the page does, and listen to the end; what takes long is cancelled."""
        body = {"data": data, "fn_index": event["id"], "session_hash": SESSION, **more}
        joined = self.post(f"{API}/queue/join", body)
        if joined.status != 200:
            return joined
        id, heard, began, cancelled = json.loads(joined.text)["event_id"], [], time.monotonic(), False
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": SESSION}) as stream:
            for line in stream.iter_lines():
                heard.append(line)
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") == "process_completed" and message["event_id"] == id:
                    error = None if message["success"] else str(message["output"]["error"])
                    return self.clean(
                        Said(200, "\n".join(heard), error), event["api_visibility"] == "private"
                    )
                if time.monotonic() - began > LONGEST and not cancelled:
                    cancelled = True
                    self.post(
                        f"{API}/cancel", {"session_hash": SESSION, "fn_index": event["id"], "event_id": id}
                    )
        return self.clean(Said(200, "\n".join(heard), None))

    def clean(self, said: Said, private: bool = False) -> Said:
        """Nothing of the machine is told, and an error is one sentence.

        That of a private event may say no more than that it failed: the page has sent it what it expects.
        """
        assert said.status < 500, said
        text = said.text.replace(self.served, "")
        assert not [leak for leak in LEAKS if leak in text], said
        if said.error is not None:
            assert said.error and "\n" not in said.error and len(said.error) < 400, said
            assert private or OURS not in said.error, said
        return said


def told(answer: httpx.Response) -> str | None:
    """The sentence of a refused request."""
    return (
        None if answer.status_code < 400 else str(answer.json().get("detail") or answer.json().get("error"))
    )
