"""The table of named models."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnpar.__main__ import main
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


@pytest.mark.slow
def test_table_is_rewritten_in_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- models -->\nold\n<!-- end -->\nafter\n")
    assert main(["table", str(page)]) == 0
    once = page.read_text("utf-8")
    assert "old" not in once and once.startswith("before\n") and once.endswith("<!-- end -->\nafter\n")
    assert "| `spikingformer_4_192` |" in once
    assert main(["table", str(page)]) == 0 and page.read_text("utf-8") == once


def test_the_readme_shows_the_table_of_the_registry() -> None:
    from snnpar import ROOT
    from snnpar.bench.table import model_table

    assert model_table() in (ROOT / "README.md").read_text("utf-8")
