"""Repairs of known library mismatches, each a no-op where nothing is broken."""

from __future__ import annotations

import importlib.util
import logging
import sys
from functools import cache
from pathlib import Path

import torch

_library = None  # a torch.library.Library unregisters its operators when it is collected


@cache
def repair_torchvision() -> None:
    """Let torchvision import beside a CPU-only torch; call before the first import of torchvision, timm or grad-cam.

    A torchvision built for CUDA cannot load its compiled operators there, and then fails to import because
    `torchvision::nms` does not exist. Declaring the operator is enough; a plain CPU kernel makes it work too.
    """
    global _library
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)
    spec = importlib.util.find_spec("torchvision")
    if "torchvision" in sys.modules or spec is None or spec.origin is None:
        return
    compiled = sorted(Path(spec.origin).parent.glob("_C*.so"))
    try:
        for path in compiled:
            torch.ops.load_library(path)
    except OSError:
        compiled = []
    if compiled:
        return
    _library = torch.library.Library("torchvision", "DEF")
    _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.impl("nms", _nms, "CPU")
    import torchvision.extension

    torchvision.extension._has_ops = lambda: True  # else torchvision.ops.nms refuses before it looks for a kernel


def is_repaired() -> bool:
    """Did torchvision need the repair here?"""
    return _library is not None


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression: indices of kept boxes (x1, y1, x2, y2), best score first."""
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order, keep = scores.argsort(descending=True, stable=True), []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(best)
        low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        overlap = (high - low).clamp(min=0).prod(1)
        order = rest[~(overlap / (area[best] + area[rest] - overlap) > iou_threshold)]  # points, 0 / 0, are kept
    return torch.stack(keep) if keep else torch.empty(0, dtype=torch.long)
