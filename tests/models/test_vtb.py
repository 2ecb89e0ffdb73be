from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import nn

from snnpar.checkpoint import load_strictly
from snnpar.config import ModelConfig
from snnpar.models import build_model

GOLDEN = ModelConfig("vtb", image_size=(64, 32), dim=40, depth=3, heads=4, text_dim=768, stem="patch", drop_path=0.1)


def from_published(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The published teacher's keys as ours: aliases checked and dropped, read-outs stacked."""
    ours = {}
    for key, value in state.items():
        if key.startswith("blocks.0."):
            assert torch.equal(value, state[key.replace("blocks.0.", "vit.blocks.2.", 1)])
        elif key.startswith("norm."):
            assert torch.equal(value, state[f"vit.{key}"])
        elif not key.startswith(("snn_model.", "vit.fc.", "weight_layer.")):
            ours[key] = value
    for part in ("weight", "bias"):
        ours[f"weight_layer.{part}"] = torch.cat([state[f"weight_layer.{j}.{part}"] for j in range(26)])
    return ours


@pytest.fixture(scope="module")
def published(golden: Path) -> nn.Module:
    file = golden / "model.safetensors"
    model = build_model(GOLDEN, 26)
    load_strictly(model, from_published(load_file(file)), file)
    return model.eval()


@torch.no_grad()
def test_outputs_equal_the_published_code(published: nn.Module, golden: Path) -> None:
    with np.load(golden / "arrays.npz") as arrays:
        output = published(*(torch.from_numpy(arrays[name]) for name in ("in.images", "in.word_vectors")))
        visual = published.vit(torch.from_numpy(arrays["in.images"]), published.vit.blocks[:-1])
        np.testing.assert_allclose(visual, arrays["eval.teacher.vit_features"], atol=1e-5)
        np.testing.assert_allclose(output.text_features, arrays["eval.text_features"], atol=1e-5)
        np.testing.assert_allclose(output.features, arrays["eval.teacher_features"], atol=1e-5)
        np.testing.assert_allclose(output.logits, arrays["eval.teacher_logits"], atol=1e-5)


def test_published_size_has_the_published_parameters() -> None:
    """Without the unused 1000-way fc, which we do not have."""
    with torch.device("meta"):
        model = build_model(ModelConfig("vtb", (256, 128), dim=768, depth=12, heads=12, text_dim=768), 26)
    assert sum(parameter.numel() for parameter in model.parameters()) == 87_127_606 - 769_000


@torch.no_grad()
@pytest.mark.parametrize("stem", ["patch", "conv"])
def test_shapes_and_independence(stem: str) -> None:
    config = replace(tiny.TEACHER, stem=stem, drop_path=0.3)
    model = tiny.lively(config)
    images, words = tiny.random_images(3, config), torch.randn(26, config.text_dim)
    output = model(images, words)
    assert output.logits.shape == (3, 26) and output.visual_logits is None
    assert tiny.lively(config).train()(images, words).visual_logits.shape == (3, 26)
    assert output.features.shape == (3, 8, 32) and output.text_features.shape == (3, 26, 32)
    assert output.logits_per_timestep is None
    torch.testing.assert_close(model(images[1:2], words).logits, output.logits[1:2], rtol=1e-4, atol=1e-5)
    assert torch.equal(model(images, words).logits, output.logits), "drop path is active in eval mode"


@torch.no_grad()
def test_attributes_swap_with_their_phrases() -> None:
    """Phrase, read-out and norm of attribute j make logit j: permuting all three permutes the logits."""
    model, order = tiny.lively(tiny.TEACHER), torch.randperm(26, generator=torch.Generator().manual_seed(0))
    images, words = tiny.random_images(2, tiny.TEACHER), torch.randn(26, tiny.TEACHER.text_dim)
    expected = model(images, words).logits[:, order]
    for tensor in (
        model.weight_layer.weight,
        model.weight_layer.bias,
        model.bn.weight,
        model.bn.bias,
        model.bn.running_mean,
        model.bn.running_var,
    ):
        tensor.copy_(tensor[order].clone())
    torch.testing.assert_close(model(images, words[order]).logits, expected, rtol=1e-4, atol=1e-5)


def test_wrong_phrases_name_both_shapes() -> None:
    model = tiny.lively(tiny.TEACHER)
    with pytest.raises(ValueError, match=r"\(26, 384\); got \(26, 768\)"):
        model(tiny.random_images(1, tiny.TEACHER), torch.randn(26, 768))


def test_every_parameter_is_trained() -> None:
    model = tiny.lively(tiny.TEACHER).train().requires_grad_(True)
    output = model(tiny.random_images(8, tiny.TEACHER), torch.randn(26, tiny.TEACHER.text_dim))
    output.logits.pow(3).sum().backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not still


def test_drop_path_grows_with_depth_and_a_single_block_works() -> None:
    model = build_model(replace(tiny.TEACHER, depth=3, drop_path=0.2), 26)
    rates = [1 - getattr(block.drop_path1, "keep", 1.0) for block in model.vit.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2])
    build_model(replace(tiny.TEACHER, depth=1, drop_path=0.2), 26)
