"""Every spike of a layer is in exactly one place of exactly one window."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from snnpar.core.errors import SnnparError
from snnpar.spikes import raster
from snnpar.spikes.raster import Box, Pages
from snnpar.spikes.trace import SpikeTrace, record

GRID = tiny.STUDENT.token_grid
LAYERS = ["patch_embed.proj1_lif", "patch_embed.proj4_lif", "block.0.attn.q_lif", "block.1.mlp.mlp2_lif"]


@pytest.fixture(scope="module", params=[tiny.STUDENT, tiny.CML], ids=["fire first", "pool first"])
def trace(request: pytest.FixtureRequest) -> SpikeTrace:
    model = tiny.lively(request.param)
    with torch.no_grad(), record(model) as trace:
        model(tiny.random_images(1, tiny.STUDENT))
    return trace


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("limit", [1, 500, 10**9])
def test_the_windows_of_a_layer_show_every_neuron_once(trace: SpikeTrace, name: str, limit: int) -> None:
    layer = raster.maps(trace, name, GRID)
    patches = raster.by_token(layer, GRID)
    channels, timesteps, tokens, height, width = patches.shape
    seen = np.zeros(patches.shape, int)
    pages = Pages(channels, tuple(range(tokens)), timesteps * height * width, limit)
    for window in (pages[i] for i in range(len(pages))):
        shape = (len(window.channels), timesteps, len(window.tokens), height, width)
        bits = raster.pack(layer, GRID, window, 1)
        assert np.prod(shape) <= max(limit, timesteps * height * width)
        where = np.ix_(window.channels, range(timesteps), window.tokens)
        assert np.array_equal(np.unpackbits(bits, count=np.prod(shape)).reshape(shape), patches[where])
        seen[where] += 1
    assert (seen == 1).all()


def test_a_patch_holds_the_neurons_over_its_token() -> None:
    layer = np.arange(1 * 1 * 4 * 6).reshape(1, 1, 4, 6)  # 2 x 3 tokens of 2 x 2
    patches = raster.by_token(layer, (2, 3))
    assert patches.shape == (1, 1, 6, 2, 2)
    assert patches[0, 0, 1].tolist() == [[2, 3], [8, 9]] and patches[0, 0, 3].tolist() == [[12, 13], [18, 19]]


def test_counts_by_token_add_up_to_the_counts_of_the_trace(trace: SpikeTrace) -> None:
    counts = raster.counts_by_token(trace, GRID)
    assert tuple(counts) == trace.names
    for name, over_time in counts.items():
        assert over_time.shape == (3, GRID[0] * GRID[1])
        assert np.array_equal(over_time.sum(1), trace.counts(name))


def test_pages_that_hold_a_neuron_do(trace: SpikeTrace) -> None:
    for limit in (1, 7, 40, 1000):
        pages = Pages(5, (1, 4, 6), 10, limit)
        for channel in range(5):
            for token in (1, 4, 6):
                window = pages[pages.holding(channel, token)]
                assert channel in window.channels and token in window.tokens
            assert channel in pages[pages.holding(channel)].channels
            assert channel in pages[pages.holding(channel, 2)].channels  # a token that is not chosen
    with pytest.raises(IndexError, match="15 pages; got 15"):
        Pages(5, (1, 4, 6), 10, 1)[15]


@pytest.mark.parametrize(("channels", "tokens", "cells"), [(0, (1,), 1), (1, (), 1), (1, (1,), 0)])
def test_nothing_has_no_pages(channels: int, tokens: tuple[int, ...], cells: int) -> None:
    with pytest.raises(SnnparError, match="a channel, a token, a cell"):
        Pages(channels, tokens, cells)


def test_a_box_names_its_tokens_and_stays_on_the_grid() -> None:
    assert Box(1, 0, 2, 1).tokens((4, 2)) == (2, 3, 4, 5)
    assert Box(0, 1, 0, 1).tokens((4, 2)) == (1,)
    with pytest.raises(SnnparError, match="beyond 4 x 2"):
        Box(0, 0, 4, 1).tokens((4, 2))
    for wrong in ((1, 0, 0, 0), (0, 1, 0, 0), (-1, 0, 0, 0)):
        with pytest.raises(SnnparError, match="top left to its bottom right"):
            Box(*wrong)


def test_squares_say_whether_any_neuron_spikes_and_numbers_their_mean() -> None:
    spikes = np.zeros((1, 4, 4), bool)
    spikes[0, 1, 2] = True
    assert raster.pool(spikes, 2).tolist() == [[[False, True], [False, False]]]
    assert raster.shrink(spikes, 4).tolist() == [[[False, True], [False, False]]]
    assert raster.shrink(spikes.astype(float), 15).tolist() == [[[0, 0.25], [0, 0]]]
    assert raster.shrink(spikes, 16).shape == (1, 4, 4)
    assert raster.sides(8, 12) == (1, 2, 4) and raster.sides(1, 1) == (1,)


def test_the_busiest_neuron_of_a_square() -> None:
    channel = np.zeros((3, 4, 4), bool)
    channel[:2, 2, 3] = True
    channel[0, 3, 2] = channel[:, 0, 0] = True
    assert raster.busiest(channel, 2, 2, 2) == (2, 3)
    assert raster.busiest(channel, 0, 2, 2) == (0, 2)  # silent: the first
