"""The distillation lens: teacher and student on pinned images, scrubbed through the epochs of a run."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.chrome import mark
from pages.ui.train import run_files, run_neurons
from pages.ui.widgets.literal import literal
from snnpar import figures
from snnpar.models import Layer
from snnpar.runs.history import History
from snnpar.runs.lens import Lens
from snnpar.runs.run import Run

CARD_PX = 148
GAP_PX = 2  # between the two maps, in pixels of the image


def show(run: Run) -> None:
    """The trend over epochs, and one epoch: images with both maps, all logits of one image, firing rates."""
    lenses = run_files.lenses(run)
    taught = {epoch: lens for epoch, lens in lenses.items() if lens.gap is not None}
    if not taught:
        st.info(
            "The lens compares a student with its teacher after each epoch, on the first validation images. "
            + (
                "This run has no teacher; see Neurons for its firing rates."
                if lenses
                else "This run has none yet: it has not finished an epoch, or an earlier version trained it."
            ),
            icon=":material/info:",
        )
        return
    epoch = _pick_epoch(list(taught))
    lens = taught[epoch]
    gaps = np.stack([np.abs(one.gap).mean(1) for one in taught.values()])
    correlations = np.stack([_mean_correlation(one) for one in taught.values()])
    st.plotly_chart(
        figures.lens_trend(list(taught), gaps, correlations, epoch), key="lens_trend", config={"displayModeBar": False}
    )
    st.caption("Pale lines are the pinned images, means over attributes; the strong line is their mean.")
    _cards(run, lens)
    _logits(lens)
    _firing(run_files.history(run), epoch, run_files.layers(run))


def _pick_epoch(epochs: list[int]) -> int:
    """The epoch looked at: the last, and each new last one, until another is picked."""
    latest = epochs[-1]
    at = st.session_state.get(state.LENS_EPOCH)
    if at not in epochs or at == st.session_state.get(state.LENS_LATEST):
        st.session_state[state.LENS_EPOCH] = latest
    st.session_state[state.LENS_LATEST] = latest
    if len(epochs) == 1:
        st.markdown(f"**Epoch {latest}**")
        return latest
    return st.select_slider("Epoch", epochs, key=state.LENS_EPOCH, persist_state="session")


def _mean_correlation(lens: Lens) -> np.ndarray:
    """(B,) over attributes; NaN where there is none."""
    if lens.maps is None:
        return np.full(len(lens.files), np.nan)
    known = np.isfinite(lens.maps.correlation)
    return np.where(known, lens.maps.correlation, 0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)


def _cards(run: Run, lens: Lens) -> None:
    images = run_files.pinned(run, len(lens.files))
    if lens.maps is None or images is None:
        st.caption(
            "No maps: the student's tokens are not as wide as the teacher's, and it has no spikes to count."
            if lens.maps is None
            else "The pinned images are not in this run's folder."
        )
        return
    maps = lens.maps
    st.markdown(f"**Where they look** after epoch {lens.epoch} · {mark('teacher')} left, {mark('student')} right")
    st.caption(
        f"Each image with the attribute whose logits differ most. {maps.teacher_title}. {maps.student_title}. "
        "Each map on its own scale; r is the correlation of the two over the tokens."
    )
    with st.container(horizontal=True, gap="small"):
        for number, image in enumerate(images):
            column = maps.attribute[number]
            with st.container(width=CARD_PX, gap="xsmall"):
                pair = [
                    figures.tinted(image, maps.teacher[number], geometry=maps.teacher_geometry, signed=False),
                    np.full((len(image), GAP_PX, 3), 138, np.uint8),
                    figures.tinted(
                        image, maps.student[number], geometry=maps.student_geometry, signed=maps.student_signed
                    ),
                ]
                st.image(np.concatenate(pair, axis=1), width=CARD_PX)
                r = maps.correlation[number, column]
                st.markdown(
                    f":small[**{number + 1}** · {literal(lens.attributes[column])}  \n"
                    f"gap {lens.gap[number, column]:+.1f} · r {'–' if np.isnan(r) else f'{r:+.2f}'}]"
                )


def _logits(lens: Lens) -> None:
    numbers = list(range(1, len(lens.files) + 1))
    if st.session_state.get(state.LENS_IMAGE, 1) not in numbers:
        del st.session_state[state.LENS_IMAGE]
    number = (
        st.segmented_control(
            "Logits of pinned image", numbers, default=1, key=state.LENS_IMAGE, required=True, persist_state="session"
        )
        - 1
    )
    st.caption(
        f"{literal(lens.files[number])} · mean gap {np.abs(lens.gap[number]).mean():.2f}; ✓ marks what is true of it"
    )
    st.plotly_chart(
        figures.lens_logits(lens.attributes, lens.teacher_logits[number], lens.logits[number], lens.labels[number]),
        key="lens_logits",
        config={"displayModeBar": False},
    )


def _firing(known: History, epoch: int, topology: tuple[Layer, ...]) -> None:
    row = next((row for row in reversed(known.firing) if row["epoch"] == epoch), None)
    if row:
        with st.expander(f"Firing rates after epoch {epoch}"):
            run_neurons.tell_alarms(row, topology)
            run_neurons.layers(row, topology)
