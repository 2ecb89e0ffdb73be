"""Cloth: textures in the coordinates of a garment, and printed logos."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .canvas import Texture
from .figure import ProjectedPerson


class Surface:
    """Garment coordinates of frame positions: `across` in radians or body heights, `down` in body heights."""

    def __init__(self, figure: ProjectedPerson, *, limb: np.ndarray | None = None) -> None:
        self.figure, self.limb = figure, limb

    def __call__(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        unit = self.figure.unit
        if self.limb is not None:
            start, stop = self.limb[0], self.limb[-1]
            along = (stop - start) / max(float(np.hypot(*(stop - start))), 1e-6)
            down = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / unit
            return ((y - start[1]) * along[0] - (x - start[0]) * along[1]) / unit * 7, down + 0.02
        rings = self.figure.rings
        axis, half = np.interp(y, rings[:, 1], rings[:, 0]), np.interp(y, rings[:, 1], rings[:, 2]) + 0.01
        ratio = (x - axis) / half
        across = np.clip(ratio, -1.4, 1.4) * (1 + 0.2 * ratio**2)
        down = (y - rings[0, 1]) / unit - 0.012 * (1 - np.minimum(ratio**2, 1))
        return across * half / unit * 7, down


def _soft(wave: np.ndarray, sharp: float = 3.0) -> np.ndarray:
    return np.clip(0.5 + sharp * wave, 0, 1)[..., None]


def stripes(surface: Surface, base: np.ndarray, accent: np.ndarray, u: float, *, upright: bool = False) -> Texture:
    """Even bands; `u` in 0..1 chooses their number and share."""
    count, share = 13 + 8 * u, 0.35 * np.cos(7 * u)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across, down = surface(x, y)
        return base + (accent - base) * _soft(np.sin(2 * np.pi * count * (across / 7 if upright else down)) + share)

    return paint


def plaid(surface: Surface, base: np.ndarray, accent: np.ndarray, u: float) -> Texture:
    """A grid of crossing bands, darker or lighter where they cross, with a thin line between."""
    count = 12 + 7 * u

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across, down = surface(x, y)
        one = _soft(np.sin(2 * np.pi * count * across / 7) - 0.1)
        two = _soft(np.sin(2 * np.pi * count * down) - 0.1)
        return base + (accent - base) * (0.5 * one + 0.5 * two)

    return paint


def printed(surface: Surface, base: np.ndarray, accent: np.ndarray, u: float) -> Texture:
    """An all-over print of dots, leaves or patches in the accent and a third colour."""
    tile = _tile(min(int(u * 3), 2))
    third = np.clip(1.6 * accent - 0.6 * base, 0, 255)

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across, down = surface(x, y)
        ink = tile[(down * 480).astype(int) % 128, (across * 480 / 7).astype(int) % 128]
        return base + (accent - base) * ink[..., :1] + (third - base) * ink[..., 1:]

    return paint


def spliced(surface: Surface, base: np.ndarray, accent: np.ndarray, u: float) -> Texture:
    """Two colours sewn together: a yoke over the shoulders, a lower half, or panels at the sides."""

    def paint(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across, down = surface(x, y)
        if u < 0.45:
            edge = 0.115 - down + 0 * across
        elif u < 0.75:
            edge = down - 0.19 + 0 * across
        else:
            edge = np.abs(np.sin(np.clip(across / 0.65, -1.5, 1.5) - surface.figure.facing)) - 0.72 + 0 * down
        return base + (accent - base) * _soft(edge, 60)

    return paint


@lru_cache(maxsize=3)
def _tile(kind: int) -> np.ndarray:
    """A repeating 128 x 128 print as two ink layers, float32 (128, 128, 2)."""
    rng = np.random.default_rng(kind)
    layers = np.zeros((2, 128, 128), np.uint8)
    for number in range((24, 20, 16)[kind]):
        x, y = rng.integers(0, 128, 2) if kind else (number % 5 * 25.6 + number // 5 % 2 * 12.8, number // 5 * 25.6)
        size, angle = int(rng.integers(8, 14)), float(rng.integers(0, 180))
        axes = ((7, 7), (5, size), (size + 4, size))[kind]
        for dx in (-128, 0, 128):
            for dy in (-128, 0, 128):
                centre = (int(x) + dx, int(y) + dy)
                cv2.ellipse(layers[number % 2 if kind else 0], centre, axes, angle, 0, 360, 255, -1, cv2.LINE_AA)
    layers[0][layers[1] > 0] = 0
    return np.ascontiguousarray(layers.transpose(1, 2, 0).astype(np.float32) / 255)


@lru_cache(maxsize=16)
def emblem(kind: int) -> np.ndarray:
    """One of 8 chest prints as an ink mask, float32 (96, 96): words, number, badge, bear, heart, star."""
    ink = np.zeros((96, 96), np.uint8)
    font = cv2.FONT_HERSHEY_DUPLEX
    if kind < 3:
        for row, word in enumerate((("ROCK", "CITY"), ("GREEN", "DAY"), ("SKATE",))[kind]):
            scale = 92 / cv2.getTextSize(word, font, 1, 3)[0][0]
            cv2.putText(ink, word, (2, 46 + 38 * row), font, scale, 255, 5, cv2.LINE_AA)
    elif kind == 3:
        cv2.putText(ink, "23", (4, 76), font, 2.2, 255, 9, cv2.LINE_AA)
    elif kind == 4:
        cv2.circle(ink, (48, 48), 42, 255, -1, cv2.LINE_AA)
        cv2.circle(ink, (48, 48), 24, 0, 9, cv2.LINE_AA)
    elif kind == 5:
        for centre, axes in (((48, 58), (30, 26)), ((26, 26), (13, 13)), ((70, 26), (13, 13))):
            cv2.ellipse(ink, centre, axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        for centre in ((38, 54), (58, 54), (48, 70)):
            cv2.circle(ink, centre, 5, 0, -1, cv2.LINE_AA)
    elif kind == 6:
        t = np.linspace(0, 2 * np.pi, 40)
        heart = np.stack(
            [
                48 + 2.6 * 16 * np.sin(t) ** 3,
                44 - 2.6 * (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)),
            ],
            1,
        )
        cv2.fillPoly(ink, [np.rint(heart).astype(np.int32)], 255, cv2.LINE_AA)
    else:
        t = np.arange(10) * np.pi / 5
        star = 48 + np.stack([np.sin(t), -np.cos(t)], 1) * np.where(np.arange(10) % 2, 18, 46)[:, None]
        cv2.fillPoly(ink, [np.rint(star).astype(np.int32)], 255, cv2.LINE_AA)
    return ink.astype(np.float32) / 255
