"""`python -m snnpar runs`: list, show, create, stop, kill, resume, delete and queue, as the Train page does."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from contextlib import suppress
from datetime import timedelta

import snnpar
from snnpar.config import ConfigError, TrainConfig
from snnpar.devices import queue
from snnpar.flags import add_settings, config_from
from snnpar.history import best_of, read_history
from snnpar.jobs import JobStatus, kill, read_log, read_progress, status, stop
from snnpar.recipes import apply_recipe
from snnpar.runs import Run, RunError, create_run, delete_run, find_run, launch, list_runs

LOG_LINES = 15


def add_runs(flags: argparse.ArgumentParser) -> None:
    """One subcommand per function below."""
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="all runs, newest first")
    listing.add_argument("--json", action="store_true", help="for scripts: a list of objects")
    listing.set_defaults(command=list_all)
    commands.add_parser("queue", help="who trains and who waits on each device").set_defaults(command=show_queue)
    create = commands.add_parser("create", help="make a run for torchrun to start; the flags of `python -m train`")
    add_settings(create)
    create.set_defaults(command=create_one)
    for name, act, help in (
        ("show", show, "state, command, settings and the end of the log"),
        ("stop", stop_one, "end after this step with a state to resume from; a waiting run leaves the queue"),
        ("kill", kill_one, "end it and all its processes at once; what came after the last saved state is lost"),
        ("resume", resume_one, "go on from the last saved state, or start a run that never did"),
        ("delete", delete_one, "remove a run for good"),
    ):
        command = commands.add_parser(name, help=help)
        command.add_argument("name", metavar="NAME", help="the run's name, or the beginning of it")
        command.set_defaults(command=act)
        if name == "delete":
            command.add_argument("--yes", action="store_true", help="needed, as nothing is asked")


def list_all(options: argparse.Namespace) -> None:
    rows = [summary(run) for run in list_runs(snnpar.RUNS)]
    if options.json:
        print(json.dumps(rows, indent=1))
    elif not rows:
        print("no run yet; `python -m train` starts one")
    else:
        print(table([("name", "state", "epoch", "step", "best mA / F1", "left"), *map(_cells, rows)]))


def show_queue(_options: argparse.Namespace) -> None:
    places = queue()
    if not places:
        print("nothing trains and nothing waits")
        return
    print(table([("device", "place", "name", ""), *((one.device, str(one.position), one.run.name,
                                                     one.message or "has the device") for one in places)]))


def create_one(options: argparse.Namespace) -> None:
    print(create_run(config_from(options), root=snnpar.RUNS).path)


def show(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    row, settings = summary(run), settings_beside_recipe(run.config)
    print(f"{row['name']}: {_told(status(run))}\n{run.path}")
    print(f"epoch {_of(row, 'epoch') or 0}, step {_of(row, 'step') or 0}, best mA / F1 {_best(row)}\n")
    print(f"{shlex.join(run.command)}\n")
    print("\n".join(settings))
    print(f"\n{read_log(run, LOG_LINES) or 'the log is empty'}")


def stop_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    stop(run)
    print(f"{run.name}: {_told(status(run))}")


def kill_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    kill(run)
    print(f"{run.name}: {_told(status(run))}")


def resume_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    launch(run, resume=True)
    print(f"{run.name}: {_told(status(run))}")


def delete_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    if not options.yes:
        raise RunError(f"{run.path} would be removed for good; add --yes if you mean it")
    delete_run(run)
    print(f"{run.name} is gone")


def summary(run: Run) -> dict:
    """What a list says about a run; None where nothing is known yet. eta_s: seconds left, while it is at work."""
    now, progress, history = status(run), read_progress(run), read_history(run.path)
    best = best_of(history.epochs) or {}
    place = {**history.last, **progress}
    with suppress(ConfigError):  # a damaged run is listed, too
        place.setdefault("epochs", run.config.epochs)
    return {
        "name": run.name, "state": now.state, "message": now.message, "pid": now.pid, "path": str(run.path),
        **{key: int(place[key]) if key in place else None for key in ("epoch", "epochs", "step", "steps")},
        "best_epoch": best.get("epoch"), "mean_accuracy": best.get("mean_accuracy"), "f1": best.get("f1"),
        "eta_s": progress.get("eta_s") if now.state in ("running", "stopping") else None,
    }


def settings_beside_recipe(config: TrainConfig) -> list[str]:
    """One line per setting that differs from the run's recipe."""
    plain = apply_recipe(config.recipe, {})
    values = {spec.name: (getattr(config, spec.name), getattr(plain, spec.name)) for spec in dataclasses.fields(config)}
    lines = [f"{name:18} {ours!s} (recipe {config.recipe}: {theirs if theirs != '' else 'empty'})"
             for name, (ours, theirs) in values.items() if ours != theirs]
    return lines or [f"every setting is as in recipe {config.recipe}"]


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: dict) -> tuple[str, ...]:
    state = f"{row['state']}: {row['message']}" if row["state"] == "queued" else row["state"]
    left = str(timedelta(seconds=round(row["eta_s"]))) if row["eta_s"] is not None else ""
    return row["name"], state, _of(row, "epoch"), _of(row, "step"), _best(row), left


def _of(row: dict, what: str) -> str:
    return f"{row[what]}/{row[f'{what}s']}" if row[what] is not None else ""


def _best(row: dict) -> str:
    if row["best_epoch"] is None:
        return "none yet"
    return f"{100 * row['mean_accuracy']:.1f} / {100 * row['f1']:.1f} (epoch {row['best_epoch']})"


def _told(now: JobStatus) -> str:
    process = f", process {now.pid}" if now.pid else ""
    return f"{now.state}{process}" + (f"; {now.message}" if now.message else "")
