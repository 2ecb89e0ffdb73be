"""Heatmaps of the Grad-CAM family, computed by grad-cam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.core.errors import SnnparError
from snnpar.explain.heat import Heatmap
from snnpar.inference import LoadedModel


def gradient_cam(method: str, title: str) -> Callable:
    """A method of the Grad-CAM family by its class in grad-cam."""

    def compute(model: LoadedModel, image: np.ndarray, attribute: str, _known: object) -> Heatmap:
        return _cam(method, title, model, image, attribute)

    return compute


def _cam(method: str, title: str, model: LoadedModel, image: np.ndarray, attribute: str) -> Heatmap:
    from snnpar.core.compat import repair_torchvision

    repair_torchvision()
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    if any(one.is_inference() for one in model.module.parameters()):
        raise SnnparError(
            f"{title} needs gradients, which a model loaded under torch.inference_mode() cannot give; load it outside"
        )
    target = model.anatomy.cam
    assert target is not None, "the method is offered to models that name a layer"
    kind = getattr(pytorch_grad_cam, method)
    # One value for each token: grad-cam would stretch them over the image as if tokens lay in even cells.
    kind = type(method, (kind,), {"get_target_width_height": lambda *_: model.token_grid[::-1]})
    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        kind(_Logits(model), [target.module], reshape_transform=target.reshape) as cam,
    ):
        images = model.prepare(image).requires_grad_(True)
        values = cam(images, [ClassifierOutputTarget(model.schema.index(attribute))])[0]
    return Heatmap(values.astype(np.float32), title, "relative, 0 to 1", target.hooked)


class _Logits(nn.Module):
    """grad-cam wants a module that returns logits."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__()
        self.module = model.module
        self._forward = model.forward

    def forward(self, images: Tensor) -> Tensor:
        return self._forward(images).logits
