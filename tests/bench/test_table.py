"""The table of named models."""

from __future__ import annotations

import pytest

from snnpar.bench.table import model_table


@pytest.mark.parametrize(
    ("name", "published", "used"),
    [
        ("spikingformer_8_768", 65_614_202, 65_589_626),
        ("vtb_vit_base_patch16", 87_127_606, 87_127_606 - 769_000),
    ],
)
def test_the_table_counts_parameters_as_the_paper_does(name: str, published: int, used: int) -> None:
    row = next(line for line in model_table().splitlines() if f"`{name}`" in line)
    assert f"{used:,} | {published:,} |" in row


def test_the_table_counts_the_published_operations() -> None:
    """MACs of SNN-PAR's models, the student's first convolution billed once; 9.2 M neurons in the 8-512."""
    cells = {line.split("`")[1]: line for line in model_table().splitlines()[2:]}
    assert "97,325.8 M" in cells["spikingformer_8_768"] and "11,549.5 M" in cells["vtb_vit_base_patch16"]
    assert "9,175,040" in cells["spikingformer_8_512"]
