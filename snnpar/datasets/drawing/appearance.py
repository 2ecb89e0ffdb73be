"""How one pedestrian looks apart from the labels: body, pose and wardrobe, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_DARK = ((28, 29, 33), (45, 46, 52), (32, 38, 60), (58, 50, 50), (70, 72, 78))
_LIGHT = ((232, 231, 226), (222, 214, 196), (206, 215, 226), (236, 234, 240))
_BRIGHT = (
    (176, 38, 44),
    (206, 86, 48),
    (216, 176, 60),
    (66, 132, 76),
    (48, 92, 170),
    (96, 160, 198),
    (122, 74, 150),
    (222, 138, 158),
    (104, 106, 66),
    (150, 60, 92),
    (86, 176, 168),
    (126, 96, 76),
    (140, 146, 152),
)
_DENIM = ((58, 80, 122), (86, 110, 150), (44, 54, 84), (128, 150, 180))
_EARTH = ((120, 108, 88), (160, 146, 118), (96, 98, 84), (134, 134, 136))
_SKIN = ((236, 190, 162), (222, 172, 140), (206, 152, 120), (178, 124, 92), (140, 94, 70), (102, 68, 52))

_BOXES = ((186, 148, 98), (206, 178, 130), (214, 214, 210), (190, 60, 50))
_ANY = np.array((*_LIGHT, *_DARK, *_BRIGHT), np.float32)


@dataclass(frozen=True)
class Body:
    """Proportions, as fractions of the standing height."""

    head: float
    shoulder: float
    waist: float
    hip: float
    hip_height: float
    girth: float
    bust: float


@dataclass(frozen=True)
class Pose:
    """Angles in radians; `yaw` 0 faces the camera and +pi/2 faces right on screen."""

    yaw: float
    head_yaw: float
    pitch: float
    stride: float
    phase: float
    lean: float
    arms: tuple[str, str]
    swing: float
    spread: float


@dataclass(frozen=True)
class Wardrobe:
    """Colours (RGB arrays) and shape choices; an amount is in 0..1 unless its garment says otherwise."""

    skin: np.ndarray
    hair: np.ndarray
    upper: np.ndarray
    upper_accent: np.ndarray
    lower: np.ndarray
    lower_accent: np.ndarray
    coat: np.ndarray
    shoes: np.ndarray
    boots: np.ndarray
    hat: np.ndarray
    bag: np.ndarray
    pack: np.ndarray
    strap: np.ndarray
    held: np.ndarray
    tights: np.ndarray | None
    hair_kind: str
    hair_length: float
    hat_kind: str
    collar: bool
    tucked: bool
    hem: float
    sleeve: float
    looseness: float
    shorts_length: float
    skirt_length: float
    skirt_flare: float
    coat_length: float
    pattern: float
    kind: float
    bag_kind: float
    bag_side: int
    phone: bool


@dataclass(frozen=True)
class Appearance:
    """All that the drawing of a person reads besides the labels."""

    body: Body
    pose: Pose
    wardrobe: Wardrobe


def sample_appearance(rng: np.random.Generator, names: frozenset[str]) -> Appearance:
    """A random look that fits the labels. The same number of draws is made whatever the labels are."""
    body, pose, wardrobe = rng.random(10), rng.random(20), rng.random(100)
    return Appearance(_body(body, names), _pose(pose, names), _wardrobe(wardrobe, names))


def _body(u: np.ndarray, names: frozenset[str]) -> Body:
    female, child = "Female" in names, "AgeLess18" in names
    spread = u - 0.5
    girth = 0.97 + 0.26 * spread[0] + 0.10 * u[1]
    shoulder = (0.089 if female else 0.109) + 0.010 * spread[2]
    if child:
        return Body(
            0.210 + 0.03 * spread[3],
            0.094 + 0.008 * spread[2],
            0.074 + 0.008 * spread[4],
            0.078,
            0.455,
            0.98 + 0.16 * spread[0],
            0.0,
        )
    return Body(
        head=0.157 + 0.014 * spread[3],
        shoulder=shoulder * (0.6 + 0.4 * girth),
        waist=((0.064 if female else 0.086) + 0.012 * spread[4]) * girth,
        hip=((0.091 if female else 0.083) + 0.010 * spread[5]) * girth,
        hip_height=0.510 + 0.03 * spread[6],
        girth=girth * (0.93 if female else 1.0),
        bust=0.028 if female else 0.0,
    )


def _pose(u: np.ndarray, names: frozenset[str]) -> Pose:
    side = 1.0 if u[0] < 0.5 else -1.0
    if "Front" in names:
        yaw = side * 0.55 * u[1] ** 1.5
    elif "Back" in names:
        yaw = np.pi + side * 0.55 * u[1] ** 1.5
    else:
        yaw = side * (np.pi / 2 + 0.62 * (u[1] - 0.5))
    turn = 0.7 * (u[2] - 0.5)
    if "Back" in names and "Glasses" in names:
        turn = -side * (1.35 + 0.25 * u[2])
    walking = u[3] < 0.7
    stride = (0.28 + 0.35 * u[4]) if walking else 0.10 * u[4]
    arms = [_arm(u[5]), _arm(u[6])]
    if arms == ["phone", "phone"]:
        arms[int(u[7] < 0.5)] = "swing"
    lean = 0.10 * u[8] + (0.14 + 0.14 * u[9] if "AgeOver60" in names else 0.0)
    return Pose(
        yaw,
        yaw + turn,
        0.10 + 0.22 * u[11],
        stride,
        2 * np.pi * u[12],
        lean,
        (arms[0], arms[1]),
        0.25 + 0.4 * u[13],
        0.09 + 0.14 * u[14],
    )


def _arm(u: float) -> str:
    return "swing" if u < 0.66 else "phone" if u < 0.82 else "hip" if u < 0.9 else "back"


def _wardrobe(u: np.ndarray, names: frozenset[str]) -> Wardrobe:
    female, young, old = "Female" in names, "AgeLess18" in names, "AgeOver60" in names
    bright = 0.62 if female or young else 0.38
    skin = _jitter(_choose(_SKIN, u[0] ** 1.7), u[1:4], 10)
    hair = _jitter((165 + 50 * u[4],) * 3 if old else (92, 62, 42) if u[4] < 0.1 else (34, 27, 25), u[5:8], 7)
    upper = _garment(u[8:14], bright, skin)
    lower = _lower(u[14:20], upper if "LongCoat" not in names else None, skin)
    coat = _garment(u[20:26], 0.5, skin, away=lower)
    top = coat if "LongCoat" in names else upper
    accent = _garment(u[27:33], 0.7, top, gap=140)
    return Wardrobe(
        skin=skin,
        hair=hair,
        upper=upper,
        upper_accent=accent,
        lower=lower,
        lower_accent=_garment(u[33:39], 0.7, lower, gap=130),
        coat=coat,
        shoes=_garment(u[39:45], 0.25, None),
        boots=_garment(u[45:51], 0.3, lower, away=skin, gap=90),
        hat=_garment(u[51:57], 0.55, hair, gap=80),
        bag=_garment(u[57:63], 0.55, top, away=lower, gap=95),
        pack=_garment(u[63:69], 0.6, top, away=accent, gap=110),
        strap=_garment(u[69:75], 0.25, top, away=accent, gap=130),
        held=_jitter(_choose(_BOXES, u[75]), u[1:4], 14),
        tights=_tights(u[76], u[77], female),
        **_shapes(u[77:], names),
    )


def _shapes(u: np.ndarray, names: frozenset[str]) -> dict[str, Any]:
    """The wardrobe's choices of cut and kind. Long hair is kept off a print or a pack on the back."""
    female = "Female" in names
    hair = ("long", "long", "tail", "bob") if female else ("short",)
    if "AgeOver60" in names and not female and u[0] < 0.3:
        hair = ("bald",)
    if "Hat" in names and female:
        hair = ("long",)
    hats = ("sun", "bucket", "beanie") if female else ("cap", "cap", "helmet", "beanie", "bucket")
    return {
        "hair_kind": _choose(hair, u[1]),
        "hair_length": u[2] * (0.2 if "Back" in names and {"UpperLogo", "Backpack"} & names else 1.0),
        "hat_kind": _choose(hats, u[3]),
        "collar": u[4] < 0.45,
        "tucked": u[5] < 0.3,
        "hem": u[6],
        "sleeve": u[7],
        "looseness": u[8],
        "shorts_length": 0.7 * u[9] if female else u[9],
        "skirt_length": u[10],
        "skirt_flare": u[11],
        "coat_length": u[12],
        "pattern": u[13],
        "kind": u[14],
        "bag_kind": 1.0 if "UpperLogo" in names else u[15],
        "bag_side": 1 if u[16] < 0.5 else -1,
        "phone": u[17] < 0.7,
    }


def _choose(options: tuple, u: float):
    return options[min(int(u * len(options)), len(options) - 1)]


def _jitter(colour: tuple[float, float, float], u: np.ndarray, amount: float) -> np.ndarray:
    return np.clip(np.array(colour) + amount * (2 * u - 1), 8, 250).astype(np.float32)


def _garment(
    u: np.ndarray,
    bright: float,
    against: np.ndarray | None,
    *,
    away: np.ndarray | None = None,
    gap: float = 70,
) -> np.ndarray:
    """A garment colour at least `gap` (RGB distance) from `against`, and somewhat from `away`."""
    family = _BRIGHT if u[0] < bright else _DARK if u[0] < bright + (1 - bright) * 0.6 else _LIGHT
    first = _jitter(_choose(family, u[1]), u[3:6], 16)
    if _far(first, against, gap) and _far(first, away, 0.6 * gap):
        return first
    options = np.roll(_ANY, int(u[2] * len(_ANY)), axis=0)
    fits = _far(options, against, gap) & _far(options, away, 0.6 * gap)
    return options[int(np.argmax(fits))]


def _far(colours: np.ndarray, other: np.ndarray | None, gap: float) -> np.ndarray:
    """Whether each colour is at least `gap` from another one, which may be absent."""
    if other is None:
        return np.ones(colours.shape[:-1], bool)
    difference = colours - other
    return (difference * difference).sum(-1) >= gap * gap


def _lower(u: np.ndarray, upper: np.ndarray | None, skin: np.ndarray) -> np.ndarray:
    family = _DARK if u[0] < 0.48 else _DENIM if u[0] < 0.76 else _EARTH if u[0] < 0.9 else _LIGHT
    colour = _jitter(_choose(family, u[1]), u[2:5], 12)
    if np.linalg.norm(colour - skin) < 75 or (upper is not None and np.linalg.norm(colour - upper) < 48):
        colour = _jitter(
            _choose(_DENIM if upper is None or upper.mean() > 120 else _LIGHT[1:] + _DENIM[3:], u[5]),
            u[2:5],
            12,
        )
    return colour


def _tights(u: float, shade: float, female: bool) -> np.ndarray | None:
    if not female or u > 0.25:
        return None
    return np.array((36, 33, 36) if shade < 0.75 else (96, 92, 96), np.float32)
