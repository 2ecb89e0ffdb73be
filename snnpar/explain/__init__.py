"""Heatmaps: where a model looked for an attribute. Each says what was hooked and in what unit.

Add a method with a function here and a line in METHODS, which says what a model must offer for it.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.explain.attention import fusion_attention, rollout
from snnpar.explain.cam import gradient_cam
from snnpar.explain.heat import HeatContext, Heatmap, Method
from snnpar.explain.spiking import co_fire, ledger, text_patch_cosine
from snnpar.inference import LoadedModel
from snnpar.models.network import ATTENTION, BRANCHES, CAM, CO_FIRE, TEXT, TIMESTEPS, TOKENS
from snnpar.spikes.trace import SpikeTrace

__all__ = ["METHODS", "Heatmap", "Method", "heatmap", "methods_of"]

log = logging.getLogger(__name__)
CAMS = {
    key: Method(title, True, gradient_cam(cls, title), frozenset({CAM}))
    for key, cls, title in (
        ("grad_cam", "GradCAM", "Grad-CAM"),
        ("grad_cam_pp", "GradCAMPlusPlus", "Grad-CAM++"),
        ("hires_cam", "HiResCAM", "HiResCAM"),
        ("layer_cam", "LayerCAM", "LayerCAM"),
    )
}

# A model has the methods whose needs it offers; the first of them is shown unless another is picked.
METHODS: dict[str, Method] = {
    "attention": Method("Text-to-patch attention", True, fusion_attention, frozenset({ATTENTION, TEXT})),
    "rollout": Method("Attention rollout", True, rollout, frozenset({ATTENTION, TEXT})),
    # The one whose values are exact, and in the unit of the answer. Summed over t it is Grad-CAM before its
    # negative values are cut off, plus a constant: neither shows better than the other where a model looks.
    "ledger": Method("Spike ledger", True, ledger, frozenset({BRANCHES, TIMESTEPS}), signed=True),
    "cosine": Method("Text-patch cosine", True, text_patch_cosine, frozenset({TOKENS}), signed=True, without=TEXT),
    "co_fire": Method("q.k co-fire counts", False, co_fire, frozenset({CO_FIRE})),
    **CAMS,
}


def methods_of(model: LoadedModel) -> dict[str, Method]:
    """The methods that a model offers, by name, the first one first; they may be none."""
    return {name: method for name, method in METHODS.items() if method.applies(model.capabilities)}


def heatmap(
    method: str,
    model: LoadedModel,
    image: np.ndarray,
    attribute: str,
    *,
    teacher: LoadedModel | None = None,
    trace: SpikeTrace | None = None,
) -> Heatmap:
    """Compute one heatmap of an image uint8 (H, W, 3). Raises SnnparError where the method does not apply,
    or fails, which the log tells in full.

    `trace`: of this model on this image, if there is one; it saves methods that read spikes a forward.
    """
    methods = methods_of(model)
    if method not in methods:
        wants = f", which needs {' and '.join(sorted(METHODS[method].needs))}" if method in METHODS else ""
        raise SnnparError(
            f"{model.checkpoint.name}, a {model.role}, has no heatmap {method!r}{wants}; it has "
            f"{', '.join(methods) or 'none'}."
        )
    try:
        with model.lock:
            found = methods[method].compute(model, image, attribute, HeatContext(teacher, trace))
    except SnnparError:
        raise
    except Exception as error:  # of a method, or of what a network says of itself: the other maps are as good as before
        log.exception("the heatmap %s of %s failed", method, model.checkpoint.name)
        raise SnnparError(
            f"{methods[method].label} of {model.checkpoint.name} failed ({type(error).__name__}: {error}); "
            "the other maps are not concerned."
        ) from error
    return replace(found, signed=methods[method].signed, geometry=model.geometry)
