"""What a run needs to go on after an epoch: weights, optimizer and counters, as safetensors and JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from snnpar.atomic import write_text
from snnpar.checkpoint import load_strictly


def save_state(folder: Path, models: dict[str, nn.Module], optimizer: torch.optim.Optimizer, progress: dict) -> None:
    """Write `folder` anew and swap it in, so that there is always one whole state."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name, model in models.items():
        state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
        save_file(state, fresh / f"{name}.safetensors")
    moments = {
        f"{index}.{name}": value.cpu()
        for index, values in optimizer.state_dict()["state"].items() for name, value in values.items()
    }
    save_file(moments, fresh / "optimizer.safetensors")
    write_text(fresh / "progress.json", json.dumps(progress))
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_state(folder: Path, models: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict:
    """Restore what save_state wrote and return its progress; {} when the run has finished no epoch yet."""
    old = folder.with_name(folder.name + ".old")
    source = folder if folder.exists() else old  # a kill between the two renames leaves only .old
    if not (source / "progress.json").exists():
        return {}
    for name, model in models.items():
        load_strictly(model, load_file(source / f"{name}.safetensors"), source / f"{name}.safetensors")
    state: dict[int, dict] = {}
    for key, value in load_file(source / "optimizer.safetensors").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return json.loads((source / "progress.json").read_text("utf-8"))


def rewind_metrics(path: Path, epoch: int) -> None:
    """Drop the lines of epochs after `epoch` from metrics.jsonl: a resumed run writes them anew."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text("utf-8").splitlines():
        try:
            if json.loads(line)["epoch"] <= epoch:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue  # half-written when the process ended
    write_text(path, "".join(kept))
