"""Figures from nouns: every function takes plain arrays and names and returns a Plotly figure or a picture.

Text and grid colours are left to the page's theme, so that each figure reads on light and on dark ground.
"""

from snnpar.figures.curves import AttributeOverTime, loss_curves, metric_curves, predictions_over_time
from snnpar.figures.evaluation import (
    CalibrationCurve,
    Measured,
    attribute_bars,
    calibration_curves,
    fixed_and_broken,
    flips_over_time,
    metrics_over_time,
)
from snnpar.figures.ledger import channel_bars, hiding_curves
from snnpar.figures.looks import LOOKS, Look
from snnpar.figures.overlay import overlay, palette, span

__all__ = [
    "LOOKS",
    "AttributeOverTime",
    "CalibrationCurve",
    "Look",
    "Measured",
    "attribute_bars",
    "calibration_curves",
    "channel_bars",
    "fixed_and_broken",
    "flips_over_time",
    "hiding_curves",
    "loss_curves",
    "metric_curves",
    "metrics_over_time",
    "overlay",
    "palette",
    "predictions_over_time",
    "span",
]
