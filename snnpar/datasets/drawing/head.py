"""Head, face, hair, glasses and hat, placed by angle round a turning head."""

from __future__ import annotations

import numpy as np

from .appearance import Wardrobe
from .canvas import Canvas, ellipse, smooth, tube
from .figure import ProjectedPerson

# Height of the hairline, in half heads above the head's centre, by the angle from the face.
_ANGLES = np.array([0.0, 0.55, 0.85, 1.1, 1.45, 1.9, np.pi])
_HAIRLINES = {
    "short": np.array([0.50, 0.46, 0.24, 0.08, -0.06, -0.42, -0.62]),
    "bald": np.array([1.2, 1.2, 1.1, 0.22, -0.02, -0.40, -0.60]),
    "tail": np.array([0.48, 0.42, 0.20, 0.02, -0.16, -0.55, -0.72]),
    "bob": np.array([0.44, 0.36, -0.10, -0.62, -0.92, -1.0, -1.0]),
    "long": np.array([0.44, 0.36, -0.05, -0.62, -0.98, -1.0, -1.0]),
}


class Head:
    """Draws one head; `at` maps an angle from the face and a height in half heads to the frame."""

    def __init__(self, canvas: Canvas, figure: ProjectedPerson, wardrobe: Wardrobe) -> None:
        self.canvas, self.figure, self.wardrobe = canvas, figure, wardrobe
        self.half = figure.head_height / 2
        self.gaze = figure.gaze
        facing = np.cos(self.gaze)
        self.radius = self.half * np.hypot(0.76 * facing, 0.88 * np.sin(self.gaze))

    def at(self, angle: float, height: float, out: float = 1.0) -> np.ndarray:
        return self.figure.head + np.array([self.radius * out * np.sin(self.gaze + angle), -height * self.half])

    def seen(self, angle: float) -> float:
        """Cosine of the angle between a point of the head and the camera."""
        return float(np.cos(self.gaze + angle))

    def oval(self, angle: float, height: float, width: float, tall: float) -> np.ndarray:
        """An ellipse on the head, foreshortened; width and height in half heads."""
        x, y = self.at(angle, height)
        return ellipse(x, y, width * self.half * max(self.seen(angle), 0.28), tall * self.half, 10)

    def long_hair_behind(self) -> None:
        """Hair that falls behind the shoulders of a person who looks towards the camera."""
        if self.wardrobe.hair_kind in ("long", "tail") and self.seen(0.0) > 0.25:
            self._mane()

    def draw(self, names: frozenset[str]) -> None:
        skin, hair = self.wardrobe.skin, self.wardrobe.hair
        turned = np.sin(self.gaze)
        jaw = 0.56 if "Female" in names else 0.66
        outline = [
            (-1, 0.15),
            (-0.92, 0.62),
            (-0.5, 0.95),
            (0, 1.02),
            (0.5, 0.95),
            (0.92, 0.62),
            (1, 0.15),
            (0.88, -0.4),
            (jaw, -0.78),
            (0.0, -0.98),
            (-jaw, -0.78),
            (-0.88, -0.4),
        ]
        skull = np.array(outline) * (self.radius, -self.half)
        skull[8:11, 0] += 0.26 * turned * self.radius
        self._ears(front=False)
        self.canvas.fill(smooth(skull + self.figure.head, 3), skin, relief=0.4)
        if self.seen(0.0) > -0.35:
            self._face(names)
        if self.wardrobe.hair_kind in ("short", "bald", "tail"):
            self._ears(front=True)
        if self.wardrobe.hair_kind in ("long", "tail") and self.seen(0.0) <= 0.25:
            self._mane()
        self.canvas.fill(self._cap(_HAIRLINES[self.wardrobe.hair_kind]), hair, relief=0.5, folds=0.12)
        if "Glasses" in names:
            self._glasses()
        if "Hat" in names:
            self._hat()

    def _cap(self, hairline: np.ndarray, lift: float = 1.12) -> np.ndarray:
        """The hair's outline: over the crown, then back along the hairline as seen from this side."""
        spread = np.linspace(-1, 1, 9)
        angle = np.abs((np.arcsin(spread) - self.gaze + np.pi) % (2 * np.pi) - np.pi)
        low = np.minimum(np.interp(angle, _ANGLES, hairline), 0.98 * np.sqrt(np.maximum(1.02 - spread**2, 0.01)))
        side = 1.07
        top = [
            (side, max(low[-1], 0.15)),
            (0.98, 0.66),
            (0.55, 1.0),
            (0, lift),
            (-0.55, 1.0),
            (-0.98, 0.66),
            (-side, max(low[0], 0.15)),
        ]
        edge = np.stack([spread * side, low], 1)
        return smooth(np.concatenate([edge, np.array(top)]) * (self.radius, -self.half), 2) + self.figure.head

    def _face(self, names: frozenset[str]) -> None:
        skin, canvas = self.wardrobe.skin, self.canvas
        dark = skin * 0.35
        if abs(self.seen(0.0)) < 0.75:
            nose = np.stack(
                [self.at(0, 0.16, 1.0), self.at(0, -0.12, 1.15), self.at(0, -0.24, 1.0), self.at(0.3, -0.1)]
            )
            canvas.fill(nose, skin * 0.97, relief=0)
        for side in (-1, 1):
            if self.seen(0.45 * side) > 0.12:
                canvas.fill(self.oval(0.45 * side, 0.08, 0.15, 0.075), dark * 0.6, relief=0)
                canvas.fill(self.oval(0.48 * side, 0.26, 0.20, 0.045), dark, relief=0, opacity=0.8)
        if self.seen(0.0) > 0.1:
            canvas.fill(self.oval(0.0, -0.2, 0.12, 0.06), skin * 0.78, relief=0)
        lips = np.array([176, 72, 72]) if "Female" in names else skin * 0.66
        canvas.fill(self.oval(0.0, -0.50, 0.24, 0.055), lips, relief=0)

    def _ears(self, *, front: bool) -> None:
        for side in (-1.6, 1.6):
            if (self.seen(side) > 0.3) == front:
                x, y = self.at(side, 0.0, 1.04)
                self.canvas.fill(ellipse(x, y, 0.15 * self.half, 0.24 * self.half, 10), self.wardrobe.skin * 0.88)

    def _mane(self) -> None:
        """A ponytail or loose hair, hanging from the back of the head."""
        hair, half = self.wardrobe.hair, self.half
        length = 1.35 + 1.3 * self.wardrobe.hair_length
        back = -np.sin(self.gaze)
        if self.wardrobe.hair_kind == "tail":
            root = self.at(np.pi, 0.42, 0.9)
            side = 0.75 if self.seen(0) > 0.25 else 0.0
            sway = np.array([(0.7 * back + side * np.sign(back or 1)) * half, 0.0])
            path = [
                root,
                root + sway + (0, 0.6 * half),
                root + 1.05 * sway + (0, (0.9 + 0.8 * length) * half),
            ]
            self.canvas.fill(tube(np.array(path), np.array([0.20, 0.34, 0.12]) * half), hair, relief=0.5, folds=0.15)
            return
        x, y = self.figure.head + np.array([0.36 * back * self.radius, 0.0])
        wide = self.radius * (1.06 if abs(back) < 0.6 else 0.74)
        shape = [
            (-1, -0.2),
            (-1.06, 0.7),
            (-0.94, 0.8 * length),
            (-0.55, length + 0.1),
            (0, length + 0.2),
            (0.55, length + 0.1),
            (0.94, 0.8 * length),
            (1.06, 0.7),
            (1, -0.2),
            (0, -0.7),
        ]
        self.canvas.fill(smooth(np.array(shape) * (wide, half) + (x, y), 3), hair, relief=0.5, folds=0.15)

    def _glasses(self) -> None:
        dark = self.wardrobe.skin.mean() > 125
        frame = np.array([18, 18, 22] if dark else [214, 200, 160], np.float32)
        lens = frame if self.wardrobe.kind < 0.15 and dark else self.wardrobe.skin * 0.55 + 100
        for side in (-1, 1):
            if self.seen(0.46 * side) > 0.05:
                self.canvas.fill(self.oval(0.46 * side, 0.08, 0.35, 0.23), frame, relief=0)
                self.canvas.fill(self.oval(0.46 * side, 0.08, 0.25, 0.15), lens, relief=0)
            ear, brow = 1.5 * side, 0.8 * side
            if self.seen(ear) > 0.05:
                self.canvas.line([self.at(ear, 0.10, 1.02), self.at(brow, 0.12, 1.02)], 0.13 * self.half, frame)
        if self.seen(0.0) > 0:
            self.canvas.line([self.at(-0.2, 0.12, 1.02), self.at(0.2, 0.12, 1.02)], 0.13 * self.half, frame)

    def _hat(self) -> None:
        kind, colour = self.wardrobe.hat_kind, self.wardrobe.hat
        if kind == "helmet":
            colour = np.array([230, 190, 40] if self.wardrobe.kind < 0.6 else [205, 60, 40], np.float32)
        low, high = (0.30, 1.26) if kind != "beanie" else (0.22, 1.34)
        crown = [
            (-1.13, low),
            (-1.10, 0.75),
            (-0.65, high - 0.06),
            (0, high + 0.02),
            (0.65, high - 0.06),
            (1.10, 0.75),
            (1.13, low),
            (0, low - 0.16),
        ]
        x, y = self.at(0, low, 0.0)
        brim = ellipse(x, y, 1.75 * self.radius, 0.30 * self.half)
        if kind in ("sun", "bucket") and self.seen(0) <= 0:
            self.canvas.fill(brim, colour * 0.8)
        self.canvas.fill(smooth(np.array(crown) * (self.radius, -self.half) + self.figure.head, 3), colour, relief=0.5)
        band = np.array([[-1.12, low + 0.12], [0, low - 0.04], [1.12, low + 0.12]]) * (
            self.radius,
            -self.half,
        )
        self.canvas.line(band + self.figure.head, 0.16 * self.half, colour * (1.3 if kind == "beanie" else 0.62))
        if kind in ("sun", "bucket") and self.seen(0) > 0:
            self.canvas.fill(brim, colour * 0.9)
        if kind in ("cap", "helmet") and self.seen(0) > -0.45:
            x, y = self.at(0, low - 0.06, 1.25 if abs(self.seen(0)) < 0.75 else 0.55)
            wide = self.radius * (0.62 + 0.32 * abs(self.seen(0)))
            self.canvas.fill(ellipse(x, y, wide, 0.15 * self.half, 12), colour * 0.68, relief=0.3)
