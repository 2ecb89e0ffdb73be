"""Which attributes a rendered pedestrian has: a sampler that follows PA-100K.

The numbers are the rates of the official PA-100K training annotations (Liu et al., HydraPlus-Net, ICCV 2017),
measured on 1,400 of its images, with the dependencies that matter there: bags and skirts by sex, backpacks
and shorts by age, sleeves by what is worn below, chest prints by view. What cannot be seen is not labelled:
nothing is held in front of a person seen from the back, and no print lies under a box, a pack or a strap.

Labels are PA-100K's columns. What is drawn is what the real images of a column show: two of its names are exchanged
(`shown`), so that UpperPlaid is drawn as colour blocks and UpperSplice as plaid.
"""

from __future__ import annotations

import numpy as np

from snnpar.schema.attributes import load_schema

PA100K_FREQUENCIES: dict[str, float] = {
    "Female": 0.431,
    "AgeOver60": 0.014,
    "Age18-60": 0.922,
    "AgeLess18": 0.064,
    "Front": 0.343,
    "Side": 0.284,
    "Back": 0.374,
    "Hat": 0.046,
    "Glasses": 0.186,
    "HandBag": 0.195,
    "ShoulderBag": 0.192,
    "Backpack": 0.144,
    "HoldObjectsInFront": 0.011,
    "ShortSleeve": 0.590,
    "LongSleeve": 0.410,
    "UpperStride": 0.041,
    "UpperLogo": 0.162,
    "UpperPlaid": 0.104,
    "UpperSplice": 0.038,
    "LowerStripe": 0.002,
    "LowerPattern": 0.019,
    "LongCoat": 0.032,
    "Trousers": 0.712,
    "Shorts": 0.184,
    "Skirt&Dress": 0.104,
    "boots": 0.006,
}
ATTRIBUTES: tuple[str, ...] = tuple(PA100K_FREQUENCIES)
EXCLUSIVE: tuple[tuple[str, ...], ...] = (
    ("AgeOver60", "Age18-60", "AgeLess18"),
    ("Front", "Side", "Back"),
    ("ShortSleeve", "LongSleeve"),
    ("Trousers", "Shorts", "Skirt&Dress"),
)
_VIEWS = ("Front", "Side", "Back")


def sample_labels(seed: int, index: int) -> np.ndarray:
    """The labels of one pedestrian, int8 (26,) in PA-100K order; nothing is drawn."""
    return encode(_sample(np.random.default_rng((seed, index, 0))))


def encode(names: set[str]) -> np.ndarray:
    """Attribute names to an int8 (26,) vector of zeros and ones."""
    unknown = names - set(ATTRIBUTES)
    if unknown:
        raise ValueError(f"unknown attributes {sorted(unknown)}; known: {', '.join(ATTRIBUTES)}")
    return np.array([name in names for name in ATTRIBUTES], dtype=np.int8)


def decode(labels: np.ndarray) -> frozenset[str]:
    """An int8 (26,) vector to the names of the attributes that are present."""
    if np.shape(labels) != (len(ATTRIBUTES),):
        raise ValueError(f"expected labels of shape ({len(ATTRIBUTES)},), got {np.shape(labels)}")
    return frozenset(name for name, label in zip(ATTRIBUTES, labels, strict=True) if label)


def shown(names: frozenset[str]) -> frozenset[str]:
    """The names of what to draw for a person with these attributes."""
    return load_schema("pa100k").shown(names)


def _sample(rng: np.random.Generator) -> set[str]:
    names = {_pick(rng, _VIEWS, (0.343, 0.284, 0.374)), _pick(rng, EXCLUSIVE[0], (0.014, 0.922, 0.064))}
    female = rng.random() < 0.431
    if female:
        names.add("Female")
    adult = "AgeLess18" not in names
    if not female and adult and rng.random() < 0.083:
        names.add("Hat")
    names |= _below(rng, names)
    names |= _sleeves_and_coat(rng, names)
    names |= _carried(rng, names)
    names |= _upper_pattern(rng, names)
    if "Hat" not in names and rng.random() < _by_view(names, 0.26, 0.27, 0.06) * (0.48 if female else 1.47):
        names.add("Glasses")
    return names


def _below(rng: np.random.Generator, names: set[str]) -> set[str]:
    female = "Female" in names
    if "Hat" in names or "AgeOver60" in names:
        shares = (1.0, 0.0, 0.0)
    elif "AgeLess18" in names:
        shares = (0.27, 0.63, 0.10) if female else (0.27, 0.73, 0.0)
    else:
        shares = (0.608, 0.137, 0.255) if female else (0.83, 0.17, 0.0)
    garment = _pick(rng, EXCLUSIVE[3], shares)
    found = {garment}
    if rng.random() < {"Trousers": 0.009, "Shorts": 0.04, "Skirt&Dress": 0.07}[garment]:
        found.add("LowerPattern")
    elif rng.random() < 0.003:
        found.add("LowerStripe")
    return found


def _sleeves_and_coat(rng: np.random.Generator, names: set[str]) -> set[str]:
    adult_woman = "Female" in names and "AgeLess18" not in names
    coat = adult_woman and "Shorts" not in names and rng.random() < 0.093
    long_sleeve = 0.01 if "Shorts" in names else 0.13 if "Skirt&Dress" in names else 0.505
    if "Hat" in names or "AgeOver60" in names:
        long_sleeve = 0.85
    found = {"LongSleeve" if coat or rng.random() < long_sleeve else "ShortSleeve"}
    if coat:
        found.add("LongCoat")
    if adult_woman and rng.random() < (0.032 if "LongSleeve" in found else 0.0025):
        found.add("boots")
    return found


def _upper_pattern(rng: np.random.Generator, names: set[str]) -> set[str]:
    """At most one of stripes, logo, plaid, splice, and none that a box or a bag would hide.

    A print that covers the lower half often covers both.
    """
    if "LongCoat" in names:
        return {"UpperPlaid"} if rng.random() < 0.02 else set()
    if "LowerPattern" in names and rng.random() < 0.5:
        return {"UpperLogo"}
    if "HoldObjectsInFront" in names:
        return set()
    short = "ShortSleeve" in names
    hidden = bool({"Backpack", "ShoulderBag"} & names) if "Side" in names else {"Backpack", "Back"} <= names
    logo = 0.0 if hidden else 0.245 if short else 0.098
    shares = (
        (0.058 if short else 0.019) * _by_view(names, 0.75, 0.75, 1.4),
        logo * _by_view(names, 1.48, 1.10, 0.50),
        (0.090 if short else 0.135) * _by_view(names, 1.05, 0.80, 1.12),
        0.040 * _by_view(names, 0.8, 0.6, 1.5),
    )
    pattern = _pick(rng, ("UpperStride", "UpperLogo", "UpperPlaid", "UpperSplice", ""), (*shares, 1 - sum(shares)))
    return {pattern} - {""}


def _carried(rng: np.random.Generator, names: set[str]) -> set[str]:
    female, child = "Female" in names, "AgeLess18" in names
    if rng.random() < (0.66 if child else 0.0 if "AgeOver60" in names else 0.11):
        return {"Backpack", "HandBag"} if rng.random() < 0.045 else {"Backpack"}
    holds = rng.random() < _by_view(names, 0.022, 0.021, 0.0)
    found = {"HoldObjectsInFront"} if holds else set()
    shoulder_bag, hand_bag = (0.05, 0.1) if child else (0.40, 0.312) if female else (0.106, 0.165)
    if rng.random() < shoulder_bag:
        found.add("ShoulderBag")
    if not holds and rng.random() < hand_bag:
        found.add("HandBag")
    return found


def _by_view(names: set[str], front: float, side: float, back: float) -> float:
    return front if "Front" in names else side if "Side" in names else back


def _pick(rng: np.random.Generator, options: tuple[str, ...], shares: tuple[float, ...]) -> str:
    edges = np.cumsum(shares)
    return options[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]
