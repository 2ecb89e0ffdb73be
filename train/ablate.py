"""`python -m train.ablate table3|table2`: the paper's ablations, over several seeds, with the published rows beside.

table3: what distillation brings (none, features, logits, both). table2: the student as a ViT and as a spiking network.
Every run is an ordinary run in OUT/<model>-<distillation>-seed<n>; the same command again skips what is done and goes
on with what was interrupted. The weights of the best epoch by validation are scored once, on images never trained on.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snnpar import ROOT, RUNS
from snnpar.atomic import write_text
from snnpar.checkpoint import read_checkpoint
from snnpar.config import TrainConfig, to_dict
from snnpar.jobs import status
from snnpar.models import preset
from snnpar.published import published_rows
from snnpar.runs import Run, RunError, create_run, open_run
from train.__main__ import add_settings, config_from, given
from train.distill import check_teacher

SCORES = {"mean_accuracy": "mA", "f1": "F1"}


@dataclass(frozen=True)
class Row:
    """One row of a table: what to train, and the published row of PA100K's full test split to set it beside."""

    name: str
    model: str
    distillation: str
    published: str


DISTILLATION = {
    "none": {"feature_kd": False, "logit_kd": False},
    "features": {"feature_kd": True, "logit_kd": False},
    "logits": {"feature_kd": False, "logit_kd": True},
    "both": {"feature_kd": True, "logit_kd": True},
}
PLAIN = "SNN-PAR, not distilled"


def table3(model: str, _vit_model: str) -> list[Row]:
    return [Row(name, model, name, PLAIN if name == "none" else f"SNN-PAR, distilled: {name}") for name in DISTILLATION]


def table2(model: str, vit_model: str) -> list[Row]:
    """Both without distillation: the published spiking row is that one, whatever the paper calls it."""
    return [Row("ViT student", vit_model, "none", "ViT (a student without spikes)"),
            Row("spiking student", model, "none", PLAIN)]


TABLES = {"table3": table3, "table2": table2}


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(prog="python -m train.ablate", description=__doc__.split("\n")[0])
    flags.add_argument("table", choices=TABLES)
    flags.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    flags.add_argument("--out", type=Path, help="folder of the runs (default: checkpoints/runs/TABLE)")
    flags.add_argument("--vit-model", default="vit_2_96", help="table2: the ViT student (default: vit_2_96)")
    flags.add_argument("--rendered-test", type=int, default=2000, metavar="N",
                       help="held-out rendered images to score on (default: 2000)")
    add_settings(flags, leave_out=("role", "feature_kd", "logit_kd", "seed"))
    flags.set_defaults(model="spikingformer_2_96")
    return flags


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    options.out = (options.out or RUNS / options.table).expanduser().resolve()
    try:
        rows = TABLES[options.table](options.model, options.vit_model)
        # By seed, so that an early look compares like with like; all are made first, so that a mistake shows at once.
        runs = [prepare(row, seed, options) for seed in options.seeds for row in rows]
        for run in runs:
            finish(run, options)
        text = make_table(options.table, rows, options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_text(options.out / f"{options.table}.md", text)
    print(text)
    return 0


def run_folder(row: Row, seed: int, options: argparse.Namespace) -> Path:
    return options.out / f"{row.model}-{row.distillation}-seed{seed}"


def run_config(row: Row, seed: int, options: argparse.Namespace) -> TrainConfig:
    """The row's config: what the flags say, with its model, distillation and seed."""
    values = given(options) | DISTILLATION[row.distillation] | {"model": row.model, "seed": seed, "role": "student"}
    if row.distillation == "none":
        values["teacher"] = ""
    return config_from(argparse.Namespace(**values))


def prepare(row: Row, seed: int, options: argparse.Namespace) -> Run:
    """The run of a row and seed, made unless it exists. Raises RunError if the one there has other settings."""
    path, config = run_folder(row, seed, options), run_config(row, seed, options)
    if config.feature_kd or config.logit_kd:
        check_teacher(read_checkpoint(config.teacher), preset(config.model), config)
    if not path.exists():
        return create_run(config, path)
    run = open_run(path)
    if result_settings(run.config) != result_settings(config):
        raise RunError(f"{path} was trained with other settings; give another --out, or remove it")
    return run


def result_settings(config: TrainConfig) -> dict[str, object]:
    """The settings that decide a result; where data and teacher lie, and how many threads work, are the machine's."""
    machine = ("data", "teacher", "init", "threads", "device")
    return {name: value for name, value in to_dict(config).items() if name not in machine}


def finish(run: Run, options: argparse.Namespace) -> None:
    """Train what is left of a run, then score it; both only once."""
    current = status(run)
    if current.is_active:
        raise RunError(f"{run.path} is being trained by process {current.pid}; wait for it or stop it")
    if current.state != "done":
        print(f"training {run.name}", flush=True)
        command = [sys.executable, "-m", "train", "--run", str(run.path), "--resume"]
        ended = subprocess.run(command, cwd=ROOT, check=False)
        current = status(run)
        if ended.returncode or current.state != "done":
            raise RunError(f"{run.name} ended {current.state}: {current.message}; run the same command to go on")
    if not (run.path / "scores.json").exists():
        write_text(run.path / "scores.json", json.dumps(score(run, options), indent=1) + "\n")


def score(run: Run, options: argparse.Namespace) -> dict:
    """mA and F1 in percent by split: the test split of the run's data, and held-out rendered images."""
    from snnpar.datasets import HELD_OUT_SEEDS, open_split, rendered_split
    from snnpar.evaluate import probabilities
    from snnpar.metrics import pedestrian_metrics

    rendered = rendered_split(HELD_OUT_SEEDS["test"], options.rendered_test, name="rendered held out")
    splits = [rendered] if run.config.dataset == "rendered" else [open_split(run.config, "test"), rendered]
    scores = {}
    for split in splits:
        metrics = pedestrian_metrics(split.labels, probabilities(run.path, split)).summary()
        scores[split.name] = {"n": len(split), **{name: 100 * metrics[name] for name in SCORES}}
    return scores


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95% interval: mean +/- half, Student's t; half is None for a single seed."""

    mean: float
    half: float | None

    def __format__(self, sign: str) -> str:
        return f"{self.mean:{sign}.1f}" + ("" if self.half is None else f" ± {self.half:.1f}")


def estimate(values: list[float]) -> Estimate:
    """Mean of one value per seed and the half width of its 95% interval under Student's t."""
    from scipy.stats import t

    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Estimate(mean, None)
    return Estimate(mean, float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)))


def make_table(name: str, rows: list[Row], options: argparse.Namespace) -> str:
    """Markdown: each row's mean and interval over seeds beside the published one; then differences from the first."""
    scores = {row.name: [json.loads((run_folder(row, seed, options) / "scores.json").read_text("utf-8"))
                         for seed in options.seeds] for row in rows}
    first, splits = scores[rows[0].name], scores[rows[0].name][0]
    columns = [(split, key) for split in splits for key in SCORES]
    heads = [f"{split} (n={splits[split]['n']}) {SCORES[key]}" for split, key in columns]
    published = {row.system: row.percent for row in published_rows("pa100k")}
    lines = [_cells([name, *heads, *(f"published {label}" for label in SCORES.values())]),
             f"|---|{'--:|' * (len(columns) + len(SCORES))}"]
    for row in rows:
        told = [f"{estimate([one[split][key] for one in scores[row.name]])}" for split, key in columns]
        lines.append(_cells([row.name, *told, *(f"{published[row.published][key]:.2f}" for key in SCORES)]))
    lines += ["", _cells([f"minus {rows[0].name}", *heads]), f"|---|{'--:|' * len(columns)}"]
    for row in rows[1:]:
        pairs = list(zip(scores[row.name], first, strict=True))
        told = [f"{estimate([a[split][key] - b[split][key] for a, b in pairs]):+}" for split, key in columns]
        lines.append(_cells([row.name, *told]))
    return "\n".join([*lines, "", _caption(options)])


def _cells(words: list[str]) -> str:
    return f"| {' | '.join(words)} |"


def _caption(options: argparse.Namespace) -> str:
    seeds = ", ".join(map(str, options.seeds))
    return (f"Percent; published convention (threshold 0.45, F1 the mean of each image's); mean over seeds {seeds} "
            "± 95% interval (Student's t), differences paired by seed; each run scored once, at its best epoch on val. "
            "The published columns are PA100K's full test split (n=10,000), full-size models, one run each: other "
            "images, other sizes.")


if __name__ == "__main__":
    sys.exit(main())
