"""train(run): everything about it comes from the run's config.json, everything it learns goes into its folder."""

from __future__ import annotations

import logging
import math
import os
import time
import traceback
from contextlib import ExitStack, closing

from tqdm import tqdm

from snnpar.checkpoint import CARD, WEIGHTS, save_weights
from snnpar.core.atomic import write_text
from snnpar.core.disks import is_disk_full
from snnpar.core.errors import SnnparError
from snnpar.core.pulse import JobGone, beating
from snnpar.runs.history import place_words
from snnpar.runs.jobs import AT_WORK, RESUME, process_identity, write_status
from snnpar.runs.resuming import check_resume, meaning
from snnpar.runs.run import Run
from snnpar.sharing.card import run_card

from . import parallel
from .events import open_events
from .faults import explain
from .heartbeat import Heartbeat, RunStopped, memory_gb
from .loader import load_batches
from .metrics_log import flush_metrics, rewind_metrics
from .optim import learning_rate
from .parallel import World
from .session import Session, prepare
from .state import counted, drop_partial, load_state, save_state, saved_states
from .step import largest_that_fits, train_step

log = logging.getLogger("train")


def train(run: Run, *, resume: bool = False) -> None:
    """Train `run` to its end; a stop request or an error leaves a state to resume from and says so in status.json.

    Raises JobGone, and leaves all as it is, when the run was moved, deleted or taken over meanwhile.
    """
    try:
        _train(run, resume)
    except JobGone as error:
        log.error("%s", error)
        raise


def _train(run: Run, resume: bool) -> None:
    heartbeat, session, world, alive = Heartbeat(run), None, World(), ExitStack()
    heartbeat.listen()
    try:
        world = parallel.start(run.config)
        heartbeat.is_told = world.is_first
        _say(run, world, state="running", **AT_WORK, **process_identity(os.getpid()))
        if world.is_first:
            heartbeat.pulse = alive.enter_context(beating(run.path))
        session = prepare(run, heartbeat, world)
        if resume:
            _resume(session)
        if world.is_first:
            session.events = open_events(run.path, session.steps_done + 1)
            session.objective.begin(session)
        while session.epoch < session.config.optimisation.epochs:
            train_epoch(session)
            validate(session)
        if world.is_first:  # it alone has validated
            told = session.objective.end(session)
            write_text(run.path / CARD, run_card(run, run.name))
            log.info("done; %s", told)
            write_status(run, state="done", message=told)  # last: who waits for it finds the log
    except (RunStopped, KeyboardInterrupt):
        heartbeat.check_own()
        saved = _save_at_end(run, session)
        log.info("stopped on request; %s", saved)
        _say(run, world, state="stopped", message=f"stopped on request; {saved}")
    except Exception as error:
        heartbeat.check_own()  # a file that was there no more
        told = _explain(run, session, error)
        log.error("%s", told) if isinstance(told, SnnparError) else log.exception("failed")
        _say(run, world, state="failed", message=str(told) or type(told).__name__)
        raise told from (error if told is not error else None)
    finally:
        alive.close()
        if session and session.events:
            session.events.close()
        parallel.finish(world)


def _say(run: Run, world: World, **values: object) -> None:
    """Write status.json; where several processes train, the first one speaks for all."""
    if world.is_first:
        write_status(run, **values)


def train_epoch(session: Session) -> None:
    """The steps of this epoch that are left, a saved state now and then."""
    config, steps, began = session.config, session.steps_per_epoch, time.monotonic()
    session.model.train()
    saved, first = began, session.step
    bar = tqdm(
        total=config.optimisation.epochs * steps,
        initial=session.steps_done,
        disable=None,
        leave=False,
        desc=f"epoch {session.epoch + 1} of {config.optimisation.epochs}, step",
    )
    with bar, closing(load_batches(session.train, session.batches_left(), config.runtime.workers)) as batches:
        for batch in batches:
            if parallel.any_of(session.heartbeat.stop_requested, session.world):
                raise RunStopped
            for group in session.optimizer.param_groups:
                group["lr"] = learning_rate(config.optimisation, session.epoch + session.step / steps)
            terms = train_step(session, batch)
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()}, refresh=False)
            speed = (session.step - first) * config.optimisation.batch_size / (time.monotonic() - began)
            _tell_step(session, terms, speed)
            if time.monotonic() - saved >= config.runtime.save_seconds:
                save(session)
                saved = time.monotonic()


def validate(session: Session) -> None:
    """Score the epoch on val, keep the weights if they are the best so far, save the state to resume from.

    Nothing of the session changes before the scores are there, so that a stop meanwhile loses only them. The first
    process does it for all.
    """
    epoch, steps = session.epoch + 1, session.steps_done
    if session.world.is_first:
        task = session.objective
        metrics = task.score(session, task.answers(session, session.scored, session.val, f"epoch {epoch}"))
        merit = task.merit(metrics)
        session.heartbeat.check_own()
        is_best = merit > session.best.get("score", -math.inf)
        if is_best:
            session.best = {"epoch": epoch, "score": merit, **metrics}
            save_weights(session.scored, session.run.path / WEIGHTS)
        session.record_scores(epoch, metrics, best=is_best)
        task.look(session, epoch, steps)
        log.info("%s: %s%s", place_words(session.place(steps)), task.worded(metrics), "  (best)" if is_best else "")
    parallel.barrier(session.world)
    session.epoch, session.step = epoch, 0
    save(session)


def save(session: Session) -> None:
    """Write the state to resume from."""
    if not session.world.is_first:
        return
    session.heartbeat.check_own()
    flush_metrics(session.run.path)
    progress = {
        "epoch": session.epoch,
        "step": session.step,
        "best": session.best,
        "meaning": meaning(session.config, session.checkpoint.model, session.checkpoint.schema.attributes),
    }
    save_state(session.run.path, session.models, session.optimizer, progress)


def _resume(session: Session) -> None:
    """Put the session where its last whole state is; a run that has saved none begins."""
    check_resume(session.run)  # config.json may have been changed while the run waited for its turn
    progress = load_state(session.run.path, session.models, session.optimizer)
    session.epoch, session.step = progress.get("epoch", 0), progress.get("step", 0)
    session.best = progress.get("best", {})
    if session.world.is_first:
        rewind_metrics(session.run.path, session.epoch, session.steps_done)
    if session.steps_done:
        log.info("resuming after %s", place_words(session.place(session.steps_done)))


def _tell_step(session: Session, terms: dict[str, float], images_per_s: float) -> None:
    """The heartbeat; and every few steps a line in metrics.jsonl."""
    config, steps = session.config, session.steps_per_epoch
    done = session.steps_done
    place = session.place(done)
    left_s = (place["steps"] - done) * config.optimisation.batch_size / images_per_s
    speed = {"images_per_s": round(images_per_s, 2), "eta_s": round(left_s)}
    if not session.world.is_first:
        return
    session.heartbeat.check_own()
    session.heartbeat.beat("training", **place, **speed)
    if done % config.runtime.log_steps == 0 or session.step == steps:
        costs = {"lr": session.optimizer.param_groups[0]["lr"], **speed, "memory_gb": memory_gb()}
        session.record({"kind": "step", **place, **terms, **costs})


def _save_at_end(run: Run, session: Session | None, *, has_room: bool = True) -> str:
    """Save where the session is, if it can be gone on from there; what can be resumed from, in words."""
    if session and session.is_whole and has_room:
        try:
            save(session)
            session.heartbeat.tell("training", **session.place(session.steps_done))
        except Exception as error:  # noqa: BLE001  what is being told already matters more
            drop_partial(run.path)
            log.error("the state could not be saved: %s", error)
    states = saved_states(run.path)
    epoch, step = counted(states[0]) if states else (0, 0)
    if not epoch + step:
        return "resume starts from the beginning"
    if not session:
        return RESUME
    return f"resume goes on after {place_words(session.place(epoch * session.steps_per_epoch + step))}"


def _explain(run: Run, session: Session | None, error: Exception) -> Exception:
    """The error in the words of training, after what can be saved is saved."""
    if not session:
        return error
    traceback.clear_frames(error.__traceback__)  # they hold the activations of the step
    if is_disk_full(error):
        drop_partial(run.path)  # so that at least the status can be written
    saved = _save_at_end(run, session, has_room=not is_disk_full(error))
    return explain(error, session.train.split.files, saved, fits=lambda: largest_that_fits(session))
