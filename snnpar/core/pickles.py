"""Reading the field's pickles (datasets of Rethinking_of_PAR, VTB and SNN-PAR) so that nothing in them executes."""

from __future__ import annotations

import codecs
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from snnpar.core.errors import SnnparError


class EasyDict(dict):
    """Stands in for easydict.EasyDict: a plain dict."""

    def __setstate__(self, state: object) -> None:
        pass  # the attributes repeat the items


class PlainDict(dict):
    """Stands in for collections.defaultdict: what makes its missing values is left away."""

    def __init__(self, _factory: object = None) -> None:
        super().__init__()


def _factory(*_arguments: object) -> None:
    """Stands in for what makes a defaultdict's missing values; it makes nothing."""


CORE: Any = np._core  # pyright: ignore[reportAttributeAccessIssue]  a name in pickles
MULTIARRAY = CORE.multiarray
ALLOWED = {
    ("easydict", "EasyDict"): EasyDict,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): PlainDict,
    **{
        (module, name): _factory
        for module in ("builtins", "__builtin__")
        for name in ("list", "dict", "int", "float", "str", "tuple")
    },
    **{(module, name): range for module in ("builtins", "__builtin__") for name in ("range", "xrange")},
    **{
        (f"numpy.{package}.multiarray", name): getattr(MULTIARRAY, name)
        for package in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    },
    ("numpy._core.numeric", "_frombuffer"): CORE.numeric._frombuffer,  # arrays in pickle protocol 5
}


class RestrictedUnpickler(pickle.Unpickler):
    """Knows dicts, ranges and numpy arrays; anything else is refused before it is imported."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not data")
        return ALLOWED[module, name]

    def persistent_load(self, _pid: object) -> object:
        raise pickle.UnpicklingError("it refers to objects outside the file")


def read_pickle(path: Path) -> dict:
    """The dict in a pickle of the field. Raises SnnparError naming the file when it holds anything but data."""
    try:
        with open(path, "rb") as file:
            content = RestrictedUnpickler(file).load()
    except Exception as error:  # a damaged pickle raises nearly anything
        raise SnnparError(f"{path} was not opened: {error or type(error).__name__}") from error
    if not isinstance(content, dict):
        raise SnnparError(f"{path} holds a {type(content).__name__}, not a dataset's dict")
    return content
