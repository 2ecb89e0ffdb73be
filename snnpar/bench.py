"""Benchmarks: `python -m snnpar bench NAME` prints one line that names what was measured and how."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

from snnpar import ROOT

PA100K_IMAGES, PUBLISHED_EPOCHS = 80_000, 60  # of PA100K's training split, and the authors' epochs


def bench_rendered(count: int = 600) -> str:
    """Rendered pedestrians per second of one core, by processor time, so that a busy machine does not count."""
    import cv2

    from snnpar.datasets.rendered import render_pedestrian

    cv2.setNumThreads(1)
    render_pedestrian(0, 0)  # imports and look-up tables
    began = time.process_time()
    for index in range(count):
        render_pedestrian(1, index)
    rate = count / (time.process_time() - began)
    return f"rendered pedestrians, 128 x 64, one core: {rate:.0f} images per second of processor time ({count} images)"


def bench_training(model: str = "spikingformer_8_768", teacher: str = "vtb_vit_base_patch16", batch_size: int = 2,
                   precision: str = "fp32", steps: int = 4, threads: int = 0) -> str:
    """Seconds per image and peak memory of a training step, in a process of its own.

    Names are those of `python -m snnpar models`; an empty teacher trains on labels alone. Weights are random. Raises
    ValueError with the sentence of the process that failed.
    """
    command = [sys.executable, "-m", "train.measure", "--model", model, "--teacher", teacher, "--batch-size",
               str(batch_size), "--precision", precision, "--steps", str(steps), "--threads", str(threads)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise ValueError(f"the step could not be measured: {last.removeprefix('error: ')}")
    found = json.loads(done.stdout.splitlines()[-1])
    per_image, processor = (median(found[name]) / batch_size for name in ("seconds", "processor_seconds"))
    days = per_image * PA100K_IMAGES * PUBLISHED_EPOCHS / 86_400
    time_axis = f" (T={found['timesteps']})" if found["timesteps"] else ""
    what = f"{model}{time_axis}, {f'distilled from {teacher}' if teacher else 'on labels alone'}"
    return (f"training step of {what}, batch {batch_size}, {precision}, {found['device']} with {found['threads']} of "
            f"{found['cores']} cores: {per_image:.3g} s per image, {processor:.3g} s of processor time "
            f"(median of {steps} steps), peak memory {found['peak_bytes'] / 2**30:.1f} GiB; "
            f"{PUBLISHED_EPOCHS} epochs of {PA100K_IMAGES:,} images would take {days:.3g} days")
