"""All checkpoints on the same images, as one job: what it would run, and how far the one under way is."""

from __future__ import annotations

import shlex
from datetime import timedelta

import streamlit as st

from pages.ui.chrome import sentence
from pages.ui.evaluate import evaluating
from pages.ui.server import access
from pages.ui.widgets.badges import RESUMABLE, STATES
from pages.ui.widgets.literal import literal
from snnpar.core.errors import SnnparError
from snnpar.evaluation.batch import EvaluationBatch, create_batch, forget, launch_batch, list_batches
from snnpar.evaluation.predictions import EvaluationError
from snnpar.evaluation.scores import ImageSet, choice_for
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.jobs import JobStatus, read_log, read_progress, status, stop
from snnpar.sharing.collection import CheckpointEntry


def offer(there: list[CheckpointEntry], missing: list[CheckpointEntry], images: ImageSet | None) -> None:
    """Fill the gaps of a set of images, or evaluate all on others; on a public server why there is nothing to press."""
    with st.expander("Evaluate all on the same images", icon=":material/checklist:"):
        if access.told("evaluate"):
            return
        choice = choice_for(images) if images else None
        if choice and missing:
            _button(
                f"Evaluate the {len(missing)} without a score on {literal(choice.title)}",
                missing,
                choice,
                type="primary",
            )
        elif choice:
            st.caption(f"All have a score on {literal(choice.title)}.")
        else:
            if images:
                st.caption(
                    "Which images those scores were counted on is not known here exactly, so that no other "
                    "checkpoint can be put beside them. On images that everybody can make:"
                )
            quick = evaluating.QUICK
            _button(f"Evaluate all {len(there)} on {quick.rendered} rendered pedestrians", there, quick, type="primary")
        st.markdown("**On other images**")
        try:
            other = evaluating.choose()
        except SnnparError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        if other:
            _button(f"Evaluate all {len(there)}", there, other)


def _button(label: str, some: list[CheckpointEntry], choice: DataChoice, **look: str) -> None:
    folders = [one.checkpoint.path for one in some]
    busy = any(status(batch).is_active for batch in list_batches())
    why = "Another one is under way." if busy else None
    if st.button(label, icon=":material/play_arrow:", disabled=busy, help=why, **look):
        try:
            if not choice.data.startswith("hf:"):  # which may take long to fetch: the job does it
                with st.spinner("Opening the data…"):
                    choice.open()
            launch_batch(create_batch(folders, choice))
        except (SnnparError, OSError) as error:
            st.error(sentence(error), icon=":material/error:")
            return
        st.rerun()
    st.code(
        shlex.join(["python", "-m", "snnpar", "evaluate", *map(str, folders), *choice.arguments()]),
        language=None,
        wrap_lines=True,
    )


def under_way() -> None:
    """The job that runs, or the one that ended last without being done; redrawn every second while it runs."""
    batches = list_batches()
    open_ones = [batch for batch in batches if status(batch).is_active] or [
        batch for batch in batches[:1] if status(batch).state != "done"
    ]
    for batch in open_ones:
        active, done = status(batch).is_active, read_progress(batch).get("done")
        st.fragment(_live, run_every="1s" if active else None)(batch, active, done)


def _live(batch: EvaluationBatch, was_active: bool, had_done: int | None) -> None:
    now = status(batch)
    if was_active and (not now.is_active or read_progress(batch).get("done") != had_done):
        st.rerun()  # the whole page: another score is there
    try:
        count = len(batch.checkpoints)
        title = f"{count} checkpoint{'s' * (count > 1)} on {literal(batch.choice.title)}"
    except EvaluationError:
        title = "evaluations that cannot be read any more"
    with st.container(border=True, key="batch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{STATES[now.state]} **{title}**")
            if not access.denied("evaluate"):
                _controls(batch, now)
        if now.is_active:
            _progress(batch)
            return
        st.caption(sentence(now.message))
        if now.state in ("failed", "lost") and not access.denied("evaluate"):
            st.code(read_log(batch, 20) or "The log is empty.", language=None, height=160)


def _controls(batch: EvaluationBatch, now: JobStatus) -> None:
    if now.is_active:
        if st.button(
            "Cancel",
            icon=":material/stop:",
            key="batch_cancel",
            help="Ends after the current images; what is done stays, and it can go on.",
        ):
            evaluating.control(lambda: stop(batch))
        return
    if now.state in RESUMABLE and st.button(
        "Go on", icon=":material/resume:", key="batch_resume", help="With what is not evaluated yet."
    ):
        evaluating.control(lambda: launch_batch(batch))
    if st.button("Dismiss", icon=":material/close:", key="batch_dismiss", help="What is evaluated stays."):
        evaluating.control(lambda: forget(batch))


def _progress(batch: EvaluationBatch) -> None:
    known = read_progress(batch)
    if not known.get("total"):
        st.progress(0.0, "Starting: loading the libraries and the data takes some seconds.")
        return
    part, total = known.get("part") or 0.0, known["total"]
    words = f"{known['done']} of {total} checkpoint{'s' * (total > 1)}"
    if known.get("current"):
        words += f" · {known['current'].partition('--')[0]}: {part:.0%} of the images"
    if known.get("eta_s") is not None:
        words += f" · about {timedelta(seconds=round(known['eta_s']))} left"
    st.progress(min(1.0, (known["done"] + part) / total), words)
