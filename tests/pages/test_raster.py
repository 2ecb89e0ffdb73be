"""What the raster view gives to the browser, and what it keeps of what the browser says."""

from __future__ import annotations

import json
from base64 import b64decode
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import PA100K, STUDENT, random_image, write_checkpoint

from pages.ui.looking import CachedReading
from snnpar.energy.estimate import CONVENTIONS, accumulates_by_token
from snnpar.explain.membrane import record_membrane
from snnpar.inference import LoadedModel, analyze, load
from snnpar.models import build_model, preset
from snnpar.spikes import raster
from snnpar.spikes.raster import Box
from snnpar.spikes.trace import SpikeTrace, record
from snnpar.views.image import InputImage
from snnpar.views.raster.choice import Choice, NeuronPosition
from snnpar.views.raster.payload import VIEW_BYTES, payload

GRID = STUDENT.token_grid
TOKENS = GRID[0] * GRID[1]
T = STUDENT.timesteps
IMAGE = InputImage.of("noise", random_image(1, (384, 192)))
Q, STAGE = "block.0.attn.q_lif", "patch_embed.proj2_lif"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> CachedReading:
    model = load(write_checkpoint(tmp_path_factory.mktemp("raster") / "student"))
    return CachedReading(model, analyze(model, IMAGE.image))


def given(seen: CachedReading, choice: Choice) -> dict:
    trace = seen.analysis.trace
    membrane = record_membrane(seen.model, IMAGE.image, choice.layer) if choice.place else None
    data = payload(seen, IMAGE, choice, raster.counts_by_token(trace, GRID), membrane)
    return json.loads(json.dumps(data))


def numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), kind)


def cells(data: dict) -> np.ndarray:
    """(channels, T, tokens, rows and columns of a patch), as the browser reads them."""
    one = data["raster"]
    shape = (one["channels"], data["timesteps"], len(one["tokens"]), *one["patch"])
    return np.unpackbits(numbers(one["bits"], "u1"), count=np.prod(shape)).reshape(shape).astype(bool)


@pytest.mark.parametrize(("layer", "step"), [(Q, 16), (STAGE, 2)])
def test_neurons_lie_where_their_receptive_fields_are(seen: CachedReading, layer: str, step: int) -> None:
    rows, columns = (given(seen, Choice(layer))["geometry"][side] for side in ("rows", "columns"))
    assert rows == {"count": 64 // step, "first": 0.5 / 64, "step": step / 64}
    assert columns == {"count": 32 // step, "first": 0.5 / 32, "step": step / 32}


@pytest.mark.parametrize("layer", [Q, STAGE])
def test_the_whole_layer_is_sent(seen: CachedReading, layer: str) -> None:
    data = given(seen, Choice(layer))
    maps = raster.maps(seen.analysis.trace, layer, GRID)
    assert np.array_equal(cells(data), raster.by_token(maps, GRID)) and data["raster"]["side"] == 1
    assert data["raster"]["pages"] == 1 and data["shape"] == [maps.shape[0], *maps.shape[2:]]
    counts = numbers(data["counts"], "<u4").reshape(T, TOKENS)
    assert np.array_equal(counts.sum(1), seen.analysis.trace.counts(layer))
    assert data["neuron"] is None and data["channel"] is None and data["box"] is None


def test_rates_are_those_of_the_trace_and_the_strip_names_every_layer(seen: CachedReading) -> None:
    data, trace = given(seen, Choice(Q)), seen.analysis.trace
    rates = numbers(data["rates"], "<f4").reshape(-1, T)
    np.testing.assert_allclose(rates, [trace.rates(name) for name in trace.names], rtol=1e-6)
    places = {layer["name"]: (layer["row"], layer["column"]) for layer in data["layers"]}
    assert list(places) == list(trace.names)
    assert places["patch_embed.proj3_lif"] == ("tokenizer", "stage 3")
    assert [column for row, column in places.values() if row == "block 2"] == [
        "input",
        "q",
        "k",
        "v",
        "attention",
        "MLP1",
        "MLP2",
    ]


def test_a_box_keeps_its_tokens(seen: CachedReading) -> None:
    box, trace = Box(1, 0, 2, 0), seen.analysis.trace
    tokens = list(box.tokens(GRID))
    data = given(seen, Choice(STAGE, box))
    everything = raster.by_token(raster.maps(trace, STAGE, GRID), GRID)
    assert data["box"] == [1, 0, 2, 0] and data["raster"]["tokens"] == tokens
    assert np.array_equal(cells(data), everything[:, :, tokens])
    rate = numbers(data["box_rates"], "<f4").reshape(-1, T)[trace.names.index(STAGE)]
    np.testing.assert_allclose(rate, everything[:, :, tokens].mean((0, 2, 3, 4)), rtol=1e-6)


def test_accumulates_are_those_of_the_report(seen: CachedReading) -> None:
    data, report = given(seen, Choice(Q)), seen.analysis.energy
    sent = numbers(data["accumulates"], "<u4").reshape(T, *GRID)
    assert np.array_equal(sent, accumulates_by_token(seen.analysis.trace, GRID))
    assert sent.sum() == report.acs and data["ac_pj"] == report.assumptions.ac_pj == 0.9
    assert "45 nm" in data["convention"] and "0.9 pJ per AC" in data["convention"]


@pytest.mark.parametrize("layer", [Q, STAGE])
def test_a_channel_has_a_map_and_a_neuron_a_membrane(seen: CachedReading, layer: str) -> None:
    data = given(seen, Choice(layer, channel=3, place=NeuronPosition(1, 1)))
    maps = raster.maps(seen.analysis.trace, layer, GRID)
    shape = data["map"]["shape"]
    bits = np.unpackbits(numbers(data["map"]["bits"], "u1"), count=np.prod(shape))
    assert np.array_equal(bits.reshape(shape), maps[3])
    neuron = data["neuron"]
    assert neuron["spikes"] == maps[3, :, 1, 1].tolist() and neuron["threshold"] == 1.0
    assert [value >= neuron["threshold"] for value in neuron["potential"]] == neuron["spikes"]


def test_without_a_channel_the_map_is_the_share_of_channels(seen: CachedReading) -> None:
    data = given(seen, Choice(Q))
    share = raster.maps(seen.analysis.trace, Q, GRID).mean(0)
    sent = numbers(data["map"]["levels"], "u1").reshape(T, *GRID) / 255 * data["map"]["top"]
    np.testing.assert_allclose(sent, share, atol=data["map"]["top"] / 255)


def test_a_page_that_is_gone_falls_back_to_the_last(seen: CachedReading) -> None:
    assert given(seen, Choice(Q, page=7))["raster"]["page"] == 0


@pytest.mark.parametrize(("row", "column"), [(0, 0), (7, 15), (8, 0), (21, 10), (31, 15)])
def test_the_first_page_is_that_of_the_chosen_neuron(
    seen: CachedReading, monkeypatch: pytest.MonkeyPatch, row: int, column: int
) -> None:
    """Two tokens of 8 x 8 neurons fit on a page."""
    monkeypatch.setattr(raster, "Pages", partial(raster.Pages, limit=2 * T * 64))
    one = given(seen, Choice(STAGE, channel=3, place=NeuronPosition(row, column), side=1))["raster"]
    assert one["pages"] > 4 and len(one["tokens"]) == 2
    assert row // 8 * GRID[1] + column // 8 in one["tokens"] and one["first"] <= 3 < one["first"] + one["channels"]


@pytest.fixture(scope="module")
def large() -> CachedReading:
    """spikingformer_8_512 at 256 x 128, T = 4, with spikes drawn at random: their number does not change the size."""
    config = preset("spikingformer_8_512")
    with torch.device("meta"):
        model = build_model(config, len(PA100K)).eval()
        with record(model, spikes=False) as empty:
            model(torch.zeros(1, 3, *config.image_size))
    trace, rng = SpikeTrace(), np.random.default_rng(0)
    trace.layers, trace._shapes = empty.layers, empty._shapes
    trace._packed = {
        name: rng.integers(0, 256, -(-int(np.prod(shape)) // 8), np.uint8) for name, shape in empty._shapes.items()
    }
    checkpoint = SimpleNamespace(model=config, name="spikingformer_8_512", role="student")
    energy = SimpleNamespace(assumptions=CONVENTIONS["arithmetic"])
    return CachedReading(LoadedModel(checkpoint, model, None), SimpleNamespace(trace=trace, energy=energy))


@pytest.mark.parametrize("layer", ["patch_embed.proj1_lif", "patch_embed.proj4_lif", Q, "block.7.mlp.mlp2_lif"])
def test_no_view_of_a_large_student_is_larger_than_promised(large: CachedReading, layer: str) -> None:
    trace, grid = large.analysis.trace, large.model.checkpoint.model.token_grid
    box = Box(0, 0, grid[0] - 1, grid[1] - 1)
    counts = {name: np.zeros((4, grid[0] * grid[1]), int) for name in trace.names}
    for image in (IMAGE, InputImage.of("wide noise", random_image(2, (384, 1000)))):
        for side in (None, 1):
            for channel in (None, 5):
                data = payload(large, image, Choice(layer, box, channel, None, side), counts, None)
                assert len(json.dumps(data)) <= VIEW_BYTES
                assert side is None or data["raster"]["side"] == 1
