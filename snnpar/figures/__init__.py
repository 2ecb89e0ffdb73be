"""Figures from nouns: every function takes plain arrays and names and returns a Plotly figure or a picture.

Text and grid colours are left to the page's theme, so that each figure reads on light and on dark ground.
"""

from snnpar.figures.curves import AttributeOverTime, loss_curves, metric_curves, predictions_over_time
from snnpar.figures.looks import LOOKS, Look
from snnpar.figures.overlay import overlay
from snnpar.figures.spikes import RASTER_ROWS, Raster, firing_maps, firing_rates, spike_raster

__all__ = [
    "LOOKS",
    "RASTER_ROWS",
    "AttributeOverTime",
    "Look",
    "Raster",
    "firing_maps",
    "firing_rates",
    "loss_curves",
    "metric_curves",
    "overlay",
    "predictions_over_time",
    "spike_raster",
]
