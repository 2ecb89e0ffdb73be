"""Where the person stands and how the camera sees it: ground, light, occlusion, blur, noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import Canvas, ellipse, smooth, tube

HALF_WIDTH = 0.25
_GROUNDS = (
    (150, 148, 146),
    (176, 172, 168),
    (112, 112, 116),
    (88, 88, 94),
    (200, 198, 196),
    (140, 128, 118),
    (128, 132, 140),
    (162, 150, 136),
    (92, 98, 92),
)
_THINGS = (
    (40, 42, 46),
    (150, 40, 38),
    (70, 90, 60),
    (60, 80, 120),
    (190, 186, 180),
    (120, 100, 80),
    (210, 200, 190),
)


@dataclass(frozen=True)
class Scene:
    """Numbers in 0..1 that choose the surroundings and the camera; `grain` is the sensor's own randomness."""

    ground: np.ndarray
    light: float
    place: np.ndarray
    camera: np.ndarray
    cover: np.ndarray
    texture: np.ndarray

    @property
    def stretch(self) -> float:
        """How much wider the crop became when it was resized to the frame."""
        return 1.0 + 0.38 * float(self.camera[0])


def sample_scene(rng: np.random.Generator) -> Scene:
    """Random surroundings; independent of the labels."""
    ground = np.array(_GROUNDS[int(rng.integers(len(_GROUNDS)))], np.float32) + rng.uniform(-12, 12, 3)
    return Scene(
        ground.astype(np.float32),
        float(rng.uniform(-1, 1)),
        rng.random(24),
        rng.random(16),
        rng.random(12),
        rng.standard_normal((24, 12)).astype(np.float32),
    )


def draw_background(scene: Scene, height: int, width: int) -> Canvas:
    """An empty street as a canvas; its x runs from -0.25 to 0.25 whatever the shape of the frame."""
    u = scene.place
    tall, wide = height // 2, width // 2  # out of focus: drawn at half the resolution
    rows = np.linspace(0, 1, tall, dtype=np.float32)[:, None, None]
    slope = np.float32(36 * (u[0] - 0.5)) * (rows - 0.5)
    mottle = cv2.resize(scene.texture, (wide, tall), interpolation=cv2.INTER_CUBIC)[..., None]
    pixels = scene.ground + slope + np.float32(1 + 5 * u[1]) * mottle
    canvas = Canvas(np.ascontiguousarray(pixels, np.float32), stretch=2 * wide / tall, light=scene.light)
    if u[2] < 0.30:
        _paving(canvas, u)
    elif u[2] < 0.44:
        _crossing(canvas, u)
    if u[3] < 0.45:
        _wall(canvas, scene)
    for k in range(int(2.6 * u[4])):
        _thing(canvas, u[5 + 4 * k : 9 + 4 * k])
    if u[17] < 0.3:
        _bystander(canvas, u[18:24])
    pixels = cv2.resize(canvas.pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    return Canvas(pixels, stretch=2 * width / height, light=scene.light)


def draw_shadow(canvas: Canvas, scene: Scene, feet: np.ndarray, unit: float) -> None:
    """A soft shadow on the ground at the feet (2, 2)."""
    x, y = feet.mean(0)
    reach = (0.08 + 0.16 * scene.camera[1]) * unit * (1 if scene.light < 0 else -1)
    for grow, opacity in ((1.0, 0.16), (0.72, 0.20)):
        shape = ellipse(x + 0.5 * reach, y + 0.004 * unit, grow * (0.07 * unit + abs(reach)), grow * 0.035 * unit)
        canvas.fill(shape, np.array([18, 18, 24]), relief=0, opacity=opacity)


def draw_occlusion(canvas: Canvas, scene: Scene, *, low: float) -> None:
    """Something in front of the person: in a lower corner below `low`, or a thin rail at shin height."""
    u = scene.cover
    colour = np.array(_THINGS[int(u[1] * len(_THINGS))], np.float32) + 20 * (u[2] - 0.5)
    side = 1 if u[3] < 0.5 else -1
    if u[0] < 0.07:
        shape = [(1.1, low), (0.75, low + 0.04), (0.45, 0.97), (0.4, 1.1), (1.2, 1.1)]
        canvas.fill(smooth(np.array(shape) * (side * HALF_WIDTH, 1), 4), colour, relief=0.4, folds=0.1)
    elif u[0] < 0.11:
        y = low + 0.1 * u[4]
        canvas.line(
            np.array([(-HALF_WIDTH * 1.2, y), (HALF_WIDTH * 1.2, y + 0.03 * (u[5] - 0.5))]),
            0.012,
            np.full(3, 196),
        )
    elif u[0] < 0.17:
        for k in range(5):
            x, y = side * HALF_WIDTH * (0.55 + 0.55 * u[5 + k]), 0.9 + 0.12 * u[6 + k]
            leaf = ellipse(x, y, 0.03, 0.055 + 0.02 * u[k], 8)
            canvas.fill(leaf, np.array([60 + 50 * u[4 + k], 120, 56]), relief=0.3)


def photograph(scene: Scene, pixels: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Expose, blur, resample and digitise the drawing to uint8 (height, width, 3)."""
    u = scene.camera
    height, width = size
    image = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    saturation = 0.62 + 0.5 * u[2]
    image = cv2.transform(image, saturation * np.eye(3) + (1 - saturation) / 3)
    gain = np.float32(0.70 + 0.48 * u[3])
    haze = np.float32(42 * max(0.0, u[4] - 0.5))
    cast = 1 + np.array([u[5] - 0.5, 0.3 * (u[6] - 0.5), u[7] - 0.5], np.float32) * 0.16
    image = cv2.transform(image, np.diag(cast * gain * (1 - haze / 255))) + haze
    detail = 1.0 if u[8] < 0.5 else 1.0 - 0.8 * (u[8] - 0.5)
    if detail < 1:
        small = (max(1, round(width * detail)), max(1, round(height * detail)))
        image = cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height))
    if u[9] < 0.35:
        sigma = (0.3 + 0.5 * u[10]) * height / 128
        image = cv2.GaussianBlur(image, (0, 0), sigma * 0.7, sigmaY=sigma)
    elif u[9] > 0.75:
        soft = cv2.blur(image, (3, 3))
        image = image + np.float32(0.5 * u[10]) * (image - soft)
    noise = rng.standard_normal((height, width), dtype=np.float32) * np.float32(4.5 * u[11] ** 2)
    image = image + cv2.merge([noise, noise, noise])
    return np.clip(image, 0, 255).astype(np.uint8)


def _paving(canvas: Canvas, u: np.ndarray) -> None:
    pitch, slant = 0.07 + 0.12 * u[20], 0.5 * (u[21] - 0.5)
    colour = canvas.pixels[0, 0] * (0.8 if u[22] < 0.7 else 1.15)
    across = [_band(y, 0.004, slant) for y in np.arange(u[23] * pitch, 1.1, pitch)]
    along = [
        np.array([(x, 0.0), (x + 0.004, 0.0), (x + 0.004 - 0.5 * slant, 1.0), (x - 0.5 * slant, 1.0)])
        for x in np.arange(-1.2 * HALF_WIDTH, 1.6 * HALF_WIDTH, pitch * 1.6)
    ]
    canvas.fill(across + along, colour, relief=0)


def _band(y: float, width: float, slant: float) -> np.ndarray:
    """A slanting band across the whole frame."""
    rise = slant * HALF_WIDTH
    return np.array(
        [
            (-HALF_WIDTH, y - rise),
            (HALF_WIDTH, y + rise),
            (HALF_WIDTH, y + rise + width),
            (-HALF_WIDTH, y - rise + width),
        ]
    )


def _crossing(canvas: Canvas, u: np.ndarray) -> None:
    pitch, slant = 0.14 + 0.16 * u[20], 0.7 * (u[21] - 0.5)
    white = np.full(3, 190 + 40 * u[22], np.float32)
    bands = [_band(y, 0.45 * pitch, slant) for y in np.arange((u[23] - 1) * pitch, 1.1, pitch)]
    canvas.fill(bands, white, relief=0)


def _wall(canvas: Canvas, scene: Scene) -> None:
    u = scene.place
    colour = scene.ground * np.float32(0.55 + 0.7 * u[20]) + 18 * (u[21:24] - 0.5)
    edge = 0.12 + 0.45 * u[22]
    tilt = 0.1 * (u[23] - 0.5)
    canvas.fill(
        np.array([(-HALF_WIDTH, -0.1), (HALF_WIDTH, -0.1), (HALF_WIDTH, edge + tilt), (-HALF_WIDTH, edge - tilt)]),
        colour,
        relief=0,
        folds=0.05,
    )


def _thing(canvas: Canvas, u: np.ndarray) -> None:
    """A blurred thing at the rim of the frame: a bin, a parked car, a plant."""
    colour = 0.55 * np.array(_THINGS[int(u[0] * len(_THINGS))], np.float32) + 0.45 * canvas.pixels[0, 0]
    side = 1 if u[1] < 0.5 else -1
    x, y = side * HALF_WIDTH * (0.85 + 0.4 * u[2]), 0.05 + 0.75 * u[3]
    wide, tall = 0.06 + 0.14 * u[2], 0.06 + 0.16 * u[1]
    shape = np.array([(-1, -0.7), (-0.6, -1), (0.6, -1), (1, -0.7), (1, 0.9), (0, 1), (-1, 0.9)]) * (
        wide,
        tall,
    )
    canvas.fill(smooth(shape + (x, y), 3), colour, relief=0.35, folds=0.08)


def _bystander(canvas: Canvas, u: np.ndarray) -> None:
    """A person further off, cut by the rim of the frame."""
    side = 1 if u[0] < 0.5 else -1
    x, top, size = side * HALF_WIDTH * (0.95 + 0.2 * u[1]), 0.02 + 0.2 * u[2], 0.75 + 0.2 * u[3]
    shirt, legs = (0.6 * np.array(_THINGS[int(k * len(_THINGS))], np.float32) + 45 for k in (u[4], u[5]))
    canvas.fill(
        tube(np.array([(x, top + 0.5 * size), (x + 0.01, top + 0.98 * size)]), np.array([0.06, 0.035]) * size),
        legs,
    )
    canvas.fill(tube(np.array([(x, top + 0.2 * size), (x, top + 0.5 * size)]), np.array([0.095, 0.08]) * size), shirt)
    canvas.fill(ellipse(x, top + 0.07 * size, 0.05 * size, 0.07 * size), np.array([70, 55, 50]))
