"""The ledger against the model taken apart: what hooks see each branch add, and what a silent branch adds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from snnpar.config import ModelConfig
from snnpar.core.errors import SnnparError
from snnpar.explain.ledger import Ledger, branches, channel_terms, entering_spikes, spike_ledger
from snnpar.spikes.trace import SpikeTrace, record

CONFIGS = {
    "two blocks": tiny.STUDENT,
    "pooling before firing": tiny.CML,
    "one block, one timestep": replace(tiny.STUDENT, depth=1, timesteps=1),
    "wide image, many timesteps": replace(tiny.STUDENT, image_size=(32, 64), timesteps=6),
}


@torch.no_grad()
def seen(model: nn.Module, config=tiny.STUDENT, seed: int = 0) -> SpikeTrace:
    with record(model) as trace:
        model(tiny.random_images(1, config, seed))
    return trace


@pytest.fixture(scope="module")
def student() -> nn.Module:
    return tiny.lively(tiny.STUDENT)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("seed", range(3))
def test_the_terms_and_the_bias_sum_to_the_logit(config, seed: int) -> None:
    model = tiny.lively(config, seed=seed)
    nn.init.normal_(model.head.bias)
    trace = seen(model, config, seed)
    logits = model(tiny.random_images(1, config, seed)).logits[0]
    for attribute in (0, 13, 25):
        ledger = spike_ledger(model, trace, attribute)
        assert ledger.spikes.shape == (config.timesteps, 1 + 2 * config.depth, 8)
        assert ledger.logit == pytest.approx(logits[attribute].item(), abs=1e-6)
        assert ledger.error <= ledger.tolerance and ledger.error < 1e-4
        assert np.abs(ledger.spikes).sum() > 0.01 and np.abs(ledger.constants).sum() > 0


@torch.no_grad()
def test_every_term_is_what_its_branch_adds_to_the_stream(student: nn.Module) -> None:
    added = {}
    parts = [f"block.{i}.{part}" for i in range(2) for part in ("attn", "mlp")]
    names = {"patch_embed": "tokenizer"} | {name: name for name in parts}
    handles = [
        student.get_submodule(module).register_forward_hook(lambda _m, _i, out, name=name: added.update({name: out}))
        for module, name in names.items()
    ]
    trace = seen(student)
    for handle in handles:
        handle.remove()
    ledger, weight = spike_ledger(student, trace, 4), student.head.weight[4]
    assert set(ledger.branches) == set(added)
    for place, name in enumerate(ledger.branches):
        expected = torch.einsum("d,tdn->tn", weight, added[name][:, 0].flatten(2)) / (3 * 8)
        np.testing.assert_allclose(ledger.terms[:, place], expected.numpy(), atol=1e-6)


@torch.no_grad()
def test_the_constant_is_what_remains_when_nothing_fires(student: nn.Module) -> None:
    ledger, branch = spike_ledger(student, seen(student), 7), list(branches(student))[-1]
    conv, norm = student.get_submodule(branch.conv), student.get_submodule(branch.norm)
    silent = norm(conv(torch.zeros(1, conv.in_channels, 4, 2)))[0, :, 0, 0]
    assert ledger.constants[-1] == pytest.approx((student.head.weight[7] @ silent).item() / (3 * 8), abs=1e-7)


def test_timesteps_of_the_ledger_are_the_logits_of_timesteps(student: nn.Module) -> None:
    trace = seen(student)
    ledger = spike_ledger(student, trace, 11)
    each = ledger.terms.sum((1, 2)) * trace.timesteps + ledger.bias
    np.testing.assert_allclose(each, trace.logits_per_timestep[:, 0, 11], atol=1e-5)


@pytest.mark.parametrize("name", ["tokenizer", "block.0.attn", "block.1.mlp"])
def test_channels_of_a_branch_sum_to_its_terms(student: nn.Module, name: str) -> None:
    trace = seen(student)
    ledger, channels = spike_ledger(student, trace, 3), channel_terms(student, trace, 3, name)
    place = ledger.branches.index(name)
    assert channels.spikes.shape == channels.constants.shape == (32,)
    assert channels.spikes.sum() == pytest.approx(ledger.spikes[:, place].sum(), abs=1e-9)
    assert channels.constants.sum() == pytest.approx(ledger.constants[place] * 3 * 8, abs=1e-9)


def test_what_has_no_ledger_is_told(student: nn.Module) -> None:
    with pytest.raises(SnnparError, match="spiking student with a linear read-out; this is a VTB"):
        spike_ledger(tiny.lively(tiny.TEACHER), SpikeTrace(), 0)
    with pytest.raises(ValueError, match="trace of one image"):
        spike_ledger(student, SpikeTrace(), 0)
    with pytest.raises(SnnparError, match="no branch is called 'head'; there are tokenizer, block.0.attn"):
        channel_terms(student, seen(student), 0, "head")
    with pytest.raises(ValueError, match="expected spikes"):
        Ledger(("a",), ("A",), np.zeros((2, 3, 4)), np.zeros(1), 0.0, 0.0)


@torch.no_grad()
def test_a_batch_has_no_ledger(student: nn.Module) -> None:
    with record(student) as trace:
        student(tiny.random_images(2, tiny.STUDENT))
    with pytest.raises(ValueError, match="one image"):
        spike_ledger(student, trace, 0)


@torch.no_grad()
@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML], ids=["fire first", "pool first"])
def test_the_spikes_shown_are_those_that_the_convolution_reads(config: ModelConfig, place: int) -> None:
    student = tiny.lively(config)
    branch, read = list(branches(student))[place], []
    handle = student.get_submodule(branch.conv).register_forward_pre_hook(lambda _m, inputs: read.append(inputs[0]))
    trace = seen(student)
    handle.remove()
    spikes = entering_spikes(student, trace, branch.name)
    assert spikes.shape[::2] == (3, 8) and spikes.any()
    assert np.array_equal(spikes, read[0].flatten(2).numpy())
