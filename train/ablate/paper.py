"""The paper's Tables 2 and 3 over several seeds, with the published rows beside.

The weights of the best epoch by validation are scored once, on images never trained on.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass

import numpy as np

from snnpar.core.atomic import write_text
from snnpar.metrics.published import published_rows
from snnpar.runs.run import Run

from .rows import DISTILLATION, AblationRow, cells, train_rows

SCORES = {"mean_accuracy": "mA", "f1": "F1"}
PLAIN = "SNN-PAR, not distilled"


@dataclass(frozen=True)
class PaperRow(AblationRow):
    """A row and the published one, of PA100K's full test split, to set it beside."""

    published: str


def _row(name: str, model: str, distillation: str, published: str) -> PaperRow:
    return PaperRow(name, f"{model}-{distillation}", DISTILLATION[distillation] | {"model": model}, published)


def table3_rows(model: str) -> list[PaperRow]:
    return [
        _row(name, model, name, PLAIN if name == "none" else f"SNN-PAR, distilled: {name}") for name in DISTILLATION
    ]


def table2_rows(model: str, vit_model: str) -> list[PaperRow]:
    """Both without distillation: the published spiking row is that one, whatever the paper calls it."""
    return [
        _row("ViT student", vit_model, "none", "ViT (a student without spikes)"),
        _row("spiking student", model, "none", PLAIN),
    ]


def table3(options: argparse.Namespace) -> str:
    return _table("distilled", table3_rows(options.model), options)


def table2(options: argparse.Namespace) -> str:
    return _table("table2", table2_rows(options.model, options.vit_model), options)


def score(run: Run, rendered_test: int) -> dict:
    """mA and F1 in percent by split, made once: the test split of the run's data, and held-out rendered images."""
    from snnpar.datasets import HELD_OUT_SEEDS, open_split, rendered_split
    from snnpar.evaluation.evaluate import probabilities
    from snnpar.metrics.pedestrian import pedestrian_metrics

    path = run.path / "scores.json"
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    rendered = rendered_split(HELD_OUT_SEEDS["test"], rendered_test, name="rendered held out")
    splits = [rendered] if run.config.data.dataset == "rendered" else [open_split(run.config, "test"), rendered]
    scores = {}
    for split in splits:
        metrics = pedestrian_metrics(split.labels, probabilities(run.path, split)).summary()
        scores[split.name] = {"n": len(split), **{name: 100 * metrics[name] for name in SCORES}}
    write_text(path, json.dumps(scores, indent=1) + "\n")
    return scores


@dataclass(frozen=True)
class MeanOverSeeds:
    """A mean over seeds with its 95% interval: mean +/- half, Student's t; half is None for a single seed."""

    mean: float
    half: float | None

    def __format__(self, sign: str) -> str:
        return f"{self.mean:{sign}.1f}" + ("" if self.half is None else f" ± {self.half:.1f}")


def estimate(values: list[float]) -> MeanOverSeeds:
    """Mean of one value per seed and the half width of its 95% interval under Student's t."""
    from scipy.stats import t

    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return MeanOverSeeds(mean, None)
    return MeanOverSeeds(mean, float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)))


def _table(name: str, rows: list[PaperRow], options: argparse.Namespace) -> str:
    """Markdown: each row's mean and interval over seeds beside the published one; then differences from the first."""
    runs = train_rows(rows, options)
    scores = {row.name: [score(runs[row.name, seed], options.rendered_test) for seed in options.seeds] for row in rows}
    first, splits = scores[rows[0].name], scores[rows[0].name][0]
    columns = [(split, key) for split in splits for key in SCORES]
    heads = [f"{split} (n={splits[split]['n']}) {SCORES[key]}" for split, key in columns]
    published = {row.system: row.percent for row in published_rows("pa100k")}
    lines = [
        cells([name, *heads, *(f"published {label}" for label in SCORES.values())]),
        f"|---|{'--:|' * (len(columns) + len(SCORES))}",
    ]
    for row in rows:
        told = [f"{estimate([one[split][key] for one in scores[row.name]])}" for split, key in columns]
        lines.append(cells([row.name, *told, *(f"{published[row.published][key]:.2f}" for key in SCORES)]))
    lines += ["", cells([f"minus {rows[0].name}", *heads]), f"|---|{'--:|' * len(columns)}"]
    for row in rows[1:]:
        pairs = list(zip(scores[row.name], first, strict=True))
        told = [f"{estimate([a[split][key] - b[split][key] for a, b in pairs]):+}" for split, key in columns]
        lines.append(cells([row.name, *told]))
    return "\n".join([*lines, "", _caption(options)])


def _caption(options: argparse.Namespace) -> str:
    seeds = ", ".join(map(str, options.seeds))
    return (
        f"Percent; published convention (threshold 0.45, F1 the mean of each image's); mean over seeds {seeds} "
        "± 95% interval (Student's t), differences paired by seed; each run scored once, at its best epoch on val. "
        "The published columns are PA100K's full test split (n=10,000), full-size models, one run each: other "
        "images, other sizes."
    )
