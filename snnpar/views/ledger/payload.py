"""What the ledger shows, as plain data for the browser."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from snnpar.explain.ledger import Ledger
from snnpar.figures import palette
from snnpar.images.geometry import Geometry
from snnpar.views import encode

EVERYTHING = "all.all"  # the cell of all timesteps and branches


def payload(ledger: Ledger, image: np.ndarray, geometry: Geometry, title: str, cell: str = EVERYTHING) -> dict:
    """A ledger over `image` (H, W, 3) uint8, on whose tokens `geometry` lies; `title` says whose it is, and of what.

    `cell` is chosen: "2.block.0.attn", "all.tokenizer", "all.all". Its spikes are added by `behind`.
    """
    return {
        "title": title,
        "cell": cell,
        "timesteps": len(ledger.spikes),
        "branches": [
            {"name": name, "label": label} for name, label in zip(ledger.branches, ledger.labels, strict=True)
        ],
        "rows": geometry.rows.count,
        "columns": geometry.columns.count,
        "geometry": asdict(geometry),
        "spikes": encode.base64(ledger.spikes.astype("<f4")),
        "constants": [round(float(value) * ledger.spikes[:, 0].size, 6) for value in ledger.constants],
        "image": encode.jpeg(image),
        "palette": encode.base64(palette(signed=True)),
        "raster": None,
    }


def behind(spikes: np.ndarray) -> dict:
    """The spikes (C, N) bool that enter the convolution of a cell, as the payload's "raster"."""
    return {"bits": encode.base64(np.packbits(spikes)), "channels": len(spikes)}
