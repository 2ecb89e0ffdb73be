"""Benchmarks: `python -m snnpar bench NAME` prints one line that names what was measured and how."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from snnpar.config import TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.runs.estimate import Trial

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from snnpar.config import ModelConfig
    from snnpar.inference import LoadedModel
    from snnpar.models import Network
    from snnpar.spikes.trace import SpikeTrace

PA100K_IMAGES, PUBLISHED_EPOCHS = 80_000, 60  # of PA100K's training split, and the authors' epochs
BENCH_LIMIT_S = 86_400  # full-size steps take minutes on a laptop


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


def bench_training(
    model: str = "spikingformer_8_768",
    teacher: str = "vtb_vit_base_patch16",
    batch_size: int = 2,
    precision: str = "fp32",
    steps: int = 4,
    threads: int = 0,
    **saving: Any,
) -> str:
    """Seconds per image and peak memory of a training step, in a process of its own.

    Names are those of `python -m snnpar models`; an empty teacher trains on labels alone. Weights are random. `saving`
    sets TrainConfig's accumulate, recompute and pack_spikes. Raises SnnparError with the sentence of the process that
    failed.
    """
    from snnpar.models import preset, role_of

    distils = bool(teacher)
    try:
        config = TrainConfig.of(
            role=role_of(preset(model)),
            model=model,
            teacher=teacher,
            feature_kd=distils,
            logit_kd=distils,
            ema=0.0,  # as the full-size recipe; an average would be one more copy of the weights
            batch_size=batch_size,
            precision=precision,
            threads=threads,
            rendered_count=max(16, batch_size * (1 + steps)),
            **saving,
        )
        trial = Trial(config, steps=steps, limit_s=BENCH_LIMIT_S, random_teacher=teacher)
        try:
            estimate = trial.wait()
        finally:
            trial.close()
    except SnnparError as error:
        raise SnnparError(f"the step could not be measured: {error}") from error
    if not estimate.fits:
        raise SnnparError(f"the step could not be measured: {estimate.notes()[0]}")
    found = estimate.measured
    per_image, processor = (median(found[name]) / batch_size for name in ("seconds", "processor_seconds"))
    days = per_image * PA100K_IMAGES * PUBLISHED_EPOCHS / 86_400
    time_axis = f" (T={found['timesteps']})" if found["timesteps"] else ""
    what = f"{model}{time_axis}, {f'distilled from {teacher}' if teacher else 'on labels alone'}"
    return (
        f"training step of {what}, batch {batch_size}{_saved(config)}, {precision}, {found['device']} with "
        f"{found['threads']} of {found['cores']} cores: {per_image:.3g} s per image, {processor:.3g} s of "
        f"processor time (median of {steps} steps), peak memory {found['step_peak_bytes'] / 2**30:.1f} GiB; "
        f"{PUBLISHED_EPOCHS} epochs of {PA100K_IMAGES:,} images would take {days:.3g} days"
    )


def _saved(config: TrainConfig) -> str:
    """How the step saves memory, in words."""
    ways = (
        (config.runtime.accumulate > 1, f"in {config.runtime.accumulate} parts"),
        (config.runtime.recompute, "blocks recomputed"),
        (config.runtime.pack_spikes, "spikes kept as bits"),
    )
    return "".join(f", {words}" for used, words in ways if used)


def bench_recording(student: str = "spikingformer_8_512", rounds: int = 9) -> str:
    """What `record` adds to the bare forward of one image, and how large the spikes are that it keeps.

    `student` is a shipped checkpoint, or a named size, which gets random weights that make its neurons fire. Bare and
    recorded forwards alternate; the ratio is the median over pairs, of the processor time of one thread.
    """
    import torch

    from snnpar.spikes.trace import record

    model = _loaded(student)
    image = model.prepare(_image(0, model.checkpoint.model.image_size))
    traces: list[SpikeTrace] = []

    def watched() -> None:
        with record(model.module) as trace:
            model.forward(image)
        traces.append(trace)

    bare, recorded = [], []
    with _one_thread(), torch.no_grad():
        for _ in range(1 + rounds):  # the first fills caches and is dropped
            bare.append(_processor_time(lambda: model.forward(image)))
            recorded.append(_processor_time(watched))
    trace = traces[-1]
    ratio = median(after / before for before, after in zip(bare[1:], recorded[1:], strict=True))
    neurons = sum(trace.neurons(name) for name in trace.names)
    return (
        f"recording {_called(model)}, {_size(model)}, T={trace.timesteps}, one thread: "
        f"{100 * (ratio - 1):+.0f}% of processor time over the bare forward of {1e3 * median(bare[1:]):.0f} ms "
        f"(median of {rounds} pairs); trace {trace.nbytes / 1e6:.2f} MB for {neurons:,} neurons, "
        f"NASFR {100 * trace.nasfr:.1f}%"
    )


def bench_page(teacher: str = "vtb_conv_3_192", student: str = "spikingformer_cml_4_192", rounds: int = 7) -> str:
    """What a page computes for a new image, against the two bare forwards, alternating on one thread.

    Probabilities, values after each timestep, attention and co-fire maps, energy. Names as in `bench_recording`.
    """
    import torch

    from snnpar.energy.estimate import energy_over_time
    from snnpar.explain import heatmap
    from snnpar.inference import analyze

    pair = [_loaded(teacher), _loaded(student)]

    def everything(image: np.ndarray) -> None:
        for model, method in zip(pair, ("attention", "co_fire"), strict=True):
            seen = analyze(model, image)  # with its energy
            heatmap(method, model, image, model.schema.attributes[0], trace=seen.trace)
        energy_over_time(seen.trace)

    bare, page = [], []
    with _one_thread(), torch.no_grad():
        for number in range(1 + rounds):
            image = _image(number, (256, 128))
            ready = [model.prepare(image) for model in pair]
            bare.append(_processor_time(lambda ready=ready: [m.forward(x) for m, x in zip(pair, ready, strict=True)]))
            page.append(_processor_time(lambda image=image: everything(image)))
    forwards, whole = (1e3 * median(seconds[1:]) for seconds in (bare, page))
    promised = 1.3 * forwards + 300
    return (
        f"a new image for {_called(pair[0])} and {_called(pair[1])}, one thread: {whole:.0f} ms of processor time, "
        f"the two bare forwards {forwards:.0f} ms (medians of {rounds} pairs); 1.3 x forwards + 300 ms is "
        f"{promised:.0f} ms: {'kept' if whole <= promised else 'missed'}"
    )


def _loaded(name: str) -> LoadedModel:
    """A shipped checkpoint, or a named size with random weights. Raises SnnparError for an unknown name."""
    import torch

    from snnpar.checkpoint import WEIGHTS, Checkpoint, named, read_checkpoint
    from snnpar.inference import LoadedModel, load
    from snnpar.models import preset, takes_text
    from snnpar.schema.attributes import load_schema

    folder = named(name)
    if folder and (folder / WEIGHTS).is_file():
        return load(read_checkpoint(folder))
    config, schema = preset(name), load_schema("pa100k")
    vectors = torch.randn(len(schema), config.text_dim) if takes_text(config) else None
    model = _lively(config, len(schema), vectors)
    return LoadedModel(Checkpoint(Path(name), config, schema), model, vectors)


def _lively(config: ModelConfig, attributes: int, vectors: Tensor | None) -> Network:
    """Random weights whose neurons fire: batch norms know the statistics of noise and spread it over the threshold."""
    import torch
    from torch import nn

    from snnpar.models import build_model

    torch.manual_seed(0)
    model = build_model(config, attributes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None  # take the statistics of the one batch that follows
            nn.init.constant_(module.weight, 3.0)
    with torch.no_grad():
        model.train()(torch.randn(2, 3, *config.image_size), *([] if vectors is None else [vectors]))
    return model.eval().requires_grad_(False)


def _image(seed: int, size: tuple[int, int]) -> np.ndarray:
    """A rendered pedestrian of (H, W) pixels, uint8 (H, W, 3)."""
    from snnpar.datasets.rendered import render_pedestrian

    return render_pedestrian(seed, 0, size=size).image


def _called(model: LoadedModel) -> str:
    # A size without weights has no folder, so that its path is its name.
    return model.checkpoint.name + ("" if model.checkpoint.path.is_absolute() else " (random weights)")


def _size(model: LoadedModel) -> str:
    return " x ".join(map(str, model.checkpoint.model.image_size))


@contextmanager
def _one_thread() -> Iterator[None]:
    """With one thread the processor time is what an idle machine would take, whatever else runs on this one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _processor_time(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began
