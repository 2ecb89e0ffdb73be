"""Checkpoints by name: one in checkpoints/, a folder, or an id of the Hub."""

from __future__ import annotations

from pathlib import Path

import snnpar
from snnpar.checkpoint.files import CheckpointError
from snnpar.core.places import place as path_of
from snnpar.hub import REMOTE, HubError, fetch_checkpoint


def find_checkpoint(place: str | Path, *, revision: str = "") -> Path:
    """The folder of a checkpoint, which need not hold one: reading it says what is wrong with it.

    `place`: a folder, a name in checkpoints/, or owner/name[@revision] of the Hub, which is fetched unless the cache
    has it; a folder of that name comes first, unless hf: stands before it. `revision` is for an id without one.
    Raises HubError, or CheckpointError for a revision of a folder.
    """
    text, path = str(place), path_of(place)
    is_id = not path.is_absolute() and not text.startswith(".") and "/" in text
    if text.startswith(REMOTE) or (is_id and not path.exists()):
        return _fetch(text, revision)
    if revision:
        raise CheckpointError(f"{text} is a folder and has no revision {revision!r}; leave it out")
    return (None if path.exists() or "/" in text else named(text)) or path


def named(name: str) -> Path | None:
    """The folder of that name in checkpoints/, or among the shipped ones where these lie apart."""
    places = [root / name for root in (snnpar.CHECKPOINTS, snnpar.SHIPPED) if root]
    return next((place for place in places if place.is_dir()), None)


def _fetch(text: str, revision: str) -> Path:
    hub_id = text.removeprefix(REMOTE)
    if revision and "@" in hub_id:
        raise HubError(f"{hub_id} names a revision already; leave out {revision!r}")
    try:
        return fetch_checkpoint(f"{hub_id}@{revision}" if revision else hub_id, cache=snnpar.CHECKPOINTS / "hub")
    except HubError as error:
        if text.startswith(REMOTE):
            raise
        raise HubError(f"there is no folder {text}, and as a Hub id: {error}") from error
