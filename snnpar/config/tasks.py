"""Tasks: what a run can train for. One entry of TASKS is one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .values import setting


@dataclass(frozen=True)
class AttributeSettings:
    """Attributes of a pedestrian: their labels, and what weighs in the loss."""

    name: str = "attributes"
    mask_unknown: bool = setting(
        True, "leave labels of 2 (unknown) out of loss and validation; the published code takes the 2 for a number"
    )
    label_weighting: str = setting(
        "ratio",
        "weigh rare labels more, by their ratio in the training images, or all alike",
        choices=("ratio", "none"),
    )
    ce_weight: float = setting(1.0, "weight of the cross-entropy", minimum=0.0, maximum=1000.0)
    visual_weight: float = setting(
        1.0, "teacher: weight of a loss read from the visual tokens alone, before fusion", minimum=0.0, maximum=1000.0
    )
    phrase_pairing: str = setting(
        "name",
        "teacher: give each label its own phrase, or PETA's labels the phrases in "
        "the published order, which is not that of the labels",
        choices=("name", "published"),
    )


@dataclass(frozen=True)
class Task:
    """One thing to train for.

    settings: a dataclass of its own settings, all with defaults, and `name`, the task's name in TASKS.
    datasets: what `--dataset` may be. models: by role, the model that is trained where none is named, and the smaller
    one of a first run. The others are places, "module:name", loaded when they are needed: schema, what a run with a
    TrainConfig answers; training, a `train.session.Objective`, its data, loss and metrics (a module that begins with a
    dot lies in the package of training).
    """

    settings: type
    datasets: tuple[str, ...]
    models: Mapping[str, tuple[str, str]]
    schema: str
    training: str


DEFAULT_TASK = "attributes"
TASKS: dict[str, Task] = {
    "attributes": Task(
        AttributeSettings,
        ("rendered", "pa100k", "mixed", "peta", "rapv1", "pickle", "csv"),
        {
            "student": ("spikingformer_cml_4_192", "spikingformer_cml_2_96"),
            "teacher": ("vtb_conv_3_192", "vtb_conv_2_96"),
        },
        "snnpar.datasets:schema_of",
        ".attributes:OBJECTIVE",
    ),
}
