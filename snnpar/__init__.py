"""SNN-PAR Explorer: look into, compare, trust and train spiking networks for pedestrian attribute recognition."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from snnpar.core.moved import install

__version__ = "0.3.0.dev0"

_HERE = Path(__file__).resolve().parent
# Of a checkout, whose folders lie beside the package; installed, they lie inside it, and what is made lies elsewhere.
IS_CHECKOUT = not (_HERE / "assets").is_dir()
ROOT = _HERE.parent
_BUNDLE = ROOT if IS_CHECKOUT else _HERE
ASSETS = _BUNDLE / "assets"
APP = ROOT / "app.py" if IS_CHECKOUT else _HERE / "app" / "app.py"


def _home() -> Path:
    """Where runs, evaluations, slices and what comes from the Hub are kept, beside checkpoints of one's own."""
    if IS_CHECKOUT:
        return ROOT / "checkpoints"
    from platformdirs import user_data_path

    return user_data_path("snnpar", appauthor=False)


# SNNPAR_CHECKPOINTS stands for all checkpoints, the shipped ones, too; SNNPAR_HOME only for what is made and fetched.
_ALL = os.environ.get("SNNPAR_CHECKPOINTS")
CHECKPOINTS = Path(_ALL or os.environ.get("SNNPAR_HOME") or _home()).expanduser().resolve()
_BUNDLED = _BUNDLE / "checkpoints"
SHIPPED = None if _ALL or CHECKPOINTS == _BUNDLED else _BUNDLED  # where they lie if not in CHECKPOINTS
RUNS = CHECKPOINTS / "runs"
EVALUATIONS = CHECKPOINTS / "evaluations"
SLICES = CHECKPOINTS / "slices"
CONFIG, WEIGHTS = "config.json", "model.safetensors"  # the files that make a folder a checkpoint

install()
_LAZY = {
    **dict.fromkeys(("load", "from_pretrained", "save_pretrained", "push_to_hub"), "snnpar.sharing.pretrained"),
    "SnnparError": "snnpar.core.errors",
}


def __getattr__(name: str) -> Any:
    """snnpar.load and its like; what they need is heavy, and imported when they are asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'snnpar' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
