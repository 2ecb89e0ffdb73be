"""Legs, trunk and arms with what is worn on them."""

from __future__ import annotations

import numpy as np

from . import patterns
from .appearance import Wardrobe
from .canvas import Canvas, Paint, smooth, tube
from .figure import ProjectedPerson


class Clothes:
    """Draws the dressed body of one person, except the head."""

    def __init__(self, canvas: Canvas, figure: ProjectedPerson, wardrobe: Wardrobe, names: frozenset[str]) -> None:
        self.canvas, self.figure, self.wardrobe, self.names = canvas, figure, wardrobe, names
        self.unit, self.girth = figure.unit, figure.girth
        self.dress = "Skirt&Dress" in names and wardrobe.kind < 0.4 and "LongCoat" not in names
        self.ease = 0.006 + 0.014 * wardrobe.looseness
        self.coat_drop = 0.16 + 0.13 * wardrobe.coat_length

    def cloth(self, part: str, limb: np.ndarray | None = None) -> Paint:
        """The paint of the 'upper', 'sleeve', 'lower' or 'coat' part, patterned as the labels say."""
        names, look = self.names, self.wardrobe
        surface = patterns.Surface(self.figure, limb=limb)
        if part == "lower" and not (self.dress and not {"LowerPattern", "LowerStripe"} & names):
            if "LowerPattern" in names:
                return patterns.printed(surface, look.lower, look.lower_accent, look.pattern)
            if "LowerStripe" in names and "Skirt&Dress" in names:
                return patterns.stripes(surface, look.lower, look.lower_accent, look.pattern)
            return look.lower
        base = look.coat if "LongCoat" in names else look.upper
        if part == "coat" and not {"UpperPlaid", "UpperSplice"} & names:
            return base
        if "UpperStride" in names:
            return patterns.stripes(surface, base, look.upper_accent, look.pattern, upright=look.kind > 0.85)
        if "UpperPlaid" in names:
            return patterns.plaid(surface, base, look.upper_accent, look.pattern)
        if self.all_over:
            return patterns.printed(surface, look.lower, look.lower_accent, look.pattern)
        if "UpperSplice" in names:
            if part == "sleeve":
                # A backpack may hide the seams of the trunk, never those of the sleeves.
                sewn = look.pattern < 0.45 or look.pattern > 0.9 or "Backpack" in names
                return look.upper_accent if sewn else base
            return patterns.spliced(surface, base, look.upper_accent, look.pattern)
        return base

    @property
    def all_over(self) -> bool:
        """Whether the upper print is the cloth of the lower garment, worn as a set."""
        return {"LowerPattern", "UpperLogo"} <= self.names

    def legs(self) -> None:
        """Both legs, the far one first, with shoes, then what covers the hips."""
        order = (0, 1) if self.figure.leg_depth[0] < self.figure.leg_depth[1] else (1, 0)
        self._leg(order[0], 0.90)
        if "Skirt&Dress" not in self.names:
            seat = self.figure.trunk(4.2, 5.75, self.ease * 0.3, sag=0.03)
            self.canvas.fill(seat, self.cloth("lower"), relief=0.12, folds=0.1)
        self._leg(order[1], 1.0)
        if "Skirt&Dress" not in self.names:
            return
        drop = 0.17 + 0.24 * self.wardrobe.skirt_length * (0.55 if "boots" in self.names else 1)
        if "LongCoat" in self.names:
            drop = self.coat_drop + 0.07
        outline = self.drape(3.9, drop, 0.012 + 0.055 * self.wardrobe.skirt_flare)
        self.canvas.fill(outline, self.cloth("lower"), relief=0.35, folds=0.12)

    def _leg(self, side: int, shade: float) -> None:
        canvas, look, unit = self.canvas, self.wardrobe, self.unit
        leg = self.figure.legs[side]
        full = np.array([0.053, 0.036, 0.021]) * self.girth
        trousers = "Trousers" in self.names
        bare = look.tights if look.tights is not None and "Skirt&Dress" in self.names else look.skin
        if not trousers:
            calf = np.stack([leg[0], leg[1], leg[1] + 0.4 * (leg[2] - leg[1]), leg[2]])
            radii = np.array([full[0], full[1] * 0.94, full[1] * 1.02, full[2] * 0.86])
            canvas.fill(tube(calf, radii * unit), bare * shade, relief=0.4)
        boots = "boots" in self.names
        self._shoe(side, (look.boots if boots else look.shoes) * shade)
        if trousers:
            loose = full + np.array([0.2, 0.45, 0.6]) * self.ease * (0.15 if boots else 1.0)
            hem = leg[1] + 0.93 * (leg[2] - leg[1])
            self._tinted(tube(np.stack([leg[0], leg[1], hem]), loose * unit), self.cloth("lower", leg), shade)
        elif "Shorts" in self.names:
            end = leg[0] + (0.62 + 0.42 * look.shorts_length) * (leg[1] - leg[0])
            radii = np.array([full[0] + 0.004, full[1] * 1.18 + 0.9 * self.ease]) * unit
            self._tinted(
                tube(np.stack([leg[0], 0.5 * (leg[0] + end), end]), np.insert(radii, 1, radii.mean())),
                self.cloth("lower", leg),
                shade,
            )
        if "LowerStripe" in self.names and "Skirt&Dress" not in self.names:
            self._side_stripe(side, leg if trousers else np.stack([leg[0], leg[0] + 0.5 * (end - leg[0]), end]), full)
        if boots:
            shaft = np.stack(
                [leg[1] + (0.12 + 0.2 * look.kind) * (leg[2] - leg[1]), 0.4 * leg[1] + 0.6 * leg[2], leg[2]]
            )
            canvas.fill(
                tube(shaft, np.array([0.038, 0.035, 0.027]) * self.girth * unit),
                look.boots * shade,
                relief=0.5,
            )

    def _side_stripe(self, side: int, leg: np.ndarray, full: np.ndarray) -> None:
        """A contrasting band down the outside of a trouser leg, kept on the visible half."""
        outside = (1 if side else -1) * np.cos(self.figure.facing)
        shift = np.outer((full + 0.3 * self.ease) * self.unit, [0.52 * outside, 0.0])
        light = 255.0 if self.wardrobe.lower.mean() < 130 else 20.0
        self.canvas.line(leg + shift, 0.024 * self.unit, np.full(3, light))

    def _shoe(self, side: int, colour: np.ndarray) -> None:
        ankle, toe, unit = self.figure.legs[side][2], self.figure.toes[side], self.unit
        heel = ankle + np.array([-0.3 * (toe[0] - ankle[0]), 0.016 * unit])
        sole = np.stack([heel, 0.5 * (heel + toe) - (0, 0.003 * unit), toe])
        if self.wardrobe.kind > 0.5:
            self.canvas.fill(
                tube(sole + (0, 0.007 * unit), np.array([0.023, 0.023, 0.019]) * unit),
                np.array([206, 206, 202]),
                relief=0.2,
            )
        self.canvas.fill(tube(sole, np.array([0.023, 0.024, 0.018]) * unit), colour, relief=0.45)

    def drape(self, level: float, drop: float, flare: float) -> np.ndarray:
        """Cloth hanging from a trunk level to `drop` body heights below the hips, round both legs."""
        figure, unit = self.figure, self.unit
        hem = figure.rings[5, 1] + drop * unit
        spots = [
            (np.interp(hem, leg[:, 1], leg[:, 0]), np.interp(hem, leg[:, 1], (0.055, 0.036, 0.024)))
            for leg in figure.legs
        ]
        left, right = min(x - r * unit for x, r in spots), max(x + r * unit for x, r in spots)
        steps = np.concatenate([[level], np.arange(np.floor(level + 0.35) + 1, 6)])
        x, y, w = (np.interp(steps, np.arange(7), figure.rings[:, k]) for k in range(3))
        w = w + unit * (self.ease + 0.006)
        left = min(left, x[-1] - 0.8 * w[-1]) - flare * unit
        right = max(right, x[-1] + 0.8 * w[-1]) + flare * unit
        sides = np.concatenate([np.stack([x - w, y], 1), _towards(x[-1] - w[-1], y[-1], left, hem)])
        others = np.concatenate([np.stack([x + w, y], 1), _towards(x[-1] + w[-1], y[-1], right, hem)])
        across = np.array([0.1, 0.28, 0.5, 0.72, 0.9])
        sag = np.array([0.45, 0.8, 1.0, 0.8, 0.45]) * 0.018 * unit
        middle = np.stack([left + across * (right - left), hem + sag], 1)
        return smooth(np.concatenate([sides, middle, others[::-1]]), 3)

    def trunk(self) -> None:
        """Neck, upper garment and coat."""
        figure, look, unit = self.figure, self.wardrobe, self.unit
        neck = np.stack([figure.head + (0, 0.25 * figure.head_height), figure.rings[0][:2] + (0, 0.012 * unit)])
        self.canvas.fill(tube(neck, np.array([0.032, 0.037]) * unit * self.girth), look.skin * 0.86, relief=0.35)
        tucked = (look.tucked or self.dress) and "LongCoat" not in self.names
        low = 4.15 if tucked else 4.7 + 0.9 * look.hem
        if "LongCoat" in self.names:
            self.canvas.fill(
                self.drape(0.2, self.coat_drop, 0.02 + 0.03 * look.skirt_flare),
                self.cloth("coat"),
                relief=0.35,
                folds=0.14,
            )
        else:
            outline = figure.trunk(0.2, low, self.ease, 0.0 if tucked else 0.008)
            self.canvas.fill(outline, self.cloth("upper"), relief=0.35, folds=0.12)
        if tucked:
            left, right = (figure.spot(4.2, angle - figure.facing) for angle in (-1.4, 1.4))
            self.canvas.line(np.stack([left, right]), 0.018 * unit, self.wardrobe.lower * 0.55)
        self._front()
        if "UpperLogo" in self.names and not self.all_over:
            self._emblem()

    def _front(self) -> None:
        """The neckline, and the opening of a coat or shirt, where the chest can be seen."""
        figure, look, unit = self.figure, self.wardrobe, self.unit
        if np.cos(figure.facing) < 0.2:
            return
        x, y = figure.spot(0.28, 0.0)
        x -= 0.25 * (x - figure.rings[0, 0])
        coat = "LongCoat" in self.names
        wide, deep = (0.030, 0.060) if coat or look.collar else (0.040, 0.022)
        shape = np.array(
            [(-wide, -0.02), (-0.55 * wide, deep * 0.5), (0, deep), (0.55 * wide, deep * 0.5), (wide, -0.02)]
        )
        self.canvas.fill(smooth(shape * unit + (x, y), 3), look.upper if coat else look.skin * 0.9, relief=0.1)
        if coat or look.collar:
            base = look.coat if coat else look.upper
            seam = np.stack([(x, y + deep * unit), figure.spot(5.0 if coat else 3.0, 0.0)])
            self.canvas.line(seam, 0.007 * unit, base * 0.55)
            for side in (-1, 1):
                lapel = np.array([(0, deep), (side * wide, -0.02), (side * wide * 1.7, deep * 0.35)]) * unit + (x, y)
                self.canvas.fill(lapel, base * 0.82 + 14, relief=0)

    def _emblem(self) -> None:
        """A print on the side of the chest or back that the camera sees."""
        figure, look = self.figure, self.wardrobe
        turn = (figure.facing + np.pi) % (2 * np.pi) - np.pi
        behind = np.cos(turn) < -0.4
        # Words are too narrow to read in profile.
        kind = int(look.pattern * 7.99) if abs(np.cos(turn)) > 0.6 else 3 + int(look.pattern * 4.99)
        x, y, w = (np.interp(3.1 if behind else 2.7, np.arange(7), figure.rings[:, k]) for k in range(3))
        if not behind:
            x += 0.38 * np.sin(turn) * abs(np.sin(turn)) * w
        half = min(0.72 * w, 0.074 * figure.unit)
        tall = half * (1.0 + 0.3 * abs(np.sin(turn)))
        square = np.array([(x - half, y - tall), (x + half, y + tall)])
        self.canvas.stamp(square, patterns.emblem(kind), look.upper_accent)

    def arm(self, side: int) -> None:
        """One arm with its sleeve and hand."""
        figure, look, unit = self.figure, self.wardrobe, self.unit
        arm = figure.arms[side]
        radii = np.array([0.031, 0.026, 0.018]) * self.girth
        hand = arm[2] + (arm[2] - arm[1]) * 0.16
        self.canvas.fill(tube(np.stack([arm[2], hand]), np.array([0.017, 0.018]) * unit), look.skin, relief=0.35)
        if "ShortSleeve" in self.names:
            bare = np.concatenate([arm[:1] + 0.45 * (arm[1] - arm[0]), arm[1:]])
            self.canvas.fill(tube(bare, radii * unit), look.skin, relief=0.4)
            end = arm[0] + (0.52 + 0.38 * look.sleeve) * (arm[1] - arm[0])
            sleeve = np.stack([arm[0], 0.5 * (arm[0] + end), end])
            wide = np.array([0.031, 0.033, 0.033]) * self.girth + np.array([0.1, 0.3, 0.5]) * self.ease
        else:
            sleeve, wide = arm, radii + np.array([0.1, 0.45, 0.45]) * self.ease + 0.002
        self.canvas.fill(tube(sleeve, wide * unit), self.cloth("sleeve", arm), relief=0.45, folds=0.12)

    def _tinted(self, outline: np.ndarray, paint: Paint, shade: float) -> None:
        if callable(paint):
            self.canvas.fill(outline, lambda x, y: paint(x, y) * np.float32(shade), relief=0.3, folds=0.1)
        else:
            self.canvas.fill(outline, paint * shade, relief=0.3, folds=0.1)


def _towards(x: float, y: float, end_x: float, end_y: float) -> np.ndarray:
    """Points on the way to a corner, close to it at last so that a smooth curve does not overshoot."""
    share = np.array([0.5, 0.9, 1.0])[:, None]
    return (1 - share) * (x, y) + share * (end_x, end_y)
