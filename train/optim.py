"""Optimizers and learning-rate schedules of the recipes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from snnpar.config import OptimisationSettings


def make_optimizer(
    model: nn.Module, how: OptimisationSettings, restorer: nn.Module | None = None
) -> torch.optim.Optimizer:
    """The optimizer for the model and what is trained along with it."""
    groups = parameter_groups(model, how.weight_decay, how.decay_all)
    if restorer:
        groups += parameter_groups(restorer, how.weight_decay, how.decay_all)
    if how.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=how.lr, momentum=0.9)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[how.optimizer](groups, lr=how.lr)


def parameter_groups(model: nn.Module, weight_decay: float, decay_all: bool = False) -> list[dict]:
    """Decay kernels and matrices; leave biases, norms and what a network keeps undecayed alone unless `decay_all`."""
    undecayed = getattr(model, "undecayed", ())
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        matrix = parameter.ndim > 1 and name.rsplit(".", 1)[-1] not in undecayed
        groups[decay_all or matrix].append(parameter)
    return [{"params": groups[True], "weight_decay": weight_decay}, {"params": groups[False], "weight_decay": 0.0}]


def learning_rate(how: OptimisationSettings, position: float) -> float:
    """Learning rate at a position in epochs, 0 at the start of training."""
    return SCHEDULES[how.schedule](how, position)


def _cosine(how: OptimisationSettings, position: float) -> float:
    """Linear warm-up, then a cosine to 0."""
    if position < how.warmup_epochs:
        return how.lr * (position + 0.02) / (how.warmup_epochs + 0.02)
    span = max(how.epochs - how.warmup_epochs, 1e-9)
    return how.lr * 0.5 * (1 + math.cos(math.pi * (position - how.warmup_epochs) / span))


def _published_code(how: OptimisationSettings, position: float) -> float:
    """The authors' scheduler, constant within an epoch and counting from 1.

    Warm-up from 0.01 lr; then a cosine over all epochs (not over those left) from lr to 0.002 lr.
    """
    epoch = int(position) + 1
    if epoch < how.warmup_epochs:
        return how.lr * (0.01 + 0.99 * epoch / how.warmup_epochs)
    low = 0.002 * how.lr
    return low + 0.5 * (how.lr - low) * (1 + math.cos(math.pi * epoch / how.epochs))


def _steps(how: OptimisationSettings, position: float) -> float:
    """Linear warm-up, then a tenth after half and again after three quarters of the epochs (where is ours)."""
    if position < how.warmup_epochs:
        return how.lr * (position + 0.02) / (how.warmup_epochs + 0.02)
    drops = sum(position >= share * how.epochs for share in (0.5, 0.75))
    return how.lr * 0.1**drops


SCHEDULES: dict[str, Callable[[OptimisationSettings, float], float]] = {
    "cosine": _cosine,
    "published-code": _published_code,
    "steps": _steps,
}
