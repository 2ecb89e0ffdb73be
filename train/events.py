"""TensorBoard's event files in a run's folder events/, from the lines of metrics.jsonl, so that its tooling works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENTS = "events"
FLUSH_S = 10
PLACES = ("kind", "epoch", "step", "steps", "time", "best", "without_positives")
COSTS = ("images_per_s", "eta_s", "memory_gb")


def open_events(run: Path, first_step: int) -> SummaryWriter:
    """What writes to the run's event files; close it in the end.

    first_step is the first step, as in metrics.jsonl, that will be written: what an interrupted run wrote from there
    on is hidden by TensorBoard.
    """
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(run / EVENTS), purge_step=first_step, flush_secs=FLUSH_S)


def add_row(writer: SummaryWriter, row: dict) -> None:
    """Add a line of metrics.jsonl at its step."""
    for tag, value in scalars(row).items():
        writer.add_scalar(tag, value, row["step"], row.get("time"))


def scalars(row: dict) -> dict[str, float]:
    """The numbers of a line of metrics.jsonl by TensorBoard's tags: loss/, val/, firing/LAYER/, cost/, lr, grad_norm.

    Raises ValueError for an unknown kind of line.
    """
    if row["kind"] not in KINDS:
        raise ValueError(f"no line of metrics.jsonl is of kind {row['kind']!r}; there are {', '.join(KINDS)}")
    return KINDS[row["kind"]](row)


def _step(row: dict) -> dict[str, float]:
    groups = dict.fromkeys(COSTS, "cost/") | dict.fromkeys(("lr", "grad_norm"), "")
    return {f"{groups.get(name, 'loss/')}{name}": value for name, value in row.items() if name not in PLACES}


def _epoch(row: dict) -> dict[str, float]:
    return {f"val/{name}": value for name, value in row.items() if name not in PLACES}


def _firing(row: dict) -> dict[str, float]:
    return {
        f"firing/{layer}/{tag}": value
        for what, tag in (("rates", "rate"), ("dead", "dead"), ("saturated", "saturated"))
        for layer, value in row[what].items()
    }


KINDS = {"step": _step, "epoch": _epoch, "firing": _firing}
