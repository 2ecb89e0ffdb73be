"""The programs beside the library, as a checkout has them and as they are installed: how to start and name them."""

from __future__ import annotations

import os
import sys

from snnpar import APP, IS_CHECKOUT

TRAIN = "train"


def module(name: str = TRAIN) -> str:
    """What `python -m` takes for train or a part of it, such as train.measure."""
    return name if IS_CHECKOUT else f"snnpar.{name}"


def train_command() -> list[str]:
    """What people type to train; the page shows it."""
    return ["python", "-m", TRAIN] if IS_CHECKOUT else ["snnpar", TRAIN]


TRAIN_WORDS = " ".join(train_command())  # in messages


def become(arguments: list[str]) -> None:
    """Replace this process by `python ARGUMENTS`."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])


def run_train(arguments: list[str]) -> None:
    """`snnpar train`: the training, which takes over."""
    become(["-m", module(), *arguments])


def run_app(arguments: list[str]) -> None:
    """`snnpar app`: the Streamlit app, with Streamlit's own flags."""
    become(["-m", "streamlit", "run", str(APP), *arguments])
