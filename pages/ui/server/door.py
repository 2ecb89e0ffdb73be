"""In front of Streamlit: only requests that name this server are answered, no page of another site shows the app in a
frame, and uploads are bounded."""

from __future__ import annotations

import asyncio

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.ui.server import sessions
from snnpar.core import hosts
from snnpar.serve.guard import headed

FRAMED = f"frame-ancestors {hosts.FRAMES}"
UPLOAD = "/_stcore/upload_file/"
UPLOADING = 16  # at a time, of all visitors
UPLOAD_S = 60  # for one to arrive
REFUSED = 1008  # of a websocket: against the server's policy
BUSY = "Too many files are being sent here; try again in a minute."
SLOW = f"The file did not arrive within {UPLOAD_S} s; choose a smaller one."


class Door:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.uploading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        names = hosts.known(st.get_option("server.address") or "")
        if why := hosts.refusal(headers.get("host"), headers.get("origin"), names):
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": REFUSED, "reason": "unknown name"})
            return await PlainTextResponse(why, 403)(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "PUT" and UPLOAD in scope["path"]:
            return await self._upload(scope, receive, headed(send, FRAMED))
        return await self.app(scope, receive, headed(send, FRAMED))

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = scope["path"].partition(UPLOAD)[2].partition("/")[0]
        if self.uploading >= UPLOADING or not sessions.make_room(session):
            return await PlainTextResponse(BUSY, 503)(scope, receive, send)
        self.uploading += 1
        try:
            async with asyncio.timeout(UPLOAD_S):
                await self.app(scope, receive, send)
        except TimeoutError:
            await PlainTextResponse(SLOW, 408)(scope, receive, send)
        finally:
            self.uploading -= 1
