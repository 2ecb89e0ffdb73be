"""What a run would cost on this machine: `python -m train.measure FOLDER` in its own process, so that its peak memory
is the run's. `snnpar.runs.estimate` starts it and words what it finds.

FOLDER/config.json is a TrainConfig. While it goes on, progress.json says how far it is; in the end there is
result.json, or error.json {error, out_of_memory}. The run that it makes lies in FOLDER, too.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import torch

from snnpar.checkpoint import Checkpoint, save_weights, write_config, write_phrases
from snnpar.config import TrainConfig
from snnpar.core.atomic import write_text
from snnpar.core.commands import Parser
from snnpar.core.errors import SnnparError
from snnpar.core.programs import module
from snnpar.datasets import ResizedImages, open_split, subset
from snnpar.models import build_model, preset
from snnpar.runs.jobs import memory_limit_gb
from snnpar.runs.run import Run, create_run
from snnpar.schema.attributes import AttributeSchema, Phrases, load_schema

from .faults import is_out_of_memory
from .heartbeat import Heartbeat
from .loader import LoadedBatch, read_pixels
from .optim import learning_rate
from .session import Session, prepare
from .step import train_step

VALIDATED = 64  # images to validate


def write_random_teacher(folder: Path, name: str, schema: AttributeSchema) -> None:
    """A checkpoint of a named size with random weights and phrase vectors."""
    folder.mkdir()
    config = preset(name)
    write_config(folder, config, schema, {}, {})
    save_weights(build_model(config, len(schema)), folder / "model.safetensors")
    vectors = torch.randn(len(schema), config.text_dim).numpy()
    write_phrases(folder, Phrases(schema.attributes, schema.phrases, vectors, "random"))


def open_images(
    _run: Run, config: TrainConfig, checkpoint: Checkpoint, _heartbeat: Heartbeat
) -> tuple[ResizedImages, ResizedImages]:
    """Training and validation images, of which only those are read that a step asks for."""
    size = checkpoint.model.image_size
    train, val = (
        ResizedImages(open_split(config, name), size, keep=not config.runtime.stream) for name in ("train", "val")
    )
    return train, val


def measure(config: TrainConfig, folder: Path, steps: int) -> dict:
    """Seconds of `steps` training steps after one to warm up, of reading and of validation, and the peak memory.

    Teacher, data and step are those of a real run; the memory, in bytes, of the steps alone and of all, is the GPU's
    where the step runs on one, and there are not all images in it yet (`image_bytes` each, `kept` of them). Processor
    seconds, of all threads together, tell what a step costs when the machine has other work, too.
    """
    session = prepare(create_run(config, folder / "run"), read=open_images)
    tell(folder, "warming up", 0, steps)
    timed = [_step(session, number, folder, steps) for number in range(1 + steps)][1:]
    on_gpu = session.device.type == "cuda"
    step_peak = _peak_bytes(on_gpu)  # validation, of more images at once, may need more
    tell(folder, "validating", steps, steps)
    optimized = [value for values in session.optimizer.state.values() for value in values.values()]
    states = [tensor for model in session.models.values() for tensor in model.state_dict().values()]
    return {
        **{name: [one[name] for one in timed] for name in timed[0]},
        "validating_s": _validate(session),
        "step_peak_bytes": step_peak,
        "peak_bytes": _peak_bytes(on_gpu),
        "image_bytes": 3 * int(np.prod(session.train.image_size)),
        "state_bytes": _bytes([*states, *filter(torch.is_tensor, optimized)]),
        "weight_bytes": _bytes(list(session.scored.state_dict().values())),
        "train_images": len(session.epoch_order(0)),
        "all_images": len(session.train),
        "val_images": len(session.val),
        "steps_per_epoch": session.steps_per_epoch,
        "on_gpu": on_gpu,
        "device": torch.cuda.get_device_name() if on_gpu else "CPU",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "timesteps": session.model.timesteps or None,
    }


def _step(session: Session, number: int, folder: Path, steps: int) -> dict[str, float]:
    """One step, with the learning rate of its place in a run; a small dataset comes again."""
    order = session.batches_left() or [np.arange(session.config.optimisation.batch_size)[None] % len(session.train)]
    began = time.perf_counter()
    indices = order[0]
    batch = LoadedBatch(indices, read_pixels(session.train, indices))
    read = time.perf_counter()
    for group in session.optimizer.param_groups:
        group["lr"] = learning_rate(session.config.optimisation, session.epoch + session.step / session.steps_per_epoch)
    session.model.train()
    busy = time.process_time()
    train_step(session, batch)  # its loss is read as a number, so that a GPU has ended its work
    ended = time.perf_counter()
    if session.step == session.steps_per_epoch:
        session.epoch, session.step = session.epoch + 1, 0
    tell(folder, "measuring", number, steps, seconds=ended - read)
    return {
        "seconds": ended - read,
        "processor_seconds": time.process_time() - busy,
        "reading_s": (read - began) / indices.size,
    }


def _validate(session: Session) -> float:
    """Seconds per image of validation."""
    count = min(VALIDATED, len(session.val))
    few = ResizedImages(subset(session.val.split, range(count)), session.val.image_size)
    few.pixels(np.arange(count))
    began = time.perf_counter()
    session.objective.answers(session, session.scored, few, "a few images")
    return (time.perf_counter() - began) / count


def _bytes(tensors: list[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _peak_bytes(on_gpu: bool) -> int:
    if on_gpu:
        return torch.cuda.max_memory_allocated()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024)


def tell(folder: Path, phase: str, done: int, n: int, **values: object) -> None:
    """Say how far it is."""
    write_text(folder / "progress.json", json.dumps({"phase": phase, "done": done, "n": n, **values}))


def free_bytes(device: str) -> int:
    """Memory that this process can have, what it has included: the GPU's if it will train there."""
    if device != "cpu" and torch.cuda.is_available():
        return torch.cuda.mem_get_info()[0]
    free = psutil.virtual_memory().available + psutil.Process().memory_info().rss
    return int(min(free, memory_limit_gb() * 1e9))


def confine(limit: int) -> None:
    """Let an allocation beyond `limit` bytes fail, before the system kills this process, or a run, to have memory."""
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def end_with_parent(folder: Path) -> None:
    """Once standard input closes, because who started this has gone: end, and leave nothing.

    Another process removes the folder, once the pipe that this one holds closes: here the work goes on until the end,
    and would make the folder anew.
    """

    def leave() -> None:
        sys.stdin.buffer.read()
        _kept = subprocess.Popen([sys.executable, "-S", "-c", REMOVE, str(folder)], stdin=subprocess.PIPE)
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


REMOVE = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"


def main(arguments: list[str] | None = None) -> int:
    flags = Parser(prog=f"python -m {module('train.measure')}", description=__doc__)
    flags.add_argument("folder", type=Path)
    flags.add_argument("--steps", type=int, default=3, help="to measure, after one to warm up")
    flags.add_argument("--seconds", type=int, default=0, help="end after so long, whatever has been found; 0: never")
    flags.add_argument("--memory", type=int, default=0, help="bytes it may take on a CPU; 0: what is free")
    flags.add_argument("--random-teacher", default="", help="named size of a teacher with random weights")
    flags.add_argument("--attached", action="store_true", help="end, and remove FOLDER, once standard input closes")
    options = flags.parse_args(arguments)
    if options.attached:
        end_with_parent(options.folder)
    signal.alarm(options.seconds)
    folder, load = options.folder, os.getloadavg()[0]
    try:
        config = TrainConfig.from_dict(json.loads((folder / "config.json").read_text("utf-8")))
        free = options.memory or free_bytes(config.runtime.device)
        if config.runtime.device == "cpu" or not torch.cuda.is_available():
            confine(free)
        if options.random_teacher:
            write_random_teacher(folder / "teacher", options.random_teacher, load_schema("pa100k"))
            config = config.changed(teacher=str(folder / "teacher"))
        result = measure(config, folder, options.steps) | {"free_bytes": free, "load": load}
        write_text(folder / "result.json", json.dumps(result))
    except Exception as error:
        full = is_out_of_memory(error)
        write_text(folder / "error.json", json.dumps({"error": str(error), "out_of_memory": full}))
        if full or isinstance(error, SnnparError):
            return 1
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
