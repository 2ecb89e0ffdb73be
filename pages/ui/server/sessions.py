"""What the server keeps for its visitors: how much, and for how long after they have gone.

Streamlit keeps a session for two minutes after its tab is closed, and looks for those that are over only when somebody
comes. Here they are looked for all the time, so that an image goes with its session. Of Streamlit this uses the store
of its uploads and, by private names, that of its sessions.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamlit.runtime import get_instance
from streamlit.runtime.app_session import AppSession

from pages.ui.image import own_image
from snnpar.core.public import is_public

EACH = 4  # uploads of one session; a fifth takes the place of its first
ALL = 300_000_000  # bytes of all sessions' uploads
SWEEP_S = 10.0


def make_room(session: str) -> bool:
    """Is there room for one more upload? A session's own oldest one makes way for it."""
    store = get_instance().uploaded_file_mgr
    own = list(store.file_storage.get(session, ()))
    for file in own[: max(0, len(own) + 1 - EACH)]:
        store.remove_file(session, file)
    uploads = (file.data for files in list(store.file_storage.values()) for file in list(files.values()))
    held = {id(data): len(data) for data in (*uploads, *own_image.held())}  # the same bytes may be both
    return sum(held.values()) < ALL


@asynccontextmanager
async def swept(_app: object) -> AsyncIterator[None]:
    """While the server runs, drop what belongs to sessions that are over; a visitor clears nobody else's caches."""
    if is_public():
        # Streamlit clears the caches of all visitors when one visitor's browser says so.
        AppSession._handle_clear_cache_request = _refuse
    sweeper = asyncio.create_task(_sweep())
    try:
        yield
    finally:
        sweeper.cancel()
        with suppress(asyncio.CancelledError):
            await sweeper


async def _sweep() -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        own_image.forget_unused()
        if get_instance()._session_mgr._session_storage._cache.expire():
            gc.collect()  # a session goes with its last reference, and takes its uploads along


def _refuse(_session: AppSession) -> None:
    """What one visitor asks for is not done to all."""
