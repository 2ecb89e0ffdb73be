"""Who takes which images, and what the processes tell each other."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from ranks import in_two_processes
from torch import nn

from snnpar.config import ConfigError, TrainConfig
from snnpar.runs.run import Run
from train import parallel
from train.heartbeat import Heartbeat
from train.parallel import World, check_batch, shard, world_of

CONFIG = TrainConfig.of(batch_size=8, device="cpu")


@pytest.mark.parametrize(
    ("environment", "world"),
    [
        ({}, World()),
        ({"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}, World()),
        ({"WORLD_SIZE": "16", "RANK": "11", "LOCAL_RANK": "3"}, World(11, 16, 3)),
    ],
)
def test_the_place_is_what_torchrun_says(environment: dict[str, str], world: World) -> None:
    assert world_of(environment) == world
    assert (world.is_first, world.is_alone) == (world.rank == 0, world.size == 1)


@pytest.mark.parametrize("environment", [{"WORLD_SIZE": "two"}, {"WORLD_SIZE": "2", "RANK": "2"}, {"LOCAL_RANK": "1"}])
def test_a_place_that_cannot_be_is_told(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="start through torchrun"):
        world_of(environment)


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "size", "use"),
    [
        (30, 2, 4, "24 or 32"),
        (6, 1, 4, "4 or 8"),
        (4, 2, 3, "6"),
        (24, 3, 4, None),
        (7, 1, 1, None),
    ],
)
def test_a_batch_must_fall_into_equal_parts(batch_size: int, accumulate: int, size: int, use: str | None) -> None:
    config = TrainConfig.of(batch_size=batch_size, accumulate=accumulate)
    if use is None:
        check_batch(config, World(0, size))
        return
    with pytest.raises(ConfigError, match=f"by {size} processes in {accumulate} parts each; use {use}$"):
        check_batch(config, World(0, size))
    for valid in map(int, use.split(" or ")):
        check_batch(TrainConfig.of(batch_size=valid, accumulate=accumulate), World(0, size))


@pytest.mark.parametrize(("count", "size", "parts"), [(24, 1, 1), (24, 2, 3), (24, 4, 2), (26, 4, 2)])
def test_the_processes_together_hold_the_parts_of_one(count: int, size: int, parts: int) -> None:
    batch = np.random.default_rng(0).permutation(count)
    shares = [shard(batch, World(rank, size), parts) for rank in range(size)]
    for number, whole in enumerate(shard(batch[: count // (size * parts) * size * parts], World(), parts)):
        assert np.array_equal(np.concatenate([share[number] for share in shares]), whole)
    assert len({len(part) for share in shares for part in share}) == 1


def test_too_few_images_are_told() -> None:
    with pytest.raises(ConfigError, match="5 training images are too few for 3 processes with 2 parts each"):
        shard(np.arange(5), World(0, 3), 2)


def test_more_processes_than_gpus_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in (("RANK", "2"), ("LOCAL_RANK", "2"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="this machine has 2 GPUs: start no more processes on it"):
        parallel.start(TrainConfig.of(batch_size=8))


def test_alone_nobody_is_asked() -> None:
    world = parallel.start(CONFIG)
    assert world == World() and parallel.any_of(True, world) and not parallel.any_of(False, world)
    assert parallel.mean_of({"ce": torch.tensor(0.5)}, world) == {"ce": 0.5}
    with parallel.keep_gradients(nn.Linear(2, 2), None):
        parallel.barrier(world)
    parallel.finish(world)


def talk() -> dict[str, object]:
    """What one of two processes hears."""
    world = parallel.start(CONFIG)
    found: dict[str, object] = {
        "world": (world.rank, world.size),
        "asked": [parallel.any_of(flag, world) for flag in (False, world.rank == 1, True)],
        "mean": parallel.mean_of({"a": torch.tensor(float(world.rank)), "b": torch.tensor(3.0)}, world),
        "nan": parallel.mean_of({"a": torch.tensor(math.nan if world.rank else 1.0)}, world)["a"],
    }
    torch.manual_seed(world.rank)  # the weights of the first are taken by all
    layer = nn.Linear(1, 1, bias=False)
    wrapped = parallel.wrap(layer, world)
    x = torch.tensor([[1.0 + 2.0 * world.rank]])  # 1 and 3, so that the mean is 2
    with parallel.keep_gradients(wrapped, None):
        wrapped(x).sum().backward()
        found["kept"] = layer.weight.grad.item()
    wrapped(x).sum().backward()
    found |= {"shared": layer.weight.grad.item(), "weight": layer.weight.item(), "names": list(layer.state_dict())}
    parallel.barrier(world)
    parallel.finish(world)
    return found


def test_two_processes_agree(tmp_path_factory: pytest.TempPathFactory) -> None:
    first, second = in_two_processes(talk, tmp_path_factory.mktemp("ranks"))
    assert (first["world"], second["world"]) == ((0, 2), (1, 2))
    assert (first["kept"], second["kept"]) == (1.0, 3.0)  # each its own until the last part
    for found in (first, second):
        assert found["asked"] == [False, True, True]
        assert found["mean"] == {"a": 0.5, "b": 3.0} and math.isnan(found["nan"])
        assert found["shared"] == 4.0  # mean of 1 and 3, twice
        assert found["weight"] == first["weight"] and found["names"] == ["weight"]


def test_one_process_alone_tells_how_far_it_is(tmp_path: Path) -> None:
    """Two that replace one file take it away from each other."""
    first, second = (Heartbeat(Run(tmp_path)) for _ in range(2))
    second.is_told = False
    second.beat("reading", done=1, n=2)
    assert not first.path.exists()
    first.beat("reading", done=1, n=2)
    assert first.path.exists()
