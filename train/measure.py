"""What a training step costs on this machine: `python -m train.measure` in its own process, so that its peak memory is
the step's. `python -m snnpar bench training` starts it and words what it prints."""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch

from snnpar.checkpoint import save_weights, write_config, write_phrases
from snnpar.config import TrainConfig
from snnpar.models import build_model, preset, role_of
from snnpar.neurons import LIF
from snnpar.runs import create_run
from snnpar.schema import AttributeSchema, Phrases, load_schema
from train import loop


def write_random_teacher(folder: Path, name: str, schema: AttributeSchema) -> None:
    """A checkpoint of a named size with random weights and phrase vectors."""
    folder.mkdir()
    config = preset(name)
    write_config(folder, config, schema, {}, {})
    save_weights(build_model(config, len(schema)), folder / "model.safetensors")
    vectors = torch.randn(len(schema), config.text_dim).numpy()
    write_phrases(folder, Phrases(schema.attributes, schema.phrases, vectors, "random"))


def measure(config: TrainConfig, folder: Path, steps: int) -> dict:
    """Seconds of each of `steps` training steps after one to warm up, on rendered images, and the peak memory in bytes.

    Teacher, data and step are those of a real run in `folder`; the memory is the GPU's where the step runs on one.
    Processor seconds, of all threads together, tell what a step costs when the machine has other work, too.
    """
    session = loop.prepare(create_run(config, folder))
    order = session.epoch_order(0)
    ratio = torch.from_numpy(session.train.split.positive_ratio).float().to(session.device)
    generator, seconds, processor = torch.Generator().manual_seed(0), [], []
    session.model.train()
    for step in range(1 + steps):
        indices = order[step * config.batch_size : (step + 1) * config.batch_size]
        session.train.pixels(indices)  # drawn once and kept, as after a run's first epoch
        began, busy = time.perf_counter(), time.process_time()
        loop.train_step(session, indices, generator, ratio)
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    spiking = any(isinstance(module, LIF) for module in session.model.modules())
    on_gpu = session.device.type == "cuda"
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = torch.cuda.max_memory_allocated() if on_gpu else kilobytes * (1 if sys.platform == "darwin" else 1024)
    device = torch.cuda.get_device_name() if on_gpu else "CPU"
    return {"seconds": seconds[1:], "processor_seconds": processor[1:], "peak_bytes": peak, "device": device,
            "threads": torch.get_num_threads(), "cores": os.cpu_count(),
            "timesteps": session.checkpoint.model.timesteps if spiking else None}


def main(arguments: list[str] | None = None) -> None:
    flags = argparse.ArgumentParser(prog="python -m train.measure", description=__doc__)
    flags.add_argument("--model", required=True)
    flags.add_argument("--teacher", required=True, help="named size; empty: train on labels alone")
    flags.add_argument("--batch-size", type=int, required=True)
    flags.add_argument("--precision", required=True)
    flags.add_argument("--steps", type=int, required=True)
    flags.add_argument("--threads", type=int, required=True)
    options = flags.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        teacher = Path(folder) / "teacher" if options.teacher else None
        config = TrainConfig(
            role=role_of(preset(options.model)), model=options.model,
            teacher=str(teacher or ""), feature_kd=bool(teacher), logit_kd=bool(teacher),
            ema=0.0,  # as the full-size recipe; an average would be one more copy of the weights
            batch_size=options.batch_size, precision=options.precision, threads=options.threads,
            rendered_count=max(16, options.batch_size * (1 + options.steps)),
        )
        if teacher:
            write_random_teacher(teacher, options.teacher, load_schema("pa100k"))
        print(json.dumps(measure(config, Path(folder) / "run", options.steps)))


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"error: {error}")
