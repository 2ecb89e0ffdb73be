"""What a trace costs: an estimate made from exact counts and the prices of a convention.

estimate: the energy of a trace, layer by layer. conventions: prices, and what each leaves out. lemaire: one that
counts memories.
"""

from snnpar.core.lazy import exports

__getattr__ = exports(
    __name__,
    conventions=("CONVENTIONS", "Assumptions"),
    estimate=("EnergyReport", "energy_over_time", "estimate_energy"),
)
