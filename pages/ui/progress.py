"""Runs on screen: the list, and one run's state, curves and log."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

import snnpar
from pages.ui import checkpoints
from snnpar import figures
from snnpar.checkpoint import CheckpointError
from snnpar.config import ConfigError
from snnpar.history import read_metrics
from snnpar.jobs import JobError, JobStatus, read_log, status, stop
from snnpar.runs import Run, launch, list_runs

STATES = {
    "running": ":blue-badge[:material/play_arrow: running]",
    "stalled": ":orange-badge[:material/hourglass: stalled]",
    "done": ":green-badge[:material/check: done]",
    "stopped": ":gray-badge[:material/stop: stopped]",
    "failed": ":red-badge[:material/error: failed]",
    "lost": ":red-badge[:material/help: lost]",
    "created": ":gray-badge[:material/schedule: not started]",
}
WORDS = {
    "running": "▶ running",
    "stalled": "⏳ stalled",
    "done": "✓ done",
    "stopped": "■ stopped",
    "failed": "✗ failed",
    "lost": "? lost",
    "created": "… not started",
}
RESUMABLE = ("stopped", "failed", "lost", "created")


@dataclass(frozen=True)
class ListedRun:
    """A run and its state when the list was drawn."""

    run: Run
    status: JobStatus


def chosen_run() -> ListedRun | None:
    """Draw the list of runs; the one that is picked."""
    listed = {run.name: ListedRun(run, status(run)) for run in list_runs(snnpar.RUNS)}
    if not listed:
        return None
    if st.session_state.get("run") not in listed:
        st.session_state["run"] = next(iter(listed))
    name = st.selectbox(
        "Run",
        list(listed),
        key="run",
        persist_state="session",
        help="All runs in checkpoints/runs, newest first; those started in a terminal too.",
    )
    # Not in the options: the browser keeps showing an option's old words when only they change.
    counts = Counter(one.status.state for one in listed.values())
    st.caption("All runs: " + " · ".join(f"{count} {WORDS[state]}" for state, count in counts.items()))
    return listed[name]


def show(listed: ListedRun) -> None:
    """One run; redrawn every two seconds while it trains."""
    active = listed.status.is_active
    st.fragment(_live, run_every="2s" if active else None)(listed.run, active)


def _live(run: Run, was_active: bool) -> None:
    now = status(run)
    if was_active and not now.is_active:
        st.rerun()  # the whole page: the list, the bar's checkpoints, and no more polling
    steps, epochs = read_metrics(run, "step"), read_metrics(run, "epoch")
    _headline(now, steps)
    _buttons(run, now)
    if not steps and now.state == "running":
        st.info(
            "Starting: loading the libraries and the data takes some seconds.",
            icon=":material/hourglass_top:",
        )
    if steps:
        st.markdown("**Loss** · lower is better; each term with its weight")
        st.plotly_chart(figures.loss_curves(steps), key="loss_curves", config={"displayModeBar": False})
    if epochs:
        best = max(epochs, key=lambda row: row["mean_accuracy"] + row["f1"])
        st.markdown(
            f"**Validation** · best epoch {best['epoch']}: mA {100 * best['mean_accuracy']:.1f}, "
            f"F1 {100 * best['f1']:.1f} (published convention, threshold 0.45)"
        )
        st.plotly_chart(figures.metric_curves(epochs), key="metric_curves", config={"displayModeBar": False})
    with st.expander("Log", expanded=now.state in ("failed", "lost")):
        st.code(read_log(run) or "The log is empty.", language=None, height=220)
    with st.expander("Command of this run"):
        st.code(_command(run), language="bash", wrap_lines=True)


def _headline(now: JobStatus, steps: list[dict]) -> None:
    st.markdown(STATES[now.state] + (f" {now.message}" if now.message else ""))
    if not steps:
        return
    last = steps[-1]
    done = last["step"] / last["steps"]
    words = f"epoch {last['epoch']}, step {last['step']} of {last['steps']} · {last['images_per_s']:.1f} images/s"
    if now.is_active:
        words += f" · about {timedelta(seconds=round(last['eta_s']))} left"
    st.progress(min(1.0, done), words)


def _buttons(run: Run, now: JobStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        # First, where it stays when Stop goes: a moved button would be on screen twice until the script ends.
        role = _role(run)
        if role and st.button(
            f"Use as {role}",
            icon=":material/input:",
            disabled=not run.is_loadable,
            on_click=_use,
            args=(run, role),
            type="primary" if now.state == "done" else "secondary",
            help="Compare it at once with the other model."
            if run.is_loadable
            else "It has no weights before its first epoch ends.",
        ):
            st.switch_page("pages/compare.py", query_params=st.query_params)
        if now.is_active and st.button("Stop", icon=":material/stop:", help="Ends after the current step; can resume."):
            _control(lambda: stop(run))
        if now.state in RESUMABLE and st.button(
            "Resume" if now.state != "created" else "Start",
            icon=":material/resume:",
            help="Goes on after the last whole epoch.",
        ):
            _control(lambda: launch(run, resume=True))


def _control(action: object) -> None:
    try:
        action()
    except (JobError, OSError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()


def _use(run: Run, role: str) -> None:
    st.session_state[role] = checkpoints.RUN_PREFIX + run.name


def _role(run: Run) -> str:
    try:
        return run.config.role
    except (CheckpointError, ConfigError) as error:
        st.error(f"{error}.", icon=":material/error:")
        return ""


def _command(run: Run) -> str:
    try:
        return shlex.join(run.command)
    except (CheckpointError, ConfigError) as error:
        return f"unknown: {error}"
