"""Figures from nouns: every function takes plain arrays and names and returns a Plotly figure or an image.

Text and grid colours are left to the page's theme, so that each figure reads on light and on dark ground.
"""

from snnpar.figures.curves import AttributeOverTime, predictions_over_time
from snnpar.figures.evaluation import (
    AttributeValues,
    CalibrationCurve,
    attribute_bars,
    calibration_curves,
    fixed_and_broken,
    flips_over_time,
    metrics_over_time,
)
from snnpar.figures.ledger import channel_bars, hiding_curves
from snnpar.figures.lens import lens_logits, lens_trend, tinted
from snnpar.figures.looks import LOOKS, Look
from snnpar.figures.overlay import overlay, palette, span
from snnpar.figures.runs import (
    RUN_LOOKS,
    Line,
    RunLook,
    cost_curve,
    firing_curves,
    loss_curves,
    metric_curves,
    run_curves,
    thin_line,
)

__all__ = [
    "LOOKS",
    "RUN_LOOKS",
    "AttributeOverTime",
    "CalibrationCurve",
    "Line",
    "Look",
    "AttributeValues",
    "RunLook",
    "attribute_bars",
    "calibration_curves",
    "channel_bars",
    "cost_curve",
    "firing_curves",
    "fixed_and_broken",
    "flips_over_time",
    "hiding_curves",
    "lens_logits",
    "lens_trend",
    "loss_curves",
    "metric_curves",
    "metrics_over_time",
    "overlay",
    "palette",
    "predictions_over_time",
    "run_curves",
    "span",
    "thin_line",
    "tinted",
]
