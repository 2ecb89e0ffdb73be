"""One mask over the image, both models again: what changes in their answers, spikes and energy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.chrome import Selection, mark
from pages.ui.components import occluder
from pages.ui.looking import CachedReading
from pages.ui.server.computing import computed
from pages.ui.widgets import frames, hint
from pages.ui.widgets.literal import literal
from snnpar.core import numbers
from snnpar.explain.probing import Occlusion, occlude
from snnpar.figures import LOOKS
from snnpar.images.geometry import Geometry
from snnpar.inference import shared_attributes

OCCLUSIONS_KEPT = 16
ROW_HEIGHT = 34
WHERE = {
    ("student",): "only in the student",
    ("teacher",): "only in the teacher",
    ("teacher", "student"): "in both",
}
FLIPPED = "yes"  # where there is one model only
WHAT = (
    "What a model needed of a part shows in how its answers change when that part is filled with the image's mean "
    "colour; an attribute that flips only in the student leans on a place that the teacher can do without."
)
FORMULA = r"\Delta z_a = z_a(\text{hidden}) - z_a(\text{whole}), \qquad \text{flipped: } [p_a > \theta] \text{ changed}"


@st.fragment
def show(selection: Selection, seen: dict[str, CachedReading]) -> None:
    """Runs again, alone, when a stroke has ended."""
    hint.heading("Hide a part from both", WHAT, FORMULA)
    geometry = list(seen.values())[-1].model.geometry  # one mask for both: the student's cells, if there is one
    hidden = occluder.mask(geometry.shape)
    left, right = st.columns([1, 3], gap="medium")
    with left:
        occluder.show(selection.image.small, hidden, geometry)
    with right:
        if not hidden.any():
            st.info(
                "Paint over the image, or hide the head, the upper body or the legs; both models then look again.",
                icon=":material/brush:",
            )
            return
        with st.spinner("Looking again, with a part hidden…"):
            after = {role: _again(one, selection, hidden, geometry) for role, one in seen.items()}
        _flips(after, selection.threshold)
        _cost(after, selection.attribute)
        _table(after, selection)


def _again(one: CachedReading, selection: Selection, hidden: np.ndarray, geometry: Geometry) -> Occlusion:
    image = selection.image
    mask = f"{geometry}:{occluder.pack(hidden)}"
    return _occlude(one.version, image.digest, mask, geometry, one, image.image, hidden)


@computed(max_entries=OCCLUSIONS_KEPT)
def _occlude(
    version: str,
    digest: str,
    mask: str,
    _geometry: Geometry,
    _one: CachedReading,
    _image: np.ndarray,
    _hidden: np.ndarray,
) -> Occlusion:
    return occlude(_one.model, _one.analysis, _image, _hidden, _geometry)


def _names(after: dict[str, Occlusion]) -> tuple[str, ...]:
    """Attributes that all these models know, in the student's order."""
    schemas = [one.before.checkpoint.schema for one in after.values()]
    return shared_attributes(*schemas) if len(schemas) == 2 else schemas[0].attributes


def flipped(after: dict[str, Occlusion], threshold: float) -> dict[str, str]:
    """Attributes whose decision changed, and where: "only in the student", "in both", ...; "yes" for a model alone."""
    changed = {role: one.flipped(threshold) for role, one in after.items()}
    where = {name: tuple(role for role in changed if name in changed[role]) for name in _names(after)}
    return {name: WHERE[roles] if len(after) == 2 else FLIPPED for name, roles in where.items() if roles}


def _flips(after: dict[str, Occlusion], threshold: float) -> None:
    labels = _labels(after)
    where = flipped(after, threshold)
    st.markdown(f"**Decisions that flipped at threshold {threshold:.2f}**")
    sides = list(WHERE.values()) if len(after) == 2 else [FLIPPED]
    for side, column in zip(sides, st.columns(len(sides)), strict=True):
        names = [literal(labels[name]) for name, place in where.items() if place == side]
        column.metric(side, len(names), border=True)
        column.caption(", ".join(names) or "none")


def _cost(after: dict[str, Occlusion], attribute: str) -> None:
    """A line per model: the bar's attribute, spikes and energy before and after."""
    lines = []
    for role, one in after.items():
        before, now = one.before, one.after
        said = [f"{mark(role)} {literal(before.checkpoint.name)}"]
        if attribute in _names(after):
            i = before.prediction.attributes.index(attribute)
            probs = [analysis.prediction.probs[i] for analysis in (before, now)]
            said.append(f"“{_labels(after)[attribute]}” {probs[0]:.0%} → {probs[1]:.0%}")
        if before.trace.names:
            said.append(
                f"spikes {before.trace.total_spikes:,} → {now.trace.total_spikes:,} ({_signed(one.spike_change, ',')})"
            )
        said.append(
            f"energy ≈ {numbers.figures(before.energy.energy_uj)} → {numbers.energy(now.energy.energy_uj)} "
            f"({_signed(one.energy_change_uj, ',.1f')})"
        )
        if not before.trace.names:
            said.append("dense layers cost the same whatever they see")
        lines.append(" · ".join(said))
    st.markdown("  \n".join(lines))
    st.caption(f"Energy is an estimate for one image: {next(iter(after.values())).before.energy.convention}.")


def _signed(value: float, form: str) -> str:
    """A change in bold, with a real minus; no sign for none."""
    text = f"{value:+{form}}" if value else "no change"
    return f"**{text.replace('-', '−')}**"


def _table(after: dict[str, Occlusion], selection: Selection) -> None:
    """A row per attribute, the largest change of a logit first."""
    rows = sorted(_rows(after, selection.threshold), key=lambda row: -max(abs(row[f"{role}_logit"]) for role in after))
    column = st.column_config
    columns = {name: column.TextColumn(name.capitalize(), width=150) for name in ("attribute", "flipped")}
    for role in after:
        look = LOOKS[role]
        columns |= {
            f"{role}_logit": column.NumberColumn(f"{look.mark} {look.name} Δ logit", format="%+.2f", width=125),
            f"{role}_prob": column.NumberColumn(
                f"{look.mark} Δ points",
                format="%+.1f",
                width=90,
                help="Change of the probability, in percentage points.",
            ),
            f"{role}_now": column.NumberColumn(f"{look.mark} now", format="%.0f %%", width=75),
        }
    st.dataframe(
        frames.texts(pd.DataFrame(rows)),
        hide_index=True,
        column_config=columns,
        key="occlusion_table",
        row_height=ROW_HEIGHT,
        height=ROW_HEIGHT * (min(len(rows), 14) + 1) + 4,
    )
    names = ", ".join(
        f"{LOOKS[role].name.lower()} {literal(one.before.checkpoint.name)}" for role, one in after.items()
    )
    st.caption(
        f"Change of each logit and probability from the whole image to the hidden one: {names}. Largest "
        "change first; a click on a heading sorts."
    )


def _rows(after: dict[str, Occlusion], threshold: float) -> list[dict]:
    where, labels = flipped(after, threshold), _labels(after)
    rows = []
    for name in _names(after):
        row = {"attribute": labels[name], "flipped": where.get(name, "")}
        for role, one in after.items():
            i = one.before.prediction.attributes.index(name)
            before, now = one.before.prediction.probs[i], one.after.prediction.probs[i]
            row |= {
                f"{role}_logit": float(one.logit_change[i]),
                f"{role}_prob": 100 * float(now - before),
                f"{role}_now": 100 * float(now),
            }
        rows.append(row)
    return rows


def _labels(after: dict[str, Occlusion]) -> dict[str, str]:
    schema = list(after.values())[-1].before.checkpoint.schema
    return dict(zip(schema.attributes, schema.labels, strict=True))
