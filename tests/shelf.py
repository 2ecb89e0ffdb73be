"""What the Checkpoints page shows: its table, and the keys of its buttons."""

from __future__ import annotations

import pandas as pd


def table(test) -> pd.DataFrame:
    return test.dataframe[0].value


def keys(test) -> set[str]:
    return {button.key for button in test.button}
