"""The README card of a checkpoint, written from its own files, and the copy of a checkpoint to share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from snnpar import ASSETS
from snnpar.checkpoint import CARD, PHRASES, WEIGHTS, Checkpoint, read_checkpoint, write_config
from snnpar.config import TrainConfig, without_places
from snnpar.config.recipes import to_arguments
from snnpar.core import numbers
from snnpar.core.atomic import write_text
from snnpar.core.disks import whole_folder
from snnpar.core.programs import train_command
from snnpar.evaluation.scores import TOLD, WITH_UNKNOWN, Score, best_epoch, known_scores
from snnpar.metrics.defaults import CONVENTION, THRESHOLD
from snnpar.metrics.gain import read_gain
from snnpar.metrics.pedestrian import FIVE, SUPPORTED
from snnpar.metrics.report import COLUMNS, HEADINGS, support_words
from snnpar.models import timesteps_of
from snnpar.runs.history import METRICS, read_metrics
from snnpar.runs.run import UNREADABLE, Run, RunError

DATA = {
    "rendered": "pedestrians rendered by this project (snnpar.datasets.rendered; Apache-2.0)",
    "pa100k": "PA-100K (Liu et al., HydraPlus-Net, ICCV 2017; CC BY 4.0)",
    "mixed": "PA-100K (Liu et al., HydraPlus-Net, ICCV 2017; CC BY 4.0) and pedestrians rendered by this project",
    "peta": "PETA (Deng et al., ACM Multimedia 2014; under its authors' terms)",
    "rapv1": "RAP version 1 (Li et al., arXiv 1603.07054; under its authors' terms)",
    "pickle": "a dataset kept as a pickle in the layout of Rethinking_of_PAR or VTB; ask its owner for the licence",
    "csv": "a dataset of its own kind, a folder with labels.csv; ask its owner for the licence",
}
OPEN = ("rendered", "pa100k", "mixed")  # datasets whose licence lets what was trained on them be given away
TAGS = ("pedestrian-attribute-recognition", "spiking-neural-network")
MADE, END = "<!-- made for sharing -->", "<!-- end -->"  # what stands between is written anew for each copy
IMAGES = 4  # that the energy is a mean over


def run_card(run: Run, name: str) -> str:
    """Markdown: what the model is, what it was trained on, by which command, for how long, and its best epoch."""
    checkpoint, config = read_checkpoint(run.path), shareable(run.config)
    lines = [front_matter(checkpoint, name), f"# {name}", "", _is_what(checkpoint), ""]
    lines += [
        f"- Data: {DATA.get(config.data.dataset, config.data.dataset)}{left_out(run)}.",
        f"- Distilled from: `{config.distillation.teacher}`."
        if config.distillation.is_on
        else "- Trained on labels alone.",
        f"- Recipe `{config.recipe}`: `{' '.join([*train_command(), *to_arguments(config)])}`",
        f"- Seed {config.optimisation.seed}, {config.optimisation.epochs} epochs, {training_hours(run):.2f} h of "
        f"training, commit {checkpoint.provenance.get('commit') or 'unknown'}.",
        "",
    ]
    best = best_epoch(run.path)
    if best and "mean_accuracy" in best:
        lines += _best_attributes(run, config, best, len(checkpoint.schema))
    elif best:
        lines += [f"Best on the validation split: {', '.join(_numbers(best))}.", ""]
    gain = read_gain(run.path)
    if gain:
        lines += [f"What it learned: {gain.numbers()}. {gain.verdict()}", "", gain.about(), ""]
    return "\n".join(lines)


def _best_attributes(run: Run, config: TrainConfig, best: Mapping, count: int) -> list[str]:
    """The five metrics of the best epoch, of so many attributes, and what they are worth."""
    unknown = ", unknown labels left out" if config.task.mask_unknown and config.data.dataset in WITH_UNKNOWN else ""
    epochs = sum(row["epoch"] > 0 for row in read_metrics(run))  # 0 is before the first step
    images = f", n = {best['val_images']}" if "val_images" in best else ""
    support = (best.get("without_positives", ()), best.get("supported_attributes", 0), count)
    told = [f"{support_words(*support)}.", ""] if "supported_attributes" in best else []
    return [
        f"Best of {epochs} epochs by mA + F1 on the validation split (epoch {best['epoch']}"
        f"{images}; {CONVENTION} convention, threshold {THRESHOLD}{unknown}):",
        "",
        f"| {' | '.join(COLUMNS.values())} |",
        "|--:|--:|--:|--:|--:|--:|",
        f"| {_percent(best, best.get(SUPPORTED))} |",
        "",
        *told,
    ]


def _numbers(best: Mapping) -> list[str]:
    """Whatever the task of a run measured, in the words of its metrics."""
    return [f"{name} {value:.4g}" for name, value in best.items() if isinstance(value, float) and name != "time"]


def shared_card(checkpoint: Checkpoint, name: str, place: str) -> str:
    """The card of a copy that is had as snnpar.load(place).

    A run's is written from its files; any other checkpoint keeps the words of the card it has. Front matter,
    evaluations, energy and usage are always written anew.
    """
    own = checkpoint.path / CARD
    if (checkpoint.path / METRICS).is_file():
        text = run_card(Run(checkpoint.path), name)
    elif own.is_file():
        text = own.read_text("utf-8", "replace")
    else:
        text = f"# {name}\n\n{_is_what(checkpoint)}\n\n- Data: {_data(checkpoint)}.\n"
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    body = re.sub(rf"{MADE}.*?{END}\n?", "", body, flags=re.S)
    body = re.sub(r"^# .*$", f"# {name}", body.strip(), count=1, flags=re.M)
    scores = known_scores(checkpoint.path)
    evaluated = [score for score in scores if score.n is not None]
    made = [*_evaluations(evaluated), *_energy(checkpoint), *_usage(place)]
    return "\n".join([front_matter(checkpoint, name, evaluated), body, "", MADE, "", *made, END, ""])


def front_matter(checkpoint: Checkpoint, name: str, scores: list[Score] = []) -> str:  # noqa: B006  never changed
    """What the Hub reads: licence, library, task, tags, and the metrics whose number of images is known."""
    from huggingface_hub import EvalResult, ModelCardData

    is_open = checkpoint.train.get("dataset") in OPEN
    licence = {"license": "apache-2.0"} if is_open else {"license": "other", "license_name": "see-training-data"}
    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=checkpoint.schema.name,
            dataset_split=score.split,
            dataset_name=f"{score.words}, n = {score.n}",
            dataset_config=score.set.title,
            metric_type=metric,
            metric_value=round(score.values[metric], 4),
            metric_name=f"{HEADINGS[metric]} ({score.convention} convention, threshold {score.threshold})",
        )
        for score in scores
        for metric in FIVE
    ]
    data = ModelCardData(
        **licence,
        library_name="snnpar",
        pipeline_tag="image-classification",
        tags=list(TAGS),
        **({"model_name": name, "eval_results": results} if results else {}),
    )
    return f"---\n{data.to_yaml().strip()}\n---\n"


def _is_what(checkpoint: Checkpoint) -> str:
    model = checkpoint.model
    time = f", T={timesteps_of(model)}" if timesteps_of(model) else ""
    return (
        f"Pedestrian attribute recognition: {checkpoint.role} `{model.architecture}`, {len(checkpoint.schema)} "
        f"attributes of {checkpoint.schema.name}, image {model.image_size[0]} x {model.image_size[1]}{time}."
    )


def _data(checkpoint: Checkpoint) -> str:
    return DATA.get(checkpoint.train.get("dataset", ""), "not recorded; ask who trained it for its licence")


def _evaluations(scores: list[Score]) -> list[str]:
    if not scores:
        return []
    rows = [
        f"| {one.words} | {one.n} | {one.convention}, {one.threshold} | {_percent(one.values, one.supported)} | "
        f"{', '.join(one.without_positives) or '-'} |"
        for one in scores
    ]
    return [
        "## Metrics",
        "",
        "In percent, by convention and threshold. mA averages attributes without a positive, "
        "too; of these it says little.",
        "",
        f"| images | n | convention | {' | '.join(COLUMNS.values())} | without a positive |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|---|",
        *rows,
        "",
    ]


def _percent(values: Mapping, supported: float | None) -> str:
    """The cells of COLUMNS; a dash where mA over the attributes with enough positives is not recorded."""
    shares = {**values, SUPPORTED: supported}
    return " | ".join("-" if shares[name] is None else f"{100 * shares[name]:.2f}" for name in COLUMNS)


def _energy(checkpoint: Checkpoint) -> list[str]:
    """The estimate on sample images of the project, which everybody has."""
    from snnpar.images.pixels import open_rgb
    from snnpar.inference import analyze, load

    model = load(checkpoint)
    images = sorted((ASSETS / "samples").glob("*.png"))[:IMAGES]
    reports = [analyze(model, open_rgb(image)).energy for image in images]
    mean, of_neurons = (
        sum(getattr(report, what) for report in reports) / len(reports) for what in ("energy_uj", "neuron_uj")
    )
    updates = reports[0].updates
    neurons = f", {numbers.energy(of_neurons)} of it for {updates:,} neuron updates" if updates else ""
    return [
        "## Energy",
        "",
        f"About {numbers.energy(mean)} per image{neurons}, an estimate ({reports[0].convention}), the mean over "
        f"{len(reports)} rendered sample images. {reports[0].note} Nothing was measured on a chip.",
        "",
    ]


def _usage(place: str) -> list[str]:
    return [
        "## Use",
        "",
        "```python",
        "import snnpar",
        "from snnpar import images, inference",
        "",
        f'model = snnpar.load("{place}")',
        'image = images.open_rgb(snnpar.ASSETS / "samples" / "00.png")  # or any image of one person',
        "seen = inference.analyze(model, image)",
        "print(dict(zip(seen.prediction.attributes, seen.prediction.probs.round(3).tolist())))",
        'print(f"{seen.energy.energy_uj:.0f} µJ, an estimate ({seen.energy.convention})")',
        "```",
        "",
    ]


def left_out(run: Run) -> str:
    """How many images of the data the run could not read and left out, if any."""
    path = run.path / UNREADABLE
    count = len(path.read_text("utf-8").splitlines()) if path.is_file() else 0
    return f"; images that could not be read and were left out: {count}" if count else ""


def shareable(config: TrainConfig) -> TrainConfig:
    """The config with folders reduced to their names: where they lay is nobody else's business."""
    return config.changed(**without_places(config.settings()))


def share(folder: Path, target: Path, place: str) -> None:
    """Copy a checkpoint to a new folder: weights, config, phrases and card, without paths of this machine.

    It is loaded before, so that nothing is shared that cannot be loaded. Raises CheckpointError.
    """
    checkpoint = read_checkpoint(folder)
    text = shared_card(checkpoint, place.rpartition("/")[2], place)
    scores = [score.to_dict() for score in known_scores(folder)]
    provenance = checkpoint.provenance | ({TOLD: scores} if scores else {})
    with whole_folder(target):
        write_config(target, checkpoint.model, checkpoint.schema, without_places(checkpoint.train), provenance)
        write_text(target / CARD, text)
        for name in (WEIGHTS, PHRASES):
            if (checkpoint.path / name).exists():
                shutil.copyfile(checkpoint.path / name, target / name)


def export_run(run: Run, folder: Path) -> None:
    """Copy a finished run's checkpoint to a new folder, without paths of this machine, log or training state."""
    if folder.exists():
        raise RunError(f"{folder} exists; give a new folder")
    if not run.is_loadable:
        raise RunError(f"{run.path} has no {WEIGHTS} yet; let it finish an epoch")
    share(run.path, folder, folder.name)


def training_hours(run: Run) -> float:
    """Hours between the first and last logged step of each epoch, so that pauses between sessions do not count."""
    rows = read_metrics(run, "step")
    spans = [[row["time"] for row in group] for _, group in groupby(rows, key=lambda row: row["epoch"])]
    return sum(times[-1] - times[0] for times in spans) / 3600
