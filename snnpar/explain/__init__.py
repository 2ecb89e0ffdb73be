"""Heatmaps: where a model looked for an attribute. Each says what was hooked and in what unit.

Add a method with a function here and a line in METHODS.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snnpar.errors import SnnparError
from snnpar.explain.attention import fusion_attention, rollout
from snnpar.explain.cam import gradient_cam
from snnpar.explain.heat import Heatmap, Known, Method
from snnpar.explain.spiking import co_fire, ledger, text_patch_cosine
from snnpar.inference import LoadedModel
from snnpar.trace import SpikeTrace

__all__ = ["METHODS", "Heatmap", "Method", "heatmap"]

CAMS = {
    key: Method(title, True, gradient_cam(cls, title))
    for key, cls, title in (
        ("grad_cam", "GradCAM", "Grad-CAM"),
        ("grad_cam_pp", "GradCAMPlusPlus", "Grad-CAM++"),
        ("hires_cam", "HiResCAM", "HiResCAM"),
        ("layer_cam", "LayerCAM", "LayerCAM"),
    )
}

METHODS: dict[str, dict[str, Method]] = {
    "teacher": {
        "attention": Method("Text-to-patch attention", True, fusion_attention),
        "rollout": Method("Attention rollout", True, rollout),
        **CAMS,
    },
    "student": {
        # First: the one whose values are exact, and in the unit of the answer. Summed over t it is Grad-CAM before its
        # negative values are cut off, plus a constant: neither shows better than the other where a model looks.
        "ledger": Method("Spike ledger", True, ledger, signed=True),
        "cosine": Method("Text-patch cosine", True, text_patch_cosine, signed=True),
        "co_fire": Method("q.k co-fire counts", False, co_fire),
        **CAMS,
    },
}


def heatmap(
    method: str,
    model: LoadedModel,
    image: np.ndarray,
    attribute: str,
    *,
    teacher: LoadedModel | None = None,
    trace: SpikeTrace | None = None,
) -> Heatmap:
    """Compute one heatmap of an image uint8 (H, W, 3). Raises SnnparError where the method does not apply.

    `trace`: of this model on this image, if there is one; it saves methods that read spikes a forward.
    """
    methods = METHODS[model.role]
    if method not in methods:
        raise SnnparError(f"A {model.role} has no heatmap {method!r}; it has {', '.join(methods)}.")
    with model.lock:
        found = methods[method].compute(model, image, attribute, Known(teacher, trace))
    return replace(found, signed=methods[method].signed, geometry=model.geometry)
