"""In front of Gradio: only hosts that are ours and routes that this app uses, bodies of bounded size, and a page that
loads nothing else.

Gradio brings routes that write uploads to disk, read files, fetch from other servers and record sessions. An image
comes as base64 in the JSON of a request here and goes out the same way, so that none of them is needed: it is never
written to a file, and never logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from snnpar.core import hosts
from snnpar.images.pixels import MAX_BYTES

MAX_BODY = MAX_BYTES * 14 // 10  # base64 has 4 characters for 3 bytes, and may be broken into lines
TOO_LARGE = f"The request is larger than {MAX_BODY / 1e6:.0f} MB; send an image of at most {MAX_BYTES / 1e6:.0f} MB."
READING = 10 * MAX_BODY  # bytes of all bodies that are on their way in
READ_S = 60  # for one body to arrive
BUSY = "Too much is being sent here; try again in a moment."
SLOW = f"The request did not arrive within {READ_S} s; send a smaller image."
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt")
FOLDERS = ("/assets/", "/static/", "/svelte/")
CALLS = (
    "info",
    "openapi.json",
    "app_id",
    "startup-events",
    "theme.css",
    "user",
    "login_check",
    "queue/join",
    "queue/data",
    "cancel",
    "reset",
    "call",
    "run",
    "api",
    "heartbeat",
    "mcp",
)
# Scripts of Gradio are inline and evaluate templates; nothing may come from, or go to, another server.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self';"
    " form-action 'self'"
)
UNBELIEVED = (b"x-forwarded-host",)  # any visitor can write it, and Gradio would take it for its own address


class Guard:
    """ASGI middleware for a server of these `names`, see `snnpar.core.hosts`."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self.app = app
        self.names = frozenset(names)
        self.reading = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if why := hosts.refusal(headers.get("host"), headers.get("origin"), self.names):
            return await JSONResponse({"detail": why}, 403)(scope, receive, send)
        if not allowed(scope["path"]):
            return await JSONResponse({"detail": "Not found."}, 404)(scope, receive, send)
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= MAX_BODY):
            return await JSONResponse({"detail": TOO_LARGE}, 413)(scope, receive, send)
        scope = {**scope, "headers": [one for one in scope["headers"] if one[0].lower() not in UNBELIEVED]}
        body = _Body(self, receive)
        try:
            await self.app(scope, body.receive, headed(send, f"{POLICY}; frame-ancestors {hosts.FRAMES}"))
        finally:
            body.forget()


def allowed(path: str) -> bool:
    """Does this app use the route? `path` is what remains after percent-decoding."""
    if ".." in path.split("/"):
        return False
    if path.startswith("/gradio_api/"):
        rest = path.removeprefix("/gradio_api/")
        return any(rest == call or rest.startswith(f"{call}/") for call in CALLS)
    return path in PAGES or path.startswith(FOLDERS)


class _Body:
    """A body as it arrives, counted whether or not it declares its length, and within a time."""

    def __init__(self, guard: Guard, receive: Receive) -> None:
        self.guard, self._receive = guard, receive
        self.seen, self.is_whole = 0, False
        self.end = asyncio.get_running_loop().time() + READ_S

    async def receive(self) -> Message:
        if self.is_whole:  # what comes now is that the visitor has gone
            return await self._receive()
        try:
            async with asyncio.timeout_at(self.end):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, SLOW) from None
        size = len(message.get("body", b""))
        self.seen += size
        self.guard.reading += size
        if self.seen > MAX_BODY:
            raise HTTPException(413, TOO_LARGE)
        if self.guard.reading > READING:
            raise HTTPException(503, BUSY)
        self.is_whole = not message.get("more_body", False)
        return message

    def forget(self) -> None:
        self.guard.reading -= self.seen


def headed(send: Send, policy: str) -> Send:
    """`send` with the headers that keep a page to itself, among them this Content-Security-Policy."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = policy
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return with_headers
