"""Modules of version 0.1 under their new names: importing an old one works until 1.0, and warns."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

MOVED = {
    "snnpar.comparison": "snnpar.evaluation.comparison",
    "snnpar.conventions": "snnpar.energy.conventions",
    "snnpar.errors": "snnpar.core.errors",
    "snnpar.evaluate": "snnpar.evaluation.evaluate",
    "snnpar.evaluations": "snnpar.evaluation.evaluations",
    "snnpar.ledger": "snnpar.explain.ledger",
    "snnpar.neurons": "snnpar.spikes.neurons",
    "snnpar.operations": "snnpar.spikes.operations",
    "snnpar.probing": "snnpar.explain.probing",
    "snnpar.recipes": "snnpar.config.recipes",
    "snnpar.slices": "snnpar.evaluation.slices",
    "snnpar.trace": "snnpar.spikes.trace",
}


class MovedModules(MetaPathFinder, Loader):
    """Finds modules by their old names, with the contents of the new ones."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        new = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is now {new}; the old name goes with 1.0", DeprecationWarning, stacklevel=2)
        vars(module).update({name: value for name, value in vars(import_module(new)).items() if name[:2] != "__"})


def install() -> None:
    sys.meta_path.append(MovedModules())
