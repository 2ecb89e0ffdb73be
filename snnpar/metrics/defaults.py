"""What the app, the API, its page and the command line begin with, so that all show the same for the same image."""

from __future__ import annotations

from collections.abc import Sequence

from snnpar.metrics.pedestrian import THRESHOLDS

CONVENTION = "published"  # of metrics
THRESHOLD = THRESHOLDS[CONVENTION]  # of probabilities
ENERGY = "arithmetic"  # a name in energy.CONVENTIONS
# Both shipped models are right about these stripes, and their first maps say where they are (tests/test_shipped.py).
SAMPLE = "03"  # a file in assets/samples
ATTRIBUTE = "UpperStride"  # where the schema has it


def first_attribute(attributes: Sequence[str]) -> str:
    """Which of a schema's attributes is looked for at first."""
    return ATTRIBUTE if ATTRIBUTE in attributes else attributes[0]
