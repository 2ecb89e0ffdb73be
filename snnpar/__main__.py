"""`python -m snnpar`: train, look into and share checkpoints; one command per line of --help."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from snnpar import IS_CHECKOUT
from snnpar.bench.api import bench_api, bench_hostile
from snnpar.bench.decoding import bench_decoding
from snnpar.bench.doctor import examine
from snnpar.bench.training import bench_page, bench_recording, bench_rendered, bench_training
from snnpar.cli.estimate import add_estimate
from snnpar.cli.evaluate import add_compare, add_evaluate, add_faithfulness
from snnpar.cli.hub import add_hub
from snnpar.cli.report import add_report
from snnpar.cli.runs import add_runs
from snnpar.core import terminal
from snnpar.core.commands import Parser
from snnpar.core.errors import SnnparError
from snnpar.core.programs import run_app, run_train
from snnpar.serve import add_serve
from snnpar.serve.space import add_space

PROGRAMS = {"app": run_app, "train": run_train}


def main(arguments: list[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in PROGRAMS:  # their flags are their own
        PROGRAMS[words[0]](words[1:])

    def command() -> int | None:
        options = parser().parse_args(words)
        return options.command(options)

    return terminal.run(command)


def parser() -> Parser:
    """One subcommand per function below."""
    flags = Parser(prog="python -m snnpar" if IS_CHECKOUT else "snnpar", description=__doc__)
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("app", help="the app in a browser; takes the flags of `streamlit run`")
    commands.add_parser("train", help="train a teacher, or distil a student; `snnpar train --help` has its flags")
    add_estimate(commands.add_parser("estimate", help="time, memory and disk of a training run, before it starts"))
    checkup = commands.add_parser(
        "doctor", help="is this machine fit, and what to fix; exit status 1 if the shipped pair cannot run"
    )
    checkup.set_defaults(command=examine)
    add_runs(commands.add_parser("runs", help="list, show, create, stop, kill, resume and delete training runs"))
    models = commands.add_parser("models", help="print the table of named models")
    models.set_defaults(command=show_models)
    table = commands.add_parser("table", help="rewrite the generated tables of a Markdown file")
    table.add_argument("file", type=Path)
    table.set_defaults(command=rewrite_tables)
    add_evaluate(commands.add_parser("evaluate", help="metrics and answers of checkpoints on labelled images"))
    add_compare(commands.add_parser("compare", help="paired bootstrap of two checkpoints (B minus A), as JSON"))
    add_faithfulness(commands.add_parser("faithfulness", help="which heatmaps of a checkpoint to believe"))
    add_report(commands.add_parser("report", help="what the models say about an image, as one page to keep"))
    add_hub(commands.add_parser("hub", help="pull checkpoints from the Hugging Face Hub, push one, list, delete"))
    add_data(commands.add_parser("data", help="look a dataset over before it is used"))
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
    published.add_argument(
        "--attributes",
        type=Path,
        metavar="FILE",
        help="names in the order of the answers, one per line, a JSON list, or a dataset's pickle; "
        "else as the pickle in --phrases says",
    )
    published.set_defaults(command=import_checkpoint)
    add_benchmarks(commands.add_parser("bench", help="measure this machine"))
    add_serve(commands.add_parser("serve", help="the same analysis as an API and a small Gradio app"))
    add_space(commands.add_parser("space", help="write the folder of a Hugging Face Space"))
    return flags


def add_benchmarks(bench: argparse.ArgumentParser) -> None:
    """One subcommand per benchmark."""
    names = bench.add_subparsers(required=True, metavar="NAME")
    rendered = names.add_parser("rendered", help="rendered pedestrians per second")
    rendered.set_defaults(command=lambda _options: print(bench_rendered()))
    training = names.add_parser("training", help="time and memory of a training step; the defaults distil in full size")
    training.add_argument("--model", default="spikingformer_8_768", help="named size to train (default: %(default)s)")
    training.add_argument(
        "--teacher",
        default="vtb_vit_base_patch16",
        help="the teacher's size; empty: train on labels alone (default: %(default)s)",
    )
    training.add_argument("--batch-size", type=int, default=2, metavar="N")
    training.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    training.add_argument("--steps", type=int, default=4, metavar="N", help="steps to measure, after one to warm up")
    training.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 leaves torch's default")
    training.add_argument("--accumulate", type=int, default=1, metavar="N", help="compute the batch in N parts")
    training.add_argument("--recompute", action="store_true", help="compute each block again in the backward pass")
    training.add_argument("--pack-spikes", action="store_true", help="keep spikes as bits")
    training.set_defaults(
        command=lambda options: print(
            bench_training(
                options.model,
                options.teacher,
                options.batch_size,
                options.precision,
                options.steps,
                options.threads,
                accumulate=options.accumulate,
                recompute=options.recompute,
                pack_spikes=options.pack_spikes,
            )
        )
    )

    recording = names.add_parser("recording", help="what recording every spike adds to a forward, and its size")
    recording.add_argument(
        "students",
        nargs="*",
        default=["spikingformer_8_512", "spikingformer_cml_4_192"],
        metavar="STUDENT",
        help="shipped checkpoints, or named sizes, which get random weights (default: %(default)s)",
    )
    recording.set_defaults(command=lambda options: print("\n".join(map(bench_recording, options.students))))
    api = names.add_parser("api", help="many users at once on the API: wrong answers, waiting, memory")
    api.add_argument("--users", type=int, default=40, metavar="N")
    api.add_argument("--seconds", type=float, default=60)
    api.add_argument("--restart", action="store_true", help="kill the server halfway, and start it again")
    api.add_argument("--hostile", action="store_true", help="the users post the largest images and fetch no answer")
    api.set_defaults(
        command=lambda options: print(
            bench_hostile(options.users, options.seconds)
            if options.hostile
            else bench_api(options.users, options.seconds, options.restart)
        )
    )
    decoding = names.add_parser("decoding", help="what the largest images that are let in take to open")
    decoding.set_defaults(command=lambda _options: print(bench_decoding()))
    page = names.add_parser("page", help="what a page computes for a new image, against the two bare forwards")
    page.add_argument("--teacher", default="vtb_conv_3_192", help="as STUDENT of `recording` (default: %(default)s)")
    page.add_argument("--student", default="spikingformer_cml_4_192", help="likewise (default: %(default)s)")
    page.set_defaults(command=lambda options: print(bench_page(options.teacher, options.student)))


def add_data(flags: argparse.ArgumentParser) -> None:
    """`data check` and `data schema`, with one way to name a dataset."""
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser(
        "check",
        help="counts per split and attribute, unreadable images, bad labels, near "
        "duplicates across splits; exit status 1 if an image or a label is unusable",
    )
    check.add_argument(
        "--gallery",
        type=Path,
        metavar="OUT.html",
        help="write one page of 30 random images with and "
        "30 without each attribute, so that anybody can see what a label means; DIR may then be the "
        "word rendered",
    )
    check.add_argument(
        "--beside-rendered",
        type=int,
        metavar="N",
        help="in the gallery: beside each attribute's images some of N rendered pedestrians",
    )
    check.add_argument("--seed", type=int, default=0, help="of the gallery's draw (default: %(default)s)")
    check.set_defaults(command=check_data_set)
    schema = commands.add_parser("schema", help="print the attributes as JSON, a schema.json to start from")
    schema.set_defaults(command=show_schema)
    for command in (check, schema):
        command.add_argument("data", metavar="DIR", help="folder of the dataset, a .pkl file, or hf:owner/name")
        command.add_argument(
            "--layout",
            default="",
            metavar="NAME",
            help="pa100k, peta, rapv1, pickle or csv; empty: as the files are named",
        )
        command.add_argument("--fold", type=int, default=0, help="which of several published splits (default: 0)")


def check_data_set(options: argparse.Namespace) -> int:
    from snnpar.datasets.check import check_data, describe
    from snnpar.datasets.contact_sheet import RENDERED

    if options.gallery:
        write_gallery(options)
        if options.data == RENDERED:
            return 0
    elif options.data == RENDERED:
        raise SnnparError("rendered pedestrians need no check; to see them add --gallery OUT.html")
    elif options.beside_rendered is not None:
        raise SnnparError("--beside-rendered shows pedestrians in the gallery: add --gallery OUT.html")
    report = check_data(options.data, layout=options.layout, fold=options.fold)
    print(describe(report))
    return 0 if report.is_sound else 1


def write_gallery(options: argparse.Namespace) -> None:
    from snnpar.datasets.contact_sheet import RENDERED, check_place, rendered_side, side_of, write_contact_sheet

    check_place(options.gallery)
    if options.seed < 0:
        raise SnnparError(f"--seed must be 0 or more; got {options.seed}")
    sides = [] if options.data == RENDERED else [side_of(options.data, layout=options.layout, fold=options.fold)]
    if options.beside_rendered is not None:
        sides.append(rendered_side(options.beside_rendered, seed=options.seed))
    try:
        write_contact_sheet(options.gallery, sides or [rendered_side(seed=options.seed)], seed=options.seed)
    except OSError as error:
        raise SnnparError(f"{options.gallery} cannot be written ({error.strerror}); choose another place") from error
    print(f"{options.gallery}: {options.gallery.stat().st_size / 1e6:.1f} MB\n")


def show_schema(options: argparse.Namespace) -> None:
    from snnpar.datasets import open_annotation

    schema = open_annotation(options.data, layout=options.layout, fold=options.fold).schema
    print(json.dumps(schema.to_dict(), indent=1, ensure_ascii=False))


def show_models(_options: argparse.Namespace) -> None:
    from snnpar.bench.table import model_table

    print(model_table())


def rewrite_tables(options: argparse.Namespace) -> None:
    """Replace what stands between <!-- models --> and <!-- end --> by the table of models."""
    from snnpar.bench.table import model_table

    text = options.file.read_text("utf-8")
    start, end = "<!-- models -->\n", "<!-- end -->"
    before, found, rest = text.partition(start)
    if not found or end not in rest:
        raise SnnparError(f"{options.file} has no lines {start.strip()} and {end}; add them where the table belongs")
    options.file.write_text(before + start + model_table() + "\n" + end + rest.partition(end)[2], "utf-8")


def export_checkpoint(options: argparse.Namespace) -> None:
    from snnpar.runs.run import open_run
    from snnpar.sharing.card import export_run

    export_run(open_run(options.run), options.folder)
    print(options.folder)


def import_checkpoint(options: argparse.Namespace) -> None:
    from snnpar.checkpoint import given_schema, import_published, read_phrases, write_published

    published = import_published(
        options.file,
        image_size=tuple(options.image_size),
        timesteps=options.timesteps,
        student_heads=options.student_heads,
        teacher_heads=options.teacher_heads,
        schema=given_schema(options.attributes, options.phrases),
    )
    phrases = read_phrases(options.phrases, published.schema) if options.phrases else None
    for folder in write_published(published, options.out, options.file, phrases):
        print(folder)
    if published.dropped:
        print(f"dropped, as no model uses them: {', '.join(published.dropped)}")
    if published.teacher is not None and phrases is None:
        print("the teacher has no phrase vectors yet; give --phrases FILE so that it can answer in the app")


if __name__ == "__main__":
    sys.exit(main())
