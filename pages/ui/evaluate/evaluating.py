"""Starting evaluations from the page, and those under way: progress, stop, resume, log."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import streamlit as st

from pages.ui.chrome import Selection, sentence
from pages.ui.evaluate.evaluated import CompleteEvaluation
from pages.ui.server import access
from pages.ui.widgets.badges import RESUMABLE, STATES
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.datasets import LAYOUTS
from snnpar.datasets.annotation import SPLITS, TRAINVAL
from snnpar.evaluation.evaluations import Evaluation, create_evaluation, launch, list_evaluations
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.slices import QUICK, DataChoice, choose_slice, list_slices
from snnpar.runs.jobs import JobError, JobStatus, read_log, status, stop


def offer_pair(selection: Selection) -> None:
    """The first step for the bar's pair."""
    models = selection.checkpoints
    if not models:
        st.info(
            "There is no checkpoint to evaluate. Train one on the Train page, or type a Hub id into the bar.",
            icon=":material/info:",
        )
        return
    if reason := access.denied("evaluate"):
        st.info(f"Nothing of this pair is evaluated here. {reason}", icon=":material/lock:")
        return
    st.info(
        "Nothing of this pair is evaluated yet. The button starts it; it takes about a minute.", icon=":material/info:"
    )
    what = f"this {next(iter(models))}" if len(models) == 1 else "this pair" if len(models) == 2 else "these three"
    offer(f"Evaluate {what} on {QUICK.rendered} rendered pedestrians", folders(selection), QUICK, type="primary")


def offer_missing(selection: Selection, models: dict[str, CompleteEvaluation]) -> None:
    """With one model evaluated: evaluate the bar's others on the same images."""
    one = next(iter(models.values()))
    for role, checkpoint in selection.checkpoints.items():
        if role in models:
            continue
        st.info(
            f"The {role} is not evaluated on these images yet, so there is nothing to compare with.",
            icon=":material/info:",
        )
        offer(
            f"Evaluate {literal(checkpoint.name)} on the same images",
            [checkpoint.path],
            one.evaluation.choice,
            type="primary",
        )


def offer_same(models: dict[str, CompleteEvaluation]) -> None:
    """Evaluations of different images are not put side by side; offers to evaluate the others on the first one's."""
    first, *_ = models.values()
    on = "; ".join(f"the {role} on {literal(one.title)}" for role, one in models.items())
    st.error(
        f"These were evaluated on different images: {on}. Their numbers cannot be compared. Pick evaluations of the "
        "same images, or:",
        icon=":material/block:",
    )
    for one in models.values():
        if one.data["hash"] != first.data["hash"]:
            offer(
                f"Evaluate {one.checkpoint['name']} on {first.data['title']}",
                [one.evaluation.checkpoint],
                first.evaluation.choice,
                type="primary",
            )


def offer(label: str, checkpoints: list[Path], choice: DataChoice, **look: str) -> None:
    """A button, and the command that it runs; on a public server why there is none."""
    if access.told("evaluate"):
        return
    if st.button(label, icon=":material/play_arrow:", **look):
        start(checkpoints, choice)
    st.code(command(checkpoints, choice), language=None, wrap_lines=True)


def offer_again(models: dict[str, CompleteEvaluation]) -> None:
    """Evaluations of an earlier version, which lack what this one looks for: make them anew."""
    if access.denied("evaluate"):
        return
    evaluations = [one.evaluation for one in models.values()]
    if st.button("Evaluate again", icon=":material/replay:", key="evaluate_again"):
        control(lambda: [launch(one, again=True) for one in evaluations])
    st.code(
        "\n".join(shlex.join(["python", *one.arguments, "--again"]) for one in evaluations),
        language=None,
        wrap_lines=True,
    )


def folders(selection: Selection) -> list[Path]:
    """Of the bar's checkpoints."""
    return [checkpoint.path for checkpoint in selection.checkpoints.values()]


def form(selection: Selection) -> None:
    """Choose images, see the command, start it for the bar's pair; not on a public server."""
    if access.denied("evaluate"):
        return
    with st.expander("Evaluate the bar's models on other data"):
        try:
            choice = choose()
        except SnnparError as error:
            choice = None
            st.error(sentence(error), icon=":material/error:")
        if choice and selection.checkpoints:
            offer("Evaluate", folders(selection), choice)


def choose() -> DataChoice | None:
    """What the form's fields say; None while they name no images. Raises SnnparError for an unreadable slice."""
    names = [one.name for one in list_slices()]
    name = st.selectbox(
        "Slice",
        names,
        index=None,
        key="choose_slice",
        persist_state="session",
        placeholder="all images" if names else "none saved yet: star images further down",
        help="A named set of images, saved from the basket.  \n`--slice`",
    )
    off = bool(name)
    options = {"disabled": off, "persist_state": "session"}
    data = st.text_input(
        "Data folder",
        key="choose_data",
        placeholder="folder, dataset_all.pkl or hf:owner/name",
        help="PA100K, PETA, RAPv1, their pickles, or a folder with a CSV file.  \n`--data`",
        **options,
    )
    columns = st.columns(4)
    split = columns[0].selectbox("Split", (*SPLITS, TRAINVAL), index=1, key="choose_split", help="`--split`", **options)
    layout = columns[1].selectbox(
        "Layout",
        ["", *LAYOUTS],
        key="choose_layout",
        help="`--layout`",
        format_func=lambda one: one or "found out",
        **options,
    )
    fold = columns[2].number_input(
        "Fold", 0, 99, 0, key="choose_fold", help="PETA and RAPv1 have 5.  \n`--fold`", **options
    )
    rendered = columns[3].number_input(
        "Rendered",
        0,
        100_000,
        0,
        key="choose_rendered",
        step=100,
        help="Adds held-out rendered pedestrians.  \n`--rendered`",
        **options,
    )
    if name:
        return choose_slice(name)
    data = data.strip()
    if not data and not rendered:
        st.caption("Name a slice, a data folder, or a number of rendered pedestrians.")
        return None
    return DataChoice(data, layout if data else "", split if data else "val", fold if data else 0, rendered)


def command(checkpoints: list[Path], choice: DataChoice) -> str:
    """What `start` runs, a line for each checkpoint."""
    return "\n".join(
        shlex.join(["python", "-m", "snnpar", "evaluate", str(folder), *choice.arguments()]) for folder in checkpoints
    )


def start(checkpoints: list[Path], choice: DataChoice) -> None:
    """A job for each checkpoint. Data that cannot be opened is told at once."""
    try:
        if not choice.data.startswith("hf:"):  # which may take long to fetch: the job does it
            with st.spinner("Opening the data…"):
                choice.open()
        for folder in checkpoints:
            evaluation = create_evaluation(folder, choice)
            if not status(evaluation).is_active:
                launch(evaluation)
    except (SnnparError, OSError) as error:
        st.error(sentence(error), icon=":material/error:")
    else:
        st.rerun()


def under_way(selection: Selection) -> bool:
    """Evaluations that run, and unfinished ones of the bar's pair; redrawn every second while one runs. Does one?"""
    paths = {folder.absolute() for folder in folders(selection)}
    listed = [one for one in list_evaluations() if _is_open(one, paths)]
    active = frozenset(one.name for one in listed if status(one).is_active)
    if listed:
        st.fragment(_live, run_every="1s" if active else None)(listed, active)
    return bool(active)


def _is_open(evaluation: Evaluation, paths: set[Path]) -> bool:
    """Does it run, or did it end without a result, for one of these checkpoints?"""
    if status(evaluation).is_active:
        return True
    try:
        return not evaluation.is_complete and evaluation.checkpoint in paths
    except EvaluationError:
        return False


def _live(listed: list[Evaluation], were_active: frozenset[str]) -> None:
    now = {one.name: status(one) for one in listed}
    if any(not now[name].is_active for name in were_active):
        st.rerun()  # the whole page: its results are there, or its log says why not
    for evaluation in listed:
        with st.container(border=True, key=f"job_{evaluation.name}"):
            _job(evaluation, now[evaluation.name])


def _job(evaluation: Evaluation, now: JobStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{STATES[now.state]} **{literal(evaluation.checkpoint.name)}** on "
            f"{literal(evaluation.choice.title)} {sentence(now.message)}"
        )
        if not access.denied("evaluate"):
            _job_buttons(evaluation, now)
    if now.is_active:
        _progress(evaluation)
    if now.state in ("failed", "lost") and not access.denied("evaluate"):
        st.code(read_log(evaluation, 20) or "The log is empty.", language=None, height=160)


def _job_buttons(evaluation: Evaluation, now: JobStatus) -> None:
    if now.is_active and st.button(
        "Stop", icon=":material/stop:", key=f"stop_{evaluation.name}", help="Ends after the current batch; can resume."
    ):
        control(lambda: stop(evaluation))
    if now.state in RESUMABLE and st.button(
        "Resume" if now.state != "created" else "Start",
        icon=":material/resume:",
        key=f"resume_{evaluation.name}",
        help="Goes on after the last whole part.",
    ):
        control(lambda: launch(evaluation))


def _progress(evaluation: Evaluation) -> None:
    try:
        known = evaluation.progress()
    except EvaluationError:
        known = {}  # being written
    if not known.get("n"):
        st.progress(0.0, "Starting: loading the libraries and the data takes some seconds.")
        return
    words = f"{known['done']:,} of {known['n']:,} images, {known['batch_size']} at a time"
    if known["done"] and known.get("seconds"):
        left = known["seconds"] / known["done"] * (known["n"] - known["done"])
        words += f" · about {timedelta(seconds=round(left))} left"
    st.progress(min(1.0, known["done"] / known["n"]), words)


def control(action: Callable[[], None]) -> None:
    """Do what a button of a job says and draw the page anew; why it cannot be done is told."""
    try:
        action()
    except (JobError, OSError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()
