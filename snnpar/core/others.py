"""Modules of others, which register networks and tasks: those that SNNPAR_MODELS names, and entry points."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.metadata import entry_points

log = logging.getLogger(__name__)
_begun = False


def import_others() -> None:
    """Import them, once. One that fails is told, and the rest works without it."""
    global _begun
    if _begun:
        return
    _begun = True  # first: they import this package, which calls this again
    named = {name.strip(): import_module for name in os.environ.get("SNNPAR_MODELS", "").split(",") if name.strip()}
    installed = {one.value: lambda _, one=one: one.load() for one in entry_points(group="snnpar.models")}
    for name, load in (named | installed).items():
        try:
            load(name)
        except Exception as error:  # anything can be in there
            log.warning("what %s registers is not known, as it fails: %r", name, error)
