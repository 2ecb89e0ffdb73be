"""The cache of checkpoints, in the client's own layout: models--owner--name/{blobs, refs, snapshots/COMMIT}.

A snapshot is whole once it is marked as fetched; what is half, because a download was cancelled or killed, is swept.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from snnpar.core.atomic import write_text
from snnpar.core.locks import lock, release, try_lock
from snnpar.hub.ids import HubError, HubId, is_commit
from snnpar.hub.kinds import FETCHED, REQUIRED

MODELS = "models--"
PUBLIC, PRIVATE = "public", "private"  # in the mark that a snapshot is whole: who may have it


@dataclass(frozen=True)
class CachedCheckpoint:
    """A checkpoint of the Hub on this machine. bytes: of its files; revisions: branches and tags that led to it;
    private: not everybody may have it, as far as is known."""

    id: HubId
    path: Path
    bytes: int
    revisions: tuple[str, ...] = ()
    private: bool = False


def repo_folder(repo: str, cache: Path, repo_type: str = "model") -> Path:
    """Where the cache keeps a repository."""
    return cache / f"{repo_type}s--{repo.replace('/', '--')}"


def hub_id_of(folder: Path) -> HubId | None:
    """The pinned id of a folder in such a cache; None for any other folder."""
    repo = folder.parent.parent.name
    if folder.parent.name != "snapshots" or not repo.startswith(MODELS) or not is_commit(folder.name):
        return None
    return HubId(_repo_of(folder.parent.parent), folder.name)


def _repo_of(folder: Path) -> str:
    return folder.name.removeprefix(MODELS).replace("--", "/", 1)


def list_cached(cache: Path) -> list[CachedCheckpoint]:
    """All whole checkpoints, by name, of one repository the one fetched last first."""
    found = []
    for folder in sorted(cache.glob(f"{MODELS}*")):
        refs = _refs(folder)
        for path in sorted(filter(_is_whole, folder.glob("snapshots/*")), key=_fetched_at, reverse=True):
            size = sum(file.stat().st_size for file in path.iterdir() if file.is_file() and file.name != FETCHED)
            named = tuple(name for name, commit in refs.items() if commit == path.name and name != commit)
            known = hub_id_of(path)
            if known:
                found.append(CachedCheckpoint(known, path, size, named, is_private(path)))
    return found


def list_halves(cache: Path) -> list[tuple[str, int]]:
    """Repositories of which no revision is whole, and their bytes; those being downloaded are among them."""
    found = []
    for folder in sorted(cache.glob(f"{MODELS}*")):
        if not any(map(_is_whole, folder.glob("snapshots/*"))):
            found.append((_repo_of(folder), stored_bytes(folder)))
    return found


def delete_half(repo: str, cache: Path) -> None:
    """Remove what a download of a repository has left. Raises HubError while one is under way."""
    folder = repo_folder(repo, cache)
    _sweep_folder(folder, cache)
    if folder.is_dir() and not any(map(_is_whole, folder.glob("snapshots/*"))):
        raise HubError(f"{repo} is being downloaded; wait, or cancel that, before you delete.")


def mark(snapshot: Path, private: bool) -> None:
    """Say that a snapshot is whole, and whether everybody may have it."""
    write_text(snapshot / FETCHED, PRIVATE if private else PUBLIC)


def is_private(snapshot: Path) -> bool:
    """May not everybody have it? So it is taken where no mark says who may."""
    path = snapshot / FETCHED
    return not path.is_file() or path.read_text("utf-8", "replace").strip() != PUBLIC


def named_commit(folder: Path, revision: str) -> str:
    """The commit that a branch or tag of a repository's folder led to last; "" where that is not known."""
    path = folder / "refs" / revision
    commit = path.read_text("utf-8", "replace").strip() if path.is_file() else ""
    return commit if is_commit(commit) else ""


def make_room(cache: Path, most: int) -> bool:
    """Delete checkpoints, the one fetched first before others, until at most `most` bytes are kept; did that do?

    Halves go, too; what is private and what is being downloaded stays.
    """
    if cached_bytes(cache) > most:
        for folder in cache.glob(f"{MODELS}*"):
            _sweep_folder(folder, cache)
    for one in sorted((one for one in list_cached(cache) if not one.private), key=lambda one: _fetched_at(one.path)):
        if cached_bytes(cache) <= most:
            break
        with suppress(HubError):
            delete_cached(one.id, cache)
    return cached_bytes(cache) <= most


def cached_bytes(cache: Path) -> int:
    """What the checkpoints in the cache take on the disk; files that two revisions share count once."""
    return sum(stored_bytes(folder) for folder in cache.glob(f"{MODELS}*"))


def stored_bytes(folder: Path) -> int:
    """Bytes in a repository's folder, those of a download under way and of halves included."""
    size = 0
    for path in (*folder.glob("blobs/*"), *folder.glob("snapshots/**/*")):
        with suppress(FileNotFoundError):  # renamed meanwhile: the download has just ended
            size += 0 if path.is_symlink() or path.is_dir() or path.name == FETCHED else path.lstat().st_size
    return size


def delete_cached(id: HubId, cache: Path) -> None:
    """Remove a checkpoint from the cache. Raises HubError when it is not there, or is being downloaded."""
    folder = repo_folder(id.repo, cache)
    path = folder / "snapshots" / id.revision
    if not id.pinned or not path.is_dir():
        raise HubError(f"{id} is not in the cache.")
    held = try_lock(_lock_file(folder, cache))
    if held is None:
        raise HubError(f"{id.repo} is being downloaded; wait, or cancel that, before you delete.")
    try:
        (path / FETCHED).unlink(missing_ok=True)
        _tidy(folder)
    finally:
        release(held)


def sweep(repo: str, cache: Path) -> None:
    """Remove what cancelled and killed downloads of a repository have left, unless one is under way."""
    _sweep_folder(repo_folder(repo, cache), cache)


def _sweep_folder(folder: Path, cache: Path) -> None:
    held = try_lock(_lock_file(folder, cache)) if folder.is_dir() else None
    if held is not None:
        try:
            _tidy(folder)
        finally:
            release(held)


def discard_half(repo: str, cache: Path) -> None:
    """The same for the process that downloads it, just before it ends."""
    _tidy(repo_folder(repo, cache))


@contextmanager
def alone(repo: str, cache: Path) -> Iterator[None]:
    """One download of a repository at a time, which begins and, when it fails, ends with nothing half."""
    with lock(_lock_file(repo_folder(repo, cache), cache)):
        _tidy(repo_folder(repo, cache))
        try:
            yield
        except BaseException:
            _tidy(repo_folder(repo, cache))
            raise


def name_revision(id: HubId, snapshot: Path) -> None:
    """Keep to which commit a branch or tag led, for when the Hub cannot be asked."""
    if not id.pinned:
        path = snapshot.parent.parent / "refs" / id.revision
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, snapshot.name)


def _lock_file(folder: Path, cache: Path) -> Path:
    path = cache / ".locks" / f"{folder.name}.download"  # the client leaves .locks alone
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _refs(folder: Path) -> dict[str, str]:
    root = folder / "refs"
    return {
        str(path.relative_to(root)): path.read_text("utf-8", "replace").strip()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _is_whole(snapshot: Path) -> bool:
    return is_commit(snapshot.name) and all((snapshot / name).is_file() for name in (*REQUIRED, FETCHED))


def _fetched_at(snapshot: Path) -> int:
    return (snapshot / FETCHED).stat().st_mtime_ns


def _tidy(folder: Path) -> None:
    """Leave of a repository's folder only what belongs to a whole snapshot."""
    whole = [path for path in folder.glob("snapshots/*") if _is_whole(path)]
    if not whole:
        shutil.rmtree(folder, ignore_errors=True)
        return
    commits = {path.name for path in whole}
    used = {os.path.realpath(file) for path in whole for file in path.rglob("*")}
    for path in folder.glob("snapshots/*"):
        if path.name not in commits:
            shutil.rmtree(path)
    for path in (*folder.glob("blobs/*"), *folder.glob("trees/*")):
        if os.path.realpath(path) not in used and path.stem not in commits:
            path.unlink(missing_ok=True)
    for name, commit in _refs(folder).items():
        if commit not in commits:
            (folder / "refs" / name).unlink(missing_ok=True)
