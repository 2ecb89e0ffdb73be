"""The form of a new run in the session: its widgets' values, what was filled in for the user, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.ui.train.form_values import CHOSEN, Seed, changed, fitted, from_config, of_recipe, start_values, whole
from snnpar.checkpoint import Checkpoint
from snnpar.config import TrainConfig, setting_fields
from snnpar.models import preset, role_of

EMPTY_BOXES = ("teacher", "init")  # a select box says None where the config says ""


@dataclass(frozen=True)
class Step:
    """What was filled in at once, and how the form was before."""

    told: str
    seed: Seed
    values: dict


def key(name: str) -> str:
    """Of a field's widget."""
    return f"set_{name}"


def prepare(teacher: Checkpoint | None) -> dict:
    """The values by field, after what the last change brings with it. To be called before any widget is made."""
    place = str(teacher.path) if teacher else ""
    if "form_seed" not in st.session_state:
        start = start_values(teacher)
        _remember(Seed(start), start)
        st.session_state["form_bar"] = place
        return start
    seed, values = st.session_state["form_seed"], fitted(_read())
    if values["model"] and role_of(preset(values["model"])) != values["role"]:
        values["model"] = ""
    seed, values = seed.follow_data(values)
    if values["recipe"] != seed.values["recipe"]:
        before = values | {"recipe": seed.values["recipe"]}
        st.session_state["form_step"] = Step(f"Recipe {values['recipe']} filled in.", seed, before)
    seed, values = seed.follow(values)
    if place != st.session_state["form_bar"]:
        st.session_state["form_bar"] = place
        seed, values = seed.teach(place, values)
    _remember(seed, values)
    return values


def fill(config: TrainConfig, told: str) -> None:
    """Fill the whole form from a config. Raises ConfigError for a model the form cannot offer. For callbacks."""
    values = from_config(config)
    _take(values, told)


def reset() -> None:
    """Back to the recipe, but for what is trained, on what and from whom. For callbacks."""
    values = _read()
    count = len(changed(values))
    _take(
        values | of_recipe(values["recipe"], values),
        f"{count} {'setting' if count == 1 else 'settings'} set back to the recipe.",
    )


def undo() -> None:
    """Take the last step back. For callbacks."""
    step = st.session_state.pop("form_step")
    _remember(step.seed, step.values)


def last_step() -> str:
    """What was filled in last, while it can be undone."""
    step = st.session_state.get("form_step")
    return step.told if step else ""


def _take(values: dict, told: str) -> None:
    st.session_state["form_step"] = Step(told, st.session_state["form_seed"], _read())
    about = {name: values[name] for name in CHOSEN}
    _remember(Seed(whole(TrainConfig().settings()) | of_recipe(values["recipe"], values) | about), values)


def _read() -> dict:
    values = {spec.name: st.session_state[key(spec.name)] for spec in setting_fields()}
    return values | {name: values[name] or "" for name in EMPTY_BOXES}


def _remember(seed: Seed, values: dict) -> None:
    st.session_state["form_seed"] = seed
    for spec in setting_fields():
        value = spec.type(values[spec.name])
        value = None if spec.name in EMPTY_BOXES and not value else value
        if key(spec.name) not in st.session_state or st.session_state[key(spec.name)] != value:
            st.session_state[key(spec.name)] = value
