"""What each timestep and each token costs, and how many a budget pays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from snnpar.config import ModelConfig
from snnpar.energy.conventions import CONVENTIONS, Assumptions
from snnpar.energy.estimate import accumulates_by_token, energy_over_time, estimate_energy, timesteps_within
from snnpar.spikes.trace import SpikeTrace, record

ARITHMETIC, MEMORY = CONVENTIONS["arithmetic"], CONVENTIONS["memory"]


@pytest.mark.parametrize(("budget", "fits"), [(0.0, 0), (9.99, 0), (10.0, 1), (29.0, 2), (30.0, 3), (1e9, 3)])
def test_a_budget_fits_the_timesteps_that_cost_no_more(budget: float, fits: int) -> None:
    assert timesteps_within(np.array([10.0, 20.0, 30.0]), budget) == fits


ALL_ASSUMPTIONS = [
    *CONVENTIONS.values(),
    replace(MEMORY, norms=True, first_every_timestep=True, activations=True, neuron_pj=81.0),
    replace(CONVENTIONS["weights-once"], padding=True, activations=True),
    replace(CONVENTIONS["lemaire"], padding=True),
]


@torch.no_grad()
@pytest.mark.parametrize("assumptions", ALL_ASSUMPTIONS, ids=str)
def test_energy_over_time_ends_at_the_total_and_never_falls(assumptions: Assumptions) -> None:
    model = tiny.lively(tiny.STUDENT)
    with record(model) as trace:
        model(tiny.random_images(1, tiny.STUDENT))
    spent, report = energy_over_time(trace, assumptions), estimate_energy(trace, assumptions)
    assert spent.shape == (3,) and (np.diff(spent) > 0).all() and spent[0] > 0
    assert report.energy_uj == sum(part.energy_uj for part in report.lines)
    assert spent[-1] == pytest.approx(estimate_energy(trace, assumptions).energy_uj)


def test_a_model_without_timesteps_has_no_energy_over_time() -> None:
    with pytest.raises(ValueError, match="needs a spiking model"):
        energy_over_time(SpikeTrace())


@torch.no_grad()
@pytest.mark.parametrize("assumptions", ALL_ASSUMPTIONS, ids=str)
def test_what_stopping_early_costs_is_what_fewer_timesteps_cost(assumptions: Assumptions) -> None:
    """Neurons see no future, so a run over 2 timesteps spikes as the first 2 of 3 do."""
    model, short = (tiny.lively(replace(tiny.STUDENT, timesteps=t)) for t in (3, 2))
    short.load_state_dict(model.state_dict())
    traces = []
    for each in (model, short):
        with record(each) as trace:
            each(tiny.random_images(1, tiny.STUDENT))
        traces.append(trace)
    two = estimate_energy(traces[1], assumptions).energy_uj
    assert energy_over_time(traces[0], assumptions)[1] == pytest.approx(two)


@torch.no_grad()
@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML], ids=["fire first", "pool first"])
def test_accumulates_by_token_are_all_accumulates_at_their_places(config: ModelConfig) -> None:
    model = tiny.lively(config)
    with record(model) as trace:
        model(tiny.random_images(1, config))
    by_token = accumulates_by_token(trace, (4, 2))
    assert by_token.shape == (3, 4, 2) and by_token.sum() == estimate_energy(trace).acs
    layers = {layer.name: layer for layer in trace.layers}
    one = SpikeTrace()
    one._shapes, one.layers = trace._shapes, (layers["patch_embed.proj2_conv"],)  # its input has 4 x 4 places a token
    assert accumulates_by_token(one, (4, 2))[1, 2, 1] == one.layers[0].ac_map[1, 8:12, 4:8].sum() > 0
