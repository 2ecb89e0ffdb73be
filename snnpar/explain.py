"""Heatmaps: where a model looked for an attribute. Each says what was hooked and in what unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.inference import LoadedModel
from snnpar.trace import record


@dataclass(frozen=True, eq=False)
class Heatmap:
    """values (rows, columns) float32 over the image; `hooked` says where in the model they come from."""

    values: np.ndarray
    title: str
    unit: str
    hooked: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"a heatmap must be (rows, columns); got {self.values.shape}")


@dataclass(frozen=True)
class Method:
    """A way to make a heatmap. `per_attribute` is False where the map is the same for every attribute."""

    label: str
    per_attribute: bool
    compute: Callable[[LoadedModel, np.ndarray, str, LoadedModel | None], Heatmap]


def heatmap(method: str, model: LoadedModel, image: np.ndarray, attribute: str, *,
            teacher: LoadedModel | None = None) -> Heatmap:
    """Compute one heatmap of an image uint8 (H, W, 3). Raises ValueError where the method does not apply."""
    methods = METHODS[model.role]
    if method not in methods:
        raise ValueError(f"A {model.role} has no heatmap {method!r}; it has {', '.join(methods)}.")
    with model.lock:
        return methods[method].compute(model, image, attribute, teacher)


def _on_grid(values: Tensor, model: LoadedModel) -> np.ndarray:
    return values.detach().float().reshape(model.checkpoint.model.token_grid).numpy()


def _fusion_attention(model: LoadedModel, image: np.ndarray, attribute: str, _teacher: object) -> Heatmap:
    seen: list[Tensor] = []
    dropout = model.module.fusion_block.attn.attn_drop  # its output is the softmax, (B, heads, tokens, tokens)
    handle = dropout.register_forward_hook(lambda _m, _i, output: seen.append(output))
    try:
        with torch.no_grad():
            model.forward(model.prepare(image))
    finally:
        handle.remove()
    row = seen[0][0, :, model.schema.index(attribute)].mean(0)
    patches = row[len(model.schema) + 1 :]  # after the A text tokens and the class token
    heads = seen[0].shape[1]
    return Heatmap(_on_grid(patches, model), "Text-to-patch attention", "attention weight",
                   f"softmax attention of the fusion block, row of this attribute's phrase, mean of {heads} heads")


def _grad_cam(model: LoadedModel, image: np.ndarray, attribute: str, _teacher: object) -> Heatmap:
    from snnpar.compat import repair_torchvision

    repair_torchvision()
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    target = _cam_layer(model)
    images = model.prepare(image).requires_grad_(True)
    with torch.enable_grad(), GradCAM(_Logits(model), [target.layer], reshape_transform=target.reshape) as cam:
        values = cam(images, [ClassifierOutputTarget(model.schema.index(attribute))])[0]
    return Heatmap(values.astype(np.float32), "Grad-CAM", "relative, 0 to 1", target.hooked)


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
        raise ValueError("Grad-CAM needs a teacher with a visual block before its fusion block.")
    # The fusion block sees text and visual tokens; the block before it, visual tokens only.
    return _CamLayer(blocks[-2], without_class_token, "visual tokens before the fusion block")


def _text_patch_cosine(model: LoadedModel, image: np.ndarray, attribute: str,
                       teacher: LoadedModel | None) -> Heatmap:
    if teacher is None or teacher.checkpoint.model.dim != model.checkpoint.model.dim:
        raise ValueError("Text-patch cosine needs a teacher of the student's width; pick one, or use co-fire counts.")
    with torch.no_grad(), teacher.lock:
        features = model.forward(model.prepare(image)).features[0]
        text = teacher.forward(teacher.prepare(image)).text_features[0, teacher.schema.index(attribute)]
        cosine = F.cosine_similarity(features, text[None], dim=-1)
    return Heatmap(_on_grid(cosine, model), "Text-patch cosine", "cosine, -1 to 1",
                   "student tokens (mean over time, last block) against the teacher's projected phrase")


def _co_fire(model: LoadedModel, image: np.ndarray, _attribute: str, _teacher: object) -> Heatmap:
    """Sum over t, heads and channels of q[n] * (number of tokens whose k fires in that channel)."""
    with torch.no_grad(), record(model.module) as trace:
        model.forward(model.prepare(image))
    if not trace.names:
        raise ValueError("Co-fire counts need a spiking student; this one has no neurons.")
    last = f"block.{model.checkpoint.model.depth - 1}.attn"
    q, k = (trace.spikes(f"{last}.{name}_lif")[:, 0].astype(np.float32) for name in "qk")  # (T, C, N)
    counts = (q * k.sum(2, keepdims=True)).sum((0, 1))
    return Heatmap(_on_grid(torch.from_numpy(counts), model), "q.k co-fire counts", "coincident spikes",
                   f"last block: spikes of q at a token that meet spikes of k anywhere, summed over {trace.timesteps} "
                   "timesteps and all heads")


METHODS: dict[str, dict[str, Method]] = {
    "teacher": {
        "attention": Method("Text-to-patch attention", True, _fusion_attention),
        "grad_cam": Method("Grad-CAM", True, _grad_cam),
    },
    "student": {
        "cosine": Method("Text-patch cosine", True, _text_patch_cosine),
        "co_fire": Method("q.k co-fire counts", False, _co_fire),
        "grad_cam": Method("Grad-CAM", True, _grad_cam),
    },
}
