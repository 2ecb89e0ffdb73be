"""Who may open a page of this server, tried on a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from browsing import served_pair

websockets = pytest.importorskip("websockets", reason="websockets, which Gradio's client brings, is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_pair(tmp_path_factory.mktemp("served")) as url:
        yield url


async def first_run(url: str, headers: dict[str, str]) -> str:
    """All that the server sends to a browser with these headers until its script has ended, as text."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    address = url.replace("http://", "ws://") + "/_stcore/stream"
    host = headers.pop("Host")
    port = int(url.rpartition(":")[2])
    origin = headers.get("Origin")
    texts = []
    async with websockets.connect(address.replace("127.0.0.1", host), host="127.0.0.1", port=port, origin=origin,
                                  subprotocols=["streamlit"], max_size=None) as socket:
        message = BackMsg()
        message.rerun_script.query_string = ""
        await socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(socket.recv(), 120))
            texts.append(str(answer))
            if answer.WhichOneof("type") == "script_finished":
                return "\n".join(texts)


@pytest.mark.parametrize(("host", "drawn"), [("127.0.0.1", True), ("localhost", True), ("evil.example", False),
                                             ("127.0.0.1.evil.example", False)])
def test_nothing_is_drawn_for_a_page_of_another_name(server: str, host: str, drawn: bool) -> None:
    port = server.rpartition(":")[2]
    said = asyncio.run(first_run(server, {"Host": host, "Origin": f"http://{host}:{port}"}))
    assert ("Two networks look at one person" in said) == drawn
    assert ("does not answer to the name" in said) == (not drawn)


def test_only_a_public_server_keeps_its_caches_from_a_visitor(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.runtime.app_session import AppSession

    from pages.ui import visitors

    def before(_session: object) -> None:
        """Streamlit's own, or what an earlier test of this process left in its place."""

    monkeypatch.setattr(AppSession, "_handle_clear_cache_request", before)
    visitors.admit()
    assert AppSession._handle_clear_cache_request is before
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    visitors.admit()
    assert AppSession._handle_clear_cache_request is not before


def test_what_is_asked_for_exists_in_this_streamlit() -> None:
    """A private name: a later Streamlit may call it otherwise."""
    from streamlit.runtime.app_session import AppSession

    assert callable(AppSession._handle_clear_cache_request)
