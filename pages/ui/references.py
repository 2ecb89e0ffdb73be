"""Checkpoints by reference: a shipped name, "runs/<name>", or a Hub id "owner/name[@revision]"."""

from __future__ import annotations

import re
import time
from pathlib import Path

import streamlit as st

import snnpar
from pages.ui import downloads, state
from pages.ui.server.access import denied, signed
from pages.ui.widgets.literal import literal
from snnpar.checkpoint import CARD, CONFIG, WEIGHTS, Checkpoint, CheckpointError, named, read_checkpoint
from snnpar.config import OPPONENT, without_folders
from snnpar.hub import HubError, cached_checkpoint
from snnpar.models import network, timesteps_of, unnamed
from snnpar.sharing.collection import RUN_PREFIX, collect, hub_cache

__all__ = ["RUN_PREFIX", "card", "describe", "find", "known", "version"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")  # of a folder, so that no link leaves the root
SHOWN, CARD_LETTERS = 200, 100_000  # of what a config says; of a card
HUB_CACHE_S = 60  # what the Hub refused is not asked for again sooner
EVERY_S = 0.2


def known(role: str) -> dict[str, Checkpoint]:
    """Local checkpoints of a role by reference: shipped ones, the preferred first, loadable runs, those of the Hub.

    An opponent may be any of them.
    """
    found = {
        one.reference: one.checkpoint
        for one in collect(runs=denied("runs") is None, private=signed())
        if role in (one.checkpoint.role, OPPONENT)
    }
    first = found.get(unnamed(role)) if role != OPPONENT else None
    return {unnamed(role): first} | found if first else found


def find(reference: str, role: str) -> Checkpoint:
    """The checkpoint of a reference. Raises SnnparError with one sentence when it cannot be had."""
    local = known(role)
    if reference in local:
        return local[reference]
    name, is_run = reference.removeprefix(RUN_PREFIX), reference.startswith(RUN_PREFIX)
    if is_run and (reason := denied("runs")):
        raise CheckpointError(reason)
    path = snnpar.RUNS / name if is_run else (NAME.fullmatch(name) and named(name)) or snnpar.CHECKPOINTS / name
    if "/" in reference and not is_run:
        checkpoint = _from_hub(reference)
    elif NAME.fullmatch(name) and path.is_dir():
        checkpoint = read_checkpoint(path)  # says what is wrong with it
    else:
        raise CheckpointError(
            f"No checkpoint is called {reference[:100]!r}; pick one of the list, or type a Hub id owner/name."
        )
    if role not in (checkpoint.role, OPPONENT):
        raise CheckpointError(f"{reference} is a {checkpoint.role}; pick it as the {checkpoint.role} instead.")
    return checkpoint


def _from_hub(hub_id: str) -> Checkpoint:
    """From the cache, without asking anybody; else downloaded while the page waits."""
    return read_checkpoint(cached_checkpoint(hub_id, cache=hub_cache(), signed=signed()) or _download(hub_id))


def _download(hub_id: str) -> Path:
    """A click elsewhere ends the script, and the download with it: a slow server holds nobody up."""
    problems = st.session_state.setdefault(state.HUB_PROBLEMS, {})
    problem, since = problems.get(hub_id, ("", -HUB_CACHE_S))
    if time.monotonic() - since < HUB_CACHE_S:
        raise HubError(problem)
    download, shown = downloads.begin(hub_id), st.empty()
    try:
        while (folder := download.poll()) is None:
            shown.progress(downloads.share(download), downloads.words(download))
            time.sleep(EVERY_S)
    except HubError as error:
        problems[hub_id] = str(error), time.monotonic()
        raise
    finally:
        download.close()
    shown.empty()
    return folder


def version(checkpoint: Checkpoint) -> str:
    """Changes when a file of the checkpoint does; part of every cache key."""
    stamps = []
    for name in (CONFIG, WEIGHTS):
        path = checkpoint.path / name
        stamps.append(f"{path.stat().st_mtime_ns}-{path.stat().st_size}" if path.is_file() else "none")
    return f"{checkpoint.path}@{'+'.join(stamps)}"


DATA = {
    "rendered": "rendered pedestrians",
    "pa100k": "PA100K photographs",
    "mixed": "PA100K photographs and rendered pedestrians",
}


def describe(checkpoint: Checkpoint) -> str:
    """One line of provenance: what it is and what it was trained on."""
    model, train = checkpoint.model, checkpoint.train
    height, width = model.image_size
    time = f", {timesteps_of(model)} timesteps" if timesteps_of(model) else ""
    kind = network(model).title or literal(model.architecture)
    trained = f"trained on {DATA.get(train.get('dataset', ''), 'unknown data')}"
    if train.get("epochs"):
        trained += f", {train['epochs']} epochs"
    if train.get("init"):
        trained += f", starting from {literal(without_folders(train['init'])[:SHOWN])}"
    if train.get("teacher") and (train.get("feature_kd") or train.get("logit_kd")):
        trained += f", distilled from {literal(without_folders(train['teacher'])[:SHOWN])}"
    code = str(checkpoint.provenance.get("commit") or "")[:SHOWN]
    commit = f"; code {literal(code)}" if code else ""
    return f"{kind}{time}; {model.depth} blocks of width {model.dim}, input {height} × {width}; {trained}{commit}"


def card(checkpoint: Checkpoint) -> str:
    """The README card without its front matter, "" if there is none. Anybody may have written it: show it as code."""
    path = checkpoint.path / CARD
    if not path.is_file():
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(CARD_LETTERS)
    if text.startswith("---"):
        text = text.split("\n---", 1)[-1].lstrip("-\n ")
    return text
