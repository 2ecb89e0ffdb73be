"""What the models say about the image: loaded models, analyses and heatmaps, each computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.ui import references
from pages.ui.chrome import Selection, sentence
from pages.ui.image import cropping, own_image
from pages.ui.server.computing import computed
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import Checkpoint, CheckpointError
from snnpar.config import ROLES
from snnpar.core.errors import SnnparError
from snnpar.explain import Heatmap, heatmap
from snnpar.figures import LOOKS
from snnpar.inference import Analysis, Latency, LoadedModel, analyze, load, measure_latency
from snnpar.views import reading
from snnpar.views.image import InputImage

MODELS_KEPT = 4
ANALYSES_KEPT = 24  # a trace of the shipped student holds 0.1 MB of spikes
HEATMAPS_KEPT = 256


@dataclass(frozen=True, eq=False)
class CachedReading(reading.Reading):
    """One model and what it says about the image; `version` changes with its files."""

    @property
    def version(self) -> str:
        return references.version(self.model.checkpoint)


def look(selection: Selection, roles: tuple[str, ...] = ROLES) -> dict[str, CachedReading]:
    """The models on the image, by role; a role with no usable checkpoint is left out, and told.

    Ends the page where the link's image is not here; offers to cut one person out of an image of one's own.
    """
    own_image.ask()
    cropping.show()
    seen = {}
    for role in roles:
        model = _first_usable(selection.checkpoints.get(role), role)
        if model is None:
            if role in _EMPTY:
                st.info(_EMPTY[role], icon=":material/info:")
            continue
        version, shown = references.version(model.checkpoint), selection.image
        with st.spinner(f"{LOOKS[role].name} {literal(model.checkpoint.name)} looks at the image…"):
            try:
                seen[role] = CachedReading(model, _analyse(version, shown.digest, model, shown.image))
            except CheckpointError as error:
                st.error(sentence(error), icon=":material/error:")
    return seen


_EMPTY = {
    "teacher": "There is no teacher yet. Train one on the Train page (role: teacher), put a checkpoint folder into "
    "checkpoints/, or type a Hub id into the bar.",
    "student": "There is no student yet. Train one on the Train page, put a checkpoint folder into checkpoints/, or "
    "type a Hub id into the bar.",
}


def _first_usable(wanted: Checkpoint | None, role: str) -> LoadedModel | None:
    """The wanted model, or if it is damaged the first one that loads; what is damaged is told."""
    candidates = [wanted, *references.known(role).values()] if wanted else []
    damaged = set()
    for checkpoint in candidates:
        if checkpoint.path in damaged:
            continue
        try:
            with st.spinner(f"Loading the {role} {literal(checkpoint.name)}…"):
                return _load(references.version(checkpoint), checkpoint)
        except SnnparError as error:
            damaged.add(checkpoint.path)
            st.error(f"{sentence(error)} Another {role} is shown if there is one.", icon=":material/error:")
    return None


@computed(max_entries=MODELS_KEPT)
def _load(version: str, _checkpoint: Checkpoint) -> LoadedModel:
    model = load(_checkpoint)
    height, width = _checkpoint.model.image_size
    analyze(model, np.zeros((height, width, 3), np.uint8))  # a first pass is many times slower
    return model


def latency(one: CachedReading) -> Latency:
    """How long a model takes for an image: for any, as its arithmetic is the same. Measured once for each model."""
    height, width = one.model.checkpoint.model.image_size
    with st.spinner(f"Timing {literal(one.model.checkpoint.name)}…"):
        return _latency(one.version, one.model, np.zeros((height, width, 3), np.uint8))


@computed(max_entries=MODELS_KEPT)
def _latency(version: str, _model: LoadedModel, _image: np.ndarray) -> Latency:
    return measure_latency(_model, _image)


@computed(max_entries=ANALYSES_KEPT)
def _analyse(version: str, digest: str, _model: LoadedModel, _image: np.ndarray) -> Analysis:
    return analyze(_model, _image)


def explain(seen: dict[str, CachedReading], role: str, method: str, image: InputImage, attribute: str) -> Heatmap:
    """A heatmap of one model. Raises SnnparError with one sentence where the method does not apply."""
    versions = "+".join(one.version for one in seen.values())
    with st.spinner("Computing the heatmap…"):
        return _explain(
            f"{versions}:{role}:{method}:{image.digest}:{attribute}",
            seen,
            role,
            method,
            image.image,
            attribute,
        )


@computed(max_entries=HEATMAPS_KEPT)
def _explain(
    key: str, _seen: dict[str, CachedReading], _role: str, _method: str, _image: np.ndarray, _attribute: str
) -> Heatmap:
    teacher = _seen["teacher"].model if "teacher" in _seen else None
    one = _seen[_role]
    return heatmap(_method, one.model, _image, _attribute, teacher=teacher, trace=one.analysis.trace)
