"""Rendered pedestrians: labelled images, drawn here, any number of them, the same for the same seed.

They stand in for PA-100K on a machine that has no data: the 26 attributes, their frequencies and the look of
surveillance crops follow it, and every attribute that is labelled can be seen in the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snnpar.core.errors import SnnparError

from .drawing.accessories import Accessories
from .drawing.appearance import Appearance, sample_appearance
from .drawing.attributes import ATTRIBUTES, PA100K_FREQUENCIES, decode, sample_labels, shown
from .drawing.canvas import Canvas
from .drawing.clothing import Clothes
from .drawing.figure import pose_figure
from .drawing.head import Head
from .drawing.scene import (
    HALF_WIDTH,
    Scene,
    draw_background,
    draw_occlusion,
    draw_shadow,
    photograph,
    sample_scene,
)

__all__ = [
    "ATTRIBUTES",
    "PA100K_FREQUENCIES",
    "RenderedPedestrian",
    "appearance_of",
    "draw",
    "render_pedestrian",
    "sample_labels",
    "scene_of",
]
_OVERSAMPLING = 1.5


@dataclass(frozen=True)
class RenderedPedestrian:
    """One image, uint8 RGB (H, W, 3), with its labels, int8 (26,) in PA-100K order."""

    image: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise SnnparError(f"expected a uint8 image of shape (H, W, 3), got {self.image.dtype} {self.image.shape}")
        if self.labels.dtype != np.int8 or self.labels.shape != (len(ATTRIBUTES),):
            raise SnnparError(
                f"expected int8 labels of shape ({len(ATTRIBUTES)},), got {self.labels.dtype} {self.labels.shape}"
            )


def render_pedestrian(seed: int, index: int, *, size: tuple[int, int] = (128, 64)) -> RenderedPedestrian:
    """The pedestrian `index` of the endless series `seed`, as `size` (height, width) pixels.

    The image is a function of (seed, index) alone; another size shows the same scene in other detail.
    """
    labels = sample_labels(seed, index)
    names = shown(decode(labels))
    grain = np.random.default_rng((seed, index, 3))
    image = draw(names, appearance_of(seed, index, names), scene_of(seed, index), grain, size=size)
    return RenderedPedestrian(image, labels)


def appearance_of(seed: int, index: int, names: frozenset[str]) -> Appearance:
    """How the pedestrian (seed, index) looks when it shows what `names` say."""
    return sample_appearance(np.random.default_rng((seed, index, 1)), names)


def scene_of(seed: int, index: int) -> Scene:
    """The surroundings and the camera of the pedestrian (seed, index)."""
    return sample_scene(np.random.default_rng((seed, index, 2)))


def draw(
    names: frozenset[str],
    appearance: Appearance,
    scene: Scene,
    grain: np.random.Generator,
    *,
    size: tuple[int, int],
) -> np.ndarray:
    """Draw a person who shows what `names` say (`drawing.attributes.shown`), uint8 RGB (H, W, 3)."""
    height, width = size
    if min(size) < 16:
        raise SnnparError(f"a rendered pedestrian needs at least 16 x 16 pixels, got {height} x {width}")
    canvas = draw_background(scene, round(height * _OVERSAMPLING), round(width * _OVERSAMPLING))
    draw_person(canvas, names, appearance, scene)
    if "boots" not in names:
        draw_occlusion(canvas, scene, low=0.84)
    return photograph(scene, canvas.pixels, size, grain)


def draw_person(canvas: Canvas, names: frozenset[str], appearance: Appearance, scene: Scene) -> None:
    """Paint the person from the back to the front, stretched as far as the bags stay inside the frame."""
    body, pose, look = appearance.body, appearance.pose, appearance.wardrobe
    bag_arm, manners = _arms(names, appearance)
    top = 0.03 + 0.04 * float(scene.camera[12]) + (0.02 if "Hat" in names else 0)
    figure = pose_figure(body, pose, manners, top=top, bottom=0.955 + 0.03 * float(scene.camera[13]))
    reach = figure.reach() + (0.05 if "HandBag" in names else 0.12 if "HoldObjectsInFront" in names else 0.0)
    canvas = canvas.stretched(min(scene.stretch, max(0.8, HALF_WIDTH / reach)))
    clothes, carried = Clothes(canvas, figure, look, names), Accessories(canvas, figure, look, names)
    head = Head(canvas, figure, look)
    draw_shadow(canvas, scene, np.stack(figure.toes), figure.unit)
    far_first = sorted((0, 1), key=lambda side: figure.arm_depth[side])
    behind = [
        side for side in far_first if figure.arm_depth[side] < -0.02 and not (side == bag_arm and "HandBag" in names)
    ]
    carried.behind()
    head.long_hair_behind()
    for side in behind:
        clothes.arm(side)
    clothes.legs()
    clothes.trunk()
    carried.on_trunk()
    for side in far_first:
        if side not in behind:
            clothes.arm(side)
            if manners[side] == "phone" and look.phone:
                carried.phone(side)
    head.draw(names)
    carried.in_front(bag_arm)


def _arms(names: frozenset[str], appearance: Appearance) -> tuple[int, tuple[str, str]]:
    """The arm (0 or 1) that carries a hand bag, and what each arm does; prints and bags stay uncovered."""
    pose = appearance.pose
    manners = list(pose.arms)
    bag_arm = 1 if appearance.wardrobe.bag_side > 0 else 0
    if "Side" in names:
        bag_arm = 0 if np.sin(pose.yaw) > 0 else 1
    if {"UpperLogo", "Backpack", "UpperSplice"} & names:
        manners = ["swing" if manner in ("phone", "back") else manner for manner in manners]
    if {"UpperLogo", "Side"} <= names:
        manners[0 if np.sin(pose.yaw) > 0 else 1] = "aside"
    if "HandBag" in names and manners[bag_arm] != "aside":
        manners[bag_arm] = "carry"
    if "HoldObjectsInFront" in names:
        manners = ["hold", "hold"]
    return bag_arm, (manners[0], manners[1])
