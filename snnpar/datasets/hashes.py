"""Perceptual hashes: near-equal pictures get near-equal 64-bit numbers, however they were scaled or compressed."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 32  # of the grey picture that is transformed
LOW = 8  # so many low frequencies each way
CHUNK = 2**22  # distances computed at a time


def perceptual_hash(image: np.ndarray) -> int:
    """64-bit hash of uint8 (H, W, 3): which of the 64 lowest frequencies of its grey 32 x 32 copy exceed their median.

    The constant term is left out, so that brightness does not count.
    """
    from scipy.fft import dctn

    grey = Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    low = dctn(np.asarray(grey, dtype=np.float64), norm="ortho")[:LOW, :LOW].ravel()
    low[0] = np.median(low[1:])
    return int(np.packbits(low > low[0]).view(">u8")[0])


def nearest(hashes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of `hashes` (n,) uint64: the index of the nearest of `others` (m,), and in how many bits they differ.

    All pairs are compared, which is exact, and cheap with one XOR and one bit count each: about ten seconds for the
    20,000 x 80,000 of PA100K, where reading the images takes minutes.
    """
    index, distance = np.empty(len(hashes), int), np.empty(len(hashes), int)
    step = max(1, CHUNK // max(1, len(others)))
    for start in range(0, len(hashes), step):
        bits = np.bitwise_count(hashes[start : start + step, None] ^ others[None, :])
        index[start : start + step] = bits.argmin(1)
        distance[start : start + step] = bits.min(1)
    return index, distance
