"""Rates of blocks weigh neurons alike; alarms are what is over the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny

from snnpar.explain.firing import LIMITS, Alarm, alarms, block_rates
from snnpar.models import layers_of

DEEP = replace(tiny.STUDENT, depth=11)
ROW = {
    "rates": {
        "patch_embed.proj1_lif": 0.1,
        "block.0.attn.q_lif": 0.2,
        "block.0.mlp.mlp1_lif": 0.5,
        "block.10.attn.q_lif": 0.4,
    },
    "neurons": {
        "patch_embed.proj1_lif": 60,
        "block.0.attn.q_lif": 20,
        "block.0.mlp.mlp1_lif": 10,
        "block.10.attn.q_lif": 10,
    },
    "dead": {"patch_embed.proj1_lif": 0.95, "block.0.attn.q_lif": 1.0, "block.0.mlp.mlp1_lif": LIMITS["dead"]},
    "saturated": {"patch_embed.proj1_lif": 0.0, "block.0.attn.q_lif": 0.0, "block.0.mlp.mlp1_lif": 0.5},
}


def test_a_block_is_as_active_as_its_neurons() -> None:
    assert block_rates(ROW, layers_of(DEEP)) == {
        "tokenizer": pytest.approx(0.1),
        "block 1": pytest.approx((4 + 5) / 30),
        "block 11": pytest.approx(0.4),
        "all": pytest.approx((6 + 4 + 5 + 4) / 100),
    }
    assert list(block_rates(ROW, layers_of(DEEP))) == ["tokenizer", "block 1", "block 11", "all"]


def test_without_a_topology_names_tell_the_stages() -> None:
    assert list(block_rates(ROW, ())) == ["patch_embed", "block 1", "block 11", "all"]


def test_alarms_are_over_the_limit_and_the_worst_comes_first() -> None:
    assert alarms(ROW) == [
        Alarm("block.0.attn.q_lif", "dead", 1.0),
        Alarm("patch_embed.proj1_lif", "dead", 0.95),
        Alarm("block.0.mlp.mlp1_lif", "saturated", 0.5),
    ]
