"""An estimate is arithmetic on a few measured steps; its process leaves nothing behind, whatever ends it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snnpar.__main__ import main
from snnpar.cli.estimate import describe
from snnpar.config import TrainConfig
from snnpar.core.numbers import duration
from snnpar.runs import estimate
from snnpar.runs.estimate import EstimateError, RunEstimate, Trial, size

MEASURED = {
    "seconds": [4.0, 2.0, 9.0],
    "processor_seconds": [1.0, 1.0, 1.0],
    "reading_s": [0.01, 0.5, 0.02],
    "validating_s": 0.1,
    "peak_bytes": 2_000_000_000,
    "image_bytes": 24_576,
    "state_bytes": 30_000_000,
    "weight_bytes": 10_000_000,
    "train_images": 1000,
    "all_images": 1000,
    "val_images": 100,
    "steps_per_epoch": 31,
    "on_gpu": False,
    "device": "CPU",
    "threads": 2,
    "cores": 2,
    "timesteps": 4,
    "free_bytes": 8e9,
    "load": 0.1,
}
CONFIG = TrainConfig.of(epochs=5)


def told(config: TrainConfig = CONFIG, asked: int = 0, **measured: object) -> RunEstimate:
    return RunEstimate(config, asked or config.optimisation.batch_size, MEASURED | measured)


def test_time_follows_from_the_median_step() -> None:
    """31 steps of 4 s and 100 images of 0.1 s are 134 s; 1200 images are drawn once, 0.02 s each: to train, to validate
    and to measure the gain. Step 0 is scored on both of the latter, the end on the last."""
    one = told()
    assert (one.step_s, one.validation_s, one.epoch_s) == (4.0, pytest.approx(10), pytest.approx(134))
    assert one.first_s == pytest.approx(24) and one.gain_s == pytest.approx(30)
    assert one.total_s == pytest.approx(5 * 134 + 24 + 30)
    assert "24 s to read or draw the images, and 30 s to measure" in {f.what: f.how for f in one.figures()}["Whole run"]


def test_real_images_measure_the_gain_on_val() -> None:
    real = told(CONFIG.changed(dataset="pa100k", data="/d"))
    assert real.gain_s == pytest.approx(20) and real.first_s == pytest.approx(22)


def test_a_streamed_data_set_is_read_in_every_epoch() -> None:
    one = told(CONFIG.changed(stream=True))
    assert one.epoch_s == pytest.approx(124 + 20 + 12) and one.total_s == pytest.approx(5 * 156 + 3 * 12)
    assert one.memory_bytes == MEASURED["peak_bytes"]


@pytest.mark.parametrize(("reading", "seconds"), [(0.02, 124 + 10), (1.0, 500 + 10)])
def test_workers_read_beside_the_steps(reading: float, seconds: float) -> None:
    """Two of them read 1000 images in 10 or 500 s; the steps take 124 s."""
    one = told(CONFIG.changed(workers=2), reading_s=[reading])
    assert one.epoch_s == pytest.approx(seconds)


def test_memory_and_disk_add_what_the_trial_did_not_have_yet() -> None:
    assert told().memory_bytes == 2_000_000_000 + 1200 * 24_576
    assert told(on_gpu=True).memory_bytes == 2_000_000_000
    assert told().disk_bytes == 3 * 30_000_000 + 10_000_000
    mixed = told(CONFIG.changed(dataset="mixed", data="/d"), all_images=4000, train_images=1500)
    assert mixed.memory_bytes == 2_000_000_000 + 4100 * 24_576


def test_what_was_measured_and_what_follows_is_said() -> None:
    figures = {one.what: one for one in told().figures()}
    assert list(figures) == ["Step", "Epoch", "Whole run", "Memory", "Disk"]
    assert figures["Step"].value == "4 s" and figures["Step"].how.startswith("measured, median of 3, batch 32, fp32")
    assert figures["Epoch"].how == "extrapolated: 31 steps and 100 images of validation"
    assert figures["Memory"].value == "2.0 GB of 8.0 GB free" and "29 MB of it calculated" in figures["Memory"].how
    assert figures["Disk"].value.startswith("0.1 GB of ") and figures["Disk"].how.startswith("calculated")
    assert told().notes() == []


def test_notes_say_what_to_mind() -> None:
    (fits,) = told(CONFIG.changed(batch_size=8), asked=32).notes()
    assert "one of 8 does" in fits and "--batch-size 8" in fits and "--accumulate 4" in fits
    (images,) = told(peak_bytes=8e9).notes()
    assert "--stream" in images
    (load,) = told(load=1.5).notes()
    assert load.startswith("Other work would have filled 1.5 of the 2 cores")
    assert describe(told(load=1.5)).endswith(load)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2149, "0.21 s"),
        (4.0, "4 s"),
        (35.4, "35 s"),
        (119.4, "119 s"),
        (720, "12 min"),
        (18_720, "5.2 h"),
        (10_368_000, "120 days"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_sizes_in_words() -> None:
    assert (size(2.44e9), size(1e8), size(6_400_000)) == ("2.4 GB", "0.1 GB", "6 MB")


# ---- the process


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """acting(script) makes trials run a script instead, in a temporary folder of their own; returns that folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(estimate.tempfile, "tempdir", str(folder))
    popen = subprocess.Popen

    def use(script: str) -> Path:
        head = (
            "import json, os, pathlib, signal, sys, time\nfolder = pathlib.Path(sys.argv[3])\n"
            "batch = json.loads((folder / 'config.json').read_text())['optimisation']['batch_size']\n"
            "def leave(name, value): (folder / name).write_text(json.dumps(value))\n"
        )
        monkeypatch.setattr(
            estimate.subprocess,
            "Popen",
            lambda command, **how: popen([sys.executable, "-c", head + script, *command[1:]], **how),
        )
        return folder

    return use


FULL = "leave('error.json', {'error': 'full', 'out_of_memory': True}); sys.exit(1)"
FOUND = f"leave('result.json', {MEASURED!r})"


def test_the_batch_is_halved_until_it_fits(acting) -> None:
    folder = acting(f"if batch > 8: {FULL}\n{FOUND}")
    found = Trial(CONFIG.changed(batch_size=48, accumulate=16)).wait()
    assert (found.config.optimisation.batch_size, found.asked, found.config.runtime.accumulate, found.fits) == (
        6,
        48,
        2,
        False,
    )
    assert not list(folder.iterdir())


def test_no_part_of_a_halved_batch_is_one_image(acting) -> None:
    acting(f"if batch > 3: {FULL}\n{FOUND}")
    assert Trial(CONFIG.changed(batch_size=6, accumulate=3)).wait().config.runtime.accumulate == 1


def test_a_process_that_the_system_kills_has_no_memory(acting) -> None:
    folder = acting(f"if batch > 16: os.kill(os.getpid(), signal.SIGKILL)\n{FOUND}")
    assert Trial(CONFIG).wait().config.optimisation.batch_size == 16
    acting(FULL)
    with pytest.raises(EstimateError, match="not even a batch of 2 fits"):
        Trial(CONFIG.changed(batch_size=5)).wait()
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("leave('error.json', {'error': 'no such teacher', 'out_of_memory': False}); sys.exit(1)", "no such teacher"),
        ("print('a line'); sys.exit('KeyError: 3')", "KeyError: 3"),
        ("sys.exit(7)", "the process ended with 7"),
    ],
)
def test_a_failure_is_its_sentence(acting, script: str, sentence: str) -> None:
    folder = acting(script)
    with pytest.raises(EstimateError, match=sentence):
        Trial(CONFIG).wait()
    assert not list(folder.iterdir())


CHILD = "if not os.fork(): time.sleep(600)\n"
MEASURING = CHILD + (
    "leave('progress.json', {'phase': 'measuring', 'done': 1, 'n': 3, 'seconds': 80.2})\ntime.sleep(600)"
)


def gone(group: int) -> bool:
    """Has every process of the group ended?"""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_it_can_be_cancelled_with_all_its_processes(acting) -> None:
    folder = acting(MEASURING)
    trial = Trial(CONFIG)
    deadline = time.monotonic() + 60
    while not trial.share() and time.monotonic() < deadline:
        assert trial.poll() is None
        time.sleep(0.02)
    assert trial.told() == "1 of 3 steps measured, the last in 80 s" and trial.share() == pytest.approx(0.4)
    trial.close()
    trial.close()
    while not gone(trial.process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(trial.process.pid) and not list(folder.iterdir())


def test_it_ends_at_its_limit(acting) -> None:
    folder = acting("time.sleep(600)")
    with pytest.raises(EstimateError, match=r"not measured within 1 s \(loading libraries and data\)"):
        Trial(CONFIG, limit_s=1).wait()
    assert not list(folder.iterdir())


def test_a_process_whose_parent_is_killed_ends_and_leaves_nothing(tmp_path: Path) -> None:
    """kill -9 of the page's server, or of a terminal."""
    script = (
        "import tempfile, time\nfrom snnpar.config import TrainConfig\nfrom snnpar.runs.estimate import Trial\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "trial = Trial(TrainConfig.of(model='spikingformer_1_64', threads=1, rendered_count=100_000))\n"
        "print(trial.process.pid, flush=True)\ntime.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=estimate.ROOT, stdout=subprocess.PIPE)
    group = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 300
    while (not gone(group) or list(tmp_path.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert gone(group) and not list(tmp_path.iterdir())


# ---- for real

TINY = ["--model", "spikingformer_1_64", "--batch-size", "4", "--rendered-count", "16", "--threads", "1"]


def test_a_real_run_is_estimated_from_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(estimate.tempfile, "tempdir", str(tmp_path))
    assert main(["estimate", *TINY, "--epochs", "1", "--steps", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:5]] == ["Step", "Epoch", "Whole run", "Memory", "Disk"]
    assert "batch 4" in lines[0] and "4 steps" in lines[1] and "1 epoch," in lines[2]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_real_lack_of_memory_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confined to less than the libraries, with their usual threads, and a step of 64 images take."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    config = TrainConfig.of(model="spikingformer_1_64", batch_size=64, rendered_count=64, threads=1)
    trial = Trial(config, steps=1, memory=1_200_000_000)
    try:
        found = trial.wait()
    finally:
        trial.close()
    assert found.config.optimisation.batch_size < 64 and not found.fits
    assert "--batch-size" in found.notes()[0]


def test_flags_that_make_no_config_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "--dataset", "pa100k"]) == 2
    assert "needs --data" in capsys.readouterr().err
