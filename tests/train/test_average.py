from __future__ import annotations

import pytest
import torch
from torch import nn

from train.average import moving_average, update_average


def test_the_average_forgets_fast_at_first_and_by_its_decay_later() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = moving_average(model, 0.9)
    expected = 0.0
    for step in range(1, 80):
        nn.init.constant_(model.weight, float(step))
        update_average(average, model, step)
        keep = min(0.9, 1 - step ** (-2 / 3))
        expected = keep * expected + (1 - keep) * step
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert keep == 0.9 and expected < 79


def test_running_statistics_are_averaged_and_counters_copied() -> None:
    model = nn.BatchNorm1d(2)
    average = moving_average(model, 0.5)
    for step in range(1, 6):
        model.train()(torch.randn(4, 2) + 10)
        before = average.module.running_mean.clone()
        update_average(average, model, step)
        keep = min(0.5, 1 - step ** (-2 / 3))
        torch.testing.assert_close(average.module.running_mean, keep * before + (1 - keep) * model.running_mean)
    assert average.module.num_batches_tracked == model.num_batches_tracked == 5
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_no_decay_is_no_average() -> None:
    assert moving_average(nn.Linear(1, 1), 0.0) is None
