"""A canvas that fills smooth outlines with shaded colour or texture.

Coordinates are in frame units: y runs from 0 (top) to 1 (bottom), x is centred on 0 and shares the unit,
before the sideways `stretch` that a narrow crop undergoes when it is resized to the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

Texture = Callable[[np.ndarray, np.ndarray], np.ndarray]
Paint = np.ndarray | Texture
_SUBPIXEL = 16
_NORMAL = np.array([-1.0, 1.0], np.float32)


class Canvas:
    """Float RGB pixels (H, W, 3) in 0..255, lit from one side (`light` in -1..1, negative from the left)."""

    def __init__(self, pixels: np.ndarray, *, stretch: float = 1.0, light: float = -0.5) -> None:
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self.scale = np.array([self.height * stretch, self.height], dtype=np.float32)
        self.light = light

    def stretched(self, factor: float) -> Canvas:
        """The same pixels with x stretched by a further factor."""
        other = Canvas(self.pixels, light=self.light)
        other.scale = self.scale * np.array([factor, 1.0], dtype=np.float32)
        return other

    def fill(
        self,
        outlines: np.ndarray | Sequence[np.ndarray],
        paint: Paint,
        *,
        relief: float = 0.35,
        folds: float = 0.0,
        opacity: float = 1.0,
    ) -> None:
        """Fill a closed outline (N, 2), or several at once.

        `relief` rounds it towards its edges, `folds` wrinkles it. `paint` is an RGB
        colour (3,) or a function of x (1, w) and y (h, 1) giving RGB (h, w, 3).
        """
        outlines = [outlines] if isinstance(outlines, np.ndarray) else outlines
        shift = (self.width * (_SUBPIXEL / 2), 0.0)
        corners = [np.rint(one * (self.scale * _SUBPIXEL) + shift).astype(np.int32) for one in outlines]
        x0, y0, x1, y1 = self._bounds(corners).tolist()
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        local = [one - np.array([x0, y0], np.int32) * _SUBPIXEL for one in corners]
        cv2.fillPoly(mask, local, 255, cv2.LINE_AA, 4)
        alpha = mask * np.float32(opacity / 255)
        target = self.pixels[y0:y1, x0:x1]
        shade = self._shade(alpha, relief, folds, (x0, y0)) if relief or folds else None
        if callable(paint):
            x = (np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5 - self.width / 2) / self.scale[0]
            y = (np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5) / self.scale[1]
            change = np.asarray(paint(x, y), np.float32)
            if shade is not None:
                change *= _triple(shade)
            change -= target
        elif shade is not None:
            change = cv2.merge([shade * float(value) for value in paint])
            change -= target
        else:
            change = np.asarray(paint, np.float32) - target
        change *= _triple(alpha)
        target += change

    def _bounds(self, corners: list[np.ndarray]) -> np.ndarray:
        """The pixel rectangle (4,) left, top, right, bottom around sub-pixel outlines, cut to the canvas."""
        box = [cv2.boundingRect(one) for one in corners]
        left = max(min(x for x, _, _, _ in box) // _SUBPIXEL - 1, 0)
        top = max(min(y for _, y, _, _ in box) // _SUBPIXEL - 1, 0)
        right = min(max(x + w for x, _, w, _ in box) // _SUBPIXEL + 2, self.width)
        bottom = min(max(y + h for _, y, _, h in box) // _SUBPIXEL + 2, self.height)
        return np.array([left, top, right, bottom])

    def line(self, points: np.ndarray | list[np.ndarray], width: float, paint: Paint, *, relief: float = 0.0) -> None:
        """A line of constant width (frame units) through the points (N, 2)."""
        self.fill(tube(np.asarray(points, np.float32), np.full(len(points), width / 2)), paint, relief=relief)

    def stamp(self, corners: np.ndarray, ink: np.ndarray, colour: np.ndarray) -> None:
        """Print a square ink mask (N, N) in one colour between two corners (2, 2) of the frame."""
        (x0, y0), (x1, y1) = np.rint(corners * self.scale + (self.width / 2, 0.0)).astype(int)
        mask = cv2.resize(ink, (max(x1 - x0, 1), max(y1 - y0, 1)), interpolation=cv2.INTER_AREA)
        left, up = max(-x0, 0), max(-y0, 0)
        target = self.pixels[max(y0, 0) : y1, max(x0, 0) : x1]
        mask = mask[up : up + target.shape[0], left : left + target.shape[1], None]
        target += (np.asarray(colour, np.float32) - target) * mask

    def _shade(self, alpha: np.ndarray, relief: float, folds: float, corner: tuple[int, int]) -> np.ndarray:
        size = max(3, int(min(alpha.shape) * 0.45) | 1)
        soft = cv2.blur(alpha, (size, size), borderType=cv2.BORDER_CONSTANT)
        across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=1)
        shade = soft * np.float32(0.9 * relief)
        across *= np.float32(-0.28 * relief * self.light * size)
        shade += across
        shade += np.float32(1 - 0.675 * relief)
        if folds:
            (x0, y0), (rows, columns) = corner, alpha.shape
            shade += np.float32(folds) * _wrinkles(self.height, self.width)[y0 : y0 + rows, x0 : x0 + columns]
        return shade


def _triple(plane: np.ndarray) -> np.ndarray:
    """One plane as three equal channels; far faster than broadcasting over a last axis of 3."""
    return cv2.merge([plane, plane, plane])


@lru_cache(maxsize=8)
def _wrinkles(height: int, width: int) -> np.ndarray:
    """A fixed field of soft slanted creases over the frame, float32 (height, width), within -1.5..1.5."""
    rng = np.random.default_rng(7)
    field = np.zeros((height, height), np.float32)
    for weight, cells, degrees in ((0.8, 26, 32.0), (0.6, 34, -38.0), (0.35, 60, 12.0)):
        noise = cv2.resize(
            rng.standard_normal((cells, cells // 3)).astype(np.float32),
            (2 * height, 2 * height),
            interpolation=cv2.INTER_CUBIC,
        )
        turn = cv2.getRotationMatrix2D((height, height), degrees, 1.0)
        turn[:, 2] -= height / 2
        field += np.float32(weight) * cv2.warpAffine(noise, turn, (height, height))
    return cv2.resize(np.clip(field[:, : height // 2], -1.5, 1.5), (width, height))


def smooth(points: np.ndarray, steps: int = 4) -> np.ndarray:
    """A closed Catmull-Rom curve through the points (N, 2), `steps` points per span."""
    points = np.asarray(points, np.float32)
    return np.matmul(_basis(steps), points[_neighbours(len(points))]).reshape(-1, 2)


@lru_cache(maxsize=64)
def _neighbours(count: int) -> np.ndarray:
    return (np.arange(count)[:, None] + np.array([-1, 0, 1, 2])) % count


@lru_cache(maxsize=8)
def _basis(steps: int) -> np.ndarray:
    t = (np.arange(steps) / steps).astype(np.float32)
    rows = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    return np.stack(rows, 1) / 2


def tube(points: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The outline of a limb through the points (N, 2) with the given radii (N,) and rounded ends."""
    count = len(points)
    steps = points[1:] - points[:-1]
    steps = steps / np.sqrt(np.maximum((steps * steps).sum(1, keepdims=True), 1e-12))
    tangents = np.empty((count, 2), np.float32)
    tangents[0], tangents[-1] = steps[0], steps[-1]
    if count > 2:
        joint = steps[1:] + steps[:-1]
        tangents[1:-1] = joint / np.sqrt(np.maximum((joint * joint).sum(1, keepdims=True), 0.25))
    outline = np.empty((2 * count + 2, 2), np.float32)
    outline[0] = points[0] - tangents[0] * (radii[0] * 0.6)
    outline[count + 1] = points[-1] + tangents[-1] * (radii[-1] * 0.6)
    sides = tangents[:, ::-1] * (_NORMAL * np.asarray(radii, np.float32)[:, None])
    outline[1 : count + 1] = points + sides
    outline[: count + 1 : -1] = points - sides
    return smooth(outline)


def ellipse(x: float, y: float, half_width: float, half_height: float, points: int = 20) -> np.ndarray:
    """An ellipse as an outline (points, 2)."""
    circle = _circle(points)
    return np.array([x, y], np.float32) + circle * np.array([half_width, half_height], np.float32)


@lru_cache(maxsize=4)
def _circle(points: int) -> np.ndarray:
    angle = np.arange(points) * (2 * np.pi / points)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
