"""Less memory, the same training: gradients and running statistics are equal bit for bit, and less is kept."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import tiny
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from snnpar.config import ConfigError, ModelConfig, TrainConfig
from snnpar.models import ModelOutput, build_model
from snnpar.spikes.neurons import LIF
from train.memory import save_memory

CML = replace(tiny.STUDENT, pool_first=True)
TEACHER = replace(tiny.TEACHER, drop_path=0.3)  # what is dropped is drawn once
VIT = ModelConfig("vit", image_size=(64, 32), dim=32, depth=2, heads=2, stem="conv")
RECOMPUTE, PACK = TrainConfig.of(recompute=True), TrainConfig.of(pack_spikes=True)
BOTH = TrainConfig.of(recompute=True, pack_spikes=True)


def fresh(model: ModelConfig, config: TrainConfig) -> nn.Module:
    """A model in training mode whose neurons fire."""
    torch.manual_seed(0)
    built = build_model(model, 5).train()
    for module in built.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.constant_(module.weight, 4.0)
    save_memory(built, config)
    return built


def forward(model: nn.Module) -> ModelOutput:
    torch.manual_seed(1)
    extra = (torch.randn(5, model.config.text_dim),) if model.role == "teacher" else ()
    return model(tiny.random_images(4, model.config), *extra)


def trained(model: nn.Module, precision: str) -> nn.Module:
    """After the backward passes of two batches."""
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            output = forward(model)
        (output.logits.square().sum() + output.features.square().sum()).backward()
    return model


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("model", "config"),
    [
        (tiny.STUDENT, RECOMPUTE),
        (tiny.STUDENT, PACK),
        (tiny.STUDENT, BOTH),
        (CML, BOTH),
        (TEACHER, RECOMPUTE),
        (VIT, RECOMPUTE),
    ],
)
def test_gradients_and_statistics_are_those_of_plain_training(
    model: ModelConfig, config: TrainConfig, precision: str
) -> None:
    expected = trained(fresh(model, TrainConfig()), precision)
    found = trained(copy.deepcopy(fresh(model, config)), precision)  # as the moving average is
    for (name, parameter), other in zip(expected.named_parameters(), found.parameters(), strict=True):
        assert parameter.grad.abs().sum() > 0 and torch.equal(parameter.grad, other.grad), name
    assert list(expected.state_dict()) == list(found.state_dict())
    for (name, buffer), other in zip(expected.named_buffers(), found.named_buffers(), strict=True):
        assert torch.equal(buffer, other[1]), name


def spikes_kept(config: TrainConfig) -> dict[str, bool]:
    """Whether the spikes of each layer, as floats, still lie in memory after the forward pass."""
    model, places = fresh(tiny.STUDENT, config), {}
    for name, module in model.named_modules():
        if isinstance(module, LIF):
            module.register_forward_hook(
                lambda _module, _inputs, spikes, name=name: (
                    places.setdefault(name, StorageWeakRef(spikes.untyped_storage())) and None
                )
            )
    output = forward(model)
    kept = {name: not place.expired() for name, place in places.items()}
    assert output.logits.requires_grad
    return kept


def test_what_is_kept_between_forward_and_backward() -> None:
    plain, recomputed, packed = map(spikes_kept, (TrainConfig(), RECOMPUTE, PACK))
    assert len(plain) == 4 + 2 * 7 and all(plain.values())
    assert recomputed == {name: name.startswith("patch_embed") for name in plain}
    assert not any(packed.values()) and list(packed) == list(plain)


@pytest.mark.parametrize("config", [RECOMPUTE, PACK])
def test_without_gradients_nothing_is_recomputed_or_packed(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calls = fresh(tiny.STUDENT, config), []
    monkeypatch.setattr("train.memory.checkpoint", lambda *_, **__: calls.append("recompute"))
    monkeypatch.setattr("train.memory._Spikes", lambda: calls.append("pack"))
    with torch.no_grad():
        found = forward(model)
    assert not calls and torch.equal(found.logits, forward(fresh(tiny.STUDENT, TrainConfig())).logits)


def test_no_hook_stays() -> None:
    model = fresh(tiny.STUDENT, BOTH)
    forward(model)
    assert tiny.hooks(model) == 0
    with pytest.raises(RuntimeError):
        model(torch.zeros(1, 5, 64, 32))
    assert tiny.hooks(model) == 0


def test_a_model_without_spikes_has_none_to_pack() -> None:
    with pytest.raises(ConfigError, match="has no spikes: switch it off"):
        save_memory(build_model(VIT, 5), PACK)
