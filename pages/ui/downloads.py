"""Downloads from the Hub that pages begin, each in a process of its own."""

from __future__ import annotations

from weakref import WeakSet

from pages.ui.server.access import signed
from pages.ui.widgets.literal import literal
from snnpar.core.numbers import duration
from snnpar.core.public import is_public
from snnpar.hub import Download, HubError
from snnpar.sharing.collection import hub_cache

PUBLIC_DOWNLOADS = 2  # at a time on a public server, of all its visitors
_BEGUN: WeakSet[Download] = WeakSet()


def hindrance() -> str | None:
    """Why no other download can begin now; None if one can."""
    busy = sum(one.process.poll() is None for one in _BEGUN)
    if is_public() and busy >= PUBLIC_DOWNLOADS:
        return "Others are downloading on this public server; try again in a minute."
    return None


def begin(hub_id: str) -> Download:
    """Start it. Raises HubError for what is no Hub id, or when too many are under way."""
    if why := hindrance():
        raise HubError(why)
    download = Download(hub_id, hub_cache(), signed=signed())
    _BEGUN.add(download)
    return download


def share(download: Download) -> float:
    """How much of it is done, 0 to 1."""
    done, total = download.progress
    return done / total if total else 0.0


def words(download: Download) -> str:
    """lab/student · 2.6 of 9.5 MB · 5.4 s · about 14 s left"""
    (done, total), left = download.progress, download.seconds_left
    parts = [
        literal(download.id.repo),
        f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else "asking the Hub",
        duration(download.seconds),
        *([f"about {duration(left)} left"] if left is not None else []),
    ]
    return " · ".join(parts)
