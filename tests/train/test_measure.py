"""The cost of a step is that of the step that trains: same teacher, same loss, one step more than is told."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from snnpar.config import TrainConfig
from snnpar.runs.run import open_run
from train import measure
from train.session import Session
from train.state import save_state


@pytest.fixture(autouse=True)
def unconfined(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The tests' own process gets no limits, which could not be lifted; they are only noted."""
    limits: list[int] = []
    monkeypatch.setattr(measure, "confine", limits.append)
    yield limits
    signal.alarm(0)


def measured(config: TrainConfig, folder: Path, *flags: str) -> dict:
    """What the process would leave."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict()), "utf-8")
    code = measure.main([str(folder), "--steps", "2", *flags])
    return json.loads((folder / ("error.json" if code else "result.json")).read_text("utf-8"))


@pytest.mark.parametrize(
    ("model", "teacher", "terms"),
    [
        ("spikingformer_1_64", "vtb_conv_2_64", {"ce", "feature", "logit"}),
        ("spikingformer_1_64", "", {"ce"}),
        ("vtb_conv_2_64", "", {"ce", "visual"}),
    ],
)
def test_real_steps_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: str, teacher: str, terms: set[str]
) -> None:
    taken, train_step = [], measure.train_step

    def watched(session: Session, batch) -> dict[str, float]:
        taken.append((batch.indices.size, train_step(session, batch)))
        return taken[-1][1]

    monkeypatch.setattr(measure, "train_step", watched)
    kd = {"teacher": teacher, "feature_kd": bool(teacher), "logit_kd": bool(teacher)}
    role = "teacher" if model.startswith("vtb") else "student"
    config = TrainConfig.of(model=model, role=role, batch_size=2, threads=1, rendered_count=16, **kd)
    told = measured(config, tmp_path / "trial", "--random-teacher", teacher)
    assert [count for count, _ in taken] == [2, 2, 2]  # one to warm up
    assert all(set(losses) == terms | {"loss", "grad_norm"} for _, losses in taken)
    assert len(told["seconds"]) == len(told["processor_seconds"]) == 2 and min(told["seconds"]) > 0
    assert (told["threads"], told["timesteps"]) == (1, 4 if "spiking" in model else None)
    assert told["peak_bytes"] >= told["step_peak_bytes"] > 2**26 and told["validating_s"] > 0
    assert (told["train_images"], told["steps_per_epoch"], told["image_bytes"]) == (16, 8, 128 * 64 * 3)


def test_the_disk_told_is_that_of_the_states_a_run_saves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick: TrainConfig
) -> None:
    sessions, prepare = [], measure.prepare
    monkeypatch.setattr(measure, "prepare", lambda *a, **k: sessions.append(prepare(*a, **k)) or sessions[-1])
    told = measured(quick, tmp_path / "trial")
    (tmp_path / "run").mkdir()
    state = save_state(tmp_path / "run", sessions[0].models, sessions[0].optimizer, {"epoch": 0, "step": 0})
    saved = [tensor for path in state.glob("*.safetensors") for tensor in load_file(path).values()]
    assert told["state_bytes"] == sum(tensor.numel() * tensor.element_size() for tensor in saved)
    assert {"model.safetensors", "average.safetensors"} <= {path.name for path in state.iterdir()}


def test_a_small_data_set_comes_again_and_only_what_a_step_needs_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick: TrainConfig
) -> None:
    """20 images are two batches of 8 and four images left over; of them three steps take the first two and another."""
    sessions, prepare = [], measure.prepare
    monkeypatch.setattr(measure, "prepare", lambda *a, **k: sessions.append(prepare(*a, **k)) or sessions[-1])
    told = measured(quick, tmp_path / "trial")
    assert (sessions[0].epoch, sessions[0].step) == (1, 1) and told["all_images"] == 20 and told["val_images"] == 6
    few = measured(quick.changed(batch_size=2), tmp_path / "other")
    assert few["steps_per_epoch"] == 10 and sessions[1].train._ready.sum() == 6


def test_its_run_is_an_ordinary_one_in_its_folder(tmp_path: Path, quick: TrainConfig) -> None:
    measured(quick, tmp_path / "trial")
    assert open_run(tmp_path / "trial" / "run").config == quick


def test_no_memory_is_told_apart_from_other_faults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quick: TrainConfig, unconfined: list[int]
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(measure, "train_step", full)
    assert measured(quick, tmp_path / "trial", "--memory", "5000")["out_of_memory"]
    assert unconfined == [5000]
    told = measured(quick.changed(data=str(tmp_path / "nowhere")), tmp_path / "other")
    assert not told["out_of_memory"] and "nowhere" in told["error"]


def test_a_limit_below_that_of_the_system_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    set_to = []
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: set_to.append((what, limits)))
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (1, 7))
    measure.confine(5)
    measure.confine(9)
    assert set_to == [(resource.RLIMIT_DATA, (5, 7)), (resource.RLIMIT_DATA, (7, 7))]


@pytest.mark.parametrize(
    ("model", "teacher", "message"),
    [
        ("nothing", "vtb_conv_2_64", "no model is called 'nothing'"),
        ("spikingformer_2_96", "vtb_conv_2_64", "feature distillation needs equal widths"),
        ("spikingformer_1_64", "spikingformer_2_96", "holds a student, not a teacher"),
    ],
)
def test_a_pair_that_cannot_train_is_told(tmp_path: Path, model: str, teacher: str, message: str) -> None:
    config = TrainConfig.of(model=model, teacher="any", feature_kd=True, batch_size=2, rendered_count=16)
    told = measured(config, tmp_path / "trial", "--random-teacher", teacher)
    assert message in told["error"] and not told["out_of_memory"]
