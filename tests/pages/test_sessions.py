"""What is kept for visitors: bounded over all of them, and gone with them."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.ui.image import own_image
from pages.ui.image.own_image import OwnImage
from pages.ui.server import sessions
from snnpar import ASSETS


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    store = MemoryUploadedFileManager("/upload")
    storage = MemorySessionStorage(ttl_seconds=0)
    runtime = SimpleNamespace(uploaded_file_mgr=store, _session_mgr=SimpleNamespace(_session_storage=storage))
    monkeypatch.setattr(sessions, "get_instance", lambda: runtime)
    monkeypatch.setattr(own_image, "_FILES", set())
    return store


def put(store: MemoryUploadedFileManager, session: str, name: str, size: int = 10) -> bytes:
    data = bytes(size)
    store.add_file(session, UploadedFileRec(name, f"{name}.png", "image/png", data))
    return data


def test_a_sessions_oldest_upload_makes_way_for_its_next(store: MemoryUploadedFileManager) -> None:
    put(store, "other", "x")
    for number in range(9):
        assert sessions.make_room("one")
        put(store, "one", str(number))
    assert list(store.file_storage["one"]) == ["5", "6", "7", "8"] and list(store.file_storage["other"]) == ["x"]


def test_all_sessions_together_are_bounded(store: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "ALL", 35)
    data = put(store, "one", "a")
    own_image._FILES.add(OwnImage("sha256-" + "0" * 24, "a", data))
    put(store, "two", "b")
    assert sessions.make_room("three"), "the same bytes count once"
    own_image._FILES.add(OwnImage("sha256-" + "1" * 24, "c", bytes(20)))
    assert not sessions.make_room("three"), "an image that is looked at counts, also without its upload"


def test_what_expires_in_streamlits_store_is_dropped_without_a_visitor(
    store: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The private names exist, and a session that is gone takes its uploads along."""

    class Session:
        id = "one"

        def __del__(self) -> None:
            store.remove_session_files(self.id)

    put(store, "one", "a")
    storage = sessions.get_instance()._session_mgr._session_storage
    storage.save(SimpleNamespace(session=Session()))
    monkeypatch.setattr(sessions, "SWEEP_S", 0.01)

    async def run() -> None:
        async with sessions.swept(None):
            await asyncio.sleep(0.2)

    asyncio.run(run())
    gc.collect()
    assert not store.file_storage.get("one")
    assert hasattr(AppSession, "__del__"), "which is how Streamlit's own sessions do it"


def test_the_names_that_are_used_exist_in_this_streamlit() -> None:
    from streamlit.runtime import Runtime
    from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

    assert "_session_mgr" in Runtime.__init__.__code__.co_names
    assert "_session_storage" in WebsocketSessionManager.__init__.__code__.co_names
    assert callable(AppSession._handle_clear_cache_request)


@pytest.mark.parametrize("public", [False, True])
def test_only_a_public_server_keeps_its_caches_from_a_visitor(
    store: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch, public: bool
) -> None:
    def before(_session: object) -> None:
        """Streamlit's own, or what an earlier test of this process left in its place."""

    monkeypatch.setattr(AppSession, "_handle_clear_cache_request", before)
    monkeypatch.setenv("SNNPAR_PUBLIC", str(int(public)))

    async def run() -> None:
        async with sessions.swept(None):
            pass

    asyncio.run(run())
    assert (AppSession._handle_clear_cache_request is before) == (not public)


def test_decoded_images_are_bounded_in_bytes_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from cachetools import TTLCache

    now = [0.0]
    cache = TTLCache(1_000_000, 120, timer=lambda: now[0], getsizeof=own_image._PIXELS.getsizeof)
    monkeypatch.setattr(own_image, "_PIXELS", cache)
    files = [Path(path).read_bytes() for path in sorted((ASSETS / "samples").glob("*.png"))[:6]]
    for number, data in enumerate(files):
        own = OwnImage(f"sha256-{number:024}", "a.png", data)
        assert own.image().image is own.image().image, "decoded once"
    assert 0 < cache.currsize <= 1_000_000
    assert len(cache) < len(files)
    now[0] = 121
    own_image.forget_unused()
    assert not cache.currsize
