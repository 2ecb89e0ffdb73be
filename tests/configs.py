"""Any valid TrainConfig, for properties that must hold for all of them."""

from __future__ import annotations

import math

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from snnpar.config import SettingField, TrainConfig, setting_fields


def _values_of(spec: SettingField) -> st.SearchStrategy:
    if spec.name == "model":
        return st.just("")
    if spec.choices:
        return st.sampled_from(spec.choices)
    if spec.type is bool:
        return st.booleans()
    if spec.type is str:
        return st.sampled_from(["", "/some where/ünder", "plain", "hf:owner/name"])
    if spec.type is int:
        return st.integers(spec.minimum, spec.maximum)
    return st.floats(spec.minimum, spec.maximum)


def _fixed(values: dict) -> TrainConfig:
    """The values, with those changed that do not go together."""
    distils = values["role"] == "student"
    values["feature_kd"] &= distils
    values["logit_kd"] &= distils
    if values["feature_kd"] or values["logit_kd"]:
        values["teacher"] = values["teacher"] or "/a/teacher"
    if values["dataset"] != "rendered":
        values["data"] = values["data"] or "/some/data"
    values["timestep_weight"] *= values["logit_kd"]
    values["feature_mask"] *= values["feature_kd"]
    parts = math.gcd(values["accumulate"], values["batch_size"])
    values["accumulate"] = parts if parts < values["batch_size"] else 1
    return TrainConfig.of(**values)


TRAIN_CONFIGS = st.fixed_dictionaries({spec.name: _values_of(spec) for spec in setting_fields()}).map(_fixed)
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
