"""Can a run go on? Asked before its process starts, so that a refusal costs nothing and changes nothing.

Without torch: a run that waits for its turn asks, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import snnpar
from snnpar import CONFIG, WEIGHTS
from snnpar.config import FOLDERS, REMOTE, ConfigError, ModelConfig, TrainConfig
from snnpar.config.sidecar import TOLD_LETTERS, read_config
from snnpar.core.errors import SnnparError
from snnpar.core.places import place as path_of
from snnpar.runs.jobs import Job
from snnpar.schema.attributes import AttributeSchema

STATES, COUNTERS = "states", "progress.json"  # of a run's folder; of a saved state
# Settings that may change between two sessions of a run. A folder may have moved.
FREE = {
    *FOLDERS,
    "device",
    "threads",
    "workers",
    "stream",
    "recompute",
    "pack_spikes",
    "save_seconds",
    "log_steps",
    "compile",
}
NAMED = 3  # settings that a refusal names


class ResumeError(ConfigError):
    """A run that cannot go on as its config.json stands; the message says why, and the fix."""


def meaning(config: TrainConfig, model: ModelConfig, attributes: tuple[str, ...]) -> dict:
    """What a run learns, as JSON: all of its config that may not change between its sessions."""
    train = {name: value for name, value in config.settings().items() if name not in FREE}
    return json.loads(json.dumps({"train": train, "model": model.to_dict(), "attributes": attributes}))


def check_resume(run: Job) -> None:
    """Raise ResumeError unless config.json is whole, what it names is there, and it means what was saved."""
    path = run.path / CONFIG
    try:
        content = read_config(path)
        config = TrainConfig.from_dict(content["train"])
        now = meaning(
            config, ModelConfig.from_dict(content["model"]), AttributeSchema.from_dict(content["schema"]).attributes
        )
    except (OSError, SnnparError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"it has no {error} section" if isinstance(error, KeyError) else str(error)[:TOLD_LETTERS]
        raise ResumeError(f"{path} is not the config of a run ({what}); fix it, or start a new run") from error
    missing = _missing(config)
    if missing:
        raise ResumeError(f"{missing}; put it back, or name its new place in {path}")
    changed = _changed(_saved(run), now)
    if changed:
        more = ", and more differs" if len(changed) > NAMED else ""
        raise ResumeError(
            f"{CONFIG} says {' and '.join(changed[:NAMED])}{more}; put it back, or start a "
            f"new run from these weights with --init {run.path}"
        )


def _missing(config: TrainConfig) -> str:
    """What the config names and is not there, in words; "". What comes from the Hub is fetched at the start."""
    if (
        config.data.dataset != "rendered"
        and not config.data.folder.startswith(REMOTE)
        and not path_of(config.data.folder).exists()
    ):
        return f"the dataset in {config.data.folder} is gone"
    distils = config.distillation.is_on
    if distils and not _is_remote(config.distillation.teacher) and not _is_checkpoint(config.distillation.teacher):
        return f"the teacher {config.distillation.teacher} is gone or has no {CONFIG} and {WEIGHTS}"
    if (
        config.model.init
        and not _is_remote(config.model.init)
        and not any(place.exists() for place in _places(config.model.init))
    ):
        return f"{config.model.init}, which the weights started from, is gone"
    return ""


def _is_remote(place: str) -> bool:
    """Is it an id of the Hub or of timm? As snnpar.checkpoint.find_checkpoint takes it."""
    is_id = "/" in place and not place.startswith((".", "/", "~"))
    return place.startswith(REMOTE) or (is_id and not path_of(place).exists())


def _is_checkpoint(place: str) -> bool:
    return any((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file() for folder in _places(place))


def _places(place: str) -> tuple[Path, ...]:
    """A folder or file, or the shipped checkpoint of that name."""
    roots = () if "/" in place else (snnpar.CHECKPOINTS, snnpar.SHIPPED)
    return path_of(place), *(root / place for root in roots if root)


def _saved(run: Job) -> Mapping:
    """What the last saved state was trained as; {} where none says so."""
    for folder in sorted((run.path / STATES).glob("epoch-*"), reverse=True):
        try:
            found = json.loads((folder / COUNTERS).read_text("utf-8"))["progress"].get("meaning")
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue  # damaged: training tells about it, and takes the one before
        if isinstance(found, dict):
            return found
    return {}


def _changed(saved: Mapping, now: Mapping) -> list[str]:
    """Settings that differ, in words; those that only one version of the program knows do not count."""
    told = []
    for part in ("train", "model"):
        before = saved.get(part, {})
        told += [
            f"{name} {now[part][name]!r} where the saved state was trained with {value!r}"
            for name, value in before.items()
            if name in now[part] and now[part][name] != value
        ]
    if saved.get("attributes", now["attributes"]) != now["attributes"]:
        told.append("other attributes than the saved state was trained for")
    return told
