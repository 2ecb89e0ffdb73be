"""A run's state in one line, how far it is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import streamlit as st

from pages.ui import chrome, references, state
from pages.ui.chrome import sentence
from pages.ui.train import run_files, run_result
from pages.ui.widgets.badges import RESUMABLE, STATES
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import CheckpointError
from snnpar.config import ConfigError
from snnpar.core.disks import disk_fault
from snnpar.core.errors import SnnparError
from snnpar.runs.history import History, how_far, place_words
from snnpar.runs.jobs import JobStatus, elsewhere, kill, read_progress, stop
from snnpar.runs.run import DAMAGED, Run, delete_run, launch

NAMED = 8  # lines of a question that names runs
READING = "Starting: loading the libraries and the data takes some seconds."
STOP_HELP = {
    "queued": "Takes it out of the queue; it can be started again.",
    "stopping": "It has been asked to stop and finishes what it is at.",
}


def headline(run: Run, now: JobStatus, known: History) -> None:
    """State and message; the progress bar of a run that goes on, or how far one got."""
    st.markdown(f"{STATES[now.state]} {literal(now.message)}".rstrip())
    told, config = read_progress(run), run_files.config(run)
    place = how_far(known, told, config.optimisation.epochs if config else None)
    if now.state in ("running", "stalled", "stopping"):
        told = {"epochs": place["epochs"], **(told or known.last)}
        st.progress(_share(told), _doing(told))
    elif place["step"]:
        st.progress(_share(place), place_words(place))


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
    return place_words(told) + _pace(told) if told.get("steps") else READING


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
        if now.state != DAMAGED:  # why is said above
            _use_button(run, now)
        if now.is_active:
            _stop_and_kill(run, now)
        if now.state in RESUMABLE:
            _resume(run, now)
        if not now.is_active:
            ask_button("Delete…", "delete", run.name, icon=":material/delete:")
    refused = st.session_state.get(state.REFUSED)
    if refused:
        st.error(literal(refused), icon=":material/error:")
    if now.state in RESUMABLE and asked("resume", run.name):
        confirm(
            "resume",
            f"Take this run over? It was last at work on **{literal(elsewhere(run))}**, which cannot be "
            "seen from here and gives no sign of life. A process that still trains it there will notice, and stop.",
            "Resume it here",
            lambda: launch(run, resume=True),
            "Watching for a sign of life…",
            no="Leave it",
        )
    elif now.is_active and now.state != "queued" and asked("kill", run.name):
        confirm(
            "kill",
            "End the run and all its processes at once? What it learned since the last saved state is "
            "lost; **Stop and save** keeps it.",
            "Kill it now",
            lambda: kill(run),
            "Ending its processes…",
        )
    elif not now.is_active and asked("delete", run.name):
        confirm(
            "delete",
            "Delete this run with its weights, curves, log and notes? It cannot be undone.",
            "Delete for good",
            lambda: delete_run(run),
            "Deleting…",
            names=[run.name],
        )


def _resume(run: Run, now: JobStatus) -> None:
    """A run that another computer may still be at is taken over only after a question."""
    if elsewhere(run):
        ask_button("Resume here…", "resume", run.name, icon=":material/resume:")
    elif st.button(
        "Resume" if now.state != "created" else "Start",
        icon=":material/resume:",
        help="Goes on from the last saved state, to the same end as without the break.",
    ):
        _control(lambda: launch(run, resume=True))


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
        ask_button("Kill…", "kill", run.name, icon=":material/dangerous:")


def ask_button(label: str, what: str, about: object, *, icon: str) -> None:
    """Asks first. The question is kept in the session: a popover would close when the page polls the run."""
    st.button(label, key=f"ask_{what}", icon=icon, on_click=ask, args=(what, about))


def ask(what: str, about: object) -> None:
    """Ask a question about something, say a run's name, and no other; "" asks none. For callbacks."""
    st.session_state[state.ASKED] = (what, about)
    st.session_state.pop(state.REFUSED, None)


def asked(what: str, about: object) -> bool:
    return st.session_state.get(state.ASKED) == (what, about)


def confirm(
    what: str,
    question: str,
    label: str,
    action: Callable[[], object],
    doing: str,
    names: Sequence[str] = (),
    no: str = "Keep it",
) -> None:
    """The question, the runs that it is about (as text), and the two answers."""
    st.warning(question, icon=":material/help:")
    if names:
        st.code("\n".join(names), language=None, height="content" if len(names) <= NAMED else 20 * NAMED)
    with st.container(horizontal=True, gap="small"):
        sure = st.button(label, key=what, type="primary")
        st.button(no if len(names) < 2 else "Keep them", key=f"keep_{what}", on_click=ask, args=("", None))
    if sure:
        ask("", None)
        with st.spinner(doing):
            _control(action)


def _use_button(run: Run, now: JobStatus) -> None:
    try:
        role = run.config.model.role
    except (CheckpointError, ConfigError) as error:
        st.error(sentence(error), icon=":material/error:")
        return
    if st.button(
        f"Use as {role}",
        icon=":material/input:",
        disabled=not run.is_loadable,
        type="primary" if now.state == "done" and not run_result.is_chance(run) else "secondary",
        help="Compare it at once with the other model."
        if run.is_loadable
        else "It has no weights before its first epoch ends.",
    ):
        chrome.to_compare(**{role: references.RUN_PREFIX + run.name})


def _control(action: Callable[[], object]) -> None:
    """Do it; a refusal stays on screen until something else is asked for, however often the page polls."""
    st.session_state.pop(state.REFUSED, None)
    try:
        action()
    except (SnnparError, OSError) as error:
        refuse(disk_fault(error) or str(error))
    st.rerun()


def refuse(why: str) -> None:
    """Say, next to the buttons, why something was not done."""
    st.session_state[state.REFUSED] = why
