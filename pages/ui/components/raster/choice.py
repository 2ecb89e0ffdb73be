"""What of the spikes is looked at: layer, box of tokens, channel, neuron. All are in the link, under short names."""

from __future__ import annotations

from pages.ui import moment
from snnpar.core.errors import SnnparError
from snnpar.spikes import raster
from snnpar.spikes.raster import Box
from snnpar.spikes.trace import SpikeTrace
from snnpar.views.raster.choice import Choice, NeuronPosition


def chosen(trace: SpikeTrace, layer: str, grid: tuple[int, int]) -> Choice:
    """The choice that holds for this student and layer, of cells on this grid. What a link says of another one falls
    away."""
    channels, _, *size = raster.maps(trace, layer, grid).shape
    channel, place = _number("channel"), _numbers("neuron", 2)
    known = channel is not None and channel < channels
    inside = known and place is not None and place[0] < size[0] and place[1] < size[1]
    return Choice(
        layer,
        _box(grid),
        channel if known else None,
        NeuronPosition(*place) if inside else None,
        _number("side"),
        _number("page"),
    )


def keep_layer(name: str) -> None:
    """Another layer, whose channels are others."""
    for kept, value in {"layer": name, "channel": "", "neuron": "", "side": "", "page": ""}.items():
        moment.keep(kept, value)


def keep_box(said: list[int] | None) -> None:
    """A box as [top, left, bottom, right], or None for the whole image."""
    moment.keep("box", ".".join(map(str, said)) if said else "")
    moment.keep("page", "")


def keep_neuron(channel: int | None, place: NeuronPosition | None = None) -> None:
    """A channel, maybe with one of its neurons; None for no channel."""
    moment.keep("channel", "" if channel is None else str(channel))
    moment.keep("neuron", "" if place is None else f"{place.row}.{place.column}")


def keep_side(side: int) -> None:
    moment.keep("side", str(side))
    moment.keep("page", "")


def keep_page(page: int) -> None:
    moment.keep("page", str(page))


def _box(grid: tuple[int, int]) -> Box | None:
    said = _numbers("box", 4)
    if said is None:
        return None
    try:
        box = Box(*said)
        box.tokens(grid)
    except SnnparError:
        return None  # of a link to a student with another grid
    return box


def _number(name: str) -> int | None:
    numbers = _numbers(name, 1)
    return numbers[0] if numbers else None


def _numbers(name: str, count: int) -> list[int] | None:
    """What was kept as so many whole numbers with points between, else None."""
    numbers = [moment.whole(part) for part in moment.recall(name).split(".")]
    return numbers if len(numbers) == count and None not in numbers else None
