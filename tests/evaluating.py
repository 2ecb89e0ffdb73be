"""What tests of evaluations share: a switch that stops them, a folder of one's own, and whether two are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tiny
from PIL import Image

from snnpar.evaluation.evaluations import Evaluation

FILES = [".lock", "evaluation.json", "log.txt", "predictions.parquet", "request.json", "status.json"]


def stop_after(batches: int) -> Callable[[], bool]:
    """A switch that lets so many batches pass."""
    left = iter([False] * batches)
    return lambda: next(left, True)


def same(a: Evaluation, b: Evaluation) -> bool:
    """Are the results equal to the byte, but for when they were made and how long it took?"""
    infos = [evaluation.info() for evaluation in (a, b)]
    for info in infos:
        for name in ("created", "seconds"):
            info["provenance"].pop(name)
    bytes_ = [(evaluation.path / "predictions.parquet").read_bytes() for evaluation in (a, b)]
    return infos[0] == infos[1] and bytes_[0] == bytes_[1]


def write_own(folder: Path, names: tuple[str, ...]) -> str:
    """Three images labelled by a table, the last label unknown."""
    folder.mkdir()
    lines = [f"file,split,{','.join(names)}"]
    for i in range(3):
        Image.fromarray(tiny.random_image(i)).save(folder / f"{i}.png")
        lines.append(f"{i}.png,test,{','.join(str((i + k) % 2) for k in range(len(names) - 1))},")
    (folder / "labels.csv").write_text("\n".join(lines))
    return str(folder)
