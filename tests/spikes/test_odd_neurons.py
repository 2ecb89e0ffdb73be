"""Neurons that answer with whole numbers, fractions, infinity, in a type of their own, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from watched import Calls, traced

from snnpar.spikes.neurons import LIF, register_neuron
from snnpar.spikes.trace import record


class Shouting(nn.Module):
    """Neurons that answer with numbers, or with whole numbers of either sign."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x.round() * self.factor


register_neuron(Shouting)


@pytest.mark.parametrize(
    ("values", "factor", "kind"),
    [([0, 1, 1], 1, bool), ([0, 3, 200], 1, np.uint8), ([-1, 0, 1], 1, np.int8), ([0, 300, 5], 1, np.uint16),
     ([-300, 0, 2], 1, np.int16), ([0, 70_000, 1], 1, np.int32)],
)  # fmt: skip
def test_spikes_keep_the_smallest_type_that_holds_them(values: list[int], factor: float, kind: type) -> None:
    x = torch.tensor(values, dtype=torch.float32).view(1, 1, 3)
    trace = traced(nn.Sequential(Shouting(factor), nn.Linear(3, 2)), x)
    assert trace.spikes("0").dtype == kind and trace.spikes("0").ravel().tolist() == values
    assert trace.counts("0").tolist() == [sum(map(abs, values))] and trace.total_spikes == sum(map(abs, values))


def test_spikes_of_minus_one_cost_as_much_as_those_of_one() -> None:
    """By hand: four spikes meet four weights each, at each of three timesteps; a product counts as well."""
    x = torch.tensor([1.0, -1, -1, -1, 0, 0, 0, 0]).expand(3, 1, 8)
    model = nn.Sequential(Shouting(1), nn.Linear(8, 4))
    (layer,) = traced(model, x).layers
    assert layer.acs == 3 * 4 * 4 and layer.spikes.tolist() == [4, 4, 4] and layer.input_rate == 0.5
    conv = nn.Conv1d(1, 2, 3, padding=1)
    signed, plain = (traced(nn.Sequential(Shouting(1), conv), one).layers[0] for one in (x, x.abs()))
    assert signed.acs == plain.acs > 0
    product = Calls(lambda x, lif: lif(x) @ lif(x).transpose(-1, -2), Shouting(1))
    signed, plain = (traced(product, one).layers[0] for one in (x, x.abs()))
    assert signed.acs == plain.acs == 3 * 4 and signed.input_rate == 0.5


class Firing(nn.Module):
    """Neurons that answer in a type of their own."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return (x > 0).to(self.dtype)


register_neuron(Firing)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.uint8, torch.float16, torch.float64])
def test_spikes_of_any_type_are_spikes(dtype: torch.dtype) -> None:
    x = torch.tensor([[[1.0, -1, 1, -1]]])
    trace = traced(Calls(lambda x, lif, fc: fc(lif(x).float()), Firing(dtype), nn.Linear(4, 3)), x)
    assert trace.total_spikes == 2 and trace.layers[0].acs == 2 * 3 and trace.uncounted == ()


def test_a_neuron_that_gives_out_infinity_is_named() -> None:
    trace = traced(nn.Sequential(Shouting(float("inf")), nn.Linear(3, 2)), torch.ones(1, 1, 3))
    assert trace.names == () and trace.uncounted[0].startswith("0: gives out fractions")


def test_neurons_that_answer_with_fractions_are_named() -> None:
    trace = traced(nn.Sequential(Shouting(0.5), nn.Linear(3, 2)), torch.tensor([[[1.0, 2.0, 3.0]]]))
    assert (
        trace.names == () and trace.layers[0].ac_map is None and trace.uncounted[0].startswith("0: gives out fractions")
    )


def test_a_neuron_that_fails_leaves_nothing_behind() -> None:
    class Broken(LIF):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no current")

    model = nn.Sequential(nn.Linear(2, 2), Broken())
    with pytest.raises(RuntimeError, match="no current"), torch.no_grad(), record(model):
        model(torch.rand(1, 1, 2))
    assert not torch.utils._python_dispatch._get_current_dispatch_mode()
    assert traced(nn.Linear(2, 2), torch.rand(1, 2)).layers[0].macs == 4
