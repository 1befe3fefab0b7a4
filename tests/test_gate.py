"""The gate before the server: what is served, what is let in, how often; over HTTP, as no page would ask."""

import asyncio
import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from starlette.responses import JSONResponse

from genlab.settings import Limits
from genlab.ui.agents import HEADER
from genlab.ui.gate import Gate
from genlab.ui.gate.served import PREFIX, expire
from genlab.ui.gate.traffic import MINUTE, PASSING, STAY, Refused, Traffic
from genlab.ui.gate.unread import MOST, hang_up, under_way
from tests.helpers import bomb
from tests.server import PATIENCE, ROOT, Server, serving

API = "/gradio_api"
NAMES = (
    "../../x",
    "/etc/passwd",
    "x\0",
    "CON",
    "..",
    "",
    "x\n",
    "х" * 22,
    "x" * 5000,
    "a/b",
    "vae/../gan",
    "%2e%2e",
)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minute_has_so_many_calls() -> None:
    clock = Clock()
    traffic = Traffic(Limits(calls=3, calls_address=5), clock)
    for _ in range(3):
        traffic.call("a", "1.1.1.1")
        clock.now += 10
    with pytest.raises(Refused) as caught:
        traffic.call("a", "1.1.1.1")
    assert caught.value.status == 429 and caught.value.wait == 30.0
    assert caught.value.sentence.endswith(
        "3 times in a minute, the most that one visitor may; try again in 30 seconds."
    )
    traffic.call("b", "1.1.1.1")
    traffic.call("b", "1.1.1.1")
    with pytest.raises(Refused, match="5 requests came from your address"):
        traffic.call("c", "1.1.1.1")
    traffic.call("c", "2.2.2.2")
    clock.now += 30  # the first of a's is a minute old
    traffic.call("a", "1.1.1.1")
    with pytest.raises(Refused):
        traffic.call("a", "1.1.1.1")


def test_those_who_are_gone_are_forgotten() -> None:
    clock = Clock()
    traffic = Traffic(Limits(calls=3, visits=1000, sessions=100_000), clock)
    for i in range(3000):
        clock.now += MINUTE / 100
        traffic.admit(f"s{i}", f"address {i}")
        traffic.call(f"s{i}", f"address {i}")
    windows = [window for window, _ in traffic._calls] + [traffic._visits]
    assert max(len(window._times) for window in windows) < 300
    assert len(traffic._places) < 3000 * STAY / clock.now * 2


def test_visitors_have_places() -> None:
    clock = Clock()
    traffic = Traffic(Limits(sessions=2, visits=4), clock)
    traffic.admit("a", "x")
    traffic.admit("b", "x")
    for _ in range(10):
        traffic.admit("a", "x")  # who has a place keeps it
    with pytest.raises(Refused, match="has its 2 visitors") as caught:
        traffic.admit("c", "x")
    assert caught.value.status == 503
    traffic.leave("b")
    clock.now += PASSING
    traffic.admit("c", "x")
    clock.now += STAY
    traffic.admit("d", "y")
    for name in ("e", "f"):
        clock.now += STAY
        traffic.admit(name, "x")


def test_one_address_sends_so_many_visitors() -> None:
    traffic = Traffic(Limits(visits=2), Clock())
    traffic.admit("a", "x")
    traffic.admit("b", "x")
    with pytest.raises(Refused, match="2 visitors came from your address"):
        traffic.admit("c", "x")
    traffic.admit("c", "y")


def test_files_expire_by_age_and_by_room(tmp_path: Path) -> None:
    served, outside = tmp_path / f"{PREFIX}x", tmp_path / "outside"
    outside.write_text("stays")
    for i in range(4):
        path = served / f"{i:064x}" / "image.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(100))
        os.utime(path, (time.time() - 1000 * i,) * 2)
    (served / "link").symlink_to(outside)
    os.utime(served / "link", (0, 0), follow_symlinks=False)
    expire(served, 2500, 200)
    assert [p.parent.name for p in sorted(served.rglob("*.png"))] == [f"{i:064x}" for i in range(2)]
    assert not (served / "link").is_symlink() and outside.read_text() == "stays"
    (served / "tmpupload").write_bytes(b"x")  # one that broke off
    expire(served, 0.0, 10**9)
    assert list(served.rglob("*")) == []


def test_in_a_folder_of_the_users_nothing_else_expires(tmp_path: Path) -> None:
    for name in ("letter.txt", "a/b.txt", f"{7:064x}/image.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (0, 0))
    expire(tmp_path, 1.0, 0)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["b.txt", "letter.txt"]


class Queued:
    """What gradio's queue keeps of its sessions, and which of them it was told to end."""

    def __init__(self, messages: int) -> None:
        self.pending_messages_per_session = {"deaf": asyncio.Queue(), "open": asyncio.Queue()}
        for _ in range(messages):
            self.pending_messages_per_session["deaf"].put_nowait("x")
        self.pending_event_ids_session = {"deaf": {f"done {i}" for i in range(6)} | {"live"}}
        self.event_ids_to_events, self.ended = {"live": object()}, []

    async def clean_events(self, session_hash: str) -> None:
        self.ended.append(session_hash)


def test_answers_that_nobody_fetches_are_dropped() -> None:
    queue = Queued(messages=9)
    assert under_way(queue, "nobody", 5) == 0
    assert under_way(queue, "deaf", 6) == 1 and len(queue.pending_event_ids_session["deaf"]) == 7
    assert under_way(queue, "deaf", 5) == 1 and queue.pending_event_ids_session["deaf"] == {"live"}
    assert queue.pending_messages_per_session["deaf"].empty()

    async def look(queue: Queued) -> None:
        hang_up(queue)
        await asyncio.sleep(0)

    for messages, ended in ((MOST, []), (MOST + 1, ["deaf"])):
        queue = Queued(messages)
        asyncio.run(look(queue))
        assert queue.ended == ended and queue.pending_messages_per_session["deaf"].empty() == bool(ended)


def test_one_visitor_has_so_many_calls_at_work(http: httpx.Client) -> None:
    """Each begins a long game and listens to none."""
    events = http.get("/config").json()["dependencies"]
    ring = next(e for e in events if e["api_name"] == "ring")
    body = {"data": [None] * len(ring["inputs"]), "fn_index": ring["id"], "session_hash": "greedy"}
    answers = [http.post(f"{API}/queue/join", json=body) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[3].json()["detail"].startswith("You have 3 calls under way")
    for answer in answers[:3]:
        ids = {"session_hash": "greedy", "fn_index": ring["id"], "event_id": answer.json()["event_id"]}
        http.post(f"{API}/cancel", json=ids)


def test_an_agent_without_a_session_is_counted_by_its_address() -> None:
    """One that asks too often is refused, and takes nothing from another."""
    gate = Gate(JSONResponse({}), Limits(calls=3))
    gate._swept = math.inf  # there is nothing to sweep

    async def ask(address: str, **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(gate, client=(address, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://genlab") as client:
            return await client.post(f"{API}/mcp/", json={"method": "tools/call"}, headers=headers)

    async def everyone() -> None:
        assert [(await ask("10.1.0.1")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await ask("10.1.0.1")
        assert refused.json()["detail"].startswith("You have asked 3 times in a minute")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await ask("10.1.0.2")).status_code == 200
        own = {HEADER: "a secret of its own"}
        answers = [await ask(f"10.1.0.{i}", **own) for i in range(1, 5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429]  # wherever it comes from

    asyncio.run(everyone())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience and a short memory."""
    folder = tmp_path_factory.mktemp("gate")
    limits = {
        "CALLS": 40,
        "SESSIONS": 20,
        "CALLS_AT_ONCE": 3,
        "UPLOADS": 40,
        "FILE_SECONDS": 3,
        "PROXIES": 1,
    }
    env = {f"GENLAB_{name}": str(value) for name, value in limits.items()}
    env |= {"GENLAB_JOBS": str(folder / "jobs"), "GRADIO_TEMP_DIR": str(folder / "served")}
    with serving(folder / "log", env) as found:
        yield found


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        yield client


def run(
    http: httpx.Client, name: str, data: list[Any], session: str = "gate", **headers: str
) -> httpx.Response:
    body = json.dumps({"data": data, "session_hash": session})
    return http.post(
        f"{API}/run/{name}", content=body, headers={"Content-Type": "application/json", **headers}
    )


def sampled(http: httpx.Client, session: str = "gate", **headers: str) -> httpx.Response:
    return run(http, "sample", ["vae", 1, 0, *[None] * 6], session, **headers)


def gone(http: httpx.Client, path: str) -> bool:
    try:
        return http.get(path).status_code == 404
    except httpx.RemoteProtocolError:  # it expired while it was sent
        return False


def test_only_declared_files_are_served(http: httpx.Client, server: Server) -> None:
    folder = server.log.parent
    (folder / "served").mkdir(exist_ok=True)
    (folder / "served" / "link.png").symlink_to("/etc/passwd")
    for path in (
        "app.py", "genlab/settings.py", "weights/vae/config.json", "README.md", ".git/config", "/etc/passwd",
        str(ROOT / "app.py"), str(folder / "log"), str(folder / "served"), "http://127.0.0.1/",
        str(folder / "served" / "link.png"), str(folder / "served" / ".." / "log"), "..%2f..%2fetc%2fpasswd", "file:///etc/passwd",
        "%00", "x" * 9000, str(folder / "jobs"), "CON", "..%5c..%5cx",
    ):  # fmt: skip
        for route in (
            f"{API}/file=",
            f"{API}/file/",
            "/file=",
            f"{API}/stream/",
            "/static/",
            "/assets/",
            "/svelte/",
        ):
            answer = http.get(route + path)
            assert answer.status_code in (403, 404), (route, path)
            assert "root:" not in answer.text and str(ROOT) not in answer.text


def test_what_gradio_has_and_the_page_does_not_need_is_not_there(http: httpx.Client) -> None:
    for path in (
        "/monitoring", "/monitoring/summary", "/monitoring/x", "/docs", "/openapi.json", "/login", "/logout",
        *(f"{API}/{name}" for name in (
            "runs", "run-history/buckets", "proxy=http://127.0.0.1/", "proxy=https://hf.co/", "token",
            "deep_link?session_hash=gate", "custom_component/a/client/b/c", "vibe-code", "dev/reload",
            "stream/gate/1/2/playlist.m3u8", "user", "login_check", "profiling/traces",
        )), "/?deep_link=../../x", "/config?deep_link=x",
    ):  # fmt: skip
        assert gone(http, path), path
    for name in (
        "vibe-edit",
        "process_recording",
        "stream/x",
        "run-history/connect",
        "undo-vibe-edit",
        "run/x",
    ):
        answer = http.post(f"{API}/{name}", json={"data": [], "prompt": "x"})
        assert answer.status_code == 404, name


def test_the_page_tells_nothing_of_the_machine(http: httpx.Client, server: Server) -> None:
    for path in (
        "/",
        "/config",
        f"{API}/info",
        f"{API}/openapi.json",
        "/manifest.json",
        f"{API}/startup-events",
    ):
        answer = http.get(path)
        assert answer.status_code == 200, path
        text = answer.text.replace(str(server.log.parent / "served"), "")  # the one folder that may be told
        for secret in (str(ROOT), str(Path.home()) + "/", str(server.log.parent), "site-packages", "hf_"):
            assert secret not in text, (path, secret)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'self' https://huggingface.co" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_a_host_that_is_made_up_fools_nobody_else(http: httpx.Client, name: str) -> None:
    """Gradio would keep the first one that asks, and tell all others to call there."""
    fooled = http.get(f"{API}/info", headers={name: "evil.example"})
    assert "evil.example" in fooled.text, "it was told the address that it had used itself"
    assert "evil.example" not in http.get(f"{API}/info").text
    for host in ("[::1", "x:99999999", "x:y"):
        for path in ("/", "/config", f"{API}/info"):
            assert http.get(path, headers={name: host}).status_code == 400


@pytest.mark.parametrize("asked", ["bytes=1-2-3", "bytes=\xb2-3", "bytes=", "items=0-1", "bytes=0-1,2-3"])
def test_a_range_that_is_none_is_refused(http: httpx.Client, asked: str) -> None:
    path = upload(http, "x.png", b"abcdef").json()[0]
    assert http.get(f"{API}/file={path}", headers={"Range": asked.encode("latin-1")}).status_code == 416
    assert http.get(f"{API}/file={path}", headers={"Range": "bytes=1-2"}).content == b"bc"


class Spy(BaseHTTPRequestHandler):
    """Another server: nobody may be made to ask it."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()


def test_no_path_and_no_address_of_a_client_is_read(http: httpx.Client, server: Server) -> None:
    spy = HTTPServer(("127.0.0.1", 0), Spy)
    threading.Thread(target=spy.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{spy.server_port}/x.png"
    for path in (
        address,
        "/etc/passwd",
        str(server.log),
        "app.py",
        "../log",
        "\0",
        7,
        None,
        ["x"],
        "x" * 9000,
    ):
        file = {"path": path, "url": address, "meta": {"_type": "gradio.FileData"}}
        for value in (file, {"x": [file]}, {"background": file, "layers": [file], "composite": None}):
            answer = run(http, "noise", [5, 0, 0, "cosine", value], "files", **{"X-Forwarded-For": "6.6.6.6"})
            assert answer.status_code in (400, 429) and "etc/passwd" not in answer.text
    assert http.get(f"{API}/file={address}").status_code == 404
    assert Spy.asked == []
    spy.shutdown()


def test_names_are_never_paths(http: httpx.Client) -> None:
    for name in NAMES:
        for call, data, said in (
            ("job", [name], "job is"),
            ("checkpoint", [name], "job is"),
            ("stop", [name], "job is"),
            ("sample", [name, 1, 0, *[None] * 6], "model is"),
        ):
            answer = run(http, call, data, f"names-{call}-{NAMES.index(name) % 2}")
            assert answer.status_code == 400 and answer.json()["error"].startswith(said), (call, name)


def upload(http: httpx.Client, name: str, data: bytes, times: int = 1) -> httpx.Response:
    return http.post(f"{API}/upload", files=[("files", (name, data))] * times)


def test_uploads_stay_in_their_folder_and_have_limits(http: httpx.Client, server: Server) -> None:
    served = (server.log.parent / "served").resolve()
    for name in [n for n in NAMES if n and "\0" not in n and len(n) < 200]:
        answer = upload(http, name, b"x")
        assert answer.status_code in (200, 400), name
        if answer.status_code == 200:
            (path,) = answer.json()
            assert served in Path(path).resolve().parents and Path(path).is_file()
    assert upload(http, "x.png", bytes(21 * 2**20)).status_code == 413
    assert upload(http, "x.png", bytes(8 * 2**20), times=3).status_code == 413
    chunks = (bytes(2**20) for _ in range(30))  # a length that is not told beforehand
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    with contextlib.suppress(
        httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError
    ):  # it hangs up early
        assert http.post(f"{API}/upload", content=chunks, headers=head).status_code in (400, 413)
    assert sum(p.stat().st_size for p in served.rglob("*") if p.is_file()) < 21 * 2**20


def test_a_page_in_a_pictures_clothes_is_no_page(http: httpx.Client) -> None:
    for name in ("x.html", "x.svg", "x.png", "x.js"):
        (path,) = upload(http, name, b"<script>alert(1)</script>").json()
        answer = http.get(f"{API}/file={path}")
        kind, shown = answer.headers["Content-Type"], answer.headers["Content-Disposition"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert kind.startswith("image/png") or (kind == "application/octet-stream" and "attachment" in shown)


def test_pictures_are_read_by_their_content(http: httpx.Client) -> None:
    for name, data, said in (
        ("x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "no picture"),
        ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        ("x.png", bomb(13_000), "4096"),
        ("x.png", bomb(60)[:-30], "damaged"),
        ("x.png", b"", "no picture"),
    ):
        (path,) = upload(http, name, data).json()
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        answer = run(http, "noise", [5, 0, 0, "cosine", file], "content")
        assert answer.status_code == 400 and said in answer.json()["error"], (name, said)


def test_a_drawing_cannot_have_a_billion_layers(http: httpx.Client, server: Server) -> None:
    """Gradio makes a list of as many layers as the request says."""
    parts = http.get("/config").json()["components"]
    pad = next(c["id"] for c in parts if c["type"] == "imageeditor")
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    form = {
        "fn_name": "accept_blobs",
        "component_id": str(pad),
        "session_hash": "drawer",
        "type": "layer",
        "id": "x",
    }
    post = f"{API}/component_server"

    def sent(**more: str) -> int:
        return http.post(post, data=form | more, files={"file": ("x.png", b"x")}).status_code

    assert sent(index="0") == 200
    for name, value in (
        *(("index", index) for index in ("1000000000", "-1", "x", "8")),
        *(("fn_name", "preprocess"), ("component_id", "1"), ("session_hash", "../x"), ("type", "x")),
    ):
        more = {"index": "0"} | {name: value}
        assert sent(**more) == 400, more
    assert process.memory_info().rss - before < 500 * 2**20


BODIES = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"data": [' + b"[" * 500 + b"]" * 500 + b"]}",
    ),
    *(
        b'{"data": NaN}',
        b'{"data": [1e999], "session_hash": "\\ud800"}',
        b'{"data": ["\\ud800"]}',
        b'{"data": {}}',
    ),
    *(b'{"data": [], "fn_index": -1}', b'{"data": [], "fn_index": 1e99}', b'{"fn_index": null}'),
    *(
        b'{"data": [], "session_hash": "../x"}',
        b'{"data": [], "batched": true}',
        b'{"data": [], "event_id": "x"}',
    ),
)
ROUTES = ("queue/join", "run/sample", "call/sample", "call/v2/sample", "cancel", "component_server")


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_no_page_sends_is_refused_in_a_sentence(http: httpx.Client, body: bytes) -> None:
    for route in ROUTES:
        answer = http.post(f"{API}/{route}", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (route, answer.text)
        said = answer.json()["detail"]
        assert isinstance(said, str) and said.endswith(".") and "\n" not in said


def test_served_files_expire(http: httpx.Client) -> None:
    answer = sampled(http, "expiring")
    found = answer.json()["data"][0][0]["image"]["path"]
    assert found.endswith(".png")
    until = time.monotonic() + PATIENCE
    while not gone(http, f"{API}/file={found}"):
        assert time.monotonic() < until, "it is still served"
        time.sleep(0.5)


def test_who_asks_too_often_is_told_when_to_come_back(http: httpx.Client) -> None:
    for _ in range(40):
        assert run(http, "job", ["x"], "hasty").status_code == 400
    answer = run(http, "job", ["x"], "hasty")
    assert answer.status_code == 429 and 1 <= int(answer.headers["Retry-After"]) <= 61
    assert answer.json()["detail"].startswith("You have asked 40 times in a minute")
    assert run(http, "job", ["x"], "patient").status_code == 400, "others are not in his way"


def test_the_address_is_what_our_own_proxy_has_seen() -> None:
    """What a client writes in front of it counts for nothing."""

    def address(proxies: int, told: str) -> str:
        gate = Gate(None, Limits(proxies=proxies))  # type: ignore[arg-type]
        scope = {"type": "http", "headers": [(b"x-forwarded-for", told.encode())], "client": ("10.0.0.1", 1)}
        return gate._address(scope)

    assert address(0, "6.6.6.6") == address(1, "") == address(2, "6.6.6.6") == "10.0.0.1"
    assert address(1, "6.6.6.6, 1.2.3.4") == "1.2.3.4"
    assert address(2, "6.6.6.6, 1.2.3.4, 10.0.0.7") == "1.2.3.4"


def test_the_house_has_so_many_places(http: httpx.Client) -> None:
    for i in range(40):
        answer = run(http, "job", ["x"], f"visitor-{i}")
        if answer.status_code == 503:
            break
    assert answer.status_code == 503 and "the most it takes at once" in answer.json()["detail"]
    assert http.get("/").status_code == 200
