"""The gate before gradio's server: what the page does not need is not there, what it needs has limits.

Gradio serves many more routes than one page uses, and trusts what comes in by them. Here each route is
named, each body is checked before gradio reads it, each answer has the headers of a guarded page.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from gradio.components import ImageEditor
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from genlab.settings import Limits
from genlab.ui import account
from genlab.ui.card import FAILED
from genlab.ui.gate import bodies
from genlab.ui.gate.bodies import MISFIT
from genlab.ui.gate.headers import AGENT
from genlab.ui.gate.served import sweep
from genlab.ui.gate.streams import Answer, again, bounded, read
from genlab.ui.gate.traffic import PASSING, Refused, Traffic
from genlab.ui.gate.unread import hang_up, under_way

log = logging.getLogger(__name__)

MAX_PATH = 1000  # letters of an address; a file system knows no much longer ones
MAX_NAME = 64  # letters of an agent's own name that count
MAX_FILE = 20_000_000  # bytes of an upload, where ``launch`` was told nothing
MAX_JSON = 4_000_000  # bytes of a call's values; pictures are uploaded
ROOM = 2**20  # bytes of a form around its files
SWEEP_SECONDS = 10.0  # between two looks at what was not fetched, and at the age of the served files
RANGE = re.compile("bytes=[0-9]{0,15}-[0-9]{0,15}")
ABSENT = "There is nothing here."


class Visit(NamedTuple):
    """One request."""

    scope: Scope
    receive: Receive
    query: dict[str, list[str]]
    address: str
    named: dict[str, str]  # the parts of its path


Check = Callable[["Gate", Visit], Awaitable[Receive]]


class Gate:
    """ASGI middleware around the whole app.

    Args:
        app: Gradio's.
        limits: What visitors may ask for.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits, self.traffic = app, limits, Traffic(limits)
        self._swept = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer(scope, send)
        self._sweep(scope)
        try:
            receive = await self._checked(scope, receive)
            await self.app(scope, receive, answer)
        except ClientDisconnect:
            return
        except Refused as refused:
            await answer.say(refused.status, refused.sentence, refused.wait)
        except Exception as error:
            misfit = scope["method"] == "POST"  # its values have met gradio, and no function of ours
            log.error("a request failed: %r", error, exc_info=not misfit)
            await answer.say(*((400, MISFIT) if misfit else (500, FAILED)))
        finally:
            if answer.status and (beat := BEAT.fullmatch(path_of(scope))):
                self.traffic.leave(beat["session"])

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """What gradio may read of a request that is let in; Refused if it is not."""
        path, method = path_of(scope), "GET" if scope["method"] == "HEAD" else scope["method"]
        bodies.check_host(Headers(scope=scope))
        for known, pattern, check in ROUTES if len(path) <= MAX_PATH else ():
            if known == method and (match := pattern.fullmatch(path)):
                query = parse_qs(scope["query_string"].decode("latin-1"))
                visit = Visit(scope, receive, query, self._address(scope), match.groupdict())
                return await check(self, visit)
        raise Refused(404, ABSENT)

    def _sweep(self, scope: Scope) -> None:
        """Let go of what nobody fetches, now and then."""
        if time.monotonic() - self._swept > min(SWEEP_SECONDS, self.limits.file_seconds):
            self._swept = time.monotonic()
            hang_up(scope["app"].get_blocks()._queue)
            work = partial(sweep, self.limits.file_seconds, self.limits.file_megabytes)
            asyncio.get_running_loop().run_in_executor(None, work)

    def _address(self, scope: Scope) -> str:
        """Where the request comes from, as far as it is known: what the outermost proxy of ours has seen."""
        told = Headers(scope=scope).get("x-forwarded-for", "")
        passed = [part.strip() for part in told.split(",") if part.strip()]
        if 0 < self.limits.proxies <= len(passed):
            return passed[-self.limits.proxies][:64]
        return scope["client"][0] if scope.get("client") else ""

    # What is asked of each kind of request

    async def page(self, visit: Visit) -> Receive:
        """No saved state of the page is loaded: nothing here saves one."""
        if "deep_link" in visit.query:
            raise Refused(404, ABSENT)
        return visit.receive

    async def told(self, visit: Visit) -> Receive:
        """What can be called. Gradio would tell all of the address that the first who asked has used."""
        visit.scope["app"].api_info = None
        visit.scope["app"].page_api_info.clear()
        return visit.receive

    async def free(self, visit: Visit) -> Receive:
        return visit.receive

    async def file(self, visit: Visit) -> Receive:
        """A file that was uploaded, or made for a visitor; no other."""
        if bodies.served(visit.named["file"]) is None:
            raise Refused(404, "There is no such file, or it has expired.")
        asked = Headers(scope=visit.scope).get("range", "bytes=0-")
        if not RANGE.fullmatch(asked):
            raise Refused(416, "Only one range of bytes can be asked for, such as bytes=0-99.")
        return visit.receive

    async def beat(self, visit: Visit) -> Receive:
        """The page stays connected for as long as it is open."""
        self.traffic.admit(visit.named["session"], visit.address)
        return visit.receive

    async def listen(self, visit: Visit) -> Receive:
        """The stream of answers; gradio would break it off where none is due."""
        session = visit.query.get("session_hash", [""])[0]
        if session not in blocks_of(visit)._queue.pending_messages_per_session:
            raise Refused(404, "No call of this session is under way.")
        return visit.receive

    async def call(self, visit: Visit) -> Receive:
        """A call or an event of the page: of a function that is there, with values of JSON."""
        raw = await read(visit.scope, visit.receive, MAX_JSON)
        body = bodies.read_json(raw)
        blocks = blocks_of(visit)
        index, name = body.get("fn_index"), visit.named.get("name", "")
        if visit.named["kind"] != "v2":
            bodies.check_model(body)
        else:
            index = None
        names = {fn.api_name for fn in blocks.fns.values()}
        if index not in blocks.fns if index is not None else name not in names or not name:
            raise Refused(404, "There is no such call.")
        if body.get("batched") or body.get("event_id"):
            raise Refused(400, MISFIT)
        session = body.get("session_hash")
        if visit.named["kind"] == "join" or session is not None:
            session = bodies.check_session(session)
            self.traffic.admit(session, visit.address)
            at_work = under_way(blocks._queue, session, self.limits.calls_at_once)
            if at_work >= self.limits.calls_at_once:
                said = f"You have {at_work} calls under way, the most that one may; wait for one of them."
                raise Refused(429, said, 1.0)
        else:
            self.traffic.admit(f"nameless {id(visit)}", visit.address, PASSING)
        self.traffic.call(session or nameless(visit), visit.address)
        return again(raw, visit.receive)

    async def small(self, visit: Visit) -> Receive:
        """A call is cancelled."""
        raw = await read(visit.scope, visit.receive, MAX_JSON)
        body = bodies.read_json(raw)
        bodies.check_model(body, bodies.MODELS[visit.named["kind"]])
        return again(raw, visit.receive)

    async def agent(self, visit: Visit) -> Receive:
        """A message of an agent; what it calls comes by here once more, as a call of gradio's own client."""
        own = Headers(scope=visit.scope).get(AGENT)
        self.traffic.call(f"agent {own[:MAX_NAME]}" if own else nameless(visit), visit.address)
        return again(await read(visit.scope, visit.receive, MAX_JSON), visit.receive)

    async def upload(self, visit: Visit) -> Receive:
        """A file comes in: not too large, and not too often."""
        self.traffic.upload(visit.address)
        return bounded(visit.scope, visit.receive, largest(visit) + ROOM)

    async def progress(self, visit: Visit) -> Receive:
        """How far an upload is: gradio keeps a note of each name it is asked for."""
        bodies.check_session(visit.query.get("upload_id", [""])[0])
        self.traffic.upload(visit.address)
        return visit.receive

    async def strokes(self, visit: Visit) -> Receive:
        """A drawing pad sends what is on it."""
        self.traffic.upload(visit.address)
        raw = await read(visit.scope, visit.receive, largest(visit) + ROOM)
        form_of = Request(visit.scope, again(raw, visit.receive)).form(max_files=2, max_fields=8)
        editors = {k for k, v in blocks_of(visit).blocks.items() if isinstance(v, ImageEditor)}
        try:
            async with form_of as form:
                bodies.check_strokes(form, editors)
                session = bodies.check_session(form.get("session_hash"))
        except (MultiPartException, AssertionError, KeyError):
            raise Refused(400, MISFIT) from None
        self.traffic.admit(session, visit.address)
        return again(raw, visit.receive)


def path_of(scope: Scope) -> str:
    """The path below where the app is mounted."""
    return scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))


def nameless(visit: Visit) -> str:
    """Who asks without a session, as far as it is known; no session is called so."""
    return f"at {visit.address}"


def blocks_of(visit: Visit) -> Any:
    return visit.scope["app"].get_blocks()


def largest(visit: Visit) -> int:
    """Bytes of an upload, as ``launch`` was told."""
    return blocks_of(visit).max_file_size or MAX_FILE


def routes() -> Iterable[tuple[str, re.Pattern[str], Check]]:
    """Every route that the page and the clients use."""
    api = "/gradio_api"
    for path in ("", "/", "/config/?"):
        yield "GET", re.compile(path), Gate.page
    for path in ("/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt", "/(assets|static|svelte)/.*"):
        yield "GET", re.compile(path), Gate.free
    for path in ("login/huggingface", "login/callback", "logout") if account.offered() else ():
        yield "GET", re.compile(f"/{path}"), Gate.free
    yield "GET", re.compile(f"{api}/(info|openapi.json)/?"), Gate.told
    for path in ("app_id/?", "startup-events", "theme.css", "queue/status"):
        yield "GET", re.compile(f"{api}/{path}"), Gate.free
    yield "GET", re.compile(f"{api}/file=(?P<file>.*)", re.DOTALL), Gate.file
    yield "GET", re.compile(f"{api}/upload_progress"), Gate.progress
    yield "GET", BEAT, Gate.beat
    yield "GET", re.compile(f"{api}/queue/data"), Gate.listen
    yield "GET", re.compile(f"{api}/call/(v2/)?[^/]+/[0-9a-f]+"), Gate.free
    yield "POST", re.compile(f"{api}/queue/(?P<kind>join)"), Gate.call
    yield "POST", re.compile(f"{api}/(?P<kind>run|api|call)/(?P<name>[^/]+)/?"), Gate.call
    yield "POST", re.compile(f"{api}/call/(?P<kind>v2)/(?P<name>[^/]+)/?"), Gate.call
    yield "POST", re.compile(f"{api}/(?P<kind>cancel|reset)/?"), Gate.small
    yield "POST", re.compile(f"{api}/upload"), Gate.upload
    yield "POST", re.compile(f"{api}/mcp/?"), Gate.agent
    for method in ("GET", "DELETE"):  # listen to a session, end it
        yield method, re.compile(f"{api}/mcp/?"), Gate.free
    yield "POST", re.compile(f"{api}/component_server/?"), Gate.strokes


BEAT = re.compile("/gradio_api/heartbeat/(?P<session>[A-Za-z0-9_-]{1,64})")
ROUTES = tuple(routes())


def guard(limits: Limits) -> list[Middleware]:
    """For FastAPI's ``middleware``."""
    return [Middleware(Gate, limits=limits)]
