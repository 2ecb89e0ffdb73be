"""The comparison, attribute by attribute and group by group, as plain rows for tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from snnpar.inference import decide, shared_attributes
from snnpar.views.reading import Reading

UNSURE = 0.1  # a probability this close to the threshold
FILTERS = ("all", "disagree", "wrong", "unsure")


@dataclass(frozen=True)
class AttributeRow:
    """One attribute: truth, and probabilities by role; a decision is a probability above the threshold."""

    attribute: str
    label: str
    truth: bool | None
    probs: dict[str, float]
    threshold: float

    @property
    def decisions(self) -> dict[str, bool]:
        return {role: prob > self.threshold for role, prob in self.probs.items()}

    @property
    def difference(self) -> float | None:
        """Student minus teacher."""
        student, teacher = self.probs.get("student"), self.probs.get("teacher")
        return None if student is None or teacher is None else student - teacher

    @property
    def kinds(self) -> set[str]:
        """The filters this row passes."""
        said = set(self.decisions.values())
        kinds = {"all"}
        kinds |= {"disagree"} if len(said) == 2 else set()
        kinds |= {"wrong"} if self.truth is not None and said != {self.truth} else set()
        kinds |= {"unsure"} if any(abs(p - self.threshold) < UNSURE for p in self.probs.values()) else set()
        return kinds

    @property
    def verdict(self) -> str:
        """Agreement by sign and word, and who is right where the truth is known."""
        said = self.decisions
        word = "" if len(said) < 2 else "≠ differ" if len(set(said.values())) == 2 else "= agree"
        if self.truth is None:
            return word
        right = [role for role, decision in said.items() if decision == self.truth]
        who = "wrong" if not right else "right" if len(right) == len(said) else f"{' and '.join(right)} right"
        return f"{word} · {who}" if word else who


def timesteps(seen: Mapping[str, Reading]) -> int:
    """T of the student; 1 where there is none, or none that spikes."""
    steps = seen["student"].analysis.prediction.probs_per_timestep if "student" in seen else None
    return 1 if steps is None else len(steps)


def answer(role: str, one: Reading, t: int) -> np.ndarray:
    """Probabilities (A,) of a model after timestep t of the student, which the others do not follow."""
    steps = one.analysis.prediction.probs_per_timestep if role == "student" else None
    return one.analysis.prediction.probs if steps is None else steps[t - 1]


def leading(seen: Mapping[str, Reading]) -> Reading:
    """The model whose attributes, in their order, the others are held against: the student, if there is one."""
    return seen.get("student") or next(iter(seen.values()))


def compare(seen: Mapping[str, Reading], truth: frozenset[str] | None, threshold: float, t: int) -> list[AttributeRow]:
    """One row per attribute that the models share, after timestep t. Raises SnnparError when they share none."""
    first = leading(seen)
    schema = first.model.schema
    names = shared_attributes(*(one.model.schema for one in seen.values() if one is not first), schema)
    rows = []
    for name in names:
        probs = {role: float(answer(role, one, t)[one.model.schema.index(name)]) for role, one in seen.items()}
        rows.append(
            AttributeRow(
                name,
                schema.labels[schema.index(name)],
                None if truth is None else name in truth,
                probs,
                threshold,
            )
        )
    return rows


def right(rows: list[AttributeRow], role: str) -> int:
    """How many decisions of a model equal the truth."""
    return sum(row.decisions[role] == row.truth for row in rows)


def groups(seen: Mapping[str, Reading], truth: frozenset[str] | None, threshold: float, t: int) -> list[dict[str, str]]:
    """The label each model decides for a group after timestep t, and the true one.

    Keys: group, truth where it is known, the roles, and same where there are several.
    """
    said = {role: decide(one.model.schema, answer(role, one, t), threshold) for role, one in seen.items()}
    schema = leading(seen).model.schema
    if truth is not None:
        known = np.array([float(name in truth) for name in schema.attributes])
        said = {"truth": decide(schema, known, 0.5), **said}
    table: dict[str, dict[str, str]] = {}
    for who, decisions in said.items():
        for decision in decisions:
            table.setdefault(decision.group, {"group": decision.group})[who] = decision.text or ""
    for group in table.values():
        words = [group[role] for role in seen if role in group]
        if len(words) > 1:
            group["same"] = "=\N{NO-BREAK SPACE}agree" if len(set(words)) == 1 else "≠\N{NO-BREAK SPACE}differ"
    return list(table.values())
