"""What happens in one forward: neurons, and what is recorded of them.

neurons: the LIF neuron, and which classes fire. trace: `record`, one forward with its spikes and the exact counts of
what every operation computes (watching sees the operations, observed knows whose they are, operations counts one,
fan_out what a spike meets). raster: windows on the spikes of a layer.
"""

from snnpar.core.lazy import exports

__getattr__ = exports(
    __name__,
    neurons=("LIF", "register_neuron"),
    operations=("Operations", "count_as"),
    trace=("SpikeTrace", "record"),
)
