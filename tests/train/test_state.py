from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from snnpar.checkpoint import CheckpointError
from train.state import load_state, rewind_metrics, save_state


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 2))


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW([{"params": matrices}, {"params": rest, "weight_decay": 0.0}], lr=0.01)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    model(x).square().sum().backward()
    optimizer.step()


def test_going_on_from_a_saved_state_changes_nothing(tmp_path: Path) -> None:
    model = network(0)
    optimizer = optimizer_of(model)
    for seed in range(3):
        step(model, optimizer, seed)
    save_state(tmp_path / "last", {"model": model}, optimizer, {"epoch": 3, "best": {"score": 0.5}})
    other = network(1)
    other_optimizer = optimizer_of(other)
    assert load_state(tmp_path / "last", {"model": other}, other_optimizer) == {"epoch": 3, "best": {"score": 0.5}}
    for seed in range(3, 6):
        step(model, optimizer, seed)
        step(other, other_optimizer, seed)
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key


def test_a_moving_average_is_part_of_the_state(tmp_path: Path) -> None:
    model, average = network(0), network(1)
    save_state(tmp_path / "last", {"model": model, "average": average}, optimizer_of(model), {"epoch": 1})
    others = {"model": network(2), "average": network(3)}
    assert load_state(tmp_path / "last", others, optimizer_of(others["model"])) == {"epoch": 1}
    assert torch.equal(others["average"][0].weight, average[0].weight)
    assert torch.equal(others["model"][0].weight, model[0].weight)


def test_a_run_without_a_finished_epoch_starts_anew(tmp_path: Path) -> None:
    model = network(0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert load_state(tmp_path / "last", {"model": model}, optimizer_of(model)) == {}
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


@pytest.mark.parametrize("moment", ["while writing", "between the renames", "before the clean-up"])
def test_a_kill_while_saving_leaves_one_whole_state(tmp_path: Path, moment: str) -> None:
    model, folder = network(0), tmp_path / "last"
    optimizer = optimizer_of(model)
    step(model, optimizer, 0)
    save_state(folder, {"model": model}, optimizer, {"epoch": 1})
    if moment == "while writing":
        (tmp_path / "last.new").mkdir()
        (tmp_path / "last.new" / "model.safetensors").write_bytes(b"half")
    elif moment == "between the renames":
        folder.rename(tmp_path / "last.old")
        shutil.copytree(tmp_path / "last.old", tmp_path / "last.new")
    else:
        shutil.copytree(folder, tmp_path / "last.old")
        (tmp_path / "last.old" / "progress.json").write_text('{"epoch": 0}')
    other = network(1)
    assert load_state(folder, {"model": other}, optimizer_of(other)) == {"epoch": 1}
    assert torch.equal(other[0].weight, model[0].weight)
    save_state(folder, {"model": model}, optimizer, {"epoch": 2})
    assert load_state(folder, {"model": other}, optimizer_of(other)) == {"epoch": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    model = network(0)
    save_state(tmp_path / "last", {"model": model}, optimizer_of(model), {"epoch": 1})
    other = tiny.lively(tiny.STUDENT)
    with pytest.raises(CheckpointError, match="missing patch_embed"):
        load_state(tmp_path / "last", {"model": other}, optimizer_of(other))


def test_metrics_are_rewound_to_the_last_whole_epoch(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rewind_metrics(path, 3)
    assert not path.exists()
    rows = [{"kind": "step", "epoch": 1}, {"kind": "epoch", "epoch": 1}, {"kind": "step", "epoch": 2}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"kind": "st')
    rewind_metrics(path, 1)
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows[:2]
    rewind_metrics(path, 0)
    assert path.read_text() == ""
