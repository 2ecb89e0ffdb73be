"""One setting: what the command line, the form and config.json need to know of it, and whether a value suits it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from snnpar.core.errors import SnnparError

MOST_SHOWN = 100  # letters of a value


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
    if choices and not all(isinstance(one, str) for one in choices):
        raise TypeError("choices are words")
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    if is_number and (minimum is None or maximum is None):
        raise TypeError("a number needs its minimum and its maximum")
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
            if group and hints[one.name] not in (str, int, float, bool):
                raise TypeError(f"setting {called} must be a str, int, float or bool; it is {hints[one.name]}")
            found.append(SettingField(group, one.name, called, hints[one.name], one.default, **about))
    return tuple(found)


def shown(value: object) -> str:
    """A value that anybody may have written, for a sentence."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def check_value(spec: SettingField, value: Any) -> None:
    """Raise ConfigError, naming the valid values, unless `value` suits the field."""
    kinds = (int, float) if spec.type is float else (spec.type,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and spec.type is not bool):
        raise ConfigError(f"{spec.name} must be of type {spec.type.__name__}; got {shown(value)}")
    if spec.choices and value not in spec.choices:
        raise ConfigError(f"{spec.name} must be one of {', '.join(map(str, spec.choices))}; got {shown(value)}")
    if spec.minimum is not None and spec.maximum is not None and not spec.minimum <= value <= spec.maximum:
        raise ConfigError(f"{spec.name} must be between {spec.minimum} and {spec.maximum}; got {shown(value)}")


def named(values: object, cls: type, what: str = "") -> Mapping[str, Any]:
    """Values from JSON for the fields of a dataclass; unknown ones are refused by name. Raises ConfigError."""
    what = what or cls.__name__
    if not isinstance(values, Mapping):
        raise ConfigError(f"{what} must be a JSON object; got {type(values).__name__}")
    known = [f.name for f in dataclasses.fields(cls)]
    if unknown := sorted(set(map(str, values)) - set(known)):
        raise ConfigError(f"{what} has no {shown(', '.join(unknown))[1:-1]}; it has {', '.join(known)}")
    return values
