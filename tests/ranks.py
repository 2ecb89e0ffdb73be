"""Run a function in two processes that know of each other as torchrun's do, gloo between them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import torch
from torch import multiprocessing

SIZE = 2


def in_two_processes(work: Callable[[], object], folder: Path) -> list:
    """What `work`, a function of a module, returns in each process, by rank; `folder` is an empty one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    multiprocessing.spawn(_one, (port, work, folder), nprocs=SIZE)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(SIZE)]


def _one(rank: int, port: int, work: Callable[[], object], folder: Path) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(SIZE), MASTER_ADDR="127.0.0.1",
                      MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.save(work(), folder / f"{rank}.pt")
