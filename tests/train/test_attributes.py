"""Step 0 in the curve, and what a run gained over it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.datasets import HELD_OUT_SEEDS, PedestrianSplit, ResizedImages, open_split, rendered_split
from snnpar.datasets.duplicates import groups, thumbnail
from snnpar.evaluation.evaluate import predict_probs, probabilities
from snnpar.metrics.gain import measure_gain, read_gain
from snnpar.metrics.pedestrian import FIVE, pedestrian_metrics
from snnpar.runs.history import read_metrics
from snnpar.runs.jobs import status
from snnpar.runs.run import Run, create_run, list_runs
from train import attributes, loop
from train.session import prepare


def start_rows(run: Run) -> list[dict]:
    return [row for row in read_metrics(run) if row["epoch"] == 0]


@pytest.mark.parametrize(
    "change", [{}, {"ema": 0.0}, {"prior_bias": False, "seed": 3}, {"role": "teacher", "model": "vtb_conv_2_64"}]
)
def test_step_0_is_what_the_initial_weights_answer(quick: TrainConfig, tmp_path: Path, change: dict) -> None:
    """Evaluated by themselves, from a session that never trains."""
    config = quick.changed(epochs=1, **change)
    run = create_run(config, tmp_path / "run")
    loop.train(run)
    fresh = prepare(create_run(config, tmp_path / "fresh"))
    probs = predict_probs(fresh.model, fresh.val, fresh.word_vectors)
    (row,) = start_rows(run)
    expected = pedestrian_metrics(fresh.val.split.labels, probs, ignore_unknown=True).summary()
    assert {name: row[name] for name in FIVE} == expected and (row["step"], row["best"]) == (0, False)
    np.testing.assert_array_equal(load_file(run.path / attributes.STEP_0)["probs"], probs)


def test_step_0_starts_from_the_weights_it_was_given(quick: TrainConfig, tmp_path: Path) -> None:
    """Fine-tuning starts where the first run ended, not at chance."""
    first = create_run(quick.changed(epochs=1), tmp_path / "first")
    loop.train(first)
    second = create_run(quick.changed(epochs=1, init=str(first.path)), tmp_path / "second")
    loop.train(second)
    expected = probabilities(first.path, open_split(quick, "val"))
    np.testing.assert_array_equal(load_file(second.path / attributes.STEP_0)["probs"], expected)


def near_duplicates(split: PedestrianSplit) -> np.ndarray:
    return groups(np.stack([thumbnail(split.read(index)) for index in range(len(split))]))


def test_real_images_measure_the_gain_on_val_and_say_so(quick: TrainConfig, tmp_path: Path) -> None:
    run = create_run(quick, tmp_path / "run")
    loop.train(run)
    val, gain = open_split(quick, "val"), read_gain(run.path)
    start, end = load_file(run.path / attributes.STEP_0)["probs"], probabilities(run.path, val)
    best = next(row for row in reversed(read_metrics(run)) if row["best"])
    assert gain == measure_gain(
        val.labels,
        start,
        end,
        near_duplicates(val),
        attributes=val.schema.attributes,
        ignore_unknown=True,
        images=val.name,
        chose=True,
        epoch=best["epoch"],
        seed=0,
    )
    assert gain.n == 6 and "also chose the epoch" in gain.about()
    assert gain.end == {name: best[name] for name in FIVE}, "what the best epoch's row says"
    for told in ((run.path / "README.md").read_text("utf-8"),):
        assert gain.numbers() in told and gain.verdict() in told and gain.about() in told
    assert gain.worded("mean_accuracy") in status(run).message


def test_rendered_images_measure_the_gain_where_no_epoch_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "train")
    monkeypatch.setattr("snnpar.datasets.HELD_OUT_COUNT", 8)
    config = TrainConfig.of(model="spikingformer_1_64", epochs=1, rendered_count=16, batch_size=8, threads=1)
    run = create_run(config, tmp_path / "run")
    loop.train(run)
    held, gain = rendered_split(HELD_OUT_SEEDS["test"], 8, name="rendered test"), read_gain(run.path)
    images = ResizedImages(held, (128, 64))
    start = predict_probs(prepare(create_run(config, tmp_path / "fresh")).model, images)
    assert gain == measure_gain(
        held.labels,
        start,
        probabilities(run.path, held),
        near_duplicates(held),
        attributes=held.schema.attributes,
        ignore_unknown=True,
        images="rendered test",
        chose=False,
        epoch=1,
        seed=0,
    )
    assert "nor used to choose the epoch" in gain.about() and gain.is_chance
    said = caplog.text
    assert gain.numbers() in said and gain.verdict() in said and "At chance" in said
    assert "at chance" in status(run).message


@pytest.mark.parametrize("when", ["at step 0", "in the end"])
def test_a_stop_while_scoring_loses_nothing(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    whole = create_run(quick, tmp_path / "whole")
    loop.train(whole)
    run, answers = create_run(quick, tmp_path / "run"), attributes.answers

    def interrupted(session: object, model: object, images: object, what: str) -> np.ndarray:
        if what.startswith("step 0" if when == "at step 0" else "the weights"):
            os.kill(os.getpid(), signal.SIGTERM)
        return answers(session, model, images, what)

    with monkeypatch.context() as patch:
        patch.setattr(attributes, "answers", interrupted)
        loop.train(run)
    assert status(run).state == "stopped" and read_gain(run.path) is None
    loop.train(run, resume=True)
    assert status(run).state == "done" and status(run).message == status(whole).message
    assert (run.path / "result.json").read_bytes() == (whole.path / "result.json").read_bytes()
    rows = [[{**row, "time": 0} for row in read_metrics(one)] for one in (run, whole)]
    assert rows[0] == rows[1] and len(start_rows(run)) == 1


def test_step_0_of_a_run_that_never_scored_it_is_not_made_up(
    quick: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run of an earlier version goes on: its first weights are gone, so that it has no gain to tell."""
    run = create_run(quick.changed(epochs=1), tmp_path / "run")
    loop.train(run)
    lines = [line for line in (run.path / "metrics.jsonl").read_text().splitlines() if json.loads(line)["epoch"]]
    (run.path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    for name in (attributes.STEP_0, "result.json"):
        (run.path / name).unlink()
    loop.train(run, resume=True)
    assert status(run).state == "done" and not start_rows(run) and read_gain(run.path) is None
    assert "over step 0 is not known" in caplog.text and "step 0" not in status(run).message


@pytest.mark.slow
def test_the_default_run_learns(tmp_path: Path) -> None:
    """`python -m train` as somebody with nothing but this repository would start it: a real process, no flags."""
    environment = {**os.environ, "SNNPAR_CHECKPOINTS": str(tmp_path)}
    (tmp_path / "runs").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "train"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (run,) = list_runs(tmp_path / "runs")
    gain, (start,) = read_gain(run.path), start_rows(run)
    assert start["mean_accuracy"] == pytest.approx(0.5)
    assert gain.n == 500 and not gain.chose and gain.images == "rendered test"
    assert all(low > 0 for _, low, _ in gain.gains.values()), gain.numbers()
    assert not gain.is_chance and gain.gains["mean_accuracy"][0] > 0.03, "several points, not a knife's edge"
    log = (run.path / "log.txt").read_text("utf-8")
    assert "step 0: mA 50.00" in log and gain.verdict() in log and gain.numbers() in log
