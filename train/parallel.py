"""One training in several processes, one per device: each computes its share of every batch, and all take one step.

`torchrun ... -m train` starts the processes and tells each its place. Gradients are averaged by torch's
DistributedDataParallel, batch statistics are shared (train/sync_norm.py), so that it is the training of one process on
the whole batch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from snnpar.config import ConfigError, TrainConfig

from .sync_norm import share_statistics

# The others wait while the first validates and saves. Whether a process has died is seen by torchrun, not by this.
PATIENCE = timedelta(hours=6)


@dataclass(frozen=True)
class World:
    """Which of how many processes this is, and which of those on its machine. Alone by default."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.local_rank <= self.rank < self.size:
            raise ValueError(f"ranks count from 0 and stay below size; got {self}")

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        return self.size == 1


def start(config: TrainConfig) -> World:
    """Join the processes that torchrun started, or be alone; "cuda" then means this process's own GPU.

    Raises ConfigError when the batch cannot be shared evenly or there are fewer GPUs than processes.
    """
    world = world_of(os.environ)
    check_batch(config, world)
    if world.is_alone:
        return world
    on_gpu = config.runtime.device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        if world.local_rank >= torch.cuda.device_count():
            raise ConfigError(
                f"this machine has {torch.cuda.device_count()} GPUs: start no more processes on it "
                "(--nproc-per-node), or use --device cpu"
            )
        torch.cuda.set_device(world.local_rank)
    # torchrun keeps one store over its restarts, in which processes would find the addresses of their predecessors.
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    fresh = distributed.PrefixStore(  # pyright: ignore[reportPrivateImportUsage]  documented, but not in __all__
        f"restart_{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store
    )
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo", store=fresh, rank=rank, world_size=size, timeout=PATIENCE
    )
    return world


def world_of(environment: Mapping[str, str]) -> World:
    """The place that torchrun tells by RANK, WORLD_SIZE and LOCAL_RANK."""
    try:
        return World(
            *(
                int(environment.get(name, default))
                for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
            )
        )
    except ValueError as error:
        raise ConfigError(
            f"RANK, WORLD_SIZE and LOCAL_RANK do not fit together ({error}); start through torchrun"
        ) from error


def check_batch(config: TrainConfig, world: World) -> None:
    """Raise ConfigError with the nearest valid sizes unless the batch falls into equal parts for all processes."""
    parts = world.size * config.runtime.accumulate
    if config.optimisation.batch_size % parts:
        below = config.optimisation.batch_size // parts * parts
        near = " or ".join(str(size) for size in (below, below + parts) if size)
        raise ConfigError(
            f"batch_size is that of all processes together: {config.optimisation.batch_size} images cannot be shared "
            f"by {world.size} processes in {config.runtime.accumulate} parts each; use {near}"
        )


def finish(world: World) -> None:
    """Leave the other processes; the counterpart of `start`."""
    if not world.is_alone:
        distributed.destroy_process_group()


def wrap(model: nn.Module, world: World) -> nn.Module:
    """`model` with batch statistics and, in what is returned, gradients shared; the model itself when alone.

    `model` stays what is saved, averaged and validated; only training's forward goes through what is returned.
    """
    share_statistics(model, world.size)
    if world.is_alone:
        return model
    return DistributedDataParallel(model, forward_sync_buffers=False)  # statistics are equal already


@contextmanager
def keep_gradients(*wrapped: nn.Module | None) -> Iterator[None]:
    """Add up gradients without sharing them: for all but the last of a step's accumulated parts."""
    with ExitStack() as stack:
        for module in wrapped:
            if isinstance(module, DistributedDataParallel):
                stack.enter_context(module.no_sync())
        yield


def shard(indices: np.ndarray, world: World, parts: int = 1) -> list[np.ndarray]:
    """This process's images of each of the `parts` that the batch `indices` (B,) is computed in.

    Part by part, the processes together hold what one process would. Images that do not fill all shares are left out,
    as those are that do not fill an epoch's last batch: a batch is smaller than asked for only where the data is.
    """
    share = len(indices) // (parts * world.size)
    if not share:
        raise ConfigError(
            f"{len(indices)} training images are too few for {world.size} processes with {parts} parts "
            "each; use fewer of either"
        )
    whole = indices[: share * parts * world.size].reshape(parts, world.size, share)
    return list(whole[:, world.rank])


def any_of(flag: bool, world: World) -> bool:
    """Whether the flag is set in any process; all must ask at the same step. One small message."""
    if world.is_alone:
        return flag
    found = torch.tensor(float(flag), device=_device())
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return bool(found.item())


def mean_of(terms: dict[str, Tensor], world: World) -> dict[str, float]:
    """The scalars as numbers, averaged over the processes; one that is not finite anywhere is so everywhere."""
    values = torch.stack([term.detach().double() for term in terms.values()])
    if not world.is_alone:
        distributed.all_reduce(values)
        values /= world.size
    return dict(zip(terms, values.tolist(), strict=True))


def barrier(world: World) -> None:
    """Wait for all processes."""
    if not world.is_alone:
        distributed.barrier()


def _device() -> torch.device:
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
