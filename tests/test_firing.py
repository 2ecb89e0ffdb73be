"""Rates of blocks weigh neurons alike; alarms are what is over the limits."""

from __future__ import annotations

import pytest

from snnpar.firing import LIMITS, Alarm, alarms, block_of, block_rates

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
    assert block_rates(ROW) == {
        "tokenizer": pytest.approx(0.1),
        "block 1": pytest.approx((4 + 5) / 30),
        "block 11": pytest.approx(0.4),
        "all": pytest.approx((6 + 4 + 5 + 4) / 100),
    }
    assert list(block_rates(ROW)) == ["tokenizer", "block 1", "block 11", "all"]


@pytest.mark.parametrize(
    ("layer", "block"),
    [("patch_embed.proj4_lif", "tokenizer"), ("block.0.attn.q_lif", "block 1"), ("block.11.mlp.mlp2_lif", "block 12")],
)
def test_layers_have_their_blocks(layer: str, block: str) -> None:
    assert block_of(layer) == block


def test_alarms_are_over_the_limit_and_the_worst_comes_first() -> None:
    assert alarms(ROW) == [
        Alarm("block.0.attn.q_lif", "dead", 1.0),
        Alarm("patch_embed.proj1_lif", "dead", 0.95),
        Alarm("block.0.mlp.mlp1_lif", "saturated", 0.5),
    ]
