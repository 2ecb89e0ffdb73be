"""A run's state in one line, how far it is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from pages.ui import checkpoints, run_result
from pages.ui.states import RESUMABLE, STATES
from snnpar.checkpoint import CheckpointError
from snnpar.config import ConfigError
from snnpar.history import History
from snnpar.jobs import JobError, JobStatus, kill, read_progress, stop
from snnpar.runs import Run, RunError, delete_run, launch

READING = "Starting: loading the libraries and the data takes some seconds."
STOP_HELP = {
    "queued": "Takes it out of the queue; it can be started again.",
    "stopping": "It has been asked to stop and finishes what it is at.",
}


def headline(run: Run, now: JobStatus, known: History) -> None:
    """State and message; the progress bar of a run that goes on, or how far one got."""
    st.markdown(f"{STATES[now.state]} {now.message}".rstrip())
    if now.state in ("running", "stalled", "stopping"):
        told = read_progress(run) or known.last
        st.progress(_share(told), _doing(told))
    elif len(known):
        st.progress(_share(known.last), _place(known.last))


def _share(told: dict) -> float:
    """How much of the run is done; while images are read or scored, how much of those."""
    done, whole = (told.get("step"), told.get("steps")) if told.get("steps") else (told.get("done"), told.get("n"))
    return min(1.0, done / whole) if done and whole else 0.0


def _doing(told: dict) -> str:
    phase = told.get("phase", "training")
    if phase == "reading" and told.get("n"):
        return f"reading the images of {told.get('what', 'the data')}: {told.get('done', 0):,} of {told['n']:,}"
    if phase == "validating" and told.get("n"):
        return f"scoring {told.get('what', 'the weights')}: {told.get('done', 0):,} of {told['n']:,} images"
    return _place(told) + _pace(told) if told.get("steps") else READING


def _place(told: dict) -> str:
    """epoch 3 of 20, step 120 of 900"""
    epochs = f" of {told['epochs']:.0f}" if "epochs" in told else ""
    return f"epoch {told.get('epoch', 0):.0f}{epochs}, step {told.get('step', 0):,.0f} of {told.get('steps', 0):,.0f}"


def _pace(told: dict) -> str:
    """· 31.2 images/s · about 0:04:10 left · 1.9 GB"""
    words = [""]
    if told.get("images_per_s"):
        words.append(f"{told['images_per_s']:.1f} images/s")
    if told.get("eta_s") and told.get("step", 0) < told["steps"]:
        words.append(f"about {timedelta(seconds=round(told['eta_s']))} left")
    if told.get("memory_gb"):
        words.append(f"{told['memory_gb']:.1f} GB")
    return " · ".join(words)


def buttons(run: Run, now: JobStatus) -> None:
    """Use, stop, kill, resume, delete: those that apply."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # First, where it stays when Stop goes: a moved button would be on screen twice until the script ends.
        _use_button(run, now)
        if now.is_active:
            _stop_and_kill(run, now)
        if now.state in RESUMABLE and st.button(
            "Resume" if now.state != "created" else "Start",
            icon=":material/resume:",
            help="Goes on from the last saved state, to the same end as without the break.",
        ):
            _control(lambda: launch(run, resume=True))
        if not now.is_active:
            _ask_button("Delete…", "delete", run, icon=":material/delete:")
    if now.is_active and now.state != "queued" and _asked("kill", run):
        _confirm("kill", "End the run and all its processes at once? What it learned since the last saved state is "
                 "lost; **Stop and save** keeps it.", "Kill it now", lambda: kill(run), "Ending its processes…")
    elif not now.is_active and _asked("delete", run):
        _confirm("delete", f"Delete **{run.name}** with its weights, curves and log? There is no way back.",
                 "Delete for good", lambda: delete_run(run), "Deleting…")


def _stop_and_kill(run: Run, now: JobStatus) -> None:
    queued = now.state == "queued"
    if st.button(
        "Leave the queue" if queued else "Stop and save",
        key="stop",
        icon=":material/stop:",
        disabled=now.state == "stopping",
        help=STOP_HELP.get(now.state, "Finishes the step, saves the state, and ends; resuming goes on from there."),
    ):
        _control(lambda: stop(run))
    if not queued:
        _ask_button("Kill…", "kill", run, icon=":material/dangerous:")


def _ask_button(label: str, what: str, run: Run, *, icon: str) -> None:
    """Asks first. The question is kept in the session: a popover would close when the page polls the run."""
    st.button(label, key=f"ask_{what}", icon=icon, on_click=_ask, args=(what, run.name))


def _ask(what: str, run_name: str | None) -> None:
    st.session_state["asked"] = (what, run_name)


def _asked(what: str, run: Run) -> bool:
    return st.session_state.get("asked") == (what, run.name)


def _confirm(what: str, question: str, label: str, action: Callable[[], object], doing: str) -> None:
    """The question, and the two answers."""
    st.warning(question, icon=":material/help:")
    with st.container(horizontal=True, gap="small"):
        sure = st.button(label, key=what, type="primary")
        st.button("Keep it", key=f"keep_{what}", on_click=_ask, args=("", None))
    if sure:
        _ask("", None)
        with st.spinner(doing):
            _control(action)


def _use_button(run: Run, now: JobStatus) -> None:
    try:
        role = run.config.role
    except (CheckpointError, ConfigError) as error:
        st.error(f"{error}.", icon=":material/error:")
        return
    if st.button(
        f"Use as {role}",
        icon=":material/input:",
        disabled=not run.is_loadable,
        on_click=_use,
        args=(run, role),
        type="primary" if now.state == "done" and not run_result.is_chance(run) else "secondary",
        help="Compare it at once with the other model."
        if run.is_loadable
        else "It has no weights before its first epoch ends.",
    ):
        st.switch_page("pages/compare.py", query_params=st.query_params)


def _use(run: Run, role: str) -> None:
    st.session_state[role] = checkpoints.RUN_PREFIX + run.name


def _control(action: Callable[[], None]) -> None:
    try:
        action()
    except (JobError, RunError, OSError) as error:
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()
