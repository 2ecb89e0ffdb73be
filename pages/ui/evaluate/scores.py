"""The metrics of the evaluations in numbers: five headline metrics, the published rows, attribute by attribute."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.chrome import mark, sentence
from pages.ui.evaluate.evaluated import CompleteEvaluation, EvaluationGroup
from pages.ui.server.computing import computed
from pages.ui.widgets.literal import literal
from snnpar import figures
from snnpar.figures import LOOKS
from snnpar.figures.curves import METRIC_NAMES
from snnpar.metrics import defaults
from snnpar.metrics.bootstrap import PairedDifference, paired_bootstrap
from snnpar.metrics.pedestrian import ENOUGH, FIVE, THRESHOLDS
from snnpar.metrics.published import CONVENTION, SOURCE, published_rows, published_set
from snnpar.metrics.report import COLUMNS, SUPPORTED_HEADING, cells, supported_words

PUBLISHED_COLUMNS = tuple(METRIC_NAMES[name] for name in FIVE)
OUR_COLUMNS = tuple(METRIC_NAMES.get(name, SUPPORTED_HEADING) for name in COLUMNS)
EXPLAINED = (
    "**mA**, mean accuracy: of the people with an attribute, the share found (recall); of those without, the share not "
    "said to have it (specificity); "
    "the mean of both, then the mean over attributes, so that rare ones count as much as common ones. "
    f"**{SUPPORTED_HEADING}**: the same over the attributes that at least {ENOUGH} of these people have; of rarer ones "
    "mA says little. The other four are means over people. **Accuracy**: attributes both true and said, of those true "
    "or said. **Precision**: how many of those said are true. **Recall**: how many of those true are said. **F1** "
    "balances these two."
)
F1_WORDS = {
    "published": "F1 is the mean of each image's F1",
    "rethinking": "F1 comes from mean precision and mean recall",
}
UNKNOWN_WORDS = {"published": "are left out of each attribute's own numbers", "rethinking": "count as negative"}
BARS = {"ma": "mA", "f1": "F1", "pos_recall": "recall", "neg_recall": "specificity"}
BARS_EXPLAINED = {
    "ma": "mA of an attribute: the mean of recall and specificity; guessing gives 50%",
    "f1": "F1 of an attribute balances how many of those said are true and how many of those true are said",
    "pos_recall": "Recall of an attribute: the share of people with it for whom it is said",
    "neg_recall": "Specificity of an attribute: the share of people without an attribute for whom it is not said",
}


def convention() -> str:
    """The way to count: as VTB and SNN-PAR do, or as Rethinking_of_PAR."""
    return st.segmented_control(
        "Convention",
        list(THRESHOLDS),
        default=defaults.CONVENTION,
        key="convention",
        bind="query-params",
        required=True,
        help="Two ways to count are in use. published: VTB, SNN-PAR and OpenPAR; rethinking: Rethinking_of_PAR.",
    )


def headline(shown: EvaluationGroup, name: str) -> None:
    """The metrics of each model and of their differences, with intervals."""
    rows = {f"{mark(role)} {one.checkpoint['name']}": _cells(one, name) for role, one in shown.models.items()}
    for first, second in shown.pairs:
        differences = {row.metric: row for row in _differences(shown.key, name, first, second, shown)}
        title = f"{LOOKS[second].name} − {first}, points"
        rows[title] = [_difference(differences.get(column)) for column in COLUMNS]
    _table(rows, OUR_COLUMNS)
    first = shown.first
    st.caption(
        f"Ours: {literal(first.title)}, {len(first.info['attributes'])} attributes. Convention {name}: threshold "
        f"{THRESHOLDS[name]}, {F1_WORDS[name]}; unknown labels: {first.info['metrics'][name]['unknown_labels']}. In "
        "brackets the 95% interval: where the number would lie had other images of this kind been drawn, near "
        f"duplicates together ({first.info['interval']['method']}); a difference whose interval holds 0 may be chance. "
        f"{sentence(supported_words(first.info))}"
    )


@computed(st.cache_data, max_entries=32, show_spinner="Computing the intervals of the differences…")
def _differences(key: str, convention: str, first: str, second: str, _shown: EvaluationGroup) -> list[PairedDifference]:
    """The second role minus the first, on the same draws of images."""
    pair = [_shown.probs[role][-1] for role in (first, second)]
    return paired_bootstrap(_shown.truth, *pair, convention=convention, groups=_shown.groups)


def _difference(row: PairedDifference | None) -> str:
    if row is None:
        return "–"
    return f"**{100 * row.difference:+.1f}** [{100 * row.low:+.1f}, {100 * row.high:+.1f}]"


def _table(rows: dict[str, list[str]], columns: tuple[str, ...]) -> None:
    """One row per name, the metrics across."""
    table = pd.DataFrame([[name, *row] for name, row in rows.items()], columns=["Model", *columns])
    st.table(table, border="horizontal", hide_index=True)


def explain() -> None:
    """The numbers in words."""
    with st.expander("What these numbers mean"):
        st.markdown(EXPLAINED)


def _cells(one: CompleteEvaluation, convention: str) -> list[str]:
    """Value and interval of each metric, in percent."""
    return list(map(_number, cells(one.info, convention)))


def _number(number: dict[str, float] | None) -> str:
    if number is None:
        return "–"
    value = f"**{100 * number['value']:.1f}%**"
    return f"{value} [{100 * number['low']:.1f}, {100 * number['high']:.1f}]" if "low" in number else value


def published(shown: EvaluationGroup, convention: str) -> None:
    """What the literature reports on the dataset of these attributes, kept apart from our numbers."""
    schema = shown.schema.name if shown.schema else ""
    if not schema:
        return
    test_set = published_set(schema)
    with st.container(border=True):
        others = "other networks" if shown.n == test_set.n else "other images, other sizes"
        st.markdown(f":gray-badge[published] full {test_set.title} test set, n={test_set.n:,}: **{others}**")
        _table(
            {
                row.system: [f"{row.percent[key]:.1f}%" if key in row.percent else "–" for key in FIVE]
                for row in published_rows(schema)
            },
            PUBLISHED_COLUMNS,
        )
        differs = "" if convention == CONVENTION else f" Ours above are counted by the {convention} convention."
        st.caption(
            f"For orientation only; printed in {SOURCE}, {CONVENTION} convention, threshold {THRESHOLDS[CONVENTION]}. "
            f"Those networks were trained on all of {test_set.title} and asked about its whole test set; ours above "
            f"were asked about {literal(shown.title)}.{differs}"
        )


def by_attribute(shown: EvaluationGroup, convention: str, attribute: str) -> None:
    """Bars with intervals; n is how many images have the attribute."""
    st.subheader("Metrics by attribute", anchor=False)
    quantity = st.segmented_control(
        "Bars show", list(BARS), default="ma", key="bars", bind="query-params", required=True, format_func=BARS.get
    )
    counts = _counts(shown)
    labels = [f"{label} (n={count:,})" for label, count in zip(shown.labels, counts, strict=True)]
    marked = shown.attributes.index(attribute) if attribute in shown.attributes else -1
    measured = {role: _measured(one, shown.attributes, convention, quantity) for role, one in shown.models.items()}
    st.plotly_chart(
        figures.attribute_bars(labels, measured, BARS[quantity], marked),
        key="attribute_bars",
        config={"displayModeBar": False},
    )
    st.caption(
        f"{BARS_EXPLAINED[quantity]}. n: images that have the attribute, of {shown.n:,} "
        f"({literal(shown.first.data['title'])}); the fewer, the wider the 95% interval (whiskers). Threshold "
        f"{THRESHOLDS[convention]}; unknown labels {UNKNOWN_WORDS[convention]}. ▸ marks the attribute of the bar above."
    )


def _counts(shown: EvaluationGroup) -> list[int]:
    """Images that have each attribute."""
    return (shown.truth == 1).sum(0).tolist()


def _measured(
    one: CompleteEvaluation, attributes: tuple[str, ...], convention: str, quantity: str
) -> figures.AttributeValues:
    """One quantity for the attributes shown, by name."""
    columns = [one.info["attributes"].index(name) for name in attributes]
    numbers = one.info["metrics"][convention]["per_attribute"][quantity]
    return figures.AttributeValues(*(np.array(numbers[key])[columns] for key in ("value", "low", "high")))
