"""What the time bar shows, for every t, as plain data for the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from snnpar.energy.estimate import energy_over_time
from snnpar.figures import LOOKS, palette, span
from snnpar.metrics.outcomes import decided_at
from snnpar.views import encode
from snnpar.views.image import InputImage
from snnpar.views.reading import Maps, Reading
from snnpar.views.time_bar import rows

NO_TIMESTEPS = "This student has no timesteps: it answers once, like the teacher, so there is no time bar."
ONE_TIMESTEP = "This student answers after a single timestep, so the bar has nowhere to go."


def payload(image: InputImage, seen: Mapping[str, Reading], maps: Maps, *, attribute: str, threshold: float) -> dict:
    """Answers, decisions, maps and energy of the models at t = 1 to T. Raises SnnparError for models with no common
    attribute.

    Lists over t have T entries. Pixels and map values are base64: little-endian float32 (frames, rows, columns).
    """
    truth = image.truth
    timesteps = rows.timesteps(seen)
    times = range(1, timesteps + 1)
    tables = [rows.compare(seen, truth, threshold, t) for t in times]
    return {
        "timesteps": timesteps,
        **_bar(seen, timesteps),
        "threshold": threshold,
        "unsure": rows.UNSURE,
        "attribute": attribute,
        "models": {role: _model(role, one) for role, one in seen.items()},
        "filters": [kind for kind in rows.FILTERS if kind != "wrong" or truth is not None],
        "labelled": truth is not None,
        "right": {role: [rows.right(table, role) for table in tables] for role in seen},
        "rows": [_row(over_time, threshold) for over_time in zip(*tables, strict=True)],
        "groups": _groups([rows.groups(seen, truth, threshold, t) for t in times]),
        "image": encode.jpeg(image.small) | {"title": image.title},
        "maps": [_map(role, maps) for role in maps.heats],
        "palettes": {kind: encode.base64(palette(signed=kind == "signed")) for kind in ("plain", "signed")},
        "energy": _energy(seen),
    }


def _bar(seen: Mapping[str, Reading], timesteps: int) -> dict:
    """Is there a bar, and why there is none or it does not move."""
    if "student" not in seen:
        return {"bar": False, "why": ""}  # that there is no student is told above
    if seen["student"].analysis.prediction.probs_per_timestep is None:
        return {"bar": False, "why": NO_TIMESTEPS}
    return {"bar": True, "why": ONE_TIMESTEP if timesteps == 1 else ""}


def _model(role: str, one: Reading) -> dict:
    look = LOOKS[role]
    return {"name": look.name, "mark": look.mark, "colour": look.colour, "checkpoint": one.model.checkpoint.name}


def _row(over_time: tuple[rows.AttributeRow, ...], threshold: float) -> dict:
    """One attribute at every t."""
    last = over_time[-1]
    row = {
        "attribute": last.attribute,
        "label": last.label,
        "truth": last.truth,
        "verdicts": [row.verdict for row in over_time],
        "kinds": [sorted(row.kinds) for row in over_time],
    }
    row |= {role: round(prob, 6) for role, prob in last.probs.items() if role != "student"}
    if "student" in last.probs:
        student = np.array([row.probs["student"] for row in over_time])
        row |= {"student": student.round(6).tolist(), "decided": int(decided_at(student, threshold))}
    return row


def _groups(over_time: list[list[dict[str, str]]]) -> list[dict]:
    """Group, truth and the words of the others once, the student's and whether they agree at every t."""
    changing = ("student", "same")
    return [
        {key: [at[key] for at in group] if key in changing else word for key, word in group[-1].items()}
        for group in zip(*over_time, strict=True)
    ]


def _map(role: str, maps: Maps) -> dict:
    heat = maps.heats[role]
    frames = heat.over_time().astype("<f4")
    low, high = span(
        max(one.bound for one in (maps.heats.values() if maps.shared_scale else [heat])), signed=heat.signed
    )
    return {
        "role": role,
        "title": heat.title,
        "unit": heat.unit,
        "hooked": heat.hooked,
        "general": role in maps.general,
        "when": "" if heat.frames is None else "up to" if heat.adds_up else "alone",
        "colours": heat.colours,
        "placed": heat.placed,
        "low": low,
        "high": high,
        "palette": "signed" if heat.signed else "plain",
        "geometry": asdict(heat.cells),
        "shape": list(frames.shape),
        "values": encode.base64(frames),
    }


def _energy(seen: Mapping[str, Reading]) -> dict:
    """Microjoules of each model: spent by the end of each timestep, or in the one pass."""
    spent = {}
    for role, one in seen.items():
        report, trace = one.analysis.energy, one.analysis.trace
        over_time = energy_over_time(trace, report.assumptions) if trace.timesteps else [report.energy_uj]
        spent[role] = [round(float(value), 3) for value in over_time]
    return {"spent": spent, "convention": next(iter(seen.values())).analysis.energy.convention}
