"""Benchmarks print a rate and how it was measured; how fast it is, is not a test."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from snnpar.__main__ import main
from snnpar.bench import training as bench
from snnpar.bench.training import bench_page, bench_recording, bench_rendered, bench_training
from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.runs.estimate import RunEstimate

STUDENT = "spikingformer_1_64"


def told(measured: dict, fitting: int = 0) -> Callable[..., SimpleNamespace]:
    """A trial that finds this, for a batch of `fitting` images if not for the one asked for."""

    def trial(config: TrainConfig, **_: object) -> SimpleNamespace:
        fits = config.changed(batch_size=fitting or config.optimisation.batch_size)
        found = RunEstimate(fits, config.optimisation.batch_size, {"load": 0, "cores": 2} | measured)
        return SimpleNamespace(wait=lambda: found, close=lambda: None)

    return trial


def test_rendered_rate_is_told() -> None:
    line = bench_rendered(count=3)
    rate = re.search(r": (\d+) images per second of processor time \(3 images\)", line)
    assert rate and int(rate[1]) > 0 and "128 x 64, one core" in line


@pytest.mark.slow
def test_a_training_step_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Through the command line and a process that takes real steps."""
    arguments = ["--model", "spikingformer_1_64", "--teacher", "vtb_conv_2_64", "--batch-size", "3"]
    assert main(["bench", "training", *arguments, "--steps", "1", "--threads", "1"]) == 0
    line = capsys.readouterr().out
    found = re.fullmatch(
        r"training step of spikingformer_1_64 \(T=4\), distilled from vtb_conv_2_64, batch 3, fp32, CPU with 1 of \d+ "
        r"cores: (\S+) s per image, (\S+) s of processor time \(median of 1 steps\), peak memory (\S+) GiB; "
        r"60 epochs of 80,000 images would take (\S+) days\n",
        line,
    )
    assert found and all(float(number) > 0 for number in found.groups())


@pytest.mark.parametrize(("timesteps", "name"), [(8, " (T=8)"), (None, "")])
def test_the_line_follows_from_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, timesteps: int | None, name: str
) -> None:
    """4.32 s for a batch of 2 is 2.16 s per image; 80,000 images x 60 epochs of that last 120 days."""
    measured = {
        "seconds": [4.0, 4.32, 9.0],
        "processor_seconds": [4.1, 4.0, 4.2],
        "step_peak_bytes": 3 * 2**30,
        "device": "CPU",
        "threads": 1,
        "cores": 2,
        "timesteps": timesteps,
    }
    monkeypatch.setattr(bench, "Trial", told(measured))
    assert bench_training(STUDENT, "", 2, "bf16", 3) == (
        f"training step of {STUDENT}{name}, on labels alone, batch 2, bf16, CPU with 1 of 2 cores: 2.16 s per image, "
        "2.05 s of processor time (median of 3 steps), peak memory 3.0 GiB; 60 epochs of 80,000 images would take "
        "120 days"
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--accumulate", "2", "--batch-size", "4"], ", in 2 parts"),
        (["--recompute"], ", blocks recomputed"),
        (["--recompute", "--pack-spikes"], ", blocks recomputed, spikes kept as bits"),
    ],
)
def test_ways_to_save_memory_are_asked_for_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    measured = {
        "seconds": [4.0],
        "processor_seconds": [4.0],
        "step_peak_bytes": 2**30,
        "device": "CPU",
        "threads": 1,
        "cores": 2,
        "timesteps": 4,
    }
    monkeypatch.setattr(bench, "Trial", told(measured))
    assert main(["bench", "training", "--model", STUDENT, "--teacher", "", *flags]) == 0
    batch = 4 if "--batch-size" in flags else 2
    assert f"on labels alone, batch {batch}{words}, fp32, CPU" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("m", "the step could not be measured: no model is called 'm'"),
        ("vtb_conv_2_64", "the step could not be measured: a teacher is not distilled"),
        pytest.param(  # of the process
            "spikingformer_2_96",
            "the step could not be measured: feature distillation needs equal widths",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(capsys: pytest.CaptureFixture[str], model: str, sentence: str) -> None:
    assert main(["bench", "training", "--model", model, "--teacher", "vtb_conv_2_64", "--batch-size", "2"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {sentence}") and said.count("\n") == 1


def test_a_batch_that_does_not_fit_is_not_passed_off_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "Trial", told({"free_bytes": 1e9}, fitting=2))
    with pytest.raises(SnnparError, match="A batch of 8 does not fit into the 1.0 GB that are free"):
        bench_training(STUDENT, "", 8)


def test_recording_tells_its_overhead_and_the_size_of_the_trace() -> None:
    """143,360 neurons at T=4 are 573,440 bits: 0.07 MB."""
    line = bench_recording("spikingformer_1_64", rounds=1)
    found = re.fullmatch(
        r"recording spikingformer_1_64 \(random weights\), 128 x 64, T=4, one thread: [+-]\d+% of processor time over "
        r"the bare forward of (\d+) ms \(median of 1 pairs\); trace 0\.07 MB for 143,360 neurons, NASFR (\S+)%",
        line,
    )
    assert found and int(found[1]) > 0 and 1 < float(found[2]) < 60  # lively: the spikes to record are there


def test_a_page_is_held_against_its_promise() -> None:
    line = bench_page("vtb_conv_2_64", "spikingformer_1_64", rounds=1)
    found = re.fullmatch(
        r"a new image for vtb_conv_2_64 \(random weights\) and spikingformer_1_64 \(random weights\), one thread: "
        r"(\d+) ms of processor time, the two bare forwards (\d+) ms \(medians of 1 pairs\); 1\.3 x forwards \+ 300 ms "
        r"is (\d+) ms: (kept|missed)",
        line,
    )
    assert found
    whole, forwards, promised = map(int, found.groups()[:3])
    assert abs(promised - (1.3 * forwards + 300)) <= 1.2 and (found[4] == "kept") == (whole <= promised)
    assert whole > 0 and forwards > 0


def test_unknown_names_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "recording", "spikingformer_9_9"]) == 2
    assert capsys.readouterr().err.startswith("error: no model is called 'spikingformer_9_9'; there are ")
