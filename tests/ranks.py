"""Run a function in two processes that know of each other as torchrun's do, gloo between them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from unittest import mock

import torch
from torch import multiprocessing
from torch.distributed import TCPStore

SIZE = 2


def in_two_processes(work: Callable[[], object], folder: Path) -> list:
    """What `work`, a function of a module, returns in each process, by rank; `folder` is an empty one."""
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    with plain_main():
        multiprocessing.spawn(_one, (meeting.port, work, folder), nprocs=SIZE)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(SIZE)]


def plain_main() -> AbstractContextManager:
    """Spawned processes run __main__ once more, which streamlit's AppTest leaves set to the app."""
    return mock.patch.dict(sys.modules, {"__main__": ModuleType("__main__")})


def _one(rank: int, port: int, work: Callable[[], object], folder: Path) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(SIZE),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        TORCHELASTIC_USE_AGENT_STORE="True",  # the store is there already, as under torchrun
    )
    torch.set_num_threads(1)
    torch.save(work(), folder / f"{rank}.pt")
