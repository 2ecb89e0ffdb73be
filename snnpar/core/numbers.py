"""Numbers in words, the same on every page, card and terminal: three figures are enough, and no thousand is cut."""

from __future__ import annotations

import math


def figures(number: float) -> str:
    """0.0123, 6.22, 95.1, 596, 1,310."""
    return f"{number:,.0f}" if number >= 1e3 else f"{number:.3g}"


def energy(microjoules: float) -> str:
    """95.1 µJ, 1,310 µJ, 12.3 mJ."""
    return f"{microjoules / 1e3:.3g} mJ" if microjoules >= 1e5 else f"{figures(microjoules)} µJ"


def duration(seconds: float) -> str:
    """Two figures are enough: 0.21 s, 35 s, 12 min, 5.2 h, 120 days. Raises ValueError for what is no duration."""
    for unit, length, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800), ("days", 86_400, math.inf)):
        if seconds < most:
            amount = seconds / length
            return f"{amount:.2g} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    raise ValueError(f"{seconds} s is no duration")
