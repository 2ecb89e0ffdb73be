"""Tables as a visitor gets them with the framework's own "Download as CSV": no cell is a formula."""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd
import pytest
from browsing import ROOT

from pages.ui.widgets.frames import UNSEEN, texts


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", " =1"])
def test_cells_index_and_head_are_text(text: str) -> None:
    frame = texts(pd.DataFrame({"a": [text, "b"], text: [1.5, None]}, index=[text, "c"]))
    assert list(frame["a"]) == [UNSEEN + text, "b"] and list(frame.index) == [UNSEEN + text, "c"]
    assert list(frame) == ["a", UNSEEN + text]


def test_numbers_and_times_stay_what_they_are() -> None:
    frame = pd.DataFrame({"n": [-1, 2], "x": [-0.5, None], "b": [True, False], "t": pd.to_datetime(["2026-01-01"] * 2)})
    pd.testing.assert_frame_equal(texts(frame), frame)
    assert texts(pd.DataFrame([])).empty


def test_every_table_of_the_pages_goes_through() -> None:
    for path in (ROOT / "pages").rglob("*.py"):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("st.dataframe", "st.data_editor"):
                shown = ast.unparse(node.args[0])
                assigned = f"{shown.partition('[')[0]} = frames.texts(" in source
                assert "frames.texts(" in shown or assigned, f"{Path(path).name}: {shown}"
