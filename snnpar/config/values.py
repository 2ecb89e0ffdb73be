"""One setting: what the command line, the form and config.json need to know of it, and whether a value suits it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from snnpar.errors import SnnparError


class ConfigError(SnnparError):
    """A setting that cannot be used; the message says which values can."""


def setting(
    default: Any,
    help: str,
    *,
    name: str = "",
    choices: tuple | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    basic: bool = False,
) -> Any:
    """Declare one field of a group of settings. `name` is what everybody calls it, where that is not the field's."""
    metadata = {"called": name, "help": help, "choices": choices, "minimum": minimum, "maximum": maximum}
    return field(default=default, metadata=metadata | {"basic": basic})


@dataclass(frozen=True)
class SettingField:
    """One setting as the command line and the form see it; `name` is unique among all groups, `group` holds it."""

    group: str
    field: str
    name: str
    type: type
    default: Any
    help: str
    choices: tuple | None
    minimum: float | None
    maximum: float | None
    basic: bool

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


@cache
def fields_of(cls: type, group: str) -> tuple[SettingField, ...]:
    """The settings of a group in order, with their types resolved."""
    hints = typing.get_type_hints(cls)
    found = []
    for one in dataclasses.fields(cls):
        if one.metadata:
            about = {name: value for name, value in one.metadata.items() if name != "called"}
            called = one.metadata["called"] or one.name
            found.append(SettingField(group, one.name, called, hints[one.name], one.default, **about))
    return tuple(found)


def check_value(spec: SettingField, value: Any) -> None:
    """Raise ConfigError, naming the valid values, unless `value` suits the field."""
    kinds = (int, float) if spec.type is float else (spec.type,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and spec.type is not bool):
        raise ConfigError(f"{spec.name} must be of type {spec.type.__name__}; got {value!r}")
    if spec.choices and value not in spec.choices:
        raise ConfigError(f"{spec.name} must be one of {', '.join(spec.choices)}; got {value!r}")
    if spec.minimum is not None and spec.maximum is not None and not spec.minimum <= value <= spec.maximum:
        raise ConfigError(f"{spec.name} must be between {spec.minimum} and {spec.maximum}; got {value}")


def named(values: object, cls: type, what: str = "") -> Mapping[str, Any]:
    """Values from JSON for the fields of a dataclass; unknown ones are refused by name. Raises ConfigError."""
    what = what or cls.__name__
    if not isinstance(values, Mapping):
        raise ConfigError(f"{what} must be a JSON object; got {type(values).__name__}")
    known = [f.name for f in dataclasses.fields(cls)]
    if unknown := sorted(set(values) - set(known)):
        raise ConfigError(f"{what} has no {', '.join(unknown)}; it has {', '.join(known)}")
    return values
