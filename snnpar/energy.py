"""Energy of one forward, estimated from its trace: a pure function of what fired.

Convention: 45 nm CMOS, fp32: 4.6 pJ per multiply-accumulate, 0.9 pJ per accumulate (Horowitz, ISSCC 2014), arithmetic
only, no memory traffic. Where a layer's input is spikes, each spike costs accumulates instead of multiply-accumulates:
acs = dense macs x rate of the input. The student's first convolution sees pixels: multiply-accumulates, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnpar.trace import LayerGeometry, SpikeTrace

MAC_PJ, AC_PJ = 4.6, 0.9
CONVENTION = "45 nm, 4.6 pJ per MAC, 0.9 pJ per AC, arithmetic only (no memory traffic)"


@dataclass(frozen=True)
class LayerEnergy:
    """Operations and energy of one layer for one image; input_rate is None where the input is real-valued."""

    name: str
    macs: float
    acs: float
    energy_uj: float
    input_rate: float | None


@dataclass(frozen=True)
class EnergyReport:
    """Totals for one image and the layers they are the sum of. Every figure is an estimate under `convention`."""

    macs: float
    acs: float
    energy_uj: float
    convention: str
    layers: tuple[LayerEnergy, ...]


def estimate_energy(trace: SpikeTrace) -> EnergyReport:
    """Bill every weight layer and attention product of a trace."""
    layers = tuple(_layer_energy(layer) for layer in trace.layers)
    macs, acs, energy_uj = (sum(getattr(layer, name) for layer in layers) for name in ("macs", "acs", "energy_uj"))
    return EnergyReport(macs, acs, energy_uj, CONVENTION, layers)


def _layer_energy(layer: LayerGeometry) -> LayerEnergy:
    if not layer.input_rates:
        return LayerEnergy(layer.name, layer.macs, 0.0, layer.macs * MAC_PJ * 1e-6, None)
    if layer.kind == "CoFire":  # half the work is driven by the spikes of k, half by those of q
        q_rate, k_rate, _ = layer.input_rates
        rate = (q_rate + k_rate) / 2
    else:
        (rate,) = layer.input_rates
    acs = layer.macs * rate
    return LayerEnergy(layer.name, 0.0, acs, acs * AC_PJ * 1e-6, rate)
