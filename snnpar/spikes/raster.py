"""Spikes of one layer by channel, timestep and token, cut into windows small enough to send to a browser.

A tokenizer stage has several neurons per channel and token, a patch of h x w; every other layer has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnpar.core.errors import SnnparError
from snnpar.spikes.trace import SpikeTrace

WINDOW_BITS = 131_072  # 16 KiB of cells in one window
MAP_BYTES = 8192


@dataclass(frozen=True)
class Box:
    """A rectangle of tokens, its last row and column included, counted from 0."""

    top: int
    left: int
    bottom: int
    right: int

    def __post_init__(self) -> None:
        if not (0 <= self.top <= self.bottom and 0 <= self.left <= self.right):
            raise SnnparError(f"a box runs from its top left to its bottom right token; got {self}")

    def tokens(self, grid: tuple[int, int]) -> tuple[int, ...]:
        """Its tokens on a grid (rows, columns), row by row. Raises SnnparError when it reaches beyond the grid."""
        rows, columns = grid
        if self.bottom >= rows or self.right >= columns:
            raise SnnparError(f"{self} reaches beyond {rows} x {columns} tokens")
        return tuple(
            row * columns + column
            for row in range(self.top, self.bottom + 1)
            for column in range(self.left, self.right + 1)
        )


def cells(shape: tuple[int, ...], grid: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns in which a layer of this `shape` (T, B, ...) is shown: the tokens' grid, or where it has fewer
    places than that, its own."""
    height, width = arranged(np.broadcast_to(np.False_, (shape[0], *shape[2:])), grid).shape[2:]
    return grid if height >= grid[0] and width >= grid[1] else (height, width)


def arranged(values: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(T, ...) of one image, as (C, T, H, W).

    Networks have (C, H, W), (C, N) or (N, C) with the N tokens of the grid, or (C,), which is one place for each
    channel; any other (C, M) lies in one row.
    """
    tokens, places = grid[0] * grid[1], values.shape[1:]
    if len(places) == 1:
        return values.T[:, :, None, None]
    if len(places) == 2:
        by_channel = values.swapaxes(1, 2) if places[0] == tokens != places[1] else values
        rows = grid if by_channel.shape[2] == tokens else (1, by_channel.shape[2])
        return by_channel.swapaxes(0, 1).reshape(by_channel.shape[1], len(values), *rows)
    return values.reshape(*values.shape[:2], -1, values.shape[-1]).swapaxes(0, 1)


def maps(trace: SpikeTrace, name: str, grid: tuple[int, int]) -> np.ndarray:
    """(C, T, H, W): where each channel of a layer spikes, boolean, or whole numbers of neurons that fire more.

    Tokens lie on the grid (rows, columns). Silent places fill the last cells up where the layer does not divide.
    """
    shown = arranged(trace.spikes(name)[:, 0], grid)
    rows, columns = cells(trace.shape(name), grid)
    beyond = -shown.shape[2] % rows, -shown.shape[3] % columns
    return np.pad(shown, ((0, 0), (0, 0), (0, beyond[0]), (0, beyond[1]))) if any(beyond) else shown


def by_token(layer: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(C, T, H, W) to (C, T, N, h, w): the patch of each of the N = rows x columns tokens."""
    (channels, timesteps, height, width), (rows, columns) = layer.shape, grid
    patches = layer.reshape(channels, timesteps, rows, height // rows, columns, width // columns)
    return patches.swapaxes(3, 4).reshape(channels, timesteps, rows * columns, height // rows, width // columns)


def counts_by_token(trace: SpikeTrace, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """(T, N) spikes at the place of each token, or cell where a layer has fewer places, of every layer."""
    return {
        name: np.abs(by_token(maps(trace, name, grid), cells(trace.shape(name), grid)).astype(np.int64)).sum((0, 3, 4))
        for name in trace.names
    }


def sides(height: int, width: int) -> tuple[int, ...]:
    """Sides of the squares of neurons into which a patch can be cut: 1, 2, 4 and so on."""
    return tuple(2**n for n in range(16) if height % 2**n == 0 and width % 2**n == 0)


def pool(values: np.ndarray, side: int) -> np.ndarray:
    """(..., H, W) to (..., H / side, W / side): the greatest of each square; of spikes, does any neuron fire."""
    height, width = values.shape[-2:]
    squares = values.reshape(*values.shape[:-2], height // side, side, width // side, side)
    return squares.max((-3, -1))


@dataclass(frozen=True)
class RasterWindow:
    """What one page shows: neighbouring channels at some tokens."""

    channels: range
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Pages:
    """The windows that show every cell of a layer at the chosen tokens, each once.

    `cells`: bits that one channel has at one token, over all timesteps. A page holds at most `limit` bits, but at
    least one channel at one token.
    """

    channels: int
    tokens: tuple[int, ...]
    cells: int
    limit: int = WINDOW_BITS

    def __post_init__(self) -> None:
        if min(self.channels, len(self.tokens), self.cells, self.limit) < 1:
            raise SnnparError(f"there must be a channel, a token, a cell and room for it; got {self}")

    @property
    def _tokens_at_once(self) -> int:
        return min(len(self.tokens), max(1, self.limit // self.cells))

    @property
    def _channels_at_once(self) -> int:
        return min(self.channels, max(1, self.limit // (self.cells * self._tokens_at_once)))

    @property
    def _pages_across(self) -> int:
        return -(-len(self.tokens) // self._tokens_at_once)

    def __len__(self) -> int:
        return -(-self.channels // self._channels_at_once) * self._pages_across

    def __getitem__(self, page: int) -> RasterWindow:
        if not 0 <= page < len(self):
            raise IndexError(f"there are {len(self)} pages; got {page}")
        down, across = divmod(page, self._pages_across)
        first, start = down * self._channels_at_once, across * self._tokens_at_once
        return RasterWindow(
            range(first, min(first + self._channels_at_once, self.channels)),
            self.tokens[start : start + self._tokens_at_once],
        )

    def holding(self, channel: int, token: int | None = None) -> int:
        """The page with a channel, and with a token if that is among the chosen."""
        across = self.tokens.index(token) // self._tokens_at_once if token in self.tokens else 0
        return channel // self._channels_at_once * self._pages_across + across


def pack(layer: np.ndarray, grid: tuple[int, int], window: RasterWindow, side: int) -> np.ndarray:
    """The cells of a window, one bit each: channel by channel, timestep, token, and its squares row by row.

    Eight to a byte, uint8, the first one highest; the last byte is filled with zeros.
    """
    shown = pool(layer[window.channels.start : window.channels.stop], side)
    return np.packbits(by_token(shown, grid)[:, :, list(window.tokens)] != 0)


def busiest(channel: np.ndarray, row: int, column: int, side: int) -> tuple[int, int]:
    """Row and column of the neuron that spikes most in a square of a channel's map (T, H, W), the first of equals."""
    counts = channel[:, row : row + side, column : column + side].sum(0)
    down, across = np.unravel_index(counts.argmax(), counts.shape)
    return row + int(down), column + int(across)


def shrink(frames: np.ndarray, limit: int) -> np.ndarray:
    """Maps (T, H, W) in squares of cells, until at most `limit` values are left or no square fits.

    Of spikes, does any in the square fire; of numbers, their mean.
    """
    for side in sides(*frames.shape[1:]):
        if frames.size // side**2 <= limit:
            break
    if frames.dtype == bool:
        return pool(frames, side)
    timesteps, height, width = frames.shape
    return frames.reshape(timesteps, height // side, side, width // side, side).mean((2, 4))
