"""`python -m train`: flags generated from TrainConfig, or --run DIR for a run that exists."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from snnpar.config import TASK, TrainConfig, hindrance
from snnpar.config.flags import add_settings, config_from, given
from snnpar.config.recipes import apply_recipe, explain_config
from snnpar.core import terminal
from snnpar.core.commands import Parser
from snnpar.core.programs import TRAIN_WORDS
from snnpar.runs.claims import check_free, wait_for_silence
from snnpar.runs.devices import device_key, turn
from snnpar.runs.run import Run, RunError, check_start, create_run, open_run


def parser() -> Parser:
    """One flag per TrainConfig field."""
    flags = Parser(prog=TRAIN_WORDS, description="Train a teacher, or distil a student.")
    flags.add_argument("--run", metavar="DIR", help="train the run in DIR (it has a config.json), as the page does")
    flags.add_argument("--resume", action="store_true", help="with --run: go on from its last saved state")
    flags.add_argument("--out", metavar="DIR", help="make the run in DIR instead of a fresh folder in checkpoints/runs")
    flags.add_argument("--print-config", action="store_true", help="say what the settings mean and come from; no run")
    add_settings(flags)
    return flags


def new_run(options: argparse.Namespace) -> Run:
    """The run that the flags describe."""
    if options.resume:
        raise RunError("--resume needs --run DIR, the run to go on with")
    if is_one_of_many():
        raise RunError(
            "torchrun needs --run DIR, as all its processes train one run; `python -m snnpar runs create` makes one"
        )
    config = config_from(options)
    for name in given(options):
        if reason := hindrance(name, config.settings()):
            print(f"--{name.replace('_', '-')} has no effect: {reason}", file=sys.stderr)
    run = create_run(config, Path(options.out) if options.out else None)
    print(f"run: {run.path}")
    return run


def existing_run(options: argparse.Namespace) -> Run:
    """The run in --run DIR; refuses what would disturb or overwrite it."""
    if options.out or given(options):
        raise RunError("--run takes every setting from the run's config.json; leave the other flags out")
    run = open_run(options.run)
    if not rank():
        if options.resume:
            wait_for_silence(run)
        check_free(run)
        check_start(run, resume=options.resume)
    return run


def rank() -> int:
    """This process's number among those that torchrun started; the first, 0, speaks for all."""
    return int(os.environ.get("RANK", "0"))


def is_one_of_many() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def start_log(run: Run) -> None:
    """Log to the terminal and to log.txt; once only when the terminal already is log.txt."""
    path = run.path / "log.txt"
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if not path.exists() or os.fstat(sys.stderr.fileno()).st_ino != path.stat().st_ino:
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
    who = f"[{rank()}] " if rank() else ""
    logging.basicConfig(
        level=logging.WARNING if rank() else logging.INFO,
        format=f"%(asctime)s {who}%(message)s",
        datefmt="%H:%M:%S",
        handlers=handlers,
    )


def main(arguments: list[str] | None = None) -> int:
    return terminal.run(lambda: command(arguments))


def command(arguments: list[str] | None) -> int:
    options = parser().parse_args(arguments)
    for flag in ("run", "out"):
        if getattr(options, flag) == "":
            raise RunError(f"--{flag} needs a folder; it is empty (a variable that is not set?)")
    if options.print_config:
        print(explain_config(*_asked(options)))
        return 0
    run = existing_run(options) if options.run else new_run(options)
    start_log(run)
    try:
        with nullcontext() if rank() else turn(run, device_key(run.config), wait=not is_one_of_many()):
            return work(run, resume=options.resume)
    except KeyboardInterrupt:
        return 1  # it left the queue; status.json says so


def _asked(options: argparse.Namespace) -> tuple[TrainConfig, dict[str, Any]]:
    """The settings of the flags, or of the run that is named, and those of them that no recipe gives."""
    if not options.run:
        return config_from(options), given(options)
    if given(options) or options.out:
        raise RunError("--run takes every setting from the run's config.json; leave the other flags out")
    config = open_run(options.run).config
    usual = apply_recipe(config.recipe, {TASK: config.task.name}).settings()
    return config, {name: value for name, value in config.settings().items() if value != usual[name]}


def work(run: Run, *, resume: bool) -> int:
    """Train, now that it is this run's turn; the exit status."""
    from .loop import train  # torch and the models load only now

    try:
        train(run, resume=resume)
    except Exception:
        return 1  # said in the log and in status.json
    return 0


if __name__ == "__main__":
    sys.exit(main())
