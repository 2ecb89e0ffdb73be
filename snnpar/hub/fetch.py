"""Downloads: of a checkpoint only safetensors, JSON and the card, of a dataset only annotations and images.

A revision is first resolved to a commit, and that is what is listed, downloaded, compared and cached: a branch that
moves meanwhile changes nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from snnpar import CHECKPOINTS, WEIGHTS
from snnpar.core.hashing import file_sha256
from snnpar.core.public import is_public
from snnpar.hub.cache import alone, hub_id_of, is_private, make_room, mark, name_revision, named_commit, repo_folder
from snnpar.hub.ids import REMOTE, HubError, HubId, parse_hub_id
from snnpar.hub.kinds import (
    CHECKPOINT_REPO,
    DATASET_REPO,
    FETCHED,
    WEIGHTS_REPO,
    Listing,
    RemoteFile,
    RepositoryKind,
    check_size,
    in_words,
    total,
)
from snnpar.hub.listing import is_place, listing
from snnpar.hub.wire import NoAnswer, save, where

PUBLIC_BYTES = 200_000_000  # of one checkpoint on a public server
PUBLIC_CACHE_BYTES = 1_000_000_000  # of all of them there
AT_A_TIME = 8  # files that are downloaded side by side

Begun = Callable[[HubId, int], None]  # told the commit and its bytes when something has to be downloaded


def fetch_checkpoint(
    hub_id: str,
    *,
    cache: Path = CHECKPOINTS / "hub",
    begun: Begun | None = None,
    signed: bool = True,
) -> Path:
    """Local directory of a checkpoint of the Hub, downloaded unless `cache` has it; its name is the commit.

    A pinned commit in the cache makes no request. When the Hub is down, the revision last fetched is used;
    without one the answer comes at once, not after the client's retries. `signed`: with the token of this machine, if
    it has one; without, what is private is not had, not from the cache either. Raises HubError.
    """
    return _fetch(parse_hub_id(hub_id), CHECKPOINT_REPO, cache, begun, signed)


def cached_checkpoint(hub_id: str, *, cache: Path = CHECKPOINTS / "hub", signed: bool = True) -> Path | None:
    """The directory that fetch_checkpoint fetched last for this revision, without a request; None if it never did."""
    return _cached(parse_hub_id(hub_id), CHECKPOINT_REPO, cache, signed)


def fetch_dataset(hub_id: str, *, cache: Path = CHECKPOINTS / "hub-data") -> Path:
    """Local directory of a dataset of the Hub: its annotations and images, downloaded unless `cache` has them.

    What files it needs is the caller's to say; archives are not unpacked. Raises HubError as fetch_checkpoint does.
    """
    return _fetch(parse_hub_id(hub_id), DATASET_REPO, cache)


def fetch_weights(hub_id: str) -> Path:
    """Local model.safetensors of any repository, in the client's own cache (HF_HOME), where timm keeps its own.

    Raises HubError as fetch_checkpoint does.
    """
    from huggingface_hub import constants

    return _fetch(parse_hub_id(hub_id), WEIGHTS_REPO, Path(constants.HF_HUB_CACHE)) / WEIGHTS


def pin_checkpoint(place: str, *, cache: Path = CHECKPOINTS / "hub") -> str:
    """hf:owner/name@COMMIT for hf:owner/name[@revision] and for a folder of the cache; any other place as it is.

    Raises HubError when the commit cannot be found out.
    """
    cached = hub_id_of(Path(place)) if place and Path(place).is_relative_to(cache) else None
    return f"{REMOTE}{cached}" if cached else _pin(place, CHECKPOINT_REPO, cache)


def pin_dataset(place: str, *, cache: Path = CHECKPOINTS / "hub-data") -> str:
    """The same for a dataset, of which the folder stays."""
    return _pin(place, DATASET_REPO, cache)


def look_up(hub_id: str, *, signed: bool = True) -> Listing:
    """The commit of a revision and its files, asked anew. Raises HubError, also for what is no checkpoint."""
    wanted = parse_hub_id(hub_id)
    found = _listing(wanted, CHECKPOINT_REPO, None, signed)
    assert found is not None, "without a cached one it is had or refused"
    CHECKPOINT_REPO.check(wanted, found)
    return found


def _fetch(wanted: HubId, kind: RepositoryKind, cache: Path, begun: Begun | None = None, signed: bool = True) -> Path:
    cached = _cached(wanted, kind, cache, signed)
    if cached and wanted.pinned:
        return cached
    found = _listing(wanted, kind, cached, signed)
    if cached and (found is None or cached.name == found.commit):
        return cached
    assert found is not None, "without a cached one it is had or refused"
    kind.check(wanted, found)
    files = found.used(kind.patterns)
    if odd := next((name for name in files if not is_place(name)), None):
        raise HubError(f"{wanted} has a file called {odd[:100]!r}, which cannot be stored here; tell its owner.")
    try:
        _make_room(wanted, files, cache)
        with alone(wanted.repo, cache) if kind.swept else nullcontext():
            if begun:
                begun(replace(wanted, revision=found.commit), total(files))
            folder = _download(wanted, kind, found, cache, signed)
        name_revision(wanted, folder)
        if is_public():
            make_room(cache, PUBLIC_CACHE_BYTES)  # another download may have ended meanwhile
        return folder
    except OSError as error:
        raise HubError(f"{wanted} cannot be stored in {cache}: {error.strerror or error}.") from error


def _download(wanted: HubId, kind: RepositoryKind, found: Listing, cache: Path, signed: bool) -> Path:
    """The commit's folder, marked once its content is what the Hub says; the file looked at first comes first."""
    from huggingface_hub.utils import tqdm

    files, guard, ended = found.used(kind.patterns), threading.Lock(), threading.Event()
    folder = repo_folder(wanted.repo, cache, kind.repo_type) / "snapshots" / found.commit
    with tqdm(total=total(files), unit="B", unit_scale=True, desc=wanted.repo, disable=None) as bar:

        def came(size: int) -> None:
            if ended.is_set():
                raise HubError(f"The download of {wanted} was ended.")
            with guard:
                bar.update(size)

        def bring(name: str) -> None:
            _bring(wanted, kind.repo_type, name, files[name], folder, signed, came)

        if kind.first and kind.check_first:
            bring(kind.first)
            kind.check_first(wanted, folder / kind.first)
        with ThreadPoolExecutor(AT_A_TIME, "hub") as pool:
            try:
                list(pool.map(bring, [name for name in files if name != kind.first]))
            except BaseException:
                ended.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    if FETCHED in kind.required:
        mark(folder, found.private)
    return folder


def _bring(
    wanted: HubId,
    repo_type: str,
    name: str,
    file: RemoteFile,
    snapshot: Path,
    signed: bool,
    came: Callable[[int], object],
) -> None:
    """One file of a commit: a blob by its sha256, as the client keeps large files, and a link to it."""
    link, blobs = snapshot / name, snapshot.parent.parent / "blobs"
    if link.is_file() and link.stat().st_size == file.size and (not file.sha256 or file_sha256(link) == file.sha256):
        came(file.size)
        return
    blobs.mkdir(parents=True, exist_ok=True)
    known = blobs / file.sha256
    if file.sha256 and known.is_file() and file_sha256(known) == file.sha256:
        came(file.size)
        blob = known
    else:
        part = blobs / f"{os.urandom(8).hex()}.incomplete"
        try:
            digest = save(wanted, snapshot.name, repo_type, name, file, part, signed=signed, came=came)
            if file.sha256 and digest != file.sha256:
                raise HubError(
                    f"{name} of {wanted} is not what the Hub says it is (its sha256 differs), so it was not "
                    "kept; try again, and tell its owner if that does not help."
                )
            blob = part.replace(blobs / digest)
        finally:
            part.unlink(missing_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))


def _pin(place: str, kind: RepositoryKind, cache: Path) -> str:
    if not place.startswith(REMOTE):
        return place
    wanted = parse_hub_id(place.removeprefix(REMOTE))
    if not wanted.pinned:
        cached = _cached(wanted, kind, cache)
        found = _listing(wanted, kind, cached)
        if commit := found.commit if found else cached and cached.name:
            wanted = replace(wanted, revision=commit)
    return f"{REMOTE}{wanted}"


def _cached(wanted: HubId, kind: RepositoryKind, cache: Path, signed: bool = True) -> Path | None:
    folder = repo_folder(wanted.repo, cache, kind.repo_type)
    commit = wanted.revision if wanted.pinned else named_commit(folder, wanted.revision)
    snapshot = folder / "snapshots" / commit
    if not commit or not all((snapshot / name).is_file() for name in kind.required):
        return None  # never fetched, or only in part
    return None if is_private(snapshot) and not signed else snapshot


def _listing(wanted: HubId, kind: RepositoryKind, cached: Path | None, signed: bool = True) -> Listing | None:
    """What the Hub has of a revision; None when it cannot be asked and `cached` has to do. Raises HubError."""
    from huggingface_hub import is_offline_mode

    if is_offline_mode():
        if cached:
            return None
        raise HubError(f"{wanted} is not in the cache, and HF_HUB_OFFLINE forbids to download it.")
    try:
        return listing(wanted, kind, signed=signed)
    except NoAnswer as error:
        if cached:
            return None
        if error.reached:
            raise
        raise HubError(f"{wanted} is not in the cache, and {where()} cannot be reached.") from error


def _make_room(wanted: HubId, files: dict[str, RemoteFile], cache: Path) -> None:
    """On a public server nobody may fill the disk: the checkpoints that came first go, until this one has its place."""
    if not is_public():
        return
    check_size(wanted, files, PUBLIC_BYTES, "that this public server downloads")
    if not make_room(cache, PUBLIC_CACHE_BYTES - total(files)):
        raise HubError(
            f"This public server keeps at most {in_words(PUBLIC_CACHE_BYTES)} of the Hub, and {wanted} "
            "would be too much; pick a checkpoint that is there, or run the app on your own machine."
        )
