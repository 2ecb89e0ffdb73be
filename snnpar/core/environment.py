"""Variables of the environment that a program of ours begins with; the library alone sets none."""

from __future__ import annotations

import os

# Both are read once: by torch's threads, which slow a busy machine up to 50x if they spin, and by the Hub's client.
DEFAULTS = {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_DISABLE_TELEMETRY": "1"}


def set_defaults() -> None:
    """Set those that nobody has set. To be called before torch and huggingface_hub are imported."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
