"""Starting weights: a backbone of others fits key by key, and the fresh layers stay as they were."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from hub_server import Repo, serve_hub
from safetensors.torch import load_file, save, save_file
from torch import nn

from snnpar.checkpoint import CheckpointError, import_published, start_from
from snnpar.checkpoint.starting import Start, resize_positions
from snnpar.config import ModelConfig
from snnpar.core.compat import repair_torchvision
from snnpar.core.errors import SnnparError
from snnpar.hub import HubError
from snnpar.models import build_model

repair_torchvision()
from timm.models.vision_transformer import VisionTransformer as TimmViT  # noqa: E402  timm imports torchvision

GRID = (4, 2)
VIT = ModelConfig("vit", image_size=(64, 32), dim=48, depth=3, heads=3)
TEACHER = replace(VIT, architecture="vtb", drop_path=0.1)
SPIKING = ModelConfig("spikingformer", image_size=(64, 32), dim=40, depth=2, heads=4)
SIZES = {"image_size": (64, 32), "timesteps": 4, "student_heads": 4, "teacher_heads": 4}


def timm_vit(image_size: tuple[int, int] = (64, 64), **changes: int) -> nn.Module:
    """A random ViT of timm's, its norms moved off their start, so that a key left out shows."""
    torch.manual_seed(7)
    size = {"embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 10} | changes
    vit = TimmViT(img_size=image_size, **size).eval().requires_grad_(False)
    for parameter in vit.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    return vit


def fresh(config: ModelConfig, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(config, 26).eval().requires_grad_(False)


def saved(state: dict[str, torch.Tensor], path: Path) -> str:
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    return str(path)


# ------------------------------------------------------------------------------------- position embeddings


def test_positions_are_resized_as_the_published_code_does(golden) -> None:
    arrays = np.load(golden / "arrays.npz")
    resized = resize_positions(torch.from_numpy(arrays["posembed.in"]), GRID)
    np.testing.assert_allclose(resized, arrays["posembed.out"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("grid", [(4, 2), (16, 8), (3, 3)])
def test_resized_positions_keep_the_class_token_and_a_constant(grid: tuple[int, int]) -> None:
    positions = torch.full((1, 10, 5), 3.0)
    positions[:, 0] = torch.arange(5.0)
    resized = resize_positions(positions, grid)
    assert resized.shape == (1, 1 + grid[0] * grid[1], 5)
    assert torch.equal(resized[:, 0], positions[:, 0])
    torch.testing.assert_close(resized[:, 1:], torch.full_like(resized[:, 1:], 3.0))


def test_positions_that_fit_stay() -> None:
    positions = torch.randn(1, 9, 5)
    assert torch.equal(resize_positions(positions, GRID), positions)
    square = torch.randn(1, 17, 5)
    torch.testing.assert_close(resize_positions(square, (4, 4)), square)


@pytest.mark.parametrize("count", [0, 6, 128])
def test_positions_of_no_square_grid_are_refused(count: int) -> None:
    with pytest.raises(SnnparError, match=f"of {count} tokens, neither a square grid nor 4 x 2"):
        resize_positions(torch.zeros(1, 1 + count, 5), GRID)


# ---------------------------------------------------------------------------------------------------- a ViT


@pytest.mark.parametrize("config", [VIT, TEACHER], ids=["student", "teacher"])
@pytest.mark.parametrize("image_size", [(64, 32), (64, 64)], ids=["own grid", "square grid"])
def test_a_vit_of_timm_gives_the_same_tokens(tmp_path: Path, config: ModelConfig, image_size: tuple[int, int]) -> None:
    vit, model = timm_vit(image_size), fresh(config)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    start = start_from(model, saved(vit.state_dict(), tmp_path / "vit.safetensors"))
    images = tiny.random_images(2, config)
    if image_size != config.image_size:  # let timm's own code run on the grid of ours
        positions = nn.Parameter(resize_positions(vit.pos_embed, GRID))
        vit = timm_vit(config.image_size)
        vit.load_state_dict({**timm_vit().state_dict(), "pos_embed": positions})
    torch.testing.assert_close(
        model.vit.norm(model.vit(images, model.vit.blocks)), vit.forward_features(images), rtol=0, atol=1e-5
    )
    assert ("resized from 4 x 4 to 4 x 2" in start.told) == (image_size == (64, 64)) and "not used: head;" in start.told
    kept = {key: value for key, value in model.state_dict().items() if not key.startswith("vit.")}
    assert all(torch.equal(before[key], value) for key, value in kept.items())
    assert {key.split(".")[0] for key in kept} == set(start.fresh)


def test_the_file_may_be_a_pth_under_a_name(tmp_path: Path) -> None:
    vit, plain = timm_vit(), fresh(VIT)
    start_from(plain, saved(vit.state_dict(), tmp_path / "vit.safetensors"))
    for kind, content in {
        "model": {"model": vit.state_dict()},
        "state_dict": {"state_dict": vit.state_dict(), "epoch": 3},
        "module": {f"module.{key}": value for key, value in vit.state_dict().items()},
        "plain": vit.state_dict(),
    }.items():
        for new_format in (True, False):
            path, model = tmp_path / f"{kind}.pth", fresh(VIT, seed=1)
            torch.save(content, path, _use_new_zipfile_serialization=new_format)
            start_from(model, str(path))
            assert all(torch.equal(model.state_dict()[key], value) for key, value in plain.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("blocks.1.attn.qkv.bias"), "does not fit the model: missing blocks.1.attn.qkv.bias"),
        (lambda s: s.update({"reg_token": torch.zeros(1, 4, 48)}), "does not fit the model: unknown reg_token"),
        (
            lambda s: s.update({"cls_token": torch.zeros(1, 1, 8)}),
            r"cls_token has shape \(1, 1, 8\), expected \(1, 1, 48",
        ),
        (lambda s: s.update({"pos_embed": torch.zeros(1, 7, 48)}), "of 6 tokens, neither a square grid nor 4 x 2"),
        (lambda s: s.update({"pos_embed": torch.zeros(7)}), r"pos_embed has shape \(7,\)"),
        (lambda s: s.update({"vit.norm.weight": torch.zeros(48)}), "python -m snnpar import"),
        (lambda s: [s.pop(key) for key in list(s) if "blocks" in key], "missing .*; and 16 more"),
    ],
    ids=["missing", "extra", "mis-shaped", "no grid", "no embedding", "published", "many"],
)
def test_what_does_not_fit_is_named_and_nothing_is_copied(tmp_path: Path, change, message: str) -> None:
    state, model = dict(timm_vit().state_dict()), fresh(VIT)
    change(state)
    with pytest.raises(CheckpointError, match=message) as caught:
        start_from(model, saved(state, tmp_path / "bad.safetensors"))
    assert "bad.safetensors" in str(caught.value) and "\n" not in str(caught.value)
    assert all(torch.equal(value, fresh(VIT).state_dict()[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(VIT, stem="conv"), "no published backbone; it can start vit_base_student"),
        (replace(TEACHER, stem="conv"), "no published backbone; it can start vtb_vit_base_patch16"),
        (SPIKING, "missing patch_embed.proj_conv.weight"),
    ],
)
def test_a_vit_starts_no_other_model(tmp_path: Path, config: ModelConfig, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        start_from(fresh(config), saved(timm_vit().state_dict(), tmp_path / "vit.safetensors"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.pth", None, "nowhere.pth does not exist; start from a checkpoint folder"),
        ("text.pth", b"not a checkpoint", "text.pth is damaged, or neither"),
        ("folder", None, "config.json is missing"),
        ("empty.pth", {"epoch": 1}, "holds no state dict"),
    ],
)
def test_what_holds_no_weights_is_told(tmp_path: Path, name: str, content, message: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        torch.save(content, path)
    elif name == "folder":
        path.mkdir()
    with pytest.raises(CheckpointError, match=message):
        start_from(fresh(VIT), str(path))


# --------------------------------------------------------------------------------------------- Spikingformer


@pytest.mark.parametrize("kind", ["safetensors", "pth.tar"])
def test_a_spikingformer_of_its_authors_starts_a_student(golden, tmp_path: Path, kind: str) -> None:
    """The published student is that network with another head; its authors' files carry their flags, too."""
    published = load_file(golden / "model.safetensors")
    state = {key.removeprefix("snn_model."): value for key, value in published.items() if key.startswith("snn_model.")}
    state |= {"head.weight": torch.randn(1000, 40), "head.bias": torch.randn(1000)}
    path = tmp_path / f"checkpoint-310.{kind}"
    if kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(
            {
                "state_dict": state,
                "args": argparse.Namespace(model="Spikingformer", lr=5e-4),
                "epoch": 310,
                "metric": np.float64(75.85),
            },
            path,
        )
    model, expected = fresh(SPIKING), import_published(golden / "model.safetensors", **SIZES).student
    head = {key: value.clone() for key, value in model.head.state_dict().items()}
    start = start_from(model, str(path))
    images = tiny.random_images(2, SPIKING)
    assert torch.equal(model(images).features, expected(images).features)
    assert all(torch.equal(model.head.state_dict()[key], value) for key, value in head.items())
    assert start.fresh == ("head",) and start.told.endswith("still fresh: head")
    unused = start.told.partition("not used: ")[2].partition(";")[0]
    assert set(unused.split(", ")) == {"block.*.norm1", "block.*.norm2", "head"}


def test_a_spikingformer_of_another_width_is_refused(tmp_path: Path) -> None:
    path = saved(fresh(replace(SPIKING, dim=32)).state_dict(), tmp_path / "small.safetensors")
    with pytest.raises(CheckpointError, match=r"patch_embed.proj_conv.weight has shape \(4, 3, 3, 3\), expected \(5"):
        start_from(fresh(SPIKING), path)


# --------------------------------------------------------------------------------------------------- folders


def test_a_checkpoint_folder_gives_every_weight(tmp_path: Path) -> None:
    checkpoint, model = tiny.write_checkpoint(tmp_path / "run"), fresh(tiny.STUDENT)
    assert start_from(model, str(checkpoint.path)) == Start(f"all weights start from {checkpoint.path}")
    expected = load_file(checkpoint.path / "model.safetensors")
    assert all(torch.equal(expected[key], value) for key, value in model.state_dict().items())
    with pytest.raises(CheckpointError, match="does not fit the model: "):
        start_from(fresh(replace(tiny.STUDENT, depth=1)), str(checkpoint.path))


# ------------------------------------------------------------------------------------------------------ timm

SMALL = ModelConfig("vit", image_size=(64, 32), dim=192, depth=12, heads=3)
NAME = "vit_tiny_patch16_224.augreg_in21k"


@pytest.fixture
def client(monkeypatch, tmp_path: Path) -> None:
    """The Hub's client with an empty cache and no account."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_timm_comes_from_the_hub_and_then_from_the_cache(client, monkeypatch, caplog) -> None:
    vit = timm_vit((224, 224), embed_dim=192, depth=12)
    with serve_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        repo = hub.repos[f"timm/{NAME}"] = Repo()
        repo.push({"model.safetensors": save(vit.state_dict()), "pytorch_model.bin": b"\x80pickle"})
        model = fresh(SMALL)
        assert "resized from 14 x 14 to 4 x 2" in start_from(model, f"timm:{NAME}").told
        assert not any("bin" in request for request in hub.requests)
    assert torch.equal(model.vit.blocks[11].mlp.fc2.weight, vit.blocks[11].mlp.fc2.weight)
    again = fresh(SMALL, seed=2)
    start_from(again, f"timm:{NAME}")  # nobody answers any more
    assert torch.equal(again.vit.pos_embed, model.vit.pos_embed) and not caplog.records


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("vit_nope", SMALL, "timm has no pretrained 'vit_nope'; .* vit_base_patch16_224.orig_in21k_ft_in1k"),
        ("", SMALL, "timm has no pretrained ''"),
        ("vit_tiny_patch16_224.nope", SMALL, "timm has no pretrained 'vit_tiny_patch16_224.nope'"),
        ("resnet18.a1_in1k", SMALL, "resnet18.a1_in1k is no plain vision transformer"),
        (NAME, replace(SMALL, heads=6), "has 3 heads, the model has 6"),
    ],
)
def test_a_timm_model_that_cannot_start_this_one(client, name: str, config: ModelConfig, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        start_from(fresh(config), f"timm:{name}")


def test_timm_without_a_hub_is_one_sentence(client, monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(HubError, match=f"timm/{NAME}@main is not in the cache, and the Hub at .* cannot be reached"):
        start_from(fresh(SMALL), f"timm:{NAME}")


def test_other_normalisation_is_told(client, monkeypatch, caplog) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    caplog.set_level(logging.WARNING)
    with pytest.raises(HubError):
        start_from(fresh(replace(SMALL, mean=(0.4, 0.4, 0.4))), f"timm:{NAME}")
    assert "normalised by mean (0.5, 0.5, 0.5)" in caplog.text
