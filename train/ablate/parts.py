"""What each part of our recipe changes: one run per part, beside a base that is distilled on features and logits.

Scored on val and on held-out rendered images, never on test, which stays unseen while the recipe is chosen. Each
difference from the base is bootstrapped over the same images, near duplicates together, so that its interval says
nothing about other seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace

from snnpar.config import ConfigError
from snnpar.core.errors import SnnparError
from snnpar.evaluation.comparison import compare
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.evaluations import Evaluation
from snnpar.evaluation.slices import DataChoice
from snnpar.models import PRESETS, preset
from snnpar.runs.run import Run

from .rows import DISTILLATION, AblationRow, cells, train_rows

METRICS = {"mean_accuracy": "mA", "f1": "F1"}
Differences = dict[tuple[str, str], tuple[float, float, float]]  # (images, metric): difference, low, high; in percent


def part_rows(model: str) -> list[AblationRow]:
    """The base, then the base with one part changed each."""
    base = AblationRow(
        "base",
        "base",
        DISTILLATION["both"]
        | {"model": model, "timestep_weight": 0.0, "feature_mask": 0.0, "label_weighting": "ratio", "ema": 0.99},
    )
    changes = [
        ("a KL at each timestep", "timestep", {"timestep_weight": 1.0}),
        ("masked features", "mask", {"feature_mask": 0.3}),
        ("pooling before firing (CML)", "cml", {"model": pooling_first(model)}),
        ("no label weighting", "unweighted", {"label_weighting": "none"}),
        ("no moving average", "no-ema", {"ema": 0.0}),
    ]
    return [base, *(AblationRow(name, folder, base.settings | change) for name, folder, change in changes)]


def pooling_first(model: str) -> str:
    """The name of the same model with a tokenizer that pools before it fires. Raises ConfigError if there is none."""
    wanted = replace(preset(model), pool_first=True)
    twins = {replace(config, pool_first=True): name for name, config in PRESETS.items() if config.pool_first}
    if wanted not in twins:
        raise ConfigError(f"{model} has no twin that pools before it fires; there are {', '.join(twins.values())}")
    return twins[wanted]


def together(rows: list[AblationRow], helpful: Iterable[str]) -> AblationRow | None:
    """A row with the changes of all helpful rows; None when there are fewer than two to put together."""
    base, chosen = rows[0], [row for row in rows[1:] if row.name in set(helpful)]
    if len(chosen) < 2:
        return None
    settings = base.settings | {
        name: value for row in chosen for name, value in row.settings.items() if value != base.settings[name]
    }
    return AblationRow(
        f"all that helps: {', '.join(row.name for row in chosen)}", "-".join(row.folder for row in chosen), settings
    )


def helps(differences: Differences) -> bool:
    """A part helps if it raises mA or F1 on some images beyond chance and lowers neither on any."""
    return any(low > 0 for _, low, _ in differences.values()) and not any(h < 0 for *_, h in differences.values())


def parts(options: argparse.Namespace) -> str:
    """Train all rows, then what helped together; markdown. Raises SnnparError for more than one seed."""
    if len(options.seeds) != 1:
        raise SnnparError(
            "parts compares runs of one seed image by image: give --seeds one number, and another --out "
            "for another seed"
        )
    rows, seed = part_rows(options.model), options.seeds[0]
    runs = train_rows(rows, options)
    scored = {row.name: evaluate(runs[row.name, seed], options) for row in rows}
    changed = {row.name: differences(scored["base"], scored[row.name]) for row in rows[1:]}
    best = together(rows, [name for name, found in changed.items() if helps(found)])
    if best:
        scored[best.name] = evaluate(train_rows([best], options)[best.name, seed], options)
        changed[best.name] = differences(scored["base"], scored[best.name])
    return table(scored, changed, seed)


def evaluate(run: Run, options: argparse.Namespace) -> dict[str, Evaluation]:
    """The run's best epoch on val and on held-out rendered images, kept in OUT/evaluations."""
    choices = {"rendered held out": DataChoice(rendered=options.rendered_test)}
    if run.config.data.dataset != "rendered":
        choices = {"val": DataChoice(run.config.data.folder, split="val", fold=run.config.data.fold)} | choices
    return {
        name: evaluate_checkpoint(run.path, choice, root=options.out / "evaluations")
        for name, choice in choices.items()
    }


def differences(base: dict[str, Evaluation], other: dict[str, Evaluation]) -> Differences:
    """Other minus base in percent, with 95% intervals of a paired bootstrap over groups of near duplicates."""
    found = {}
    for images, evaluation in other.items():
        rows = {row["metric"]: row for row in compare(base[images], evaluation)["second_minus_first"]}
        found |= {
            (images, name): tuple(100 * rows[name][key] for key in ("difference", "low", "high")) for name in METRICS
        }
    return found


def table(scored: dict[str, dict[str, Evaluation]], changed: dict[str, Differences], seed: int) -> str:
    """Markdown: every row's metrics, then each one's difference from the base."""
    infos = {name: {images: each.info() for images, each in row.items()} for name, row in scored.items()}
    columns = [(images, metric) for images in infos["base"] for metric in METRICS]
    heads = [f"{images} (n={infos['base'][images]['n']}) {METRICS[metric]}" for images, metric in columns]
    lines = [cells(["part", *heads]), f"|---|{'--:|' * len(columns)}"]
    for name, info in infos.items():
        values = [info[images]["metrics"]["published"][metric]["value"] for images, metric in columns]
        lines.append(cells([name, *(f"{100 * value:.1f}" for value in values)]))
    lines += ["", cells(["minus base", *heads, "helps"]), f"|---|{'--:|' * len(columns)}---|"]
    for name, found in changed.items():
        told = ["{:+.1f} [{:+.1f}, {:+.1f}]".format(*found[column]) for column in columns]
        lines.append(cells([name, *told, "yes" if helps(found) else "no"]))
    return "\n".join(
        [
            *lines,
            "",
            (
                f"Percent; published convention (threshold 0.45, F1 the mean of each image's); seed {seed}, one run "
                "per row at its best epoch on val; 95% intervals of a paired bootstrap over groups of near duplicates, "
                "which know nothing of other seeds. A part helps if an interval lies above zero and none below."
            ),
        ]
    )
