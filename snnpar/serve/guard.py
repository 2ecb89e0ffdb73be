"""In front of Gradio: only the routes that this app uses, bodies of bounded size, and a page that loads nothing else.

Gradio brings routes that write uploads to disk, read files, fetch from other servers and record sessions. An image
comes as base64 in the JSON of a request here and goes out the same way, so that none of them is needed: it is never
written to a file, and never logged.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from snnpar.images import MAX_BYTES

MAX_BODY = MAX_BYTES * 14 // 10  # base64 has 4 characters for 3 bytes, and may be broken into lines
TOO_LARGE = f"The request is larger than {MAX_BODY / 1e6:.0f} MB; send an image of at most {MAX_BYTES / 1e6:.0f} MB."
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt")
FOLDERS = ("/assets/", "/static/", "/svelte/")
CALLS = ("info", "openapi.json", "app_id", "startup-events", "theme.css", "user", "login_check", "queue/join",
         "queue/data", "cancel", "reset", "call", "run", "api", "heartbeat", "mcp")
# Scripts of Gradio are inline and evaluate templates; nothing may come from, or go to, another server.
POLICY = ("default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
          " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self';"
          " form-action 'self'")


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if not allowed(scope["path"]):
            return await JSONResponse({"detail": "Not found."}, 404)(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 20 and int(length) <= MAX_BODY):
            return await JSONResponse({"detail": TOO_LARGE}, 413)(scope, receive, send)
        await self.app(scope, _counted(receive), _headed(send))


def allowed(path: str) -> bool:
    """Does this app use the route? `path` is what remains after percent-decoding."""
    if ".." in path.split("/"):
        return False
    if path.startswith("/gradio_api/"):
        rest = path.removeprefix("/gradio_api/")
        return any(rest == call or rest.startswith(f"{call}/") for call in CALLS)
    return path in PAGES or path.startswith(FOLDERS)


def _counted(receive: Receive) -> Receive:
    """A body without a declared length is counted as it arrives."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted


def _headed(send: Send) -> Send:
    async def headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = POLICY
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return headed
