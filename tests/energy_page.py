"""What the Energy page shows."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from snnpar.core import numbers

PARTS = {"teacher": "tiny-teacher", "student": "tiny-student"}


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def linked(test: AppTest, name: str) -> str:
    """What the link says; "" if nothing."""
    return "".join(test.query_params.get(name, ""))


def marked_row(test: AppTest) -> list[str]:
    """The cells of the conventions' table that stand out."""
    table = test.table[0].value
    (row,) = (row for row in table.itertuples(index=False) if row[0].startswith("**▸"))
    return [cell.strip("*▸ ") for cell in row]


def about(energy: float) -> str:
    return f"≈ {numbers.energy(energy)}"


def digits(energy: float) -> str:
    return numbers.figures(energy)
