"""The checkpoints on this machine: shipped ones, runs with weights, and those pulled from the Hub; who taught whom."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import snnpar
from snnpar import WEIGHTS
from snnpar.checkpoint import Checkpoint, CheckpointError, read_checkpoint, shipped
from snnpar.hub import REMOTE, HubId, delete_cached, delete_half, list_cached, list_halves, parse_hub_id
from snnpar.runs.run import delete_run, list_runs, open_run

SHIPPED, RUN, HUB = "shipped", "run", "Hub"
RUN_PREFIX = "runs/"
SHORT = 7  # digits of a commit, for people
GENERATIONS = 16  # that are followed back


@dataclass(frozen=True, eq=False)
class CheckpointEntry:
    """A checkpoint and how to call it: a name, runs/NAME, or owner/name@COMMIT."""

    reference: str
    kind: str
    checkpoint: Checkpoint
    revisions: tuple[str, ...] = ()  # of the Hub: branches and tags that led to it

    @property
    def bytes(self) -> int:
        """What its folder takes on the disk."""
        size = 0
        for path in self.checkpoint.path.rglob("*"):
            try:
                size += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:  # a run that trains writes and removes files
                continue
        return size

    @property
    def label(self) -> str:
        """The reference with a commit shortened."""
        name, at, commit = self.reference.partition("@")
        return name + at + commit[:SHORT]

    @property
    def commit(self) -> str:
        """Of the repository on the Hub; of the code that trained it, for others."""
        return self.checkpoint.path.name if self.kind == HUB else str(self.checkpoint.provenance.get("commit") or "")


@dataclass(frozen=True)
class UnreadableEntry:
    """Something in the Hub's cache that is no checkpoint to this program, and why not; it takes `bytes` on the disk."""

    id: HubId  # its revision "" where no whole one is there
    bytes: int
    why: str


@dataclass(frozen=True, eq=False)
class Ancestor:
    """What a checkpoint came from: its data, its teacher, or the weights it started with; `depth` generations back."""

    relation: str
    name: str
    depth: int
    kept: CheckpointEntry | None = None  # if it is on this machine


def hub_cache() -> Path:
    """Where checkpoints of the Hub are kept."""
    return snnpar.CHECKPOINTS / "hub"


def collect(*, runs: bool = True, private: bool = True) -> list[CheckpointEntry]:
    """All that can be loaded: shipped ones by name, runs, the newest first, and those of the Hub by name; `private`:
    also those that not everybody may have."""
    found = [CheckpointEntry(one.name, SHIPPED, one) for one in shipped() if (one.path / WEIGHTS).is_file()]
    for run in list_runs(snnpar.RUNS) if runs else ():
        if run.is_loadable and (one := _readable(run.path)):
            found.append(CheckpointEntry(RUN_PREFIX + run.name, RUN, one))
    for cached in list_cached(hub_cache()):
        if (private or not cached.private) and (one := _readable(cached.path)):
            found.append(CheckpointEntry(str(cached.id), HUB, one, cached.revisions))
    return found


def unreadable() -> list[UnreadableEntry]:
    """What the Hub's cache holds and `collect` leaves out, by name: other people's checkpoints, and halves."""
    found = []
    for cached in list_cached(hub_cache()):
        try:
            read_checkpoint(cached.path)
        except CheckpointError as error:
            found.append(UnreadableEntry(cached.id, cached.bytes, str(error)))
    found += [
        UnreadableEntry(HubId(repo, ""), size, "it is only half there, because its download was cut short")
        for repo, size in list_halves(hub_cache())
    ]
    return sorted(found, key=lambda one: str(one.id))


def delete_unreadable(one: UnreadableEntry) -> None:
    """Remove it for good. Raises HubError when it is gone, or being downloaded."""
    if one.id.pinned:
        delete_cached(one.id, hub_cache())
    else:
        delete_half(one.id.repo, hub_cache())


def lineage(one: CheckpointEntry, there: list[CheckpointEntry]) -> list[Ancestor]:
    """What it came from, its teacher and starting weights followed back as far as they are `there`, depth first."""
    return _ancestors(one, there, 1, {one.reference})


def delete(one: CheckpointEntry) -> None:
    """Remove a run or a checkpoint of the Hub for good.

    Raises CheckpointError for a shipped one, RunError, JobError or HubError for one in use.
    """
    if one.kind == SHIPPED:
        raise CheckpointError(
            f"{one.reference} came with the program and stays; remove its folder by hand if you mean it"
        )
    if one.kind == RUN:
        delete_run(open_run(one.checkpoint.path))
    else:
        delete_cached(parse_hub_id(one.reference), hub_cache())


def _ancestors(one: CheckpointEntry, there: list[CheckpointEntry], depth: int, seen: set[str]) -> list[Ancestor]:
    train = one.checkpoint.train
    found = []
    data = train.get("dataset")
    if data:
        found.append(Ancestor("data", f"{data} ({_name(train['data'])})" if train.get("data") else data, depth))
    taught = train.get("feature_kd") or train.get("logit_kd")
    for relation, place in (("teacher", train.get("teacher") if taught else ""), ("start", train.get("init"))):
        if not place:
            continue
        place = Path(place).name if one.kind == HUB and not place.startswith(REMOTE) else place  # not of this machine
        kept = next((other for other in there if _is_at(other, place)), None)
        found.append(Ancestor(relation, kept.reference if kept else _name(str(place)), depth, kept))
        if kept and kept.reference not in seen and depth < GENERATIONS:
            seen.add(kept.reference)
            found += _ancestors(kept, there, depth + 1, seen)
    return found


def _is_at(one: CheckpointEntry, place: str) -> bool:
    """Does a place in a config name it? Shared configs hold bare names, own ones paths."""
    if place.startswith(REMOTE):
        return one.kind == HUB and place.removeprefix(REMOTE) == one.reference
    path = Path(place)
    if path.is_absolute() and os.path.exists(path):  # unlike Path.exists, no error for what can be no path
        return path == one.checkpoint.path
    return one.kind != HUB and path.name == one.checkpoint.name


def _name(place: str) -> str:
    return place if place.startswith(REMOTE) else Path(place).name


def _readable(folder: Path) -> Checkpoint | None:
    try:
        return read_checkpoint(folder)
    except CheckpointError:
        return None  # the Train page tells about a run
