"""What a browser's websocket to the app hears, without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import websockets
from google.protobuf.message import Message


def connect(url: str, host: str) -> websockets.connect:
    port = int(url.rpartition(":")[2])
    return websockets.connect(
        f"ws://{host}:{port}/_stcore/stream",
        host="127.0.0.1",
        port=port,
        origin=f"http://{host}:{port}",
        subprotocols=["streamlit"],
        max_size=None,
    )


async def heard(socket: websockets.ClientConnection) -> AsyncIterator[Message]:
    """Ask for a page, as a browser does, and hear every message of the server."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = BackMsg()
    message.rerun_script.query_string = ""
    await socket.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await asyncio.wait_for(socket.recv(), 120))
        yield answer


async def first_run(url: str, host: str) -> str:
    """All that the server sends to a browser until its script has ended, as text."""
    texts = []
    async with connect(url, host) as socket:
        async for answer in heard(socket):
            texts.append(str(answer))
            if answer.WhichOneof("type") == "script_finished":
                break
    return "\n".join(texts)
