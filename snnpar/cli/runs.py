"""`python -m snnpar runs`: all that the Train page does with runs."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import snnpar
from snnpar.config import TrainConfig
from snnpar.config.flags import add_settings, config_from
from snnpar.config.recipes import apply_recipe
from snnpar.core.programs import TRAIN_WORDS
from snnpar.metrics.report import SUPPORTED_HEADING
from snnpar.runs.devices import queue
from snnpar.runs.history import config_diff, place_words
from snnpar.runs.jobs import JobStatus, kill, read_log, stop
from snnpar.runs.notes import change_tags, read_notes, set_note
from snnpar.runs.run import STATES, RunError, create_run, delete_runs, find_run, launch, run_status
from snnpar.runs.table import RunRow, RunTable, matching, run_row, to_csv

LOG_LINES = 15


def add_runs(flags: argparse.ArgumentParser) -> None:
    """One subcommand per function below."""
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    _add_list(commands.add_parser("list", help="all runs, newest first"))
    commands.add_parser("queue", help="who trains and who waits on each device").set_defaults(command=show_queue)
    create = commands.add_parser("create", help=f"make a run for torchrun to start; the flags of `{TRAIN_WORDS}`")
    add_settings(create)
    create.set_defaults(command=create_one)
    for name, act, help in (
        ("show", show, "state, command, settings and the end of the log"),
        ("stop", stop_one, "end after this step with a state to resume from; a waiting run leaves the queue"),
        ("kill", kill_one, "end it and all its processes at once; what came after the last saved state is lost"),
        ("resume", resume_one, "go on from the last saved state, or start a run that never did"),
    ):
        _named(commands.add_parser(name, help=help), act)
    tag = _named(commands.add_parser("tag", help="give a run tags to find it by, or print those it has"), tag_one)
    tag.add_argument("tags", metavar="TAG", nargs="*", help="letters, digits and . _ - + : /")
    tag.add_argument("--remove", metavar="TAG", action="append", default=[], help="take a tag away; can be repeated")
    note = _named(commands.add_parser("note", help="write a note on a run, or print the one it has"), note_one)
    note.add_argument("text", metavar="TEXT", nargs="?", help='replaces the note; "" takes it away')
    diff = commands.add_parser("diff", help="the settings in which two runs differ")
    for name in ("first", "second"):
        diff.add_argument(name, metavar="NAME", help="the run's name, or the beginning of it")
    diff.set_defaults(command=diff_two)
    delete = commands.add_parser("delete", help="remove runs for good")
    delete.add_argument("names", metavar="NAME", nargs="+", help="the run's name, or the beginning of it")
    delete.add_argument("--yes", action="store_true", help="needed, as nothing is asked")
    delete.set_defaults(command=delete_all)


def _named(command: argparse.ArgumentParser, act: Callable) -> argparse.ArgumentParser:
    command.add_argument("name", metavar="NAME", help="the run's name, or the beginning of it")
    command.set_defaults(command=act)
    return command


def _add_list(listing: argparse.ArgumentParser) -> None:
    listing.add_argument("--text", default="", help="only runs with all these words in them, say in name or note")
    listing.add_argument("--state", action="append", default=[], choices=STATES, help="only these; can be repeated")
    listing.add_argument("--tag", action="append", default=[], help="only runs with all these; can be repeated")
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for scripts: a list of objects")
    form.add_argument("--csv", action="store_true", help="for spreadsheets: all that is known, in full")
    listing.set_defaults(command=list_all)


def list_all(options: argparse.Namespace) -> None:
    every = RunTable().rows(snnpar.RUNS)
    rows = matching(every, text=options.text, states=options.state, tags=options.tag)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    elif options.csv:
        print(to_csv(rows), end="")
    elif not rows:
        print(f"none of {len(every)} runs matches" if every else f"no run yet; `{TRAIN_WORDS}` starts one")
    else:
        print(table([("name", "state", "epoch", "step", "best mA / F1", "left", "tags"), *map(_cells, rows)]))


def show_queue(_options: argparse.Namespace) -> None:
    places = queue()
    if not places:
        print("nothing trains and nothing waits")
        return
    print(
        table(
            [
                ("device", "place", "name", ""),
                *((one.device, str(one.position), one.run.name, one.message or "has the device") for one in places),
            ]
        )
    )


def create_one(options: argparse.Namespace) -> None:
    print(create_run(config_from(options), root=snnpar.RUNS).path)


def show(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    row, settings = run_row(run), settings_beside_recipe(run.config)
    print(f"{row.name}: {_told(run_status(run))}\n{run.path}")
    print(f"{place_words(asdict(row))}; best mA / F1 {_best(row)}\n{_support(row)}", end="")
    print("".join(f"{name}: {words}\n" for name, words in (("tags", " ".join(row.tags)), ("note", row.note)) if words))
    print(f"{shlex.join(run.command)}\n")
    print("\n".join(settings))
    print(f"\n{read_log(run, LOG_LINES) or 'the log is empty'}")


def stop_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    stop(run)
    print(f"{run.name}: {_told(run_status(run))}")


def kill_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    kill(run)
    print(f"{run.name}: {_told(run_status(run))}")


def resume_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    if run_status(run).state == "done":
        raise RunError(
            f"{run.name} is done; there is nothing to go on with. To train on from it, make a run with "
            f"--init {run.path}"
        )
    launch(run, resume=True)
    print(f"{run.name}: {_told(run_status(run))}")


def tag_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    wanted = options.tags or options.remove
    notes = change_tags(run, add=options.tags, remove=options.remove) if wanted else read_notes(run)
    print(f"{run.name}: {' '.join(notes.tags) or 'no tags'}")


def note_one(options: argparse.Namespace) -> None:
    run = find_run(options.name)
    notes = read_notes(run) if options.text is None else set_note(run, options.text)
    print(f"{run.name}: {notes.note or 'no note'}")


def diff_two(options: argparse.Namespace) -> None:
    runs = [find_run(name) for name in (options.first, options.second)]
    if runs[0] == runs[1]:
        raise RunError(f"both names mean {runs[0].name}; give two runs")
    found = config_diff({run.name: run.config.settings() for run in runs})
    if not found:
        print("no setting differs")
        return
    print(
        table(
            [
                ("setting", *(run.name for run in runs)),
                *(
                    (name, *("-" if value == "" else str(value) for value in values.values()))
                    for name, values in found.items()
                ),
            ]
        )
    )


def delete_all(options: argparse.Namespace) -> None:
    runs = list(dict.fromkeys(map(find_run, options.names)))
    if not options.yes:
        paths = ", ".join(str(run.path) for run in runs)
        raise RunError(f"{paths} would be removed for good; add --yes if you mean it")
    refused = delete_runs(runs, said=lambda run: print(f"{run.name} is gone"))
    if refused:
        raise RunError("; ".join(refused.values()))


def settings_beside_recipe(config: TrainConfig) -> list[str]:
    """One line per setting that differs from the run's recipe."""
    plain = apply_recipe(config.recipe, {}).settings()
    values = {name: (value, plain[name]) for name, value in config.settings().items()}
    lines = [
        f"{name:18} {ours!s} (recipe {config.recipe}: {theirs if theirs != '' else 'empty'})"
        for name, (ours, theirs) in values.items()
        if ours != theirs
    ]
    return lines or [f"every setting is as in recipe {config.recipe}"]


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: RunRow) -> tuple[str, ...]:
    state = f"{row.state}: {row.message}" if row.state in ("created", "queued") else row.state
    left = str(timedelta(seconds=round(row.eta_s))) if row.eta_s is not None else ""
    return (row.name, state, _of(row.epoch, row.epochs), _of(row.step, row.steps), _best(row), left, " ".join(row.tags))


def _of(done: int | None, whole: int | None) -> str:
    return f"{done}/{whole}" if done is not None else ""


def _best(row: RunRow) -> str:
    if row.best_epoch is None or row.mean_accuracy is None or row.f1 is None:
        return "none yet"
    images = f", n = {row.val_images}" if row.val_images else ""
    return f"{100 * row.mean_accuracy:.1f} / {100 * row.f1:.1f} (epoch {row.best_epoch}{images})"


def _support(row: RunRow) -> str:
    """A line about mA over the attributes with enough positives; empty for runs that do not tell."""
    if row.supported is None:
        return ""
    absent = f"; without a positive: {', '.join(row.without_positives)}" if row.without_positives else ""
    return f"{SUPPORTED_HEADING} {100 * row.supported:.1f}, over {row.supported_attributes} attributes{absent}\n"


def _told(now: JobStatus) -> str:
    process = f", process {now.pid}" if now.pid else ""
    return f"{now.state}{process}" + (f"; {now.message}" if now.message else "")
