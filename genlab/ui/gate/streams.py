"""The bodies of requests, as long as they may be, and what is answered."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from genlab.ui.gate.headers import HEADERS
from genlab.ui.gate.traffic import Refused


def bounded(scope: Scope, receive: Receive, most: int) -> Receive:
    """The body, ended by Refused as soon as it is longer than ``most`` bytes."""
    said = f"The request is too large; it must have at most {most / 1e6:.0f} MB."
    length = Headers(scope=scope).get("content-length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise Refused(413, said)
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise Refused(413, said)
        return message

    return counted


async def read(scope: Scope, receive: Receive, most: int) -> bytes:
    """The whole body."""
    parts, counted, more = [], bounded(scope, receive, most), True
    while more:
        message = await counted()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def again(body: bytes, then: Receive) -> Receive:
    """``body`` for the next reader, who afterwards hears of the connection's end."""
    left = [body]

    async def receive() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await then()

    return receive


class Answer:
    """What goes back: with the headers of a guarded page, and an error of a call as the caller's."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self.send, self.status = scope, send, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status == 500 and self.scope["method"] == "POST":  # gradio's, to a call that was refused
                message = {**message, "status": 400}
            MutableHeaders(scope=message).update(HEADERS)
        await self.send(message)

    async def say(self, status: int, sentence: str, wait: float | None = None) -> None:
        """One sentence, as gradio's page and clients expect it; where an answer has begun, its end."""
        if self.status:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        headers = {} if wait is None else {"Retry-After": str(int(wait) + 1)}
        said = {"detail": sentence, "error": sentence}
        await JSONResponse(said, status, headers)(self.scope, nothing, self)


async def nothing() -> Message:
    return {"type": "http.disconnect"}
