"""Metrics as they grow, small and smooth enough to draw."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnpar.runs.history import METRICS, History, config_diff, downsample, read_history, read_metrics, smooth
from snnpar.runs.jobs import Job


def line(kind: str, **values: object) -> str:
    return json.dumps({"kind": kind, **values}) + "\n"


def columns(history: History) -> dict[str, list]:
    return {name: column.tolist() for name, column in history.steps.items()}


def test_steps_become_columns_and_other_lines_stay(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text(
        line("step", step=1, ce=2.0)
        + line("firing", epoch=1, rates={"a": 0.5})
        + line("epoch", epoch=1, f1=0.3)
        + line("step", step=2, ce=1.0, logit=3)
    )
    history = read_history(tmp_path)
    assert np.array_equal(history.steps["ce"], [2, 1]) and len(history) == 2
    assert np.array_equal(history.steps["logit"], [np.nan, 3], equal_nan=True)
    assert history.last == {"step": 2, "ce": 1, "logit": 3}
    assert [row["f1"] for row in history.epochs] == [0.3] and history.firing[0]["rates"] == {"a": 0.5}
    assert read_metrics(Job(tmp_path), "firing") == list(history.firing)


def test_no_file_and_an_empty_one_are_empty_histories(tmp_path: Path) -> None:
    assert (len(read_history(tmp_path)), read_history(tmp_path).last, read_metrics(Job(tmp_path))) == (0, {}, [])
    (tmp_path / METRICS).touch()
    assert len(read_history(tmp_path)) == 0 and read_history(tmp_path).epochs == ()


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_a_half_written_line_is_read_once_it_is_whole(tmp_path: Path, cut: int) -> None:
    path, text = tmp_path / METRICS, line("step", step=1, ce=2.0) + line("step", step=2, ce=1.0)
    path.write_text(text[:-cut])
    half = read_history(tmp_path)
    assert columns(half)["step"] == [1]
    assert read_history(tmp_path, half) is half
    path.write_text(text)  # in place, as by appending
    assert columns(read_history(tmp_path, half)) == columns(read_history(tmp_path))
    assert len(read_history(tmp_path, half)) == 2


@pytest.mark.parametrize(
    "junk", ['{"kind": "step", "st', "[1]", "null", "7", '{"step": 3}', '{"kind": []}', "\x00", "", "\xe4\xff"]
)
def test_lines_that_are_no_rows_are_left_out(tmp_path: Path, junk: str) -> None:
    (tmp_path / METRICS).write_bytes((line("step", step=1) + junk + "\n" + line("step", step=2)).encode("latin-1"))
    assert columns(read_history(tmp_path)) == {"step": [1, 2]}


@given(st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_reading_piece_by_piece_is_reading_at_once(pieces: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        history, step = None, 0
        for count in pieces:
            with open(Path(folder) / METRICS, "a") as file:
                for _ in range(count):
                    step += 1
                    file.write(line("step", step=step, **({"logit": step / 2} if step % 3 else {})))
                file.write(line("epoch", epoch=step))
            history = read_history(Path(folder), history)
        once = read_history(Path(folder))
    assert history.epochs == once.epochs and history.size == once.size
    for name, column in once.steps.items():
        assert np.array_equal(history.steps[name], column, equal_nan=True)


def test_a_rewound_file_is_read_anew(tmp_path: Path) -> None:
    """Resuming drops lines and writes others, in a new file that may be as long as the old one."""
    path = tmp_path / METRICS
    path.write_text(line("step", step=1) + line("step", step=2) + line("epoch", epoch=1))
    before = read_history(tmp_path)
    fresh = tmp_path / "fresh"
    fresh.write_text(line("step", step=1) + line("step", step=9) + line("epoch", epoch=5))
    fresh.replace(path)
    after = read_history(tmp_path, before)
    assert columns(after) == {"step": [1, 9]} and [row["epoch"] for row in after.epochs] == [5]
    path.write_text(line("step", step=4))  # shorter, in place
    assert columns(read_history(tmp_path, after)) == {"step": [4]}
    path.unlink()
    assert len(read_history(tmp_path, after)) == 0


def test_nan_and_words_are_gaps(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text(line("step", step=1, loss=float("nan")) + line("step", step=2, loss="bad"))
    assert np.isnan(read_history(tmp_path).steps["loss"]).all() and read_history(tmp_path).last == {"step": 2}


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        History({"step": np.zeros(2), "ce": np.zeros(3)})


@pytest.mark.parametrize("count", [0, 1, 10, 1000, 1001, 12_345, 100_000])
def test_downsampling_keeps_ends_and_spikes(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    if count > 1000:
        values[[777, count // 2]] = 50, -50
    chosen = downsample(values)
    assert len(chosen) == min(count, len(chosen)) <= 1000 and np.all(np.diff(chosen) > 0)
    if count <= 1000:
        assert np.array_equal(chosen, np.arange(count))
    else:
        assert {0, 777, count // 2, count - 1} <= set(chosen.tolist())


@given(st.integers(4, 40), st.integers(0, 400), st.integers(0, 2**31))
def test_downsampling_keeps_the_extremes_of_each_window(points: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-5, 6, count).astype(float)
    values[rng.random(count) < 0.2] = np.nan
    chosen = downsample(values, points)
    assert len(chosen) <= min(count, points)
    if count > points:
        width = -(-count // ((points - 2) // 2))
        for start in range(0, count, width):
            seen = values[start : start + width]
            if np.isfinite(seen).any():
                kept = values[chosen[(chosen >= start) & (chosen < start + width)]]
                assert (np.nanmin(kept), np.nanmax(kept)) == (np.nanmin(seen), np.nanmax(seen))


def test_downsampling_never_keeps_a_gap_where_there_are_numbers() -> None:
    values = np.full(5000, np.nan)
    values[1::2] = np.arange(2500)
    chosen = downsample(values, 100)
    assert np.isfinite(values[chosen[1:]]).all()
    with pytest.raises(ValueError, match="at least 4"):
        downsample(values, 3)


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.9, 0.99])
def test_smoothing_is_the_weighted_mean_of_what_was(weight: float) -> None:
    values = np.random.default_rng(1).normal(size=30)
    smoothed = smooth(values, weight)
    for n in range(len(values)):
        weights = weight ** np.arange(n, -1, -1.0)
        assert smoothed[n] == pytest.approx((weights * values[: n + 1]).sum() / weights.sum())
    assert np.allclose(smooth(np.full(9, 3.0), weight), 3.0), "a constant stays, from the first value on"


def test_smoothing_leaves_gaps_and_steps_over_them() -> None:
    values = np.array([1.0, np.nan, 3.0, np.inf])
    assert smooth(values, 0.5)[[0, 2]] == pytest.approx([1, (0.5 * 1 + 3) / 1.5])
    assert np.isnan(smooth(values, 0.5)[1]) and np.isinf(smooth(values, 0.5)[3])
    assert len(smooth(np.zeros(0), 0.9)) == 0


@pytest.mark.parametrize("weight", [-0.1, 1.0, np.nan])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        smooth(np.ones(3), weight)


def test_configs_differ_where_they_differ() -> None:
    configs = {"a": {"lr": 1e-3, "seed": 0, "ema": 0.99}, "b": {"lr": 1e-3, "seed": 1, "bf16": False}}
    assert config_diff(configs) == {
        "seed": {"a": 0, "b": 1},
        "ema": {"a": 0.99, "b": None},
        "bf16": {"a": None, "b": False},
    }
    assert config_diff({"a": {"x": 1}}) == {} and config_diff({}) == {}
    assert config_diff({"a": {"x": 0}, "b": {"x": False}}) == {"x": {"a": 0, "b": False}}
