"""What the Hub has, before anything is downloaded: ids that begin so, revisions of a repository, files of a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from snnpar.hub.fetch import look_up
from snnpar.hub.ids import HubError, HubId, parse_hub_id
from snnpar.hub.kinds import Listing
from snnpar.hub.listing import ids, revisions
from snnpar.hub.wire import NoAnswer

MOST = 20  # ids shown
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


@dataclass(frozen=True)
class SearchResult:
    """What an id or the beginning of one led to; `listing` and `revisions` (commits by name) for a whole id only."""

    asked: str
    ids: tuple[str, ...] = ()
    id: HubId | None = None
    listing: Listing | None = None
    revisions: dict[str, str] | None = None


def search(text: str, *, signed: bool) -> SearchResult:
    """Whatever `text` means: owner/name[@revision] is looked up, the beginning of an id lists those that fit.

    `signed`: with the token of this machine, which shows what is private. Raises HubError with one sentence.
    """
    text = text.strip()
    try:
        wanted = parse_hub_id(text)
    except HubError:
        return SearchResult(text, _ids(text, signed))
    try:
        found = look_up(text, signed=signed)
        return SearchResult(text, id=wanted, listing=found, revisions=revisions(wanted.repo, signed=signed))
    except NoAnswer:
        raise
    except HubError:
        fitting = _ids(text, signed) if "@" not in text else ()  # owner/na may be the beginning of owner/name
        if not fitting:
            raise
        return SearchResult(text, fitting)


def _ids(prefix: str, signed: bool) -> tuple[str, ...]:
    if not _PREFIX.fullmatch(prefix):
        raise HubError(f"{prefix[:100]!r} is not the beginning of a Hub id; write owner/name, or a part of it.")
    return ids(prefix, MOST, signed=signed)
