"""Networks from outside the package."""

from __future__ import annotations

import pytest
import toys

from snnpar.models import MODELS, PRESETS


@pytest.fixture(scope="module")
def registered():
    """The toys are registered from outside the package, for the tests of a file."""
    MODELS.update(toys.TOYS), PRESETS.update(toys.SIZES)
    yield
    for name in toys.TOYS:
        del MODELS[name], PRESETS[name]
