from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file

from snnpar.checkpoint import read_checkpoint
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.datasets import open_split
from snnpar.inference import load
from snnpar.metrics.gain import read_gain
from snnpar.models import PRESETS, preset
from snnpar.runs.history import read_metrics
from snnpar.runs.jobs import status
from snnpar.runs.run import Run, create_run
from train import attributes, loop
from train.state import saved_states

TEACHER = "vtb_conv_2_64"


def trained(config: TrainConfig, path: Path, **options: bool) -> Run:
    run = create_run(config, path)
    loop.train(run, **options)
    return run


def epochs(run: Run) -> list[dict]:
    """The metrics of each epoch, without the clock."""
    return [{key: value for key, value in row.items() if key != "time"} for row in read_metrics(run)]


def same_weights(one: Path, two: Path) -> bool:
    first, second = load_file(one), load_file(two)
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


# ------------------------------------------------------------------------------------------------ the parts


# ------------------------------------------------------------------------------------------------ whole runs


def test_a_finished_run_is_a_checkpoint(quick: TrainConfig, tmp_path: Path) -> None:
    run = trained(quick, tmp_path / "run")
    assert status(run).state == "done" and status(run).message.startswith("best epoch")
    model = load(read_checkpoint(run.path))
    assert model.role == "student" and model.checkpoint.model == preset(quick.model.name)
    rows = read_metrics(run)
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3] and rows[0]["step"] == 0 and not rows[0]["best"]
    scores = [(row["mean_accuracy"] + row["f1"]) / 2 for row in rows[1:]]
    assert [row["best"] for row in rows[1:]] == [score > max([-1, *scores[:i]]) for i, score in enumerate(scores)]
    steps = read_metrics(run, "step")
    assert steps[-1]["step"] == steps[-1]["steps"] == 6 and steps[-1]["eta_s"] == 0
    assert steps[0]["loss"] == pytest.approx(steps[0]["ce"]) and {"lr", "images_per_s"} <= set(steps[0])
    assert sorted(path.name for path in run.path.iterdir()) == [
        "README.md",
        "config.json",
        "events",
        "lens",
        "metrics.jsonl",
        "model.safetensors",
        "progress.json",
        "result.json",
        "states",
        "status.json",
        "step-0.safetensors",
    ]


def test_every_step_has_the_learning_rate_of_its_place_in_the_schedule(quick: TrainConfig, tmp_path: Path) -> None:
    """Steps are counted in epochs: of two in each, the second is at half of it."""
    config = quick.changed(epochs=2, schedule="cosine", warmup_epochs=1, log_steps=1)
    rates = [row["lr"] for row in read_metrics(trained(config, tmp_path / "run"), "step")]
    lr, warm = config.optimisation.lr, 1 + 0.02
    assert rates == pytest.approx([lr * 0.02 / warm, lr * 0.52 / warm, lr, lr / 2])


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_kept_weights_are_those_of_the_best_epoch(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ema: float
) -> None:
    """Scores 0.2, 0.9, 0.5: the second epoch's weights stay, or their moving average if there is one; step 0, which
    would be the best, is never kept."""
    after, scores, validate = [], iter([1.0, 0.2, 0.9, 0.5]), loop.validate

    def watched(session: loop.Session) -> None:
        validate(session)
        weights = session.average.module if ema else session.model
        after.append({key: value.clone() for key, value in weights.state_dict().items()})

    class Scored:
        def __init__(self, score: float) -> None:
            self.score = self.mean_accuracy_supported = score

        def summary(self) -> dict[str, float]:
            return dict.fromkeys(("mean_accuracy", "accuracy", "precision", "recall", "f1"), self.score)

    monkeypatch.setattr(loop, "validate", watched)
    monkeypatch.setattr(attributes, "pedestrian_metrics", lambda *_, **__: Scored(next(scores)))
    run = trained(quick.changed(ema=ema), tmp_path / "run")
    kept = load_file(run.path / "model.safetensors")
    assert all(torch.equal(kept[key], value) for key, value in after[1].items())
    assert not torch.equal(kept["head.weight"], after[2]["head.weight"])
    assert "best epoch 2" in status(run).message


def test_three_epochs_on_rendered_images_lower_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnpar.datasets.HELD_OUT_COUNT", 8)
    losses, train_step = [], loop.train_step

    def watched(*arguments: object) -> dict[str, float]:
        terms = train_step(*arguments)
        losses.append(terms["loss"])
        return terms

    monkeypatch.setattr(loop, "train_step", watched)
    config = TrainConfig.of(
        model="spikingformer_1_64",
        epochs=3,
        rendered_count=64,
        batch_size=8,
        lr=5e-3,
        warmup_epochs=0,
        augment="none",
        threads=1,
    )
    trained(config, tmp_path / "run")
    assert len(losses) == 24 and np.mean(losses[16:]) < 0.985 * np.mean(losses[:8])


def test_validation_names_attributes_without_a_positive(
    quick: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With mA over those that have enough beside it, in metrics.jsonl, in the log and in what the run ends with."""
    caplog.set_level("INFO")
    run = trained(quick, tmp_path / "run")
    row, split = read_metrics(run)[0], open_split(quick, "val")
    positives = (split.labels == 1).sum(0)
    assert row["supported_attributes"] == (positives >= 4).sum() and 0 <= row["mean_accuracy_supported"] <= 1
    absent = [name for name, count in zip(split.schema.attributes, positives, strict=True) if not count]
    assert row["without_positives"] == absent
    log = caplog.text
    assert f"mA (≥ 4 positives) is over the {row['supported_attributes']} of 26" in log
    assert all(name in log for name in absent) and f"({100 * row['mean_accuracy_supported']:.2f})" in log
    assert "mA (≥ 4 positives)" in status(run).message


@pytest.mark.parametrize(
    ("when", "role"), [("between epochs", "student"), ("amid an epoch", "student"), ("amid an epoch", "teacher")]
)
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, role: str
) -> None:
    monkeypatch.setitem(PRESETS, TEACHER, replace(PRESETS[TEACHER], drop_path=0.5))  # draws random numbers of its own
    config = quick.changed(mixup=0.2, role=role, model=TEACHER if role == "teacher" else quick.model.name)
    whole = trained(config, tmp_path / "whole")
    name, calls = ("validate", 1) if when == "between epochs" else ("train_step", 3)  # 2 steps per epoch
    original, count = getattr(loop, name), iter(range(100))

    def interrupted(*arguments: object) -> object:
        result = original(*arguments)
        if next(count) + 1 == calls:
            os.kill(os.getpid(), signal.SIGTERM)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(loop, name, interrupted)
        run = trained(config, tmp_path / "run")
    assert status(run).state == "stopped" and [row["epoch"] for row in read_metrics(run)] == [0, 1]
    loop.train(run, resume=True)
    assert status(run).state == "done" and status(run).message == status(whole).message
    assert epochs(run) == epochs(whole)
    assert [row["step"] for row in read_metrics(run, "step")] == sorted(
        {row["step"] for row in read_metrics(run, "step")}
    ), "no step is told twice"
    assert same_weights(run.path / "model.safetensors", whole.path / "model.safetensors")
    (last, _), (expected, _) = (saved_states(one.path) for one in (run, whole))
    assert same_weights(last / "model.safetensors", expected / "model.safetensors")
    assert same_weights(last / "optimizer.safetensors", expected / "optimizer.safetensors")
    assert read_gain(run.path) == read_gain(whole.path) is not None


def test_resuming_a_run_that_never_began_begins_it(quick: TrainConfig, tmp_path: Path) -> None:
    run = trained(quick.changed(epochs=1), tmp_path / "run", resume=True)
    assert status(run).state == "done" and [row["epoch"] for row in read_metrics(run)] == [0, 1]
    loop.train(run, resume=True)
    assert status(run).state == "done" and [row["epoch"] for row in read_metrics(run)] == [0, 1]


def test_the_seed_decides(quick: TrainConfig, tmp_path: Path) -> None:
    config = quick.changed(epochs=1)
    one, two, other = (
        trained(c, tmp_path / name) for c, name in ((config, "one"), (config, "two"), (config.changed(seed=1), "other"))
    )
    assert same_weights(one.path / "model.safetensors", two.path / "model.safetensors")
    assert not same_weights(one.path / "model.safetensors", other.path / "model.safetensors")


def test_a_teacher_takes_the_width_of_its_phrases(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published size reads 768 numbers per phrase, the bundled vectors have 384."""
    monkeypatch.setitem(PRESETS, TEACHER, replace(PRESETS[TEACHER], text_dim=768))
    run = trained(quick.changed(role="teacher", model=TEACHER, epochs=1), tmp_path / "run")
    assert read_checkpoint(run.path).model == replace(PRESETS[TEACHER], text_dim=384)
    assert load(read_checkpoint(run.path)).module.word_embed.in_features == 384


def test_a_teacher_leaves_its_phrases(quick: TrainConfig, tmp_path: Path) -> None:
    run = trained(quick.changed(role="teacher", model=TEACHER, epochs=1), tmp_path / "run")
    model = load(read_checkpoint(run.path))
    assert model.role == "teacher" and model.word_vectors.shape == (26, 384)
    assert (run.path / "phrases.safetensors").is_file()
    (step,) = [row for row in read_metrics(run, "step") if row["step"] == 2]
    assert step["loss"] == pytest.approx(step["ce"] + step["visual"])


# ---------------------------------------------------------------------------------------------- distillation


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("teacher") / "teacher"
    tiny.write_checkpoint(folder, preset(TEACHER))
    return str(folder)


# ---------------------------------------------------------------------------------------------------- failure


def test_bad_data_fails_in_words(quick: TrainConfig, tmp_path: Path) -> None:
    run = create_run(quick.changed(data=str(tmp_path / "nowhere")), tmp_path / "run")
    with pytest.raises(SnnparError, match="no such folder"):
        loop.train(run)
    assert status(run).state == "failed" and "nowhere" in status(run).message


def test_a_damaged_image_fails_by_name(quick: TrainConfig, tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path / "pa", {"train": 8, "val": 2, "test": 1})
    (tmp_path / "pa" / "data" / "000003.png").write_bytes(b"no image")
    run = create_run(quick.changed(data=str(tmp_path / "pa")), tmp_path / "run")
    with pytest.raises(SnnparError, match="000003.png"):
        loop.train(run)
    assert status(run).state == "failed" and "000003.png" in status(run).message
