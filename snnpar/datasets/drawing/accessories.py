"""Bags and held things."""

from __future__ import annotations

import numpy as np

from .appearance import Wardrobe
from .canvas import Canvas, ellipse, smooth
from .figure import ProjectedPerson


class Accessories:
    """Draws what one person carries. Sides are chosen so that what is labelled stays in view."""

    def __init__(self, canvas: Canvas, figure: ProjectedPerson, wardrobe: Wardrobe, names: frozenset[str]) -> None:
        self.canvas, self.figure, self.wardrobe, self.names = canvas, figure, wardrobe, names
        self.unit = figure.unit
        self.towards = float(np.cos(figure.facing))

    def behind(self) -> None:
        """What the trunk hides in part: the backpack of a person seen from the front."""
        if "Backpack" in self.names and self.towards > 0.35:
            self._pack()

    def on_trunk(self) -> None:
        """What lies on the trunk but under the near arm."""
        if "Backpack" in self.names:
            self._pack_straps()
            if self.towards <= 0.35:
                self._pack()

    def in_front(self, bag_arm: int) -> None:
        """What lies over everything else."""
        if "ShoulderBag" in self.names:
            self._shoulder_bag(1 - bag_arm)
        if "HandBag" in self.names:
            self._hand_bag(self.figure.arms[bag_arm])
        if "HoldObjectsInFront" in self.names:
            self._held()

    def phone(self, side: int) -> None:
        """A phone in a raised hand."""
        x, y = self.figure.arms[side][2] + (self.figure.arms[side][2] - self.figure.arms[side][1]) * 0.3
        self.canvas.fill(ellipse(x, y, 0.012 * self.unit, 0.022 * self.unit, 8), np.array([24, 24, 28]), relief=0)

    def _pack(self) -> None:
        figure, unit, colour = self.figure, self.unit, self.wardrobe.pack
        x, top, w = (np.interp(1.15, np.arange(7), figure.rings[:, k]) for k in range(3))
        low = np.interp(4.3, np.arange(7), figure.rings[:, 1])
        sideways = abs(np.sin(figure.facing))
        half = ((0.098 if self.towards < 0 else 0.118) * abs(self.towards) + 0.062 * sideways) * unit
        x = np.interp(3, np.arange(7), figure.rings[:, 0]) - np.sin(figure.facing) * (0.062 + 0.046) * unit
        shape = [
            (-0.72, 0.0),
            (-1, 0.22),
            (-1.04, 0.85),
            (-0.75, 1.0),
            (0.75, 1.0),
            (1.04, 0.85),
            (1, 0.22),
            (0.72, 0.0),
            (0, -0.06),
        ]
        corner, size = np.array([x, top]), np.array([half, low - top])
        self.canvas.fill(smooth(np.array(shape) * size + corner, 3), colour, relief=0.5, folds=0.1)
        if self.towards <= 0.35:
            pocket = np.array([(-0.7, 0.56), (0.7, 0.56), (0.72, 0.92), (-0.72, 0.92)]) * size + corner
            accent = self.wardrobe.strap if self.wardrobe.kind > 0.55 else colour * 0.72
            self.canvas.fill(smooth(pocket, 3), accent, relief=0.3)
            self.canvas.line(
                np.array([(-0.75, 0.26), (0, 0.2), (0.75, 0.26)]) * size + corner, 0.008 * unit, colour * 0.45
            )

    def _pack_straps(self) -> None:
        for side in (-1, 1):
            angles = np.array([1.15, 0.80, 0.75, 1.0, 1.5]) * side
            levels = (0.75, 1.2, 2.0, 2.9, 3.5)
            seen = np.cos(self.figure.facing + angles) > 0.0
            if seen.sum() < 2:
                continue
            points = np.array([self.figure.spot(level, angle) for level, angle in zip(levels, angles, strict=True)])
            self.canvas.line(points[seen], 0.029 * self.unit, self.wardrobe.strap, relief=0.2)

    def _shoulder_bag(self, side: int) -> None:
        figure, unit, look = self.figure, self.unit, self.wardrobe
        outer = figure.outer(side)
        cross = look.bag_kind < 0.6
        profile = abs(self.towards) < 0.45
        level = 4.9 if cross else 4.0
        x, y, w = (np.interp(level, np.arange(7), figure.rings[:, k]) for k in range(3))
        x += outer * (0.25 * w if profile else w + 0.012 * unit)
        wide, tall = ((0.052, 0.042) if cross else (0.058, 0.062)) * np.array(unit)
        if cross:
            start = figure.rings[1, :2] + ((0.0 if profile else -outer * 0.62 * figure.rings[1, 2]), 0)
            middle = 0.5 * (start + (x, y)) + (0.02 * unit * outer * (not profile), 0)
            strap = np.stack([start, middle, (x, y - 0.5 * tall)])
            self.canvas.line(strap, 0.021 * unit, look.strap, relief=0.2)
        else:
            shoulder = figure.arms[side][0] - (outer * 0.022 * unit * (not profile), 0.032 * unit)
            for offset in (-0.45, 0.45):
                strap = np.stack([shoulder, (x + offset * wide, y - 0.6 * tall)])
                self.canvas.line(strap, 0.014 * unit, look.strap, relief=0.2)
        shape = [(-0.85, -1), (0.85, -1), (1.02, 0.2), (0.95, 1), (-0.95, 1), (-1.02, 0.2)]
        self.canvas.fill(smooth(np.array(shape) * (wide, tall) + (x, y), 3), look.bag, relief=0.45, folds=0.08)
        flap = np.array([(-0.9, -0.95), (0.9, -0.95), (0.8, 0.0), (0, 0.25), (-0.8, 0.0)]) * (wide, tall) + (
            x,
            y,
        )
        self.canvas.fill(smooth(flap, 2), look.bag * 0.78, relief=0.2)

    def _hand_bag(self, arm: np.ndarray) -> None:
        unit, look = self.unit, self.wardrobe
        x, y = arm[2] + (arm[2] - arm[1]) * 0.22
        plastic = look.kind < 0.3
        colour = np.array([226, 226, 230]) if plastic and look.pattern < 0.6 else look.bag
        wide, tall = ((0.046, 0.062) if plastic else (0.058, 0.046) if look.kind < 0.75 else (0.054, 0.068)) * np.array(
            unit
        )
        top = y + 0.036 * unit
        handle = np.array([(-0.6, top), (-0.35, y), (0.35, y), (0.6, top)]) * (wide, 1) + (x, 0)
        self.canvas.line(handle, 0.011 * unit, colour * 0.7)
        if plastic:
            shape = [(-0.45, 0), (-0.9, 0.8), (-1, 1.6), (-0.5, 2), (0.5, 2), (1, 1.6), (0.9, 0.8), (0.45, 0)]
        else:
            shape = [(-0.85, 0), (-0.95, 1), (-1, 1.9), (-0.9, 2), (0.9, 2), (1, 1.9), (0.95, 1), (0.85, 0)]
        self.canvas.fill(smooth(np.array(shape) * (wide, tall) + (x, top), 3), colour, relief=0.45, folds=0.15)
        if not plastic:
            band = np.array([(-0.9, 0.5), (0.9, 0.5)]) * (wide, tall) + (x, top)
            self.canvas.line(band, 0.008 * unit, colour * 0.55)
        hand = ellipse(x, y - 0.002 * unit, 0.018 * unit, 0.018 * unit, 10)
        self.canvas.fill(hand, look.skin, relief=0.3)

    def _held(self) -> None:
        figure, unit, look = self.figure, self.unit, self.wardrobe
        hands = 0.5 * (figure.arms[0][2] + figure.arms[1][2])
        turn = np.sin(figure.facing)
        wide = (0.112 * abs(self.towards) + 0.068 * abs(turn)) * unit
        x, y = hands + np.array([0.045 * turn * unit, -0.03 * unit])
        tall = (0.055 + 0.035 * look.pattern) * unit
        corners = np.array([(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)])
        self.canvas.fill(corners + (x, y), look.held, relief=0.25)
        lid = np.array([(-wide, -tall), (wide, -tall), (0.86 * wide, -1.4 * tall), (-0.86 * wide, -1.4 * tall)])
        self.canvas.fill(lid + (x, y), np.minimum(look.held * 1.18, 250), relief=0)
        if look.kind < 0.6:
            self.canvas.line(np.array([(x, y - tall), (x, y + tall)]), 0.022 * unit, look.held * 0.72)
        for k in (0, 1):
            spot = x + (figure.outer(k) if abs(self.towards) > 0.5 else 0.2 * k) * 0.8 * wide
            self.canvas.fill(ellipse(spot, y + 0.9 * tall, 0.024 * unit, 0.018 * unit, 10), look.skin, relief=0.3)
