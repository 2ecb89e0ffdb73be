"""The published rows are whole, in percent, and named by dataset."""

from __future__ import annotations

import pytest

from snnpar.core.errors import SnnparError
from snnpar.metrics.pedestrian import FIVE
from snnpar.metrics.published import ROWS, SETS, PublishedRow, published_rows, published_set
from snnpar.schema.attributes import SCHEMAS


def test_every_bundled_schema_has_its_rows() -> None:
    assert {one.schema for one in SETS} == set(SCHEMAS)
    assert sum(len(published_rows(name)) for name in SCHEMAS) == len(ROWS)
    assert all("VTB" in published_rows(name)[0].system for name in SCHEMAS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.schema}-{row.system}")
def test_a_row_is_whole_and_consistent(row: PublishedRow) -> None:
    """Mean per-image F1 lies near the harmonic mean of mean precision and recall, never far off."""
    assert {"mean_accuracy", "f1"} <= set(row.percent) and all(50 < value < 100 for value in row.percent.values())
    if len(row.percent) == len(FIVE):
        precision, recall = row.percent["precision"], row.percent["recall"]
        assert row.percent["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=1)
        assert row.percent["accuracy"] < min(precision, recall)


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(SnnparError, match="'rap2'; there are pa100k, peta, rapv1"):
        published_set("rap2")
    with pytest.raises(SnnparError, match="no metric speed; there are mean_accuracy"):
        PublishedRow("x", "peta", {"speed": 1.0})
