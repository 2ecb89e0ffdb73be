"""Near duplicates: two images whose grey thumbnails correlate above LIMIT, as two frames of one person do.

A thumbnail is 16 x 32 pixels (width x height), its mean removed, scaled to unit length, so that neither size,
compression, brightness nor contrast matters, while pose, place and clothes do; a mirrored image is another one.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = (16, 32)  # width, height
LIMIT = 0.85
DEFINITION = f"grey thumbnails of {SIZE[0]} x {SIZE[1]} pixels correlate above {LIMIT}"
BLOCK = 2**21  # correlations computed at a time: 8 MB, and at most 80 MB where all of them are above LIMIT


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Float32 (512,) of uint8 (H, W, 3): the dot product of two is their correlation.

    An image of one colour has no direction: it becomes zeros, which correlate with nothing.
    """
    grey = Image.fromarray(image).convert("L").resize(SIZE, Image.Resampling.BILINEAR)
    values = np.asarray(grey, dtype=np.float64).ravel()
    values = values - values.mean()
    length = np.linalg.norm(values)
    return (values / length if length else values).astype(np.float32)


def nearest(thumbnails: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of `thumbnails` (n, P): the index of the most similar of `others` (m, P), m >= 1, and its correlation.

    All pairs are compared, some rows at a time.
    """
    index, correlation = np.empty(len(thumbnails), int), np.empty(len(thumbnails), np.float32)
    step = max(1, BLOCK // len(others))
    for start in range(0, len(thumbnails), step):
        found = thumbnails[start : start + step] @ others.T
        index[start : start + step] = found.argmax(1)
        correlation[start : start + step] = found.max(1)
    return index, correlation


def groups(thumbnails: np.ndarray) -> np.ndarray:
    """Number (n,) of each image's group, in order of first images: who is a near duplicate of whom, directly or through
    others. Without near duplicates it is 0 .. n - 1.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(thumbnails)
    group = np.arange(n)
    step = max(1, BLOCK // max(1, n))
    for start in range(0, n, step):
        rows, columns = np.nonzero(thumbnails[start : start + step] @ thumbnails[start:].T > LIMIT)
        pairs = np.stack([group[rows + start], group[columns + start]])
        # Groups so far stand for their images, so that no more than one block's pairs are ever kept.
        graph = coo_array((np.ones(pairs.shape[1], np.int8), pairs), shape=(n, n))
        group = connected_components(graph, directed=False)[1][group]
    return np.unique(group, return_inverse=True)[1]
