"""The posed skeleton: joints in the frame, their depth, and the silhouette of the trunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .appearance import Body, Pose
from .canvas import smooth

_LEVELS = ("neck", "shoulder", "armpit", "chest", "waist", "hip", "crotch")


@dataclass(frozen=True)
class ProjectedPerson:
    """A projected person. Positions are in frame units (y down), depths in body heights towards the camera.

    `arms[k]` and `legs[k]` are (3, 2) polylines (shoulder, elbow, wrist) and (hip, knee, ankle); side 0 is on
    the left of the frame when the person faces the camera. `rings` (7, 3) holds x, y, half-width of the trunk
    from neck to crotch. `unit` is the standing height; `facing` and `gaze` are the yaw of body and head.
    """

    arms: tuple[np.ndarray, np.ndarray]
    legs: tuple[np.ndarray, np.ndarray]
    toes: tuple[np.ndarray, np.ndarray]
    arm_depth: tuple[float, float]
    leg_depth: tuple[float, float]
    rings: np.ndarray
    head: np.ndarray
    head_height: float
    unit: float
    facing: float
    gaze: float
    girth: float

    def trunk(self, start: float, stop: float, ease: float = 0.0, flare: float = 0.0, sag: float = 0.012) -> np.ndarray:
        """The outline of the trunk between two levels (0 neck .. 6 crotch), let out by `ease`."""
        between = np.arange(7)
        between = between[(between > start + 0.35) & (between < stop - 0.35)]
        level = np.concatenate([[start], between, [stop]])
        x, y, w = (np.interp(level, np.arange(7), self.rings[:, k]) for k in range(3))
        w = w + self.unit * (ease + flare * np.clip((level - 3) / 3, 0, 1))
        left, right = np.stack([x - w, y], 1), np.stack([x + w, y], 1)
        hem = np.array([-0.93, -0.6, 0.0, 0.6, 0.93])[:, None] * (w[-1], 0.0) + (x[-1], y[-1])
        hem[:, 1] += np.array([0.3, 0.75, 1.0, 0.75, 0.3]) * sag * self.unit
        return smooth(np.concatenate([left, hem, right[::-1]]), 3)

    def spot(self, level: float, angle: float) -> np.ndarray:
        """The frame position of a point of the trunk's surface, `angle` radians round from the chest."""
        x, y, w = (np.interp(level, np.arange(7), self.rings[:, k]) for k in range(3))
        return np.array([x + w * np.sin(self.facing + angle), y])

    def reach(self) -> float:
        """The largest distance of head, trunk and hands from the middle of the frame."""
        hands = max(abs(float(arm[2, 0])) for arm in self.arms)
        face = abs(float(self.head[0])) + 0.5 * self.head_height
        return max(hands, face, float((np.abs(self.rings[:, 0]) + self.rings[:, 2]).max()))

    def outer(self, side: int) -> float:
        """+1 where the shoulder of this side is on the right of the trunk in the frame, else -1."""
        return 1.0 if self.arms[side][0, 0] > self.rings[1, 0] else -1.0


def pose_figure(body: Body, pose: Pose, arms: tuple[str, str], *, top: float, bottom: float) -> ProjectedPerson:
    """Project the posed body so that its head touches `top` and its lower foot `bottom` (frame units)."""
    ring_points, widths, depths = _trunk(body, pose)
    head = ring_points[0] + np.array([0, 0.5 * body.head - 0.012, 0.03 + 0.25 * pose.lean])
    legs = [_leg(body, pose, side) for side in (-1, 1)]
    arm = [_arm(body, pose, side, arms[(side + 1) // 2], ring_points[1]) for side in (-1, 1)]
    points = np.concatenate([ring_points, head[None], *legs, *arm])
    flat = _project(points, pose)
    high, low = flat[7, 1] + 0.53 * body.head, min(flat[11, 1], flat[15, 1]) - 0.03
    unit = (bottom - top) / (high - low)
    frame = np.stack([flat[:, 0] * unit, top + (high - flat[:, 1]) * unit], 1)
    frame[:, 0] -= 0.5 * (frame[:, 0].min() + frame[:, 0].max()) * 0.6 + 0.4 * frame[4, 0]
    cosine, sine = np.cos(pose.yaw), np.sin(pose.yaw)
    half = np.hypot(widths * cosine, depths * sine) * unit
    depth = flat[:, 2]
    return ProjectedPerson(
        arms=(frame[16:19], frame[19:22]),
        legs=(frame[8:11], frame[12:15]),
        toes=(frame[11], frame[15]),
        arm_depth=(float(depth[17:19].mean() - depth[3]), float(depth[20:22].mean() - depth[3])),
        leg_depth=(float(depth[9:11].mean()), float(depth[13:15].mean())),
        rings=np.column_stack([frame[:7], half]),
        head=frame[7],
        head_height=body.head * unit,
        unit=unit,
        facing=pose.yaw,
        gaze=pose.head_yaw,
        girth=body.girth,
    )


def _trunk(body: Body, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    neck = 1.0 - body.head * 0.94
    hip = body.hip_height
    share = np.array([1.0, 0.93, 0.78, 0.64, 0.27, -0.02, -0.13])
    y = hip + (neck - hip) * share
    stoop = pose.lean * np.clip((y - hip) / (neck - hip), 0, 1) ** 1.4 * (neck - hip)
    bust = body.bust * np.array([0, 0, 0.45, 0.5, 0, 0, 0])
    points = np.stack([np.zeros(7), y - 0.25 * pose.lean * stoop, stoop + bust], 1)
    widths = np.array(
        [
            0.036,
            body.shoulder * 0.93,
            body.shoulder * 0.97,
            0.45 * body.shoulder + 0.55 * body.waist + 0.004,
            body.waist,
            body.hip,
            body.hip * 0.93,
        ]
    )
    flat = np.array([0.034, 0.048, 0.062, 0.068, 0.060, 0.066, 0.056]) * body.girth
    return points, widths, flat + bust * 0.6


def _leg(body: Body, pose: Pose, side: int) -> np.ndarray:
    phase = pose.phase + (np.pi if side > 0 else 0)
    thigh = pose.stride * np.sin(phase)
    knee = 0.08 + pose.stride * 0.9 * max(0.0, np.cos(phase + 0.5)) + 0.25 * pose.stride * (thigh < 0)
    length = body.hip_height - 0.04
    hip = np.array([side * body.hip * 0.52, body.hip_height - 0.03, 0.0])
    middle = hip + 0.5 * length * _direction(thigh + 0.5 * knee, 0.03 * side)
    ankle = middle + 0.46 * length * _direction(thigh - 0.5 * knee, 0.0)
    toe = ankle + np.array([side * 0.016, -0.026, 0.078]) @ _roll(thigh - 0.9 * knee if knee > 0.25 else 0.0)
    return np.stack([hip, middle, ankle, toe])


def _arm(body: Body, pose: Pose, side: int, manner: str, neck: np.ndarray) -> np.ndarray:
    phase = pose.phase + (0 if side > 0 else np.pi)
    swing = pose.swing * pose.stride * 1.9 * np.sin(phase)
    upper, fore, out, turn = {
        "swing": (swing, swing + 0.22 + 0.5 * max(swing, 0), pose.spread, 0.4 * pose.spread),
        "carry": (0.10 * np.sin(phase), 0.10, pose.spread + 0.06, pose.spread + 0.02),
        "phone": (0.35, 2.0, 0.14, -0.45),
        "hip": (-0.15, 0.35, 0.50, -0.25),
        "aside": (-0.62, -0.45, pose.spread, 0.3 * pose.spread),
        "back": (-0.42, -0.30, 0.26, -0.62),
        "hold": (0.12, 1.55, 0.22, -0.40),
    }[manner]
    shoulder = np.array([side * body.shoulder * 0.88, neck[1] - 0.024, neck[2]])
    elbow = shoulder + 0.172 * _direction(upper, side * out)
    wrist = elbow + 0.150 * _direction(fore, side * turn)
    return np.stack([shoulder, elbow, wrist])


def _direction(forward: float, sideways: float) -> np.ndarray:
    """A unit vector that hangs down, swung forward and then out sideways."""
    return np.array([np.sin(sideways), -np.cos(sideways) * np.cos(forward), np.cos(sideways) * np.sin(forward)])


def _roll(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _project(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Turn by the yaw and look down by the pitch: columns x, y (up), depth towards the camera."""
    cosine, sine = np.cos(pose.yaw), np.sin(pose.yaw)
    x = points[:, 0] * cosine + points[:, 2] * sine
    z = points[:, 2] * cosine - points[:, 0] * sine
    y = points[:, 1] * np.cos(pose.pitch) - z * np.sin(pose.pitch)
    return np.stack([x, y, z], 1)
