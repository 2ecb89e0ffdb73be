"""What a run will cost, before it starts: a few real steps of its config, measured in a process of their own.

`python -m snnpar estimate [flags of train]` and the Train page both use it. Nothing is left behind.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import snnpar
from snnpar import ROOT
from snnpar.config import TrainConfig
from snnpar.core.atomic import write_text
from snnpar.core.errors import SnnparError
from snnpar.core.numbers import duration
from snnpar.core.programs import module

LIMIT_S = 600
SMALLEST = 2  # batch: of one image there are no batch statistics
STATES_KEPT = 3  # two, and a third while it is written
MEASURED, EXTRAPOLATED, CALCULATED = "measured", "extrapolated", "calculated"


class EstimateError(SnnparError):
    """A run whose cost cannot be told; the message says why."""


@dataclass(frozen=True)
class Quantity:
    """One number of an estimate in words, and how it was found."""

    what: str
    value: str
    how: str


@dataclass(frozen=True, eq=False)
class RunEstimate:
    """What `measured` (see train/measure.py) of a batch of the size in `config` says; `asked` is the batch wanted."""

    config: TrainConfig
    asked: int
    measured: dict

    @property
    def fits(self) -> bool:
        """Did the batch that was asked for fit into the memory?"""
        return self.config.optimisation.batch_size == self.asked

    @property
    def step_s(self) -> float:
        return median(self.measured["seconds"])

    @property
    def reading_s(self) -> float:
        """Seconds to read, or draw, one image and bring it to size."""
        return median(self.measured["reading_s"])

    @property
    def validation_s(self) -> float:
        """Seconds of the validation after an epoch."""
        per_image = self.measured["validating_s"] + (self.reading_s if self.config.runtime.stream else 0.0)
        return self.measured["val_images"] * per_image

    @property
    def epoch_s(self) -> float:
        """Seconds of an epoch after the first, which also reads the images that are kept."""
        images, workers = self.measured["train_images"], self.config.runtime.workers
        steps = self.measured["steps_per_epoch"] * self.step_s
        if workers:
            return max(steps, images * self.reading_s / workers) + self.validation_s
        return steps + (images * self.reading_s if self.config.runtime.stream else 0.0) + self.validation_s

    @property
    def first_s(self) -> float:
        """Seconds to read, or draw, the images that are kept in memory."""
        return 0.0 if self.config.runtime.stream else (self._drawn + self._scored) * self.reading_s

    @property
    def total_s(self) -> float:
        return self.first_s + self.gain_s + self.config.optimisation.epochs * self.epoch_s

    @property
    def gain_s(self) -> float:
        """Seconds to score step 0 on val, and step 0 and the kept weights where the gain is measured."""
        return self.validation_s * (3 if self.config.data.dataset == "rendered" else 2)

    @property
    def memory_bytes(self) -> int:
        """At its peak; images are kept in the computer's memory, not on the GPU."""
        kept = 0 if self.config.runtime.stream or self.measured["on_gpu"] else self._drawn + self._scored
        return self.measured["peak_bytes"] + kept * self.measured["image_bytes"]

    @property
    def disk_bytes(self) -> int:
        return STATES_KEPT * self.measured["state_bytes"] + self.measured["weight_bytes"]

    @property
    def _scored(self) -> int:
        """Images kept that it does not train on: val, and as many held-out ones where they are rendered."""
        return self.measured["val_images"] * (2 if self.config.data.dataset == "rendered" else 1)

    @property
    def _drawn(self) -> int:
        """Training images kept by the end; a mixed dataset draws its rendered ones anew in each epoch."""
        epochs, fresh = self.config.optimisation.epochs, self.measured["train_images"]
        return min(self.measured["all_images"], fresh * (epochs if self.config.data.dataset == "mixed" else 1))

    def figures(self) -> list[Quantity]:
        """All that is told, in order."""
        found, config = self.measured, self.config
        steps = f"{found['steps_per_epoch']:,} steps and {found['val_images']:,} images of validation"
        free_disk = shutil.disk_usage(next(p for p in (snnpar.RUNS, *snnpar.RUNS.parents) if p.exists())).free
        return [
            Quantity(
                "Step",
                duration(self.step_s),
                f"{MEASURED}, median of {len(found['seconds'])}, batch "
                f"{config.optimisation.batch_size}, {config.runtime.precision}, {found['device']} with "
                f"{found['threads']} of {found['cores']} cores",
            ),
            Quantity("Epoch", duration(self.epoch_s), f"{EXTRAPOLATED}: {steps}"),
            Quantity(
                "Whole run",
                duration(self.total_s),
                f"{EXTRAPOLATED}: {config.optimisation.epochs:,} "
                f"{'epoch' if config.optimisation.epochs == 1 else 'epochs'}"
                + (f", {duration(self.first_s)} to read or draw the images" if self.first_s else "")
                + f", and {duration(self.gain_s)} to measure what it gained over step 0",
            ),
            Quantity("Memory", f"{size(self.memory_bytes)} of {size(found['free_bytes'])} free", self._memory_how()),
            Quantity(
                "Disk",
                f"{size(self.disk_bytes)} of {size(free_disk)} free",
                f"{CALCULATED}: saved states and the best weights",
            ),
        ]

    def _memory_how(self) -> str:
        kept = self.memory_bytes - self.measured["peak_bytes"]
        return (
            f"{MEASURED} at the peak of a step"
            + (" on the GPU" if self.measured["on_gpu"] else "")
            + (f"; {size(kept)} of it {CALCULATED}, for the images kept" if kept else "")
            + (f"; {self.config.runtime.workers} workers come on top" if self.config.runtime.workers else "")
        )

    def notes(self) -> list[str]:
        """Sentences on what to mind."""
        found, told = self.measured, []
        if not self.fits:
            parts = self.asked // math.gcd(self.asked, self.config.optimisation.batch_size)
            fitting = self.config.optimisation.batch_size
            told.append(
                f"A batch of {self.asked} does not fit into the {size(found['free_bytes'])} that are free; one "
                f"of {fitting} does, and the figures are its. Set --batch-size {fitting}"
                + (
                    f", or keep the batch and compute it in parts with --accumulate {parts}."
                    if parts < self.asked
                    else "."
                )
            )
        elif self.memory_bytes > found["free_bytes"]:
            told.append("The memory is not enough for the images: read them when they are needed with --stream.")
        if found["load"] > found["cores"] / 2:
            told.append(
                f"Other work would have filled {found['load']:.1f} of the {found['cores']} cores meanwhile; "
                "alone it is faster."
            )
        return told


class Trial:
    """The measurement under way, in a process group of its own that `close` ends. Its folder goes with it."""

    def __init__(
        self, config: TrainConfig, *, steps: int = 3, limit_s: int = LIMIT_S, memory: int = 0, random_teacher: str = ""
    ) -> None:
        """`memory`: bytes it may take on a CPU (0: what is free); a random teacher stands in for the config's."""
        self.config, self.asked, self.limit_s = config, config.optimisation.batch_size, limit_s
        self._flags = ["--steps", str(steps), "--memory", str(memory), "--random-teacher", random_teacher]
        self._ends = time.monotonic() + limit_s
        self._start()

    def poll(self) -> RunEstimate | None:
        """The estimate once it is there, None before. What does not fit is tried again with half the batch.

        Raises EstimateError when there will be none.
        """
        if self.process.poll() is None:
            if time.monotonic() < self._ends:
                return None
            told = self.told()
            self.close()
            raise EstimateError(
                f"not measured within {duration(self.limit_s)} ({told}); a smaller --model or --batch-size is faster"
            )
        result, failure = self._read("result.json"), self._failure()
        self.close()
        if result:
            return RunEstimate(self.config, self.asked, result)
        if not failure["out_of_memory"]:
            raise EstimateError(failure["error"])
        if self.config.optimisation.batch_size // 2 < SMALLEST:
            raise EstimateError(
                f"not even a batch of {self.config.optimisation.batch_size} fits into the memory that is free; take "
                "a smaller --model, or --recompute"
            )
        half = self.config.optimisation.batch_size // 2
        parts = math.gcd(self.config.runtime.accumulate, half)
        self.config = self.config.changed(batch_size=half, accumulate=parts if parts < half else 1)
        self._start()
        return None

    def wait(self) -> RunEstimate:
        """The estimate. Raises EstimateError."""
        while (found := self.poll()) is None:
            time.sleep(0.1)
        return found

    def told(self) -> str:
        """What is being done, in words."""
        known = self._read("progress.json")
        batch = self.config.optimisation.batch_size
        smaller = "" if batch == self.asked else f", batch {batch} after one too large"
        if not known:
            return f"loading libraries and data{smaller}"
        if known["phase"] == "measuring":
            done = f"{known['done']} of {known['n']} steps measured" if known["done"] else "warmed up"
            return f"{done}, the last in {duration(known['seconds'])}{smaller}"
        return known["phase"] + smaller

    def share(self) -> float:
        """How far it is, 0 to 1."""
        known = self._read("progress.json")
        done = {"warming up": 0, "measuring": 1 + known.get("done", 0), "validating": 1.5 + known.get("n", 0)}
        return done.get(known.get("phase", ""), 0) / (2 + known.get("n", 0))

    def close(self) -> None:
        """End what still runs, and leave nothing."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="snnpar-estimate-"))
        write_text(self.folder / "config.json", json.dumps(self.config.to_dict()))
        left = max(1, math.ceil(self._ends - time.monotonic()) + 5)
        command = [
            sys.executable,
            "-m",
            module("train.measure"),
            str(self.folder),
            "--attached",
            "--seconds",
            str(left),
            *self._flags,
        ]
        with open(self.folder / "log.txt", "wb") as log:  # the open pipe tells the process that somebody waits for it
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )

    def _failure(self) -> dict:
        """{error, out_of_memory} of a process that has ended without a result."""
        if self.process.returncode == -signal.SIGKILL:  # what a system short of memory does to processes
            return {"error": "", "out_of_memory": True}
        last = (self.folder / "log.txt").read_text("utf-8", "replace").strip().splitlines()[-1:]
        return {
            "error": " ".join(last) or f"the process ended with {self.process.returncode}",
            "out_of_memory": False,
        } | self._read("error.json")

    def _read(self, name: str) -> dict:
        try:
            return json.loads((self.folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            return {}


def size(count: float) -> str:
    """Bytes in words, by powers of 1000."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
