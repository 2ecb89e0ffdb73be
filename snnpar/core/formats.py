"""Numbers of the formats of kept files: an older file is brought up to date as it is read, a newer one is refused.

A file says the number of its format and the version that wrote it; format 1 is what version 0.1.0 wrote, without a
number. What lies in one folder with such a file (metrics, answers, notes, states) belongs to its format. To change a
format, raise its number in CURRENT and add the step from the one before to STEPS; never change a step.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from snnpar import __version__
from snnpar.core.errors import SnnparError

CHECKPOINT, EVALUATION, SLICE, LENS = "checkpoint", "evaluation", "slice", "lens"  # a run is a checkpoint
CURRENT = {CHECKPOINT: 2, EVALUATION: 1, SLICE: 1, LENS: 1}
# Format 2 of a checkpoint has its settings in groups.
GROUPS_2 = {
    "model": "role model init prior_bias",
    "data": "dataset data fold skip_unreadable rendered_count rendered_per_real rendered_seed augment mixup",
    "distillation": "teacher feature_kd logit_kd teacher_mode feature_loss feature_weight feature_mask logit_loss "
    "logit_weight temperature timestep_weight",
    "optimisation": "epochs batch_size optimizer lr schedule warmup_epochs weight_decay decay_all grad_clip ema seed",
    "task": "mask_unknown label_weighting ce_weight visual_weight phrase_pairing",
    "runtime": "device precision threads workers accumulate recompute pack_spikes stream compile save_seconds "
    "log_steps",
}
RENAMED_2 = {"model": "name", "data": "folder"}


def _settings_in_groups(content: dict) -> dict:
    """What is no setting, as a model of others may say, stays beside the groups."""
    groups = {name: group for group, names in GROUPS_2.items() for name in names.split()}
    if not content.get("train"):
        return content
    train: dict = {}
    for name, value in content["train"].items():
        if name in groups:
            train.setdefault(groups[name], {})[RENAMED_2.get(name, name)] = value
        elif name not in GROUPS_2:  # which no run of format 1 has said
            train[name] = value
    return content | {"train": train}


STEPS: dict[tuple[str, int], Callable[[dict], dict]] = {(CHECKPOINT, 1): _settings_in_groups}  # to the next format
STAMP = ("format", "snnpar")


class FormatError(SnnparError):
    """A file of a format that this version does not know; the message says which version does."""


def stamped(kind: str, content: dict) -> dict:
    """The content of a file with its format and the version that writes it."""
    return {"format": CURRENT[kind], "snnpar": __version__, **content}


def upgraded(kind: str, content: dict, path: Path) -> dict:
    """What a file of this kind says, in today's format and without its stamp. Raises FormatError."""
    number, newest = content.get("format", 1), CURRENT[kind]
    if isinstance(number, bool) or not isinstance(number, int) or not number >= 1:
        raise FormatError(f"{path} says format {number!r}, which is none; it is damaged")
    if number > newest:
        raise FormatError(
            f"{path} is a {kind} of format {number}, written by snnpar {content.get('snnpar', 'of a later version')}; "
            f"this is snnpar {__version__}, which knows formats up to {newest}: update it"
        )
    content = {name: value for name, value in content.items() if name not in STAMP}
    for step in range(number, newest):
        content = STEPS[kind, step](content)
    return content
