"""SNN-PAR Explorer: look into, compare, trust and train spiking networks for pedestrian attribute recognition."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

# Spinning OpenMP threads make a busy machine up to 50x slower; this only works before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
CHECKPOINTS = Path(os.environ.get("SNNPAR_CHECKPOINTS", ROOT / "checkpoints")).resolve()  # and runs/, hub/ below
RUNS = CHECKPOINTS / "runs"
EVALUATIONS = CHECKPOINTS / "evaluations"
SLICES = CHECKPOINTS / "slices"
CONFIG, WEIGHTS = "config.json", "model.safetensors"  # the files that make a folder a checkpoint

_LAZY = dict.fromkeys(("load", "from_pretrained", "save_pretrained", "push_to_hub"), "snnpar.pretrained")


def __getattr__(name: str) -> object:
    """snnpar.load and its like; what they need is heavy, and imported when they are asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'snnpar' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
