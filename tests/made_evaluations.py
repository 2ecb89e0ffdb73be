"""Evaluations without a forward."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from screen import shown

from snnpar.core.atomic import write_text
from snnpar.datasets import HELD_OUT_SEEDS, rendered_split
from snnpar.evaluation.evaluations import PREDICTIONS, REPORT, Evaluation, create_evaluation, data_hash, revision
from snnpar.evaluation.overlap import Overlap, reports
from snnpar.evaluation.predictions import Predictions, write_predictions
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.jobs import write_status

FEW = DataChoice(rendered=40)
ROLES = {"teacher": "tiny-teacher", "student": "tiny-student"}
OPPONENT = "plain"  # a student, too


def write_evaluation(
    root: Path,
    role: str,
    choice: DataChoice = FEW,
    *,
    timesteps: int = 3,
    seed: int = 0,
    unknown: bool = False,
    near: int | None = 0,
) -> tuple[Evaluation, Predictions]:
    """What `python -m snnpar evaluate` leaves, with answers that are right more often than not.

    near: how many images, the first ones, are near duplicates of training images; None: nobody has looked, as earlier
    versions did not.
    """
    folder = root / ROLES.get(role, OPPONENT)
    split = rendered_split(HELD_OUT_SEEDS["test"], choice.rendered, name="few")
    rng = np.random.default_rng(seed + (role == "student"))
    noise = rng.random((timesteps if role == "student" else 1, *split.labels.shape)).astype(np.float32)
    probs = (0.45 * split.labels + 0.55 * noise).astype(np.float32)
    truth = split.labels.copy()
    if unknown:
        truth[0] = 2
    predictions = Predictions(split.files, split.schema.attributes, truth, probs)
    overlap = None
    if near is not None:
        others = tuple(f"t{i}.png" if i < near else None for i in range(len(split)))
        overlap = Overlap(np.arange(len(split)), others, np.full(len(split), 0.9), "people, train", 100)
        predictions = replace(predictions, groups=overlap.groups, near_duplicate_of=others)
    evaluation = create_evaluation(folder, choice, root=root / "evaluations")
    provenance = {
        "checkpoint": {
            "name": folder.name,
            "role": role if role in ROLES else "student",
            "sha256": revision(folder),
        },
        "data": {"title": choice.title, "hash": data_hash(split)},
    }
    content = reports(predictions, overlap.info(predictions.files) if overlap else None)
    write_predictions(predictions, evaluation.path / PREDICTIONS)
    write_text(evaluation.path / REPORT, json.dumps({**content, "provenance": provenance}))
    write_status(evaluation, state="done")
    return evaluation, predictions


def cards_of(test) -> list[str]:
    """The files whose cards are shown with what the teacher says."""
    return [
        shown(c.value).partition("  \n")[0]
        for c in test.caption
        if c.value.startswith("rendered") and "Teacher" in c.value
    ]
