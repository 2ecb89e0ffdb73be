"""The README card of a trained checkpoint, written from the run's own files, and the copy of a run to share."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from snnpar.atomic import write_text
from snnpar.checkpoint import CARD, PHRASES, WEIGHTS, read_checkpoint, write_config
from snnpar.config import TrainConfig, to_dict, without_folders
from snnpar.history import read_metrics
from snnpar.metrics import FIVE
from snnpar.recipes import to_arguments
from snnpar.runs import UNREADABLE, Run, RunError

TITLES = {"mean_accuracy": "mA", "accuracy": "Acc", "precision": "Prec", "recall": "Rec", "f1": "F1"}
DATA = {
    "rendered": "pedestrians rendered by this project (snnpar.datasets.rendered)",
    "pa100k": "PA-100K (Liu et al., HydraPlus-Net, ICCV 2017; CC BY 4.0)",
    "mixed": "PA-100K (Liu et al., HydraPlus-Net, ICCV 2017; CC BY 4.0) and pedestrians rendered by this project",
    "peta": "PETA (Deng et al., ACM Multimedia 2014)",
    "rapv1": "RAP version 1 (Li et al., arXiv 1603.07054)",
    "pickle": "a data set kept as a pickle in the layout of Rethinking_of_PAR or VTB",
    "csv": "a data set of its own kind, a folder with labels.csv",
}
WITH_UNKNOWN = ("rapv1", "pickle", "csv")  # data sets whose labels can be unknown


def run_card(run: Run, name: str) -> str:
    """Markdown: what the model is, what it was trained on, by which command, for how long, and its best epoch."""
    checkpoint, config = read_checkpoint(run.path), shareable(run.config)
    epochs = read_metrics(run)
    best = next((row for row in reversed(epochs) if row["best"]), None)
    model = checkpoint.model
    height, width = model.image_size
    time = f", T={model.timesteps}" if checkpoint.role == "student" else ""
    lines = [
        "---", "license: apache-2.0", "tags: [pedestrian-attribute-recognition, spiking-neural-network]", "---", "",
        f"# {name}", "",
        f"{checkpoint.role.capitalize()} `{model.architecture}`, {len(checkpoint.schema)} attributes of "
        f"{checkpoint.schema.name}, image {height} x {width}{time}.", "",
        f"- Data: {DATA[config.dataset]}{left_out(run)}.",
        f"- Distilled from: `{config.teacher}`." if config.feature_kd or config.logit_kd else
        "- Trained on labels alone.",
        f"- Command: `python -m train {' '.join(to_arguments(config))}`",
        f"- Seed {config.seed}, {config.epochs} epochs, {training_hours(run):.2f} h of training, commit "
        f"{checkpoint.provenance.get('commit') or 'unknown'}.", "",
    ]
    if best:
        names = " | ".join(TITLES[name] for name in FIVE)
        values = " | ".join(f"{100 * best[name]:.2f}" for name in FIVE)
        unknown = ", unknown labels left out" if config.mask_unknown and config.dataset in WITH_UNKNOWN else ""
        lines += [f"Best of {len(epochs)} epochs by mA + F1 on the validation split (epoch {best['epoch']}; published "
                  f"convention, threshold 0.45{unknown}):",
                  "", f"| {names} |", "|--:|--:|--:|--:|--:|", f"| {values} |", ""]
    return "\n".join(lines)


def left_out(run: Run) -> str:
    """How many images of the data the run could not read and left out, if any."""
    path = run.path / UNREADABLE
    count = len(path.read_text("utf-8").splitlines()) if path.is_file() else 0
    return f"; images that could not be read and were left out: {count}" if count else ""


def shareable(config: TrainConfig) -> TrainConfig:
    """The config with folders reduced to their names: where they lay is nobody else's business."""
    return replace(config, **{name: without_folders(getattr(config, name)) for name in ("data", "teacher", "init")})


def export_run(run: Run, folder: Path) -> None:
    """Copy a finished run's checkpoint to a new folder, without paths of this machine, log or training state."""
    if folder.exists():
        raise RunError(f"{folder} exists; give a new folder")
    if not run.is_loadable:
        raise RunError(f"{run.path} has no {WEIGHTS} yet; let it finish an epoch")
    checkpoint = read_checkpoint(run.path)
    folder.mkdir(parents=True)
    write_config(folder, checkpoint.model, checkpoint.schema, to_dict(shareable(run.config)), checkpoint.provenance)
    write_text(folder / CARD, run_card(run, folder.name))
    for name in (WEIGHTS, PHRASES):
        if (run.path / name).exists():
            shutil.copyfile(run.path / name, folder / name)


def training_hours(run: Run) -> float:
    """Hours between the first and last logged step of each epoch, so that pauses between sessions do not count."""
    rows = read_metrics(run, "step")
    spans = [[row["time"] for row in group] for _, group in groupby(rows, key=lambda row: row["epoch"])]
    return sum(times[-1] - times[0] for times in spans) / 3600
