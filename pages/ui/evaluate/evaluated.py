"""Evaluations to show: the newest of the bar's models on the same images, or those picked instead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import streamlit as st

from pages.ui import references, state
from pages.ui.chrome import Selection
from snnpar.checkpoint import Checkpoint
from snnpar.config import OPPONENT, PAIR, ROLES
from snnpar.evaluation.evaluations import REPORT, Evaluation, list_evaluations, revision
from snnpar.evaluation.predictions import EvaluationError
from snnpar.figures import LOOKS
from snnpar.metrics.report import leave_out
from snnpar.runs.jobs import modified
from snnpar.schema.attributes import SCHEMAS, AttributeSchema, load_schema

REPORTS_KEPT, PREDICTIONS_KEPT = 512, 6  # predictions of 10,000 images after 1..4 timesteps hold 5 MB


@dataclass(frozen=True, eq=False)
class CompleteEvaluation:
    """A complete evaluation and what its evaluation.json says."""

    evaluation: Evaluation
    info: dict

    @property
    def checkpoint(self) -> dict:
        """Provenance of the checkpoint: name, role, sha256 of its weights, ..."""
        return self.info["provenance"]["checkpoint"]

    @property
    def data(self) -> dict:
        """Provenance of the images: title, hash, ..."""
        return self.info["provenance"]["data"]

    @property
    def title(self) -> str:
        """Which images, and how many."""
        gone = self.info.get("left_out")
        without = f", without {gone:,} near duplicates of training images" if gone else ""
        return f"{self.data['title']}{without}, n = {self.info['n']:,}"

    @property
    def version(self) -> str:
        """Changes when its files do; part of every cache key."""
        return f"{self.evaluation.path}@{modified(self.evaluation.path / REPORT)}"


@dataclass(frozen=True, eq=False)
class EvaluationGroup:
    """One evaluation or several, by role, of the same n images on the A attributes they share.

    truth (n, A); probs by role (T, n, A), T = 1 without timesteps; kept (n,): where these images stand in the
    evaluation; groups (n,) of near duplicates, None where nobody has looked. key changes when the files do.
    """

    models: dict[str, CompleteEvaluation]
    key: str
    files: tuple[str, ...]
    attributes: tuple[str, ...]
    truth: np.ndarray
    probs: dict[str, np.ndarray]
    kept: np.ndarray
    groups: np.ndarray | None

    @property
    def first(self) -> CompleteEvaluation:
        return next(iter(self.models.values()))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Roles held against each other, the second against the first: the student against each other model."""
        *others, last = sorted(self.models, key=lambda role: role == "student")
        return [(role, last) for role in others]

    @property
    def n(self) -> int:
        return len(self.files)

    @property
    def title(self) -> str:
        return self.first.title

    @property
    def data_hash(self) -> str:
        return self.first.data["hash"]

    @cached_property
    def schema(self) -> AttributeSchema | None:
        """The bundled schema that has these attributes, if one does."""
        for schema in map(load_schema, SCHEMAS):
            if set(self.attributes) <= set(schema.attributes):
                return schema
        return None

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The attributes in words."""
        schema = self.schema
        return tuple(schema.labels[schema.index(name)] if schema else name for name in self.attributes)


def without_near_duplicates(shown: EvaluationGroup) -> EvaluationGroup:
    """The same without near duplicates of training images. Raises SnnparError saying why that cannot be had."""
    models = {role: replace(one, info=leave_out(one.info)) for role, one in shown.models.items()}
    new = shown.first.evaluation.predictions().new
    return replace(
        shown,
        models=models,
        key=f"{shown.key}-new",
        files=tuple(shown.files[i] for i in new),
        truth=shown.truth[new],
        probs={role: probs[:, new] for role, probs in shown.probs.items()},
        kept=new,
        groups=shown.groups[new],
    )


def complete(role: str) -> dict[str, CompleteEvaluation]:
    """Complete evaluations of a role by folder name, newest first; one that cannot be read is left out. An opponent's
    are those of either."""
    found = {}
    for evaluation in list_evaluations():
        if not evaluation.is_complete:
            continue
        try:
            one = CompleteEvaluation(evaluation, _info(str(evaluation.path), modified(evaluation.path / REPORT)))
            if role in (one.checkpoint["role"], OPPONENT):
                found[evaluation.name] = one
        except (EvaluationError, KeyError):
            continue
    return found


def picked(selection: Selection) -> dict[str, CompleteEvaluation]:
    """Draw the choice of evaluations, which starts with the newest of the bar's models; those picked, by role."""
    roles = ROLES if OPPONENT in selection.checkpoints else PAIR
    listed = {role: complete(role) for role in roles}
    if not any(listed.values()):
        return {}
    starts = newest_together({role: of_checkpoint(selection.checkpoints.get(role), listed[role]) for role in roles})
    started_with = {role: one.version for role, one in starts.items()}
    if st.session_state.get(state.STARTED_WITH) != started_with:  # another pair in the bar, or a newer result
        st.session_state[state.STARTED_WITH] = started_with
        for role in roles:
            st.session_state[state.evaluation(role)] = starts[role].evaluation.name if role in starts else None
    found = {}
    for role, column in zip(roles, st.columns(len(roles)), strict=True):
        with column:
            name = _picker(role, listed[role])
        if name:
            found[role] = listed[role][name]
    return found


def _picker(role: str, listed: dict[str, CompleteEvaluation]) -> str | None:
    key = state.evaluation(role)
    if st.session_state.get(key) not in listed:
        st.session_state[key] = None
    words = {
        name: f"{one.checkpoint['name']} on {one.title}{' (shipped)' if one.evaluation.is_shipped else ''}"
        for name, one in listed.items()
    }
    repeated = {word for word in words.values() if list(words.values()).count(word) > 1}
    return st.selectbox(
        f"{LOOKS[role].name}: evaluation",
        list(listed),
        key=key,
        persist_state="session",
        index=None,
        placeholder=f"this {role} is not evaluated yet",
        help="Evaluations in checkpoints/evaluations, newest first.",
        format_func=lambda name: f"{words[name]} · {name[-6:]}" if words[name] in repeated else words[name],
    )


def of_checkpoint(checkpoint: Checkpoint | None, listed: dict[str, CompleteEvaluation]) -> list[CompleteEvaluation]:
    """Those made with the weights that a checkpoint has now, newest first."""
    if checkpoint is None:
        return []
    try:
        weights = _revision(references.version(checkpoint), checkpoint)
    except EvaluationError:
        return []
    return [one for one in listed.values() if one.checkpoint["sha256"] == weights]


def newest_together(candidates: dict[str, list[CompleteEvaluation]]) -> dict[str, CompleteEvaluation]:
    """The newest evaluations, by role, of the images that most roles have been asked about; of one role without such
    images, the student's rather than another's."""
    together: dict[str, dict[str, CompleteEvaluation]] = {}
    for role, listed in candidates.items():
        for one in listed:
            together.setdefault(one.data["hash"], {}).setdefault(role, one)
    most = max(together.values(), key=len, default={})
    if len(most) > 1:
        return most
    first = next((role for role in ("student", *candidates) if candidates.get(role)), None)
    return {first: candidates[first][0]} if first else {}


def on_same_images(models: dict[str, CompleteEvaluation]) -> bool:
    """Do these evaluations have the same files and labels?"""
    return len({one.data["hash"] for one in models.values()}) == 1


def attribute(selection: Selection, shown: EvaluationGroup) -> str:
    """The attribute of the bar, or one picked here that the bar's checkpoints do not have."""
    wanted = (st.session_state.get(state.EVALUATED_ATTRIBUTE), selection.attribute)
    return next((name for name in wanted if name in shown.attributes), shown.attributes[0])


def pick_attribute(name: str) -> None:
    """For a table's callback: make an attribute the one of the bar, or keep it here if the bar does not have it."""
    selection = st.session_state[state.SELECTION]
    schemas = [checkpoint.schema for checkpoint in selection.checkpoints.values()]
    known = bool(schemas) and name in schemas[-1].attributes
    st.session_state[state.EVALUATED_ATTRIBUTE] = None if known else name
    if known:
        st.session_state[state.ATTRIBUTE] = name


def load(models: dict[str, CompleteEvaluation]) -> EvaluationGroup:
    """Predictions of evaluations of the same images. Raises SnnparError when these share no attribute."""
    return _load("+".join(one.version for one in models.values()), models)


@st.cache_resource(max_entries=PREDICTIONS_KEPT, show_spinner="Reading the predictions…")
def _load(key: str, _models: dict[str, CompleteEvaluation]) -> EvaluationGroup:
    read = {role: one.evaluation.predictions() for role, one in _models.items()}
    last = read.get("student") or next(iter(read.values()))
    names = tuple(name for name in last.attributes if all(name in one.attributes for one in read.values()))
    if not names:
        raise EvaluationError("these evaluations share no attribute; pick some of one dataset")
    columns = {role: [one.attributes.index(name) for name in names] for role, one in read.items()}
    truth = next(one.truth[:, columns[role]] for role, one in read.items())
    probs = {role: one.probs[:, :, columns[role]] for role, one in read.items()}
    return EvaluationGroup(_models, key, last.files, names, truth, probs, np.arange(len(last.files)), last.groups)


@st.cache_data(max_entries=REPORTS_KEPT, show_spinner=False)
def _info(path: str, written: float) -> dict:
    return Evaluation(Path(path)).info()


@st.cache_data(max_entries=64, show_spinner=False)
def _revision(version: str, _checkpoint: Checkpoint) -> str:
    return revision(_checkpoint.path)
