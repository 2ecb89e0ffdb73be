"""Tables that the framework lets a visitor download as CSV."""

from __future__ import annotations

import pandas as pd

from snnpar.runs.table import as_text

UNSEEN = "\N{ZERO WIDTH SPACE}"  # the table looks as it is, and a spreadsheet shows text where it would compute


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with every text in it, also in its index and its head, marked where it begins as a formula does."""
    words = frame.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz", "timedelta"])
    marked = frame.assign(**{name: words[name].map(_marked) for name in words})
    return marked.rename(index=_marked, columns=_marked)


def _marked(cell: object) -> object:
    return as_text(cell, UNSEEN) if isinstance(cell, str) else cell
