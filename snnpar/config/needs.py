"""Which setting needs which: what has an effect beside the values of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .tasks import DEFAULT_TASK, TASKS

REAL = tuple(name for name in TASKS[DEFAULT_TASK].datasets if name != "rendered")
DISTILLATION = ("feature_kd", "logit_kd")


@dataclass(frozen=True)
class Need:
    """A field applies only if one of `fields` has one of the `allowed` values; `reason` says why it does not."""

    fields: tuple[str, ...]
    allowed: tuple
    reason: str


_REAL_ONLY = Need(("dataset",), REAL, "rendered pedestrians are drawn: nothing is read, every label is known")
_DRAWN = Need(("dataset",), ("rendered", "mixed"), "real images alone draw nothing")
_MIXED = Need(("dataset",), ("mixed",), "only the mixed dataset mixes")
_TEACHER = Need(("role",), ("teacher",), "only a teacher has phrases to fuse with")
_STUDENT = Need(("role",), ("student",), "only a student is distilled")
_DISTILLED = Need(DISTILLATION, (True,), "nothing is distilled: switch on features, logits or both")
_SPIKING = Need(("role",), ("student",), "a teacher has no spikes")
_FEATURES = Need(("feature_kd",), (True,), "feature distillation is off")
_LOGITS = Need(("logit_kd",), (True,), "logit distillation is off")
NEEDS = {
    "data": Need(("dataset",), REAL, "rendered pedestrians need no folder"),
    "fold": Need(("dataset",), ("peta", "rapv1", "pickle"), "only PETA, RAPv1 and pickles have several splits"),
    "skip_unreadable": _REAL_ONLY,
    "mask_unknown": _REAL_ONLY,
    "stream": _REAL_ONLY,
    "rendered_count": _DRAWN,
    "rendered_seed": _DRAWN,
    "rendered_per_real": _MIXED,
    "phrase_pairing": _TEACHER,
    "visual_weight": _TEACHER,
    "feature_kd": _STUDENT,
    "logit_kd": _STUDENT,
    "teacher": _DISTILLED,
    "teacher_mode": _DISTILLED,
    "feature_loss": _FEATURES,
    "feature_weight": _FEATURES,
    "feature_mask": _FEATURES,
    "logit_loss": _LOGITS,
    "logit_weight": _LOGITS,
    "temperature": _LOGITS,
    "timestep_weight": _LOGITS,
    "pack_spikes": _SPIKING,
    "compile": _SPIKING,
}


def hindrance(name: str, values: Mapping[str, Any]) -> str:
    """Why a setting has no effect beside the values of the others, by name; or nothing."""
    need = NEEDS.get(name)
    return "" if need is None or any(values[field] in need.allowed for field in need.fields) else need.reason
