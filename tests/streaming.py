"""What a browser's websocket to the app hears, without a browser."""

from __future__ import annotations

import asyncio

import websockets


def connect(url: str, host: str) -> websockets.connect:
    port = int(url.rpartition(":")[2])
    return websockets.connect(f"ws://{host}:{port}/_stcore/stream", host="127.0.0.1", port=port,
                              origin=f"http://{host}:{port}", subprotocols=["streamlit"], max_size=None)


async def first_run(url: str, host: str) -> str:
    """All that the server sends to a browser until its script has ended, as text."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    texts = []
    async with connect(url, host) as socket:
        message = BackMsg()
        message.rerun_script.query_string = ""
        await socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(socket.recv(), 120))
            texts.append(str(answer))
            if answer.WhichOneof("type") == "script_finished":
                return "\n".join(texts)
