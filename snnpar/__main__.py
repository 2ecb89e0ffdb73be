"""`python -m snnpar`: models, evaluate, compare, export, import, bench, table."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from snnpar.bench import BENCHMARKS


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        options.command(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """One subcommand per function below."""
    flags = argparse.ArgumentParser(prog="python -m snnpar", description=__doc__)
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    models = commands.add_parser("models", help="print the table of named models")
    models.set_defaults(command=show_models)
    table = commands.add_parser("table", help="rewrite the generated tables of a Markdown file")
    table.add_argument("file", type=Path)
    table.set_defaults(command=rewrite_tables)
    evaluate = commands.add_parser("evaluate", help="the five metrics of a checkpoint on a split, as JSON")
    evaluate.add_argument("checkpoint", type=Path)
    compare = commands.add_parser("compare", help="paired bootstrap of two checkpoints (second minus first), as JSON")
    compare.add_argument("first", type=Path)
    compare.add_argument("second", type=Path)
    export = commands.add_parser("export", help="copy a run's checkpoint to a folder to share")
    export.add_argument("run", type=Path)
    export.add_argument("folder", type=Path)
    export.set_defaults(command=export_checkpoint)
    published = commands.add_parser("import", help="turn a published .pth (or its .safetensors) into checkpoints")
    published.add_argument("file", type=Path)
    published.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets teacher/ and student/")
    published.add_argument("--image-size", type=int, nargs=2, default=(256, 128), metavar=("H", "W"))
    published.add_argument("--timesteps", type=int, default=8)
    published.add_argument("--student-heads", type=int, default=8)
    published.add_argument("--teacher-heads", type=int, default=12)
    published.add_argument("--phrases", type=Path, metavar="FILE", help="vectors of the teacher's attribute phrases")
    published.set_defaults(command=import_checkpoint)
    bench = commands.add_parser("bench", help="measure this machine")
    bench.add_argument("name", choices=sorted(BENCHMARKS))
    bench.set_defaults(command=lambda options: print(BENCHMARKS[options.name]()))
    for command in (evaluate, compare):
        command.add_argument("--data", default="", metavar="DIR", help="PA100K folder; empty: rendered images only")
        command.add_argument("--split", default="val", choices=("train", "val", "test"))
        command.add_argument("--rendered", type=int, default=0, metavar="N", help="add N held-out rendered images")
    evaluate.set_defaults(command=evaluate_checkpoint)
    compare.set_defaults(command=compare_checkpoints)
    return flags


def show_models(_options: argparse.Namespace) -> None:
    from snnpar.table import model_table

    print(model_table())


def rewrite_tables(options: argparse.Namespace) -> None:
    """Replace what stands between <!-- models --> and <!-- end --> by the table of models."""
    from snnpar.table import model_table

    text = options.file.read_text("utf-8")
    start, end = "<!-- models -->\n", "<!-- end -->"
    before, found, rest = text.partition(start)
    if not found or end not in rest:
        raise ValueError(f"{options.file} has no lines {start.strip()} and {end}; add them where the table belongs")
    options.file.write_text(before + start + model_table() + "\n" + end + rest.partition(end)[2], "utf-8")


def evaluate_checkpoint(options: argparse.Namespace) -> None:
    from snnpar.evaluate import evaluation_split, probabilities
    from snnpar.metrics import pedestrian_metrics

    split = evaluation_split(options.data, options.split, options.rendered)
    metrics = pedestrian_metrics(split.labels, probabilities(options.checkpoint, split))
    _print_json({"split": split.name, "n": len(split), "convention": "published, threshold 0.45", **metrics.summary()})


def compare_checkpoints(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from snnpar.evaluate import evaluation_split, probabilities
    from snnpar.metrics import paired_bootstrap

    split = evaluation_split(options.data, options.split, options.rendered)
    probs = [probabilities(path, split) for path in (options.first, options.second)]
    rows = [asdict(row) for row in paired_bootstrap(split.labels, *probs)]
    _print_json({"split": split.name, "n": len(split), "convention": "published, threshold 0.45",
                 "second_minus_first": rows})


def export_checkpoint(options: argparse.Namespace) -> None:
    from snnpar.card import export_run
    from snnpar.runs import open_run

    export_run(open_run(options.run), options.folder)
    print(options.folder)


def import_checkpoint(options: argparse.Namespace) -> None:
    from snnpar.checkpoint import import_published, read_phrases, write_published

    published = import_published(
        options.file, image_size=tuple(options.image_size), timesteps=options.timesteps,
        student_heads=options.student_heads, teacher_heads=options.teacher_heads,
    )
    phrases = read_phrases(options.phrases, published.schema) if options.phrases else None
    for folder in write_published(published, options.out, options.file, phrases):
        print(folder)
    if published.dropped:
        print(f"dropped, as no model uses them: {', '.join(published.dropped)}")
    if published.teacher is not None and phrases is None:
        print("the teacher has no phrase vectors yet; give --phrases FILE so that it can answer in the app")


def _print_json(content: dict) -> None:
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    sys.exit(main())
