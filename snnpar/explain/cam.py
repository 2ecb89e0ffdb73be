"""Heatmaps of the Grad-CAM family, computed by grad-cam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from snnpar.errors import SnnparError
from snnpar.explain.heat import Heatmap
from snnpar.inference import LoadedModel


def gradient_cam(method: str, title: str) -> Callable:
    """A method of the Grad-CAM family by its class in grad-cam."""

    def compute(model: LoadedModel, image: np.ndarray, attribute: str, _known: object) -> Heatmap:
        return _cam(method, title, model, image, attribute)

    return compute


def _cam(method: str, title: str, model: LoadedModel, image: np.ndarray, attribute: str) -> Heatmap:
    from snnpar.compat import repair_torchvision

    repair_torchvision()
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    if any(one.is_inference() for one in model.module.parameters()):
        raise SnnparError(
            f"{title} needs gradients, which a model loaded under torch.inference_mode() cannot give; load it outside"
        )
    target = _cam_layer(model)
    kind = getattr(pytorch_grad_cam, method)
    # One value for each token: grad-cam would stretch them over the image as if tokens lay in even cells.
    kind = type(method, (kind,), {"get_target_width_height": lambda *_: model.checkpoint.model.token_grid[::-1]})
    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        kind(_Logits(model), [target.layer], reshape_transform=target.reshape) as cam,
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


@dataclass(frozen=True)
class _CamLayer:
    """Where Grad-CAM looks: a layer, its output as (B, channels, rows, columns), and what it is."""

    layer: nn.Module
    reshape: Callable[[Tensor], Tensor]
    hooked: str


def _cam_layer(model: LoadedModel) -> _CamLayer:
    rows, columns = model.checkpoint.model.token_grid

    def time_as_channels(x: Tensor) -> Tensor:  # (T, B, C, H, W) -> (B, T * C, H, W)
        return x.transpose(0, 1).flatten(1, 2)

    def without_class_token(x: Tensor) -> Tensor:  # (B, 1 + N, D) -> (B, D, rows, columns)
        return x[:, 1:].transpose(1, 2).unflatten(2, (rows, columns))

    if model.checkpoint.model.architecture == "spikingformer":
        return _CamLayer(model.module.block[-1], time_as_channels, "output of the last spiking block, all timesteps")
    blocks = model.module.vit.blocks
    if model.role == "student":
        return _CamLayer(blocks[-1], without_class_token, "tokens of the last block")
    if len(blocks) < 2:
        raise SnnparError("Grad-CAM needs a teacher with a visual block before its fusion block.")
    # The fusion block sees text and visual tokens; the block before it, visual tokens only.
    return _CamLayer(blocks[-2], without_class_token, "visual tokens before the fusion block")
