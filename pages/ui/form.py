"""The form of a new run, made from the fields of TrainConfig."""

from __future__ import annotations

import shlex

import streamlit as st

from pages.ui import checkpoints
from snnpar.checkpoint import Checkpoint
from snnpar.config import DATASET_CHOICES, SettingField, TrainConfig, absolute, setting_fields
from snnpar.models import PRESETS, SMALL, role_of
from snnpar.recipes import to_arguments

REAL = tuple(name for name in DATASET_CHOICES if name != "rendered")
FOLDERS = ("data", "teacher", "init")
DISTILLATION = ("feature_kd", "logit_kd")
# A first run that ends within minutes on any computer; everything else starts at TrainConfig's own defaults.
QUICK = {"epochs": 3, "rendered_count": 512, "warmup_epochs": 1}
NEEDS = {
    "data": ("dataset", REAL, "rendered pedestrians need no folder"),
    "fold": ("dataset", ("peta", "rapv1", "pickle"), "only PETA, RAPv1 and pickles have several splits"),
    "skip_unreadable": ("dataset", REAL, "rendered pedestrians are always readable"),
    "rendered_count": ("dataset", ("rendered", "mixed"), "real images alone draw nothing"),
    "rendered_seed": ("dataset", ("rendered", "mixed"), "real images alone draw nothing"),
    "phrase_pairing": ("role", ("teacher",), "a student has no phrases"),
    "teacher": ("role", ("student",), "only a student is distilled"),
    "feature_kd": ("role", ("student",), "only a student is distilled"),
    "logit_kd": ("role", ("student",), "only a student is distilled"),
    "feature_weight": ("feature_kd", (True,), "feature distillation is off"),
    "logit_weight": ("logit_kd", (True,), "logit distillation is off"),
    "temperature": ("logit_kd", (True,), "logit distillation is off"),
}


def settings(teacher: Checkpoint | None) -> dict:
    """Draw the form, which starts with the teacher of the bar; the values by field name."""
    fields = [spec for spec in setting_fields() if spec.name != "recipe"]  # it sets the others
    basics = [s for s in fields if s.basic] + [s for s in fields if s.name in DISTILLATION and not s.basic]
    values = start_values(teacher)
    for spec in fields:  # those out of sight keep what was entered
        entered = st.session_state.get(_key(spec), values[spec.name])
        values[spec.name] = "" if entered is None else entered  # an emptied list box holds None
    for start in range(0, len(basics), 2):
        for spec, column in zip(basics[start : start + 2], st.columns(2, vertical_alignment="bottom"), strict=False):
            with column:
                values[spec.name] = _field(spec, values)
    rest = [spec for spec in fields if spec not in basics]
    with st.expander(f"{len(rest)} more settings"):
        wanted = st.text_input(
            "Search settings",
            type="search",
            key="set_search",
            placeholder="rate, seed, images…",
            live=True,
            label_visibility="collapsed",
        )
        shown = [s for s in rest if wanted.casefold() in f"{s.name.replace('_', ' ')} {s.name} {s.help}".casefold()]
        if not shown:
            st.caption(f"No setting speaks of “{wanted}”.")
        for start in range(0, len(shown), 2):
            for spec, column in zip(shown[start : start + 2], st.columns(2, vertical_alignment="bottom"), strict=False):
                with column:
                    values[spec.name] = _field(spec, values)
    return {name: value for name, value in values.items() if not _hindrance(name, values)}


def start_values(teacher: Checkpoint | None) -> dict:
    """What the form starts with: a quick run, distilled from `teacher` if there is one."""
    values = {spec.name: spec.default for spec in setting_fields()} | QUICK
    if teacher:
        values |= {"teacher": str(teacher.path), "feature_kd": True, "logit_kd": True}
    return values


def config(values: dict) -> TrainConfig:
    """The config of a filled form, its folders absolute as from the command line. Raises ConfigError."""
    values = dict(values)
    for name in FOLDERS:
        if values.get(name):
            values[name] = absolute(values[name])
    return TrainConfig(**values)


def command(of: TrainConfig) -> str:
    """The command line that does the same."""
    return shlex.join(["python", "-m", "train", *to_arguments(of)])


def _key(spec: SettingField) -> str:
    return f"set_{spec.name}"


def _hindrance(name: str, values: dict) -> str:
    """Why a field does not apply to the values, or nothing."""
    if name not in NEEDS:
        return ""
    needed, allowed, reason = NEEDS[name]
    return "" if values[needed] in allowed else reason


def _field(spec: SettingField, values: dict) -> object:
    """One widget, by the type of the field."""
    reason = _hindrance(spec.name, values)
    options = {
        "key": _key(spec),
        "persist_state": "session",
        "disabled": bool(reason),
        "help": f"{spec.help}  \n`{spec.flag}`" + (f"  \nOff: {reason}." if reason else ""),
    }
    label, value = _label(spec), values[spec.name]
    if spec.name == "model":
        return _model_field(label, values, options)
    if spec.name in ("teacher", "init"):
        return _folder_field(spec.name, label, value, reason, options)
    if len(spec.choices or ()) > 4:  # too many to stand side by side
        return st.selectbox(label, spec.choices, spec.choices.index(value), **options)
    if spec.choices:
        return st.segmented_control(label, spec.choices, default=value, required=True, width="stretch", **options)
    if spec.type is bool:
        return st.toggle(label, value, **options)
    if spec.type is str:
        return st.text_input(label, "" if reason else value, placeholder=reason, **options)
    step = 1 if spec.type is int else None
    number = "%d" if spec.type is int else "%g"
    return st.number_input(
        label, spec.type(spec.minimum), spec.type(spec.maximum), spec.type(value), step, number, **options
    )


def _label(spec: SettingField) -> str:
    words = {
        "feature_kd": "Distil features",
        "logit_kd": "Distil logits",
        "lr": "Learning rate",
        "data": "Data folder",
        "init": "Start from",
    }
    return words.get(spec.name, spec.name.replace("_", " ").capitalize())


def _model_field(label: str, values: dict, options: dict) -> str:
    """The named sizes of the role; the first, small one is the default."""
    role = values["role"]
    small = SMALL[role]
    names = [small, *(name for name, size in PRESETS.items() if role_of(size) == role and name != small)]
    picked = st.selectbox(label, names, **(options | {"key": f"set_model_{role}"}))
    return "" if picked == small else picked


def _folder_field(name: str, label: str, value: str, reason: str, options: dict) -> str:
    """A local checkpoint by name, or the path of any other folder."""
    roles = ("teacher",) if name == "teacher" else ("student", "teacher")
    paths = {str(c.path): ref for role in roles for ref, c in checkpoints.known(role).items()}
    if value and value not in paths:
        paths[value] = value
    index = list(paths).index(value) if value else None
    picked = st.selectbox(
        label,
        list(paths),
        index,
        format_func=lambda path: paths.get(path, path),
        accept_new_options=True,
        placeholder=reason or "none; pick one or type a path",
        **options,
    )
    return picked or ""
