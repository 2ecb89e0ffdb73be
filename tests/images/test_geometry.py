"""Where tokens lie: by composition of windows, and by hiding and lighting single places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor, nn

from snnpar import CHECKPOINTS
from snnpar.checkpoint import find_checkpoint, read_checkpoint
from snnpar.config import ModelConfig
from snnpar.datasets.gallery import samples
from snnpar.images.geometry import Axis, Geometry, KernelWindow, geometry_of
from snnpar.images.pixels import open_rgb
from snnpar.inference import load
from snnpar.models import build_model, unnamed

STEMS = {
    "tokenizer": ModelConfig("spikingformer", image_size=(256, 16), dim=8, depth=1, heads=1, timesteps=1),
    "pool first": ModelConfig(
        "spikingformer", image_size=(256, 16), dim=8, depth=1, heads=1, timesteps=1, pool_first=True
    ),
    "conv stem": ModelConfig("vtb", image_size=(256, 16), dim=8, depth=2, heads=1, stem="conv"),
    "student's conv stem": ModelConfig("vit", image_size=(256, 16), dim=8, depth=1, heads=1, stem="conv"),
    "patches": ModelConfig("vtb", image_size=(256, 16), dim=8, depth=2, heads=1),
}


@pytest.mark.parametrize(
    ("windows", "size", "shape", "first", "step"),
    [
        ([KernelWindow(16, 16)], 64, 4, 8.0, 16.0),
        ([KernelWindow(3, 2, 1)] * 4, 64, 4, 0.5, 16.0),
        ([KernelWindow(2, 2)] * 4, 64, 4, 8.0, 16.0),
        ([KernelWindow(3, 1, 1), KernelWindow(3, 2, 1)], 64, 32, 0.5, 2.0),
        ([KernelWindow(7, 2, 3), KernelWindow(3, 2, 1)], 64, 16, 0.5, 4.0),
        ([KernelWindow(4, 4), KernelWindow(3)], 64, 14, 6.0, 4.0),
        ([KernelWindow(3, 2, 1)] * 4, 64, 32, 0.5, 2.0),  # the map of a stage before
    ],
)
def test_centres_follow_from_kernel_stride_and_padding(
    windows: list, size: int, shape: int, first: float, step: float
) -> None:
    geometry = geometry_of(windows, (size, size), (shape, shape))
    assert geometry.rows == geometry.columns == Axis(shape, first / size, step / size)


def test_a_shape_that_no_stage_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no stage makes a map of 5 x 4 .* the last one has 4 x 2"):
        geometry_of([KernelWindow(3, 2, 1)] * 4, (64, 32), (5, 4))


def test_cells_share_the_image_and_own_what_is_nearest() -> None:
    axis = Axis(4, 0.5 / 64, 16 / 64)
    assert (64 * axis.edges).tolist() == [0, 8.5, 24.5, 40.5, 64]
    distance = np.abs((np.arange(64)[:, None] + 0.5) / 64 - axis.centres)
    np.testing.assert_allclose(distance[np.arange(64), axis.owners(64)], distance.min(1), atol=1e-12)
    assert np.array_equal(Axis(3, 0.5 / 3, 1 / 3).owners(9), [0, 0, 0, 1, 1, 1, 2, 2, 2])
    owners = Axis(3, 0.5 / 3, 1 / 3).owners(10)  # edges at 3.33 and 6.67, the middle of pixel 3 at 3.5
    assert np.array_equal(owners, [0, 0, 0, 1, 1, 1, 1, 2, 2, 2])


def test_values_are_spread_over_pixels() -> None:
    values = np.arange(8).reshape(4, 2)
    assert np.array_equal(Geometry.even(4, 2).spread(values, 8, 6), values.repeat(2, 0).repeat(3, 1))
    colours = np.arange(24).reshape(4, 2, 3)
    assert Geometry.even(4, 2).spread(colours, 40, 24).shape == (40, 24, 3)


def reach(stem: nn.Module, height: int, width: int) -> np.ndarray:
    """(height, tokens) bool: does light in a row of pixels, and nowhere else, reach a row of tokens?

    All weights are positive, so that nothing that arrives can cancel out.
    """
    for parameter in stem.parameters():
        nn.init.constant_(parameter, 10.0 if parameter.ndim > 1 else 0.0)
    for norm in stem.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.ones_(norm.weight)
    found = []
    with torch.no_grad():
        for rows in torch.arange(height).split(32):
            images = torch.zeros(len(rows), 3, height, width)
            images[torch.arange(len(rows)), :, rows] = 100.0
            tokens = stem.eval()(images)
            tokens = tokens.mean(0) if tokens.ndim == 5 else tokens
            found.append((tokens.abs().sum((1, 3)) > 0).numpy())
    return np.concatenate(found)


@pytest.mark.parametrize("name", list(STEMS))
def test_the_centre_is_the_middle_of_the_pixels_that_reach_a_token(name: str) -> None:
    config = STEMS[name]
    model = build_model(config, 4)
    stem = model.patch_embed if config.architecture == "spikingformer" else model.vit.patch_embed
    reached = reach(stem, *config.image_size)
    geometry = geometry_of(model.windows, config.image_size, config.token_grid)
    for token in (7, 8):  # far from the border, which cuts receptive fields off
        rows = np.flatnonzero(reached[:, token])
        assert rows[0] > 0 and rows[-1] < 255
        assert (rows[0] + rows[-1] + 1) / 2 == pytest.approx(256 * geometry.rows.centres[token])
    assert geometry.shift == pytest.approx(0 if name == "patches" else 7.5 / 16)


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML, tiny.TEACHER, replace(tiny.TEACHER, stem="patch")])
def test_every_model_places_its_tokens(tmp_path, config: ModelConfig) -> None:
    model = load(tiny.write_checkpoint(tmp_path, config))
    assert model.geometry.shape == config.token_grid
    first = 8 if config.stem == "patch" and config.architecture == "vtb" else 0.5
    assert model.geometry == Geometry(Axis(4, first / 64, 16 / 64), Axis(2, first / 32, 16 / 32))
    if config is tiny.STUDENT:  # stages of neurons before the tokens, down to pixels
        assert model.place((32, 16)).rows == Axis(32, 0.5 / 64, 2 / 64)
        assert model.place((64, 32)).rows == Axis(64, 0.5 / 64, 1 / 64)


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_shipped_models_token_reads_most_around_its_centre(role: str) -> None:
    """Hide 5 x 5 pixels: where the geometry puts a token it changes that token most; in the middle of an even cell it
    need not. Inner tokens only, of six images."""
    model = load(read_checkpoint(find_checkpoint(str(CHECKPOINTS / unnamed(role)))))
    stem = model.module.patch_embed if role == "student" else model.module.vit.patch_embed
    images = [model.prepare(open_rgb(sample.path)) for sample in samples()[:6]]
    height, width = model.checkpoint.model.image_size
    rows, columns = model.checkpoint.model.token_grid
    inner = [(row, column) for row in range(1, rows - 1) for column in range(1, columns - 1)]

    def hit(geometry: Geometry, image: Tensor) -> float:
        hidden = image.repeat(len(inner), 1, 1, 1)
        for one, (row, column) in zip(hidden, inner, strict=True):
            y, x = round(height * geometry.rows.centres[row]), round(width * geometry.columns.centres[column])
            one[:, y - 2 : y + 3, x - 2 : x + 3] = 0
        with torch.no_grad():
            before, after = (stem(pixels) for pixels in (image, hidden))
        if after.ndim == 5:
            before, after = before.mean(0), after.mean(0)
        change = (after - before).pow(2).sum(1).flatten(1).argmax(1).tolist()
        return np.mean([place == row * columns + column for place, (row, column) in zip(change, inner, strict=True)])

    drawn, even = (
        np.mean([hit(geometry, image) for image in images])
        for geometry in (model.geometry, Geometry.even(rows, columns))
    )
    assert drawn > even + 0.1 and drawn > 0.6
