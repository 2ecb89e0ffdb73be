"""`python -m snnpar evaluate` and `compare`: their flags, and what they print."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from snnpar.config import DEVICES
from snnpar.core.errors import SnnparError
from snnpar.core.terminal import stop_on_signals
from snnpar.metrics.bootstrap import RESAMPLES, SEED
from snnpar.metrics.defaults import CONVENTION
from snnpar.metrics.pedestrian import THRESHOLDS

if TYPE_CHECKING:
    from snnpar.evaluation.evaluations import Evaluation
    from snnpar.evaluation.slices import DataChoice

CHOICE = ("data", "layout", "split", "fold", "rendered")


def add_evaluate(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("checkpoint", nargs="+", metavar="CKPT", help="a folder, or owner/name[@revision] of the Hub")
    _add_shared(flags)
    flags.set_defaults(command=run_evaluate)


def add_compare(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("first", metavar="A", help="a folder, or owner/name[@revision] of the Hub")
    flags.add_argument("second", metavar="B", help="another, of which A is subtracted")
    _add_shared(flags)
    flags.add_argument(
        "--resamples", type=int, default=RESAMPLES, metavar="N", help="of the bootstrap (default: %(default)s)"
    )
    flags.add_argument("--seed", type=int, default=SEED, help="of the bootstrap (default: %(default)s)")
    flags.set_defaults(command=run_compare)


def add_faithfulness(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("checkpoint", metavar="CKPT", help="a folder, or owner/name[@revision] of the Hub")
    flags.add_argument("--teacher", metavar="CKPT", help="for a student's text-patch cosine")
    flags.add_argument("--count", type=int, default=50, metavar="N", help="images to draw (default: %(default)s)")
    flags.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
    _add_choice(flags)
    add_device(flags)
    flags.set_defaults(command=run_faithfulness)


def _add_shared(flags: argparse.ArgumentParser) -> None:
    _add_choice(flags)
    flags.add_argument(
        "--convention",
        default=CONVENTION,
        choices=tuple(THRESHOLDS),
        help="of the printed metrics; evaluation.json has both (default: %(default)s)",
    )
    flags.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="make the evaluations' folders there instead of in checkpoints/evaluations",
    )
    flags.add_argument("--batch-size", type=int, default=0, metavar="N", help="images at once; 0 fits the memory")
    add_device(flags)
    flags.add_argument(
        "--leave-out-near-duplicates",
        action="store_true",
        help="print what is measured without the "
        "images that are near duplicates of training images of the same data; evaluation.json has both",
    )
    flags.add_argument("--again", action="store_true", help="from the start, even if there is a result")
    flags.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out images that are missing or damaged, which are then named; without it they end the evaluation",
    )
    flags.add_argument(
        "--ignore-unknown",
        action="store_true",
        help="print metrics that leave labels of 2 (unknown) out, instead of what the convention does with them",
    )


def add_device(flags: argparse.ArgumentParser) -> None:
    """Where models compute."""
    flags.add_argument(
        "--device",
        default="auto",
        choices=DEVICES,
        help="auto picks a GPU when there is one (default: %(default)s)",
    )


def _add_choice(flags: argparse.ArgumentParser) -> None:
    flags.add_argument("--data", metavar="DIR", help="labelled images: a folder, a pickle, or hf:owner/name of the Hub")
    flags.add_argument("--layout", metavar="NAME", help="how they are laid out; found out when left away")
    flags.add_argument("--split", metavar="NAME", help="train, val or test, or joined: val+test (default: val)")
    flags.add_argument("--fold", type=int, metavar="K", help="of the datasets that come in several (default: 0)")
    flags.add_argument("--rendered", type=int, metavar="N", help="add N held-out rendered pedestrians")
    flags.add_argument("--slice", metavar="NAME", help="a saved slice of images; it names its data itself")


def run_evaluate(options: argparse.Namespace) -> None:
    from snnpar.evaluation.overlap import reports
    from snnpar.metrics.report import leave_out, table

    evaluations = _evaluate(options, options.checkpoint, may_batch=True)
    infos = [evaluation.info() for evaluation in evaluations]
    if options.ignore_unknown:
        infos = [
            info | reports(evaluation.predictions(), info.get("near_duplicates"), ignore_unknown=True)
            for info, evaluation in zip(infos, evaluations, strict=True)
        ]
    print(table(list(map(leave_out, infos)) if options.leave_out_near_duplicates else infos, options.convention))
    print("\n" + "\n".join(str(evaluation.path) for evaluation in evaluations))


def run_compare(options: argparse.Namespace) -> None:
    """Both evaluations are kept, so that a second comparison need not compute them again."""
    from snnpar.evaluation.comparison import compare

    if options.resamples < 1:
        raise SnnparError(f"--resamples must be 1 or more; got {options.resamples}")
    if options.seed < 0:
        raise SnnparError(f"--seed must be 0 or more; got {options.seed}")
    pair = _evaluate(options, [options.first, options.second])
    print(
        json.dumps(
            compare(
                *pair,
                convention=options.convention,
                resamples=options.resamples,
                seed=options.seed,
                leave_out_duplicates=options.leave_out_near_duplicates,
                ignore_unknown=options.ignore_unknown,
            ),
            indent=1,
        )
    )


def run_faithfulness(options: argparse.Namespace) -> None:
    from snnpar.checkpoint import find_checkpoint, read_checkpoint
    from snnpar.explain.faithfulness import score_methods, score_table
    from snnpar.inference import load

    if options.count < 1:
        raise SnnparError(f"--count must be 1 or more; got {options.count}")
    split = choice_of(options).open()
    model = load(read_checkpoint(find_checkpoint(options.checkpoint)), options.device)
    teacher = load(read_checkpoint(find_checkpoint(options.teacher)), options.device) if options.teacher else None
    print(f"{model.checkpoint.name} on {min(options.count, len(split))} images of {split.name}, seed {options.seed}")
    print(score_table(score_methods(model, split, teacher=teacher, count=options.count, seed=options.seed)))


def _evaluate(options: argparse.Namespace, checkpoints: list[str], *, may_batch: bool = False) -> list[Evaluation]:
    """Evaluate each checkpoint; a request to stop ends with exit status 1, as the status files say.

    may_batch: several are one job, which the Checkpoints page shows, and which one that fails does not hold up; so is
    a single one that this page began.
    """
    if options.batch_size < 0:
        raise SnnparError(f"--batch-size must be 1 or more, or 0 to fit the memory; got {options.batch_size}")
    choice = choice_of(options)
    from snnpar.checkpoint import find_checkpoint
    from snnpar.evaluation.batch import batch_at, create_batch, run_batch
    from snnpar.evaluation.evaluate import EvaluationStopped, evaluate_checkpoint

    folders = [find_checkpoint(text) for text in checkpoints]
    how = {
        "batch_size": options.batch_size,
        "again": options.again,
        "convention": options.convention,
        "skip_unreadable": options.skip_unreadable,
        "device": options.device,
    }
    with stop_on_signals() as stop:
        try:
            if may_batch and (len(folders) > 1 or batch_at(folders, choice, root=options.out).exists):
                return run_batch(create_batch(folders, choice, root=options.out), **how, stop=stop)
            return [evaluate_checkpoint(folder, choice, root=options.out, **how, stop=stop) for folder in folders]
        except EvaluationStopped:
            raise SystemExit(1) from None


def choice_of(options: argparse.Namespace) -> DataChoice:
    """The images that the flags name. Raises SnnparError when they say something else than the slice does."""
    from snnpar.evaluation.slices import DataChoice, SliceError, choose_slice

    given = {name: getattr(options, name) for name in CHOICE if getattr(options, name) is not None}
    if not options.slice:
        return DataChoice(**given)
    choice = choose_slice(options.slice)
    if replace(choice, **given) != choice:
        raise SliceError(
            f"slice {options.slice} is of {choice.title.partition(' of ')[2]}; leave --data, --layout, "
            "--split, --fold and --rendered out"
        )
    return choice
