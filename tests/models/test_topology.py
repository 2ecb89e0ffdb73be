"""Names of modules become stages, parts and words; entries of traces find their layer."""

from __future__ import annotations

import pytest
import tiny
from torch import nn

from snnpar.models import Layer, build_model
from snnpar.models.topology import derived, find, merged, stage_of
from snnpar.spikes.neurons import LIF

STUDENT, TEACHER = (build_model(config, 26).anatomy() for config in (tiny.STUDENT, tiny.TEACHER))


@pytest.mark.parametrize(
    ("anatomy", "name", "stage", "label"),
    [
        (TEACHER, "vit.patch_embed.first.0", "tokenizer", "tokenizer"),
        (STUDENT, "patch_embed.proj_conv", "tokenizer", "tokenizer, image"),
        (STUDENT, "patch_embed.proj4_lif", "tokenizer", "tokenizer, stage 4"),
        (TEACHER, "vit.blocks.1.attn.qkv", "block 2", "block 2, attn.qkv"),
        (TEACHER, "vit.blocks.1.attn", "block 2", "block 2, attn"),
        (STUDENT, "block.0.mlp.mlp1_conv", "block 1", "block 1, MLP, input"),
        (STUDENT, "block.1.attn.attn_lif", "block 2", "block 2, attention, output"),
        (STUDENT, "block.1.attn.co_fire.kv", "block 2", "block 2, attention"),
        (STUDENT, "block.1.attn.q_lif#2", "block 2", "block 2, attention, q"),
        (TEACHER, "word_embed", "phrases", "phrases"),
        (STUDENT, "head", "read-out", "read-out"),
        (TEACHER, "bn", "read-out", "read-out"),
        (STUDENT, "layers.3.fc:2", "layers 4", "layers 4, fc"),
    ],
)
def test_entries_of_a_trace_find_their_layer(anatomy, name: str, stage: str, label: str) -> None:
    layer = anatomy.layer(name)
    assert (layer.stage, layer.label) == (stage, label)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("conv1", ("conv1", "")), ("layers.0.conv", ("layers 1", "conv")), ("a.b.c", ("a", "b c")), ("0.fc", ("0", "fc"))],
)
def test_a_name_tells_a_stage(name: str, expected: tuple[str, str]) -> None:
    assert stage_of(name) == expected


def test_without_a_topology_modules_tell_one() -> None:
    model = nn.Module()
    model.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), LIF(), nn.MaxPool2d(2), nn.Linear(2, 2))
    assert [(layer.name, layer.kind) for layer in derived(model)] == [
        ("layers.0", "weights"),
        ("layers.1", "norm"),
        ("layers.2", "neuron"),
        ("layers.4", "weights"),
    ]


def test_stages_of_two_networks_stand_in_one_order() -> None:
    teacher = ["tokenizer", "block 1", "block 2", "phrases", "read-out"]
    student = ["tokenizer", "block 1", "block 2", "block 3", "read-out"]
    assert merged([teacher, student]) == ["tokenizer", "block 1", "block 2", "block 3", "phrases", "read-out"]
    assert merged([[], ["a"], ["b", "a"]]) == ["b", "a"]


def test_a_label_is_made_of_stage_and_part() -> None:
    assert Layer("a", "neuron", "block 1", "q").label == "block 1, q" and Layer("a", "norm", "x").label == "x"
    assert find((), "a.b").stage == "a"
