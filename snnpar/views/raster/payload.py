"""What the raster view shows, as plain data for the browser: at most `VIEW_BYTES` for a view."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from PIL import Image

from snnpar.energy.estimate import accumulates_by_token
from snnpar.explain.membrane import Membrane
from snnpar.figures import LOOKS
from snnpar.images.geometry import Geometry
from snnpar.inference import LoadedModel
from snnpar.models import Layer
from snnpar.spikes import raster
from snnpar.spikes.trace import SpikeTrace
from snnpar.views import encode
from snnpar.views.image import InputImage
from snnpar.views.raster.choice import Choice
from snnpar.views.reading import Reading

VIEW_BYTES = 60_000
IMAGE_CHARACTERS = 14_000
JPEG_QUALITY = 80
HEIGHTS = (384, 288, 192, 128, 64)


def payload(
    student: Reading, image: InputImage, choice: Choice, counts: dict[str, np.ndarray], membrane: Membrane | None
) -> dict:
    """One layer's raster, map and counts, the rates of all layers, and if there is one the chosen neuron's membrane.

    `counts`: (T, N) spikes of each layer, see `raster.counts_by_token`. Arrays are base64: little-endian, time first.
    """
    trace = student.analysis.trace
    grid = raster.cells(trace.shape(choice.layer), student.model.token_grid)
    layer = raster.maps(trace, choice.layer, grid)
    assumptions = student.analysis.energy.assumptions
    tokens = choice.box.tokens(grid) if choice.box else None
    return {
        "model": student.model.checkpoint.name,
        "colour": LOOKS["student"].colour,
        "image": _image(image.small, image.title),
        "grid": list(grid),
        "geometry": asdict(_lies(student.model, layer.shape[2:])),  # of the layer's neurons
        "timesteps": trace.timesteps,
        "layers": [_place(student.model.anatomy.layer(name), name) for name in trace.names],
        "layer": choice.layer,
        "shape": [layer.shape[0], *layer.shape[2:]],
        "rates": encode.base64(_rates(trace, counts, None).astype("<f4")),
        "box_rates": encode.base64(_rates(trace, counts, tokens).astype("<f4")) if tokens else "",
        "box": list(asdict(choice.box).values()) if choice.box else None,
        "counts": encode.base64(counts[choice.layer].astype("<u4")),
        "accumulates": encode.base64(accumulates_by_token(trace, grid).round().astype("<u4")),
        "ac_pj": assumptions.ac_pj,
        "convention": f"{assumptions.name}: {assumptions.ac_pj:g} pJ per AC, arithmetic only",
        "raster": _raster(layer, grid, choice),
        "map": _map(layer, choice),
        "channel": choice.channel,
        "neuron": _neuron(membrane, layer, grid, choice) if membrane else None,
    }


def _place(layer: Layer, name: str) -> dict:
    """Where a layer stands in the strip: its row and its column."""
    number = name.partition("#")[2]
    column = layer.part or layer.label
    return {"name": name, "row": layer.stage, "column": f"{column} #{number}" if number else column}


def _lies(model: LoadedModel, shape: tuple[int, int]) -> Geometry:
    """Where the places of a layer lie; evenly, where the network does not say."""
    try:
        return model.place(shape)
    except ValueError:
        return Geometry.even(*shape)


def _rates(trace: SpikeTrace, counts: dict[str, np.ndarray], tokens: tuple[int, ...] | None) -> np.ndarray:
    """(L, T) spikes per neuron, of all tokens or of some; of all in layers that have other cells."""
    inside = [] if tokens is None else list(tokens)
    kept = {name: one[:, inside] if inside and max(inside) < one.shape[1] else one for name, one in counts.items()}
    return np.stack(
        [one.sum(1) / (trace.neurons(name) * one.shape[1] / counts[name].shape[1]) for name, one in kept.items()]
    )


def _raster(layer: np.ndarray, grid: tuple[int, int], choice: Choice) -> dict:
    """One page of the layer's cells at the tokens of the box."""
    channels, timesteps, height, width = layer.shape
    down, across = height // grid[0], width // grid[1]
    tokens = choice.box.tokens(grid) if choice.box else tuple(range(grid[0] * grid[1]))
    choices = raster.sides(down, across)
    paged = {side: raster.Pages(channels, tokens, timesteps * down * across // side**2) for side in choices}
    overview = next((side for side, pages in paged.items() if len(pages) == 1), choices[-1])
    side = choice.side if choice.side in choices else overview
    pages = paged[side]
    page = min(_page(choice, pages, grid, down, across), len(pages) - 1)
    window = pages[page]
    return {
        "bits": encode.base64(raster.pack(layer, grid, window, side)),
        "first": window.channels.start,
        "channels": len(window.channels),
        "tokens": list(window.tokens),
        "of_tokens": len(tokens),
        "patch": [down // side, across // side],
        "side": side,
        "sides": list(choices),
        "page": page,
        "pages": len(pages),
    }


def _page(choice: Choice, pages: raster.Pages, grid: tuple[int, int], down: int, across: int) -> int:
    if choice.page is not None:
        return choice.page
    if choice.channel is None:
        return 0
    place = choice.place
    token = None if place is None else place.row // down * grid[1] + place.column // across
    return pages.holding(choice.channel, token)


def _map(layer: np.ndarray, choice: Choice) -> dict:
    """Where the chosen channel spikes, one bit per place, or without one the share of channels in 255ths of `top`."""
    if choice.channel is not None:
        frames = raster.shrink(layer[choice.channel] != 0, 8 * raster.MAP_BYTES)
        return {"bits": encode.base64(np.packbits(frames)), "shape": list(frames.shape), "top": 1.0}
    frames = raster.shrink((layer != 0).mean(0), raster.MAP_BYTES)
    top = float(frames.max())
    levels = (255 * frames / (top or 1.0)).round().astype("u1")
    return {"levels": encode.base64(levels), "shape": list(frames.shape), "top": top}


def _neuron(membrane: Membrane, layer: np.ndarray, grid: tuple[int, int], choice: Choice) -> dict:
    """Potential before the reset, and spikes, of the chosen neuron in each timestep."""
    place = choice.place
    assert place is not None, "membranes are recorded of a chosen neuron"
    channel = raster.arranged(membrane.potential, grid)[choice.channel]
    return {
        "row": place.row,
        "column": place.column,
        "potential": [round(float(value), 5) for value in channel[:, place.row, place.column]],
        "spikes": (layer[choice.channel, :, place.row, place.column] != 0).tolist(),
        "threshold": membrane.threshold,
        "tau": membrane.tau,
    }


def _image(image: np.ndarray, title: str) -> dict:
    """As large as fits, or 64 pixels tall."""
    height, width = image.shape[:2]
    for shown in HEIGHTS:
        size = (max(1, round(width * shown / height)), shown)
        small = image if shown >= height else np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
        data = encode.jpeg(small, JPEG_QUALITY)
        if len(data["source"]) <= IMAGE_CHARACTERS:
            break
    return data | {"title": title}
