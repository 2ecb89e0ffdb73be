from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from snnpar.checkpoint import CheckpointError
from snnpar.runs.run import RunError
from train.state import COUNTERS, PARTIAL, STATES, load_state, save_state, saved_states


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


def at(epoch: int, step: int = 0, **more: object) -> dict:
    return {"epoch": epoch, "step": step, **more}


def saved(folder: Path, *positions: dict) -> nn.Module:
    """A run with a state at each position, each of other weights; the model as it is at the last."""
    model = network(0)
    optimizer = optimizer_of(model)
    for seed, position in enumerate(positions):
        step(model, optimizer, seed)
        save_state(folder, {"model": model}, optimizer, position)
    return model


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_going_on_from_a_saved_state_changes_nothing(tmp_path: Path, kind: str) -> None:
    def make(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
        model = network(seed)
        sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        return model, optimizer_of(model) if kind == "adamw" else sgd

    model, optimizer = make(0)
    for seed in range(3):
        step(model, optimizer, seed)
    save_state(tmp_path, {"model": model}, optimizer, at(3, best={"score": 0.5}))
    other, other_optimizer = make(1)
    assert load_state(tmp_path, {"model": other}, other_optimizer) == at(3, best={"score": 0.5})
    for seed in range(3, 6):
        step(model, optimizer, seed)
        step(other, other_optimizer, seed)
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key


def test_before_the_first_step_there_is_a_state_too(tmp_path: Path) -> None:
    model = network(0)
    save_state(tmp_path, {"model": model}, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), at(0))
    other = network(1)
    assert load_state(tmp_path, {"model": other}, optimizer_of(other)) == at(0)
    assert torch.equal(other[0].weight, model[0].weight)


def test_a_moving_average_is_part_of_the_state(tmp_path: Path) -> None:
    model, average = network(0), network(1)
    save_state(tmp_path, {"model": model, "average": average}, optimizer_of(model), at(1))
    others = {"model": network(2), "average": network(3)}
    assert load_state(tmp_path, others, optimizer_of(others["model"])) == at(1)
    assert torch.equal(others["average"][0].weight, average[0].weight)
    assert torch.equal(others["model"][0].weight, model[0].weight)


def test_a_run_that_has_saved_nothing_starts_anew(tmp_path: Path) -> None:
    model = network(0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert load_state(tmp_path, {"model": model}, optimizer_of(model)) == {}
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


def test_the_last_two_are_kept_in_the_order_of_training(tmp_path: Path) -> None:
    saved(tmp_path, at(9, 99), at(10, 0), at(10, 5), at(11, 0))
    assert [path.name for path in saved_states(tmp_path)] == ["epoch-00011-step-0000000", "epoch-00010-step-0000005"]


def test_what_a_killed_save_left_is_not_a_state(tmp_path: Path) -> None:
    model = saved(tmp_path, at(1))
    (tmp_path / STATES / PARTIAL).mkdir()
    (tmp_path / STATES / PARTIAL / "model.safetensors").write_bytes(b"half")
    other = network(1)
    assert load_state(tmp_path, {"model": other}, optimizer_of(other)) == at(1)
    assert torch.equal(other[0].weight, model[0].weight)
    save_state(tmp_path, {"model": other}, optimizer_of(other), at(2))
    assert not (tmp_path / STATES / PARTIAL).exists() and len(saved_states(tmp_path)) == 2


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.safetensors", COUNTERS])
@pytest.mark.parametrize("damage", ["a flipped bit", "cut short", "gone"])
def test_a_damaged_state_is_known_and_the_one_before_it_taken(tmp_path: Path, file: str, damage: str) -> None:
    saved(tmp_path, at(1, note="a"), at(2, note="b"))
    path = saved_states(tmp_path)[0] / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content if damage == "a flipped bit" else content[:-10])
    if damage == "gone":
        path.unlink()
    other = network(1)
    assert load_state(tmp_path, {"model": other}, optimizer_of(other)) == at(1, note="a")
    save_state(tmp_path, {"model": other}, optimizer_of(other), at(2, note="c"))
    assert load_state(tmp_path, {"model": other}, optimizer_of(other)) == at(2, note="c"), "replaced"


def test_a_run_without_a_whole_state_says_what_to_do(tmp_path: Path) -> None:
    saved(tmp_path, at(1), at(2))
    for folder in saved_states(tmp_path):
        (folder / COUNTERS).write_text("{}")
    model = network(0)
    with pytest.raises(RunError, match=r"no saved state of the run is whole; .* --init"):
        load_state(tmp_path, {"model": model}, optimizer_of(model))
    (tmp_path / "old" / "last").mkdir(parents=True)
    with pytest.raises(RunError, match=r"earlier version; .* --init"):
        load_state(tmp_path / "old", {"model": model}, optimizer_of(model))


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, at(1))
    other = tiny.lively(tiny.STUDENT)
    with pytest.raises(CheckpointError, match="missing patch_embed"):
        load_state(tmp_path, {"model": other}, optimizer_of(other))
