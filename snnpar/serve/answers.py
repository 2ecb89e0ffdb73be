"""The endpoints: an image as base64 in, plain JSON out. Everything is computed by the library; here it gets names.

Bad input raises SnnparError with one sentence. Numbers are not rounded: they equal those of `snnpar.inference.analyze`.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np

import snnpar
from snnpar.checkpoint import CheckpointError, named, read_checkpoint
from snnpar.config import PAIR, ROLES
from snnpar.config.roles import Role
from snnpar.core.errors import SnnparError
from snnpar.core.places import place
from snnpar.energy.conventions import CONVENTIONS, Assumptions
from snnpar.energy.estimate import estimate_energy
from snnpar.explain import heatmap, methods_of
from snnpar.images.decoder import DECODER
from snnpar.images.pixels import ImageError
from snnpar.inference import LoadedModel, analyze, decide, load, shared_attributes
from snnpar.metrics.defaults import ENERGY, THRESHOLD
from snnpar.models import unnamed
from snnpar.serve.shapes import Answer, Energy, Firing, Group, Heat, LayerCost, Model, Trace
from snnpar.sharing.evidence import overlaid

Roles = Literal["both", "all", "teacher", "student", "opponent"]


@dataclass(frozen=True, eq=False)
class Models:
    """The models that answer: teacher, student, and an opponent of either kind, if there is one."""

    teacher: LoadedModel
    student: LoadedModel
    opponent: LoadedModel | None = None

    def __post_init__(self) -> None:
        for role in PAIR:
            model = self[role]
            if model.role != role:
                raise SnnparError(f"{model.checkpoint.name} is a {model.role}; give it as --{model.role}")
        others = [self[role].schema for role in self.roles if role != "student"]
        shared_attributes(*others, self.student.schema)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Of the models that are there."""
        return ROLES if self.opponent else PAIR

    def __getitem__(self, role: str) -> LoadedModel:
        """Raises SnnparError for an opponent that there is not."""
        model = getattr(self, role)
        if model is None:
            raise SnnparError("There is no opponent here; start the server with --opponent and a checkpoint's name.")
        return model


def load_models(
    teacher: str | None = None, student: str | None = None, opponent: str | None = None, device: str = "cpu"
) -> Models:
    """Read checkpoints by their names in checkpoints/, or by folder; None: the shipped teacher and student, and no
    opponent. Raises SnnparError."""
    names = [teacher or unnamed("teacher"), student or unnamed("student"), *([opponent] if opponent else [])]
    folders = [named(name) or place(name) for name in names]
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise CheckpointError(f"there is no checkpoint {' and no '.join(missing)} in {snnpar.CHECKPOINTS}")
    return Models(*(load(read_checkpoint(folder), device) for folder in folders))


class Answers:
    """The endpoints over the models. Docstrings appear in the API's documentation."""

    def __init__(self, models: Models) -> None:
        self.loaded = models

    def models(self) -> dict[str, Model]:
        """Say what is loaded: by role, the checkpoint, its attributes, timesteps and heatmap methods."""
        return {role: _model(self.loaded[role]) for role in self.loaded.roles}

    def predict(self, image: str, role: Roles = "both", threshold: float = THRESHOLD) -> dict[str, Answer]:
        """Read the attributes of the pedestrian in an image with the teacher, the student, the opponent, or several.

        Args:
            image: the bytes of a JPEG, PNG or WebP file as base64, with or without data:...;base64, before it
            role: teacher, student, opponent, both for teacher and student, or all that are loaded
            threshold: probability from 0 to 1 above which an attribute counts as seen
        Returns:
            by role: the probability of each attribute, what is decided for each group, and, of a student with
            timesteps, the probabilities after each of them
        """
        roles, threshold = self._roles(role), _share(threshold, "threshold")
        pixels = _pixels(image)
        return {name: _answer(self.loaded[name], pixels, threshold) for name in roles}

    def trace(self, image: str) -> Trace:
        """Count the spikes of the student on an image, by layer and timestep.

        Args:
            image: the bytes of a JPEG, PNG or WebP file as base64
        Returns:
            spikes and firing rates of every layer of neurons in every timestep, and of all together
        """
        model = self.loaded.student
        trace = analyze(model, _pixels(image)).trace
        layers = [
            Firing(
                layer=name,
                neurons=trace.neurons(name),
                spikes=trace.counts(name).tolist(),
                rates=trace.rates(name).tolist(),
            )
            for name in trace.names
        ]
        return Trace(
            checkpoint=model.checkpoint.name,
            timesteps=trace.timesteps,
            total_spikes=trace.total_spikes,
            mean_rate=trace.nasfr,
            layers=layers,
        )

    def heatmap(self, image: str, attribute: str, role: Role = "student", method: str = "") -> Heat:
        """Show where a model looks for an attribute.

        Args:
            image: the bytes of a JPEG, PNG or WebP file as base64
            attribute: one of the model's attributes, see /models
            role: teacher, student or opponent
            method: one of the role's heatmap methods, see /models; empty: the one that the app shows first
        Returns:
            the map's values by rows and columns, their unit, where in the model they come from, where the
            cells lie, and the map over the image as a PNG in base64
        """
        model = self.loaded[_one_of(role, "role", ROLES)]
        methods = methods_of(model)
        method = _one_of(method or next(iter(methods), ""), "method", methods)
        model.schema.index(attribute)  # methods that show one map for all attributes do not look at it
        pixels = _pixels(image)
        heat = heatmap(method, model, pixels, attribute, teacher=self.loaded.teacher)
        return Heat(
            checkpoint=model.checkpoint.name,
            attribute=attribute,
            title=heat.title,
            unit=heat.unit,
            hooked=heat.hooked,
            colours=heat.colours,
            cell_edges={side: getattr(heat.geometry, side).edges.tolist() for side in ("rows", "columns")},
            values=heat.values.astype(float).tolist(),
            png_base64=_png(overlaid(pixels, heat)),
        )

    def energy(self, image: str, role: Roles = "both", convention: str = ENERGY) -> dict[str, Energy]:
        """Estimate the energy that an image costs each model; nothing is measured on a chip.

        Args:
            image: the bytes of a JPEG, PNG or WebP file as base64
            role: teacher, student, opponent, both for teacher and student, or all that are loaded
            convention: what is counted and at which price: arithmetic, memory, weights-once, weights-per-step, int8 or
                lemaire
        Returns:
            by role: microjoules, operations, memory traffic and neuron updates, layer by layer, and in words the
            convention and what it leaves out
        """
        roles, assumed = self._roles(role), CONVENTIONS[_one_of(convention, "convention", CONVENTIONS)]
        pixels = _pixels(image)
        return {name: _energy(self.loaded[name], pixels, assumed) for name in roles}

    def _roles(self, role: object) -> tuple[str, ...]:
        several = {"both": PAIR, "all": self.loaded.roles}
        role = _one_of(role, "role", (*several, *ROLES))
        return several.get(role, (role,))


def _model(model: LoadedModel) -> Model:
    config = model.checkpoint.model
    return Model(
        checkpoint=model.checkpoint.name,
        role=model.role,
        architecture=config.architecture,
        image_size=list(config.image_size),
        timesteps=model.timesteps,
        attributes=list(model.schema.attributes),
        heatmaps={key: method.label for key, method in methods_of(model).items()},
    )


def _answer(model: LoadedModel, image: np.ndarray, threshold: float) -> Answer:
    prediction = analyze(model, image).prediction
    groups = [
        Group(group=one.group, attributes=list(one.attributes), text=one.text or "")
        for one in decide(model.schema, prediction.probs, threshold)
    ]
    steps = [] if prediction.probs_per_timestep is None else prediction.probs_per_timestep
    return Answer(
        checkpoint=model.checkpoint.name,
        probabilities=_named(prediction.attributes, prediction.probs),
        groups=groups,
        per_timestep=[_named(prediction.attributes, probs) for probs in steps],
    )


def _energy(model: LoadedModel, image: np.ndarray, assumed: Assumptions) -> Energy:
    report = estimate_energy(analyze(model, image).trace, assumed)
    layers = [
        LayerCost(
            layer=one.name, macs=one.macs, acs=one.acs, updates=one.updates, bytes=one.bytes, energy_uj=one.energy_uj
        )
        for one in report.lines
    ]
    return Energy(
        checkpoint=model.checkpoint.name,
        energy_uj=report.energy_uj,
        macs=report.macs,
        acs=report.acs,
        bytes=report.bytes,
        updates=report.updates,
        neuron_uj=report.neuron_uj,
        convention=report.convention,
        leaves_out=report.note,
        kind="estimate",
        layers=layers,
    )


def _named(names: Iterable[str], values: np.ndarray) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))


def _pixels(image: object) -> np.ndarray:
    """Base64 to uint8 (H, W, 3); the limits are those of `open_rgb`. Raises ImageError."""
    if not isinstance(image, str) or not image:
        raise ImageError("There is no image; send the bytes of a JPEG, PNG or WebP file as base64 text.")
    text = image.partition(",")[2] if image.startswith("data:") else image
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("The image is not base64; encode the bytes of a JPEG, PNG or WebP file.") from error
    return DECODER.open(data)


def _one_of(value: object, what: str, options: Iterable[str]) -> str:
    options = tuple(options)
    if not isinstance(value, str) or value not in options:
        raise SnnparError(f"There is no {what} {str(value)[:40]!r}; choose one of {', '.join(options)}.")
    return value


def _share(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 <= value <= 1):
        raise SnnparError(f"The {what} must be a number from 0 to 1; got {str(value)[:40]!r}.")
    return float(value)


def _png(image: Any) -> str:
    file = BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
