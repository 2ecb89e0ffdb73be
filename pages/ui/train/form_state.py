"""The form of a new run in the session: its widgets' values, what was filled in for the user, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.ui import state
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


def prepare(teacher: Checkpoint | None) -> dict:
    """The values by field, after what the last change brings with it. To be called before any widget is made."""
    place = str(teacher.path) if teacher else ""
    if state.FORM_SEED not in st.session_state:
        start = start_values(teacher)
        _remember(Seed(start), start)
        st.session_state[state.FORM_BAR] = place
        return start
    seed, values = st.session_state[state.FORM_SEED], fitted(_read())
    if values["model"] and role_of(preset(values["model"])) != values["role"]:
        values["model"] = ""
    seed, values = seed.follow_data(values)
    if values["recipe"] != seed.values["recipe"]:
        before = values | {"recipe": seed.values["recipe"]}
        st.session_state[state.FORM_STEP] = Step(f"Recipe {values['recipe']} filled in.", seed, before)
    seed, values = seed.follow(values)
    if place != st.session_state[state.FORM_BAR]:
        st.session_state[state.FORM_BAR] = place
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
    step = st.session_state.pop(state.FORM_STEP)
    _remember(step.seed, step.values)


def last_step() -> str:
    """What was filled in last, while it can be undone."""
    step = st.session_state.get(state.FORM_STEP)
    return step.told if step else ""


def _take(values: dict, told: str) -> None:
    st.session_state[state.FORM_STEP] = Step(told, st.session_state[state.FORM_SEED], _read())
    about = {name: values[name] for name in CHOSEN}
    _remember(Seed(whole(TrainConfig().settings()) | of_recipe(values["recipe"], values) | about), values)


def _read() -> dict:
    values = {spec.name: st.session_state[state.setting(spec.name)] for spec in setting_fields()}
    return values | {name: values[name] or "" for name in EMPTY_BOXES}


def _remember(seed: Seed, values: dict) -> None:
    st.session_state[state.FORM_SEED] = seed
    for spec in setting_fields():
        value = spec.type(values[spec.name])
        value = None if spec.name in EMPTY_BOXES and not value else value
        if state.setting(spec.name) not in st.session_state or st.session_state[state.setting(spec.name)] != value:
            st.session_state[state.setting(spec.name)] = value
