"""`python -m snnpar estimate [flags of train]`: time, memory and disk of a run that has not started yet."""

from __future__ import annotations

import argparse
import sys
import time

from snnpar.config.flags import add_settings, config_from
from snnpar.runs.estimate import LIMIT_S, RunEstimate, Trial


def add_estimate(flags: argparse.ArgumentParser) -> None:
    """The flags of `python -m train`, and how long it may take."""
    flags.add_argument(
        "--limit", type=int, default=LIMIT_S, metavar="SECONDS", help="give up after so long (default: %(default)s)"
    )
    flags.add_argument(
        "--steps",
        type=int,
        default=3,
        metavar="N",
        help="steps to measure, after one to warm up (default: %(default)s)",
    )
    add_settings(flags)
    flags.set_defaults(command=show_estimate)


def show_estimate(options: argparse.Namespace) -> None:
    """Print it; on a terminal, say meanwhile what is being done. Raises SnnparError."""
    trial = Trial(config_from(options), steps=max(1, options.steps), limit_s=max(1, options.limit))
    try:
        print(describe(_followed(trial)))
    finally:
        trial.close()  # also on Ctrl-C


def describe(estimate: RunEstimate) -> str:
    """One line per figure, then what to mind."""
    lines = [f"{one.what:10} {one.value:26} {one.how}" for one in estimate.figures()]
    return "\n".join(lines + estimate.notes())


def _followed(trial: Trial) -> RunEstimate:
    said, on_terminal = "", sys.stderr.isatty()
    while (found := trial.poll()) is None:
        if on_terminal and (told := trial.told()) != said:
            print(f"\r\x1b[K{told}", end="", file=sys.stderr, flush=True)
            said = told
        time.sleep(0.1)
    if said:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return found
