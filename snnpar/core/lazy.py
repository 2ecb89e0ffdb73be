"""Names of a package that are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def exports(package: str, **names: tuple[str, ...]) -> Callable[[str], Any]:
    """A package's `__getattr__`, for names by the module that has them."""
    places = {name: module for module, some in names.items() for name in some}

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{places[name]}"), name)

    return find
