"""Schedules and parameter groups; the published ones are in test_published_recipe.py."""

from __future__ import annotations

import pytest
import tiny

from snnpar.config import ModelConfig, TrainConfig
from train import optim


@pytest.mark.parametrize(
    ("position", "share"),
    [(0, 0.02 / 2.02), (1, 1.02 / 2.02), (2, 1.0), (6, 0.5), (10, 0.0), (4, 0.5 + 0.25 * 2**0.5)],
)
def test_learning_rate_warms_up_and_follows_a_cosine(position: float, share: float) -> None:
    config = TrainConfig.of(epochs=10, warmup_epochs=2, lr=0.1)
    assert optim.learning_rate(config.optimisation, position) == pytest.approx(0.1 * share)


def test_learning_rate_of_a_run_shorter_than_its_warm_up() -> None:
    config = TrainConfig.of(epochs=1, warmup_epochs=5, lr=0.1)
    assert 0 < optim.learning_rate(config.optimisation, 0) < optim.learning_rate(config.optimisation, 0.99) < 0.1


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER])
def test_kernels_and_matrices_alone_decay(config: ModelConfig) -> None:
    model = tiny.lively(config)
    decayed, free = optim.parameter_groups(model, 0.3)
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0)
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    names = [[name_of.pop(id(parameter)) for parameter in group["params"]] for group in (decayed, free)]
    assert not name_of, "every parameter is in one group"
    assert all(name.endswith("weight") for name in names[0])
    embeddings = [name for name in names[1] if name.endswith(("embed", "token"))]
    assert len(embeddings) == (4 if config is tiny.TEACHER else 0)
    assert all(
        name.endswith("bias") or "bn" in name or "norm" in name or name in embeddings or ".1.weight" in name
        for name in names[1]
    )
