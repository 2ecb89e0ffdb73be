"""The form of a new run, made from the fields of TrainConfig."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace

import streamlit as st

import snnpar
from pages.ui import references, state
from pages.ui.server import access
from pages.ui.train import form_fill, form_state
from pages.ui.train.form_values import CHOSEN, DISTILLATION, changed, faults, hindrance, in_effect, of_recipe
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import Checkpoint
from snnpar.config import TASKS, SettingField, TrainConfig, setting_fields
from snnpar.config.recipes import RECIPES, recipes_of, source_of, to_arguments
from snnpar.core.programs import train_command
from snnpar.models import PRESETS, role_of, unnamed

TITLES = {
    "model": "Model",
    "data": "Data",
    "distillation": "Distillation",
    "optimisation": "Optimiser",
    "task": "Labels and loss",
    "runtime": "Speed, memory, saving",
}
LABELS = {
    "feature_kd": "Distil features",
    "logit_kd": "Distil logits",
    "lr": "Learning rate",
    "data": "Data folder",
    "init": "Start from",
    "ema": "Moving average",
    "grad_clip": "Maximum gradient norm",
    "ce_weight": "Cross-entropy weight",
    "accumulate": "Parts of a batch",
    "threads": "CPU threads",
    "log_steps": "Log every … steps",
    "save_seconds": "Save every … seconds",
    "skip_unreadable": "Skip unreadable images",
    "mask_unknown": "Skip unknown labels",
    "decay_all": "Decay all weights",
}


def settings(teacher: Checkpoint | None) -> dict:
    """Draw the form, which starts with the teacher of the bar; the values by field name."""
    values = form_state.prepare(teacher)
    wrong = faults(values)
    task = TASKS[values["task"]]
    own = {"dataset": task.datasets, "role": tuple(task.models)}
    fields = {
        spec.name: replace(spec, choices=own.get(spec.name, spec.choices)) for spec in setting_fields(values["task"])
    }
    if len(TASKS) > 1:
        _field(fields["task"], values)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Recipe",
            recipes_of(values["task"]),
            key=state.setting("recipe"),
            persist_state="session",
            help="A starting point: it fills in the settings below, and what you change by hand stays.  \n`--recipe`",
        )
        form_fill.offer()
    st.caption(RECIPES[values["recipe"]].about.capitalize() + ".")
    _changes(values)
    _pairs([spec for spec in fields.values() if spec.basic and spec.name != "recipe"], values, wrong)
    _pairs([fields[name] for name in DISTILLATION], values, wrong)
    _rest(fields, values, wrong)
    return values


def command(of: TrainConfig) -> str:
    """The command line that does the same; on a public server without the server's own folders."""
    line = shlex.join([*train_command(), *to_arguments(of)])
    return line.replace(f"{snnpar.CHECKPOINTS}{os.sep}", "checkpoints/") if access.denied("paths") else line


def label(name: str) -> str:
    """What a field is called on screen."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def _changes(values: dict) -> None:
    """How far the form is from its recipe, and the ways back."""
    differ, step = changed(values), form_state.last_step()
    if not differ and not step:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="form_changes"):
        if step:
            st.caption(step, width="content")
            st.button("Undo", on_click=form_state.undo, type="tertiary", icon=":material/undo:", key="form_undo")
        if differ:
            now = in_effect(values)
            told = "  \n".join(
                f"{label(name)}: {_shown(now[name])}, recipe {_shown(value)}" for name, value in differ.items()
            )
            st.caption(f"{len(differ)} changed from the recipe", help=told, width="content")
            st.button(
                "Reset",
                on_click=form_state.reset,
                type="tertiary",
                icon=":material/restart_alt:",
                key="form_reset",
                help="Every setting as the recipe has it; what is trained, on what and from whom stays.",
            )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def _rest(fields: dict[str, SettingField], values: dict, wrong: dict[str, str]) -> None:
    """Everything that is not basic, in groups, searchable."""
    shown_above = {spec.name for spec in fields.values() if spec.basic} | {"recipe", "task", *DISTILLATION}
    rest = [spec for spec in fields.values() if spec.name not in shown_above]
    bad = [spec for spec in rest if spec.name in wrong]
    title = f"{len(rest)} more settings" + (f" · {len(bad)} to fix" if bad else "")
    with st.expander(title, expanded=bool(bad), key="form_rest"):
        wanted = st.text_input(
            "Search settings",
            type="search",
            key="set_search",
            live=True,
            placeholder="rate, seed, memory…",
            label_visibility="collapsed",
        )
        found = {
            title: [spec for spec in rest if spec.group == group and _matches(wanted, spec, title)]
            for group, title in TITLES.items()
        }
        if not any(found.values()):
            st.caption(f"No setting speaks of “{literal(wanted)}”.")
        for group, specs in found.items():
            if specs:
                st.markdown(f"**{group}**")
                _pairs(specs, values, wrong)


def _matches(wanted: str, spec: SettingField, group: str) -> bool:
    words = f"{spec.name.replace('_', ' ')} {spec.name} {label(spec.name)} {spec.help} {group}"
    return wanted.strip().casefold().removeprefix("--").replace("-", " ") in words.casefold().replace("-", " ")


def _pairs(specs: list[SettingField], values: dict, wrong: dict[str, str]) -> None:
    """Two fields beside each other, each with its fault below."""
    for start in range(0, len(specs), 2):
        pair = specs[start : start + 2]
        level = "top" if any(spec.name in wrong for spec in pair) else "bottom"
        for spec, column in zip(pair, st.columns(2, vertical_alignment=level), strict=False):
            with column:
                _field(spec, values)
                if spec.name in wrong:
                    st.caption(f":red[:material/error: {_sentence(wrong[spec.name])}]")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _field(spec: SettingField, values: dict) -> None:
    """One widget, by the type of the field; its value lies in the session."""
    reason = hindrance(spec.name, in_effect(values))
    options = {
        "key": state.setting(spec.name),
        "persist_state": "session",
        "disabled": bool(reason),
        "help": _help(spec, values, reason),
    }
    name = label(spec.name)
    if spec.name == "model":
        return _model_field(name, values, options)
    if spec.name in form_state.EMPTY_BOXES:
        return _folder_field(spec.name, name, values, reason, options)
    if len("".join(spec.choices or ())) > 16:  # too much to stand side by side
        return st.selectbox(name, spec.choices, **options)
    if spec.choices:
        return st.segmented_control(name, spec.choices, required=True, width="stretch", **options)
    if spec.type is bool:
        return st.toggle(name, **options)
    if spec.type is str:
        return st.text_input(name, placeholder=reason or "folder as published, or hf:owner/name", **options)
    step = 1 if spec.type is int else None
    number = "%d" if spec.type is int else "%g"
    return st.number_input(name, spec.type(spec.minimum), spec.type(spec.maximum), step=step, format=number, **options)


def _help(spec: SettingField, values: dict, reason: str) -> str:
    """What it means, its flag, what the recipe says and where that comes from, and why it is off."""
    lines = [f"{spec.help[:1].upper()}{spec.help[1:]}", f"`{spec.flag}`"]
    if spec.name not in CHOSEN:
        recipe = values["recipe"]
        usual = of_recipe(recipe, in_effect(values))[spec.name]
        lines.append(f"Recipe: {_shown(usual)} (source: {source_of(recipe, spec.name)})")
    return "  \n".join(lines + ([f"Off: {reason}."] if reason else []))


def _model_field(name: str, values: dict, options: dict) -> None:
    """The named sizes of the role; the first, small one needs no name."""
    role = values["role"]
    small = unnamed(role, values["recipe"], values["task"])
    others = [one for one, size in PRESETS.items() if role_of(size) == role and one != small]
    named = [small] if values["model"] == small else []
    st.selectbox(
        name, ["", *named, *others], format_func=lambda one: one or f"{small}{' (unnamed)' if named else ''}", **options
    )


def _folder_field(field: str, name: str, values: dict, reason: str, options: dict) -> None:
    """A local checkpoint by name, or the path of any other folder."""
    roles = ("teacher",) if field == "teacher" else ("student", "teacher")
    paths = {str(c.path): ref for role in roles for ref, c in references.known(role).items()}
    if values[field]:
        paths.setdefault(values[field], values[field])
    st.selectbox(
        name,
        list(paths),
        index=None,
        format_func=lambda path: paths.get(path, path),
        accept_new_options=True,
        placeholder=reason or "none; pick one or type a path",
        **options,
    )
