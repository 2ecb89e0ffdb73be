"""TrainConfig: how a run trains a model, in groups of settings.

The metadata of each setting (help, choices, bounds, basic or advanced) feeds the command line and the form alike, so
that neither can drift from the other. Each setting has a name of its own among all groups: as the command line, the
form and recipes know it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from snnpar.core.others import import_others

from .groups import DataSettings, DistillationSettings, ModelSettings, OptimisationSettings, RuntimeSettings
from .tasks import DEFAULT_TASK, TASKS, AttributeSettings, Task
from .values import ConfigError, SettingField, check_value, fields_of, named, setting, shown

GROUPS: dict[str, type] = {
    "model": ModelSettings,
    "data": DataSettings,
    "distillation": DistillationSettings,
    "optimisation": OptimisationSettings,
    "runtime": RuntimeSettings,
}
TASK = "task"  # the group whose class is the task's own


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run. The same object is built from the command line and from the page.

    `of` makes one of settings by name, `settings` says them, `changed` has others. Raises ConfigError.
    """

    recipe: str = setting(
        "default",
        "preset that the other settings start from; not given, it is first-run on rendered pedestrians alone",
        choices=("default", "first-run", "published-code", "published-paper"),
    )
    model: ModelSettings = setting(ModelSettings(), "what is trained")
    data: DataSettings = setting(DataSettings(), "what it learns from")
    distillation: DistillationSettings = setting(DistillationSettings(), "which teacher it learns from, and how")
    optimisation: OptimisationSettings = setting(OptimisationSettings(), "how its weights change")
    task: Any = setting(AttributeSettings(), "what to train for")  # of the class that TASKS names
    runtime: RuntimeSettings = setting(RuntimeSettings(), "where it is computed, and what is kept meanwhile")

    def __post_init__(self) -> None:
        kinds = GROUPS | {TASK: tuple(task.settings for task in TASKS.values())}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise ConfigError(f"{name} must be a group of settings; got {shown(getattr(self, name))}")
        for problem in problems(self.settings()).values():
            raise ConfigError(problem)

    @classmethod
    def of(cls, **settings: Any) -> TrainConfig:
        """The config of these settings, by name; the others have their defaults."""
        if unknown := sorted(set(settings) - {spec.name for spec in setting_fields()}):
            raise ConfigError(f"no setting is called {', '.join(unknown)}")
        task = settings.get(TASK, DEFAULT_TASK)
        usual = {"dataset": TASKS[task].datasets[0]} if isinstance(task, str) and task in TASKS else {}
        return cls.from_dict(grouped(usual | settings))

    def settings(self) -> dict[str, Any]:
        """All settings, by name."""
        return flat(self.to_dict())

    def changed(self, **settings: Any) -> TrainConfig:
        """With other values of these settings, by name."""
        return self.of(**self.settings() | settings)

    def to_dict(self) -> dict[str, Any]:
        """As in config.json: each group an object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> TrainConfig:
        """The config of what config.json says, refusing what is unknown by name."""
        groups: dict[str, Any] = {TASK: {}} | dict(named(values, cls))
        for name in [*GROUPS, TASK]:
            if name in groups:
                kind = GROUPS.get(name) or task_of(groups).settings
                groups[name] = kind(**named(groups[name], kind, f"task {kind.name}" if name == TASK else name))
        return cls(**groups)


def setting_fields(task: str = "") -> list[SettingField]:
    """All settings in order: those of the groups, and the task's own, of every task if none is named."""
    import_others()
    tasks = [TASKS[task]] if task else TASKS.values()
    found: list[SettingField] = []
    for one in fields_of(TrainConfig, ""):
        if one.name in GROUPS:
            found += fields_of(GROUPS[one.name], one.name)
        elif one.name == TASK:
            found.append(replace(one, group=TASK, field="name", type=str, default=DEFAULT_TASK, choices=tuple(TASKS)))
            found += [spec for each in tasks for spec in fields_of(each.settings, TASK)]
        else:
            found.append(one)
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two settings are called {', '.join(twice)}; call those of a task something else, by name=")
    offered = tuple(dict.fromkeys(name for each in TASKS.values() for name in each.datasets))
    return [replace(one, choices=offered) if one.name == "dataset" else one for one in found]


def task_of(groups: Mapping[str, Any]) -> Task:
    """The task that config.json names. Raises ConfigError for one that there is not."""
    import_others()
    own = groups.get(TASK)
    name = own.get("name", DEFAULT_TASK) if isinstance(own, Mapping) else DEFAULT_TASK
    if not isinstance(name, str) or name not in TASKS:
        raise ConfigError(f"{TASK} must be one of {', '.join(TASKS)}; got {name!r}")
    return TASKS[name]


def flat(groups: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, of what config.json says of them; what is no setting of this version keeps its own name."""
    own = groups.get(TASK)
    task = own.get("name") if isinstance(own, Mapping) else None
    task = task if isinstance(task, str) and task in TASKS else ""
    names = {(spec.group, spec.field): spec.name for spec in setting_fields(task)}
    found = {}
    for group, content in groups.items():
        if (group == TASK or group in GROUPS) and isinstance(content, Mapping):
            found |= {names.get((group, field), field): value for field, value in content.items()}
        else:
            found[group] = content
    return found


def grouped(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name as config.json says them; the inverse of `flat`."""
    fields = {spec.name: spec for spec in setting_fields()}
    found: dict[str, Any] = {}
    for name, value in settings.items():
        spec = fields.get(name)
        if spec and spec.group:
            found.setdefault(spec.group, {})[spec.field] = value
        else:
            found[name] = value
    return found


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with settings, by name; each sentence says what would do. All must be there."""
    found = {}
    for spec in setting_fields(values[TASK]):
        try:
            check_value(spec, values[spec.name])
        except ConfigError as error:
            found[spec.name] = str(error)
    return found or _contradictions(SimpleNamespace(**values))


def _contradictions(config: SimpleNamespace) -> dict[str, str]:
    """Values that do not go together, by the field to fix."""
    distils = config.feature_kd or config.logit_kd
    offered, models = TASKS[config.task].datasets, TASKS[config.task].models
    rules = [
        (
            "dataset",
            config.dataset not in offered,
            f"task {config.task} trains on {', '.join(offered)}; dataset {config.dataset!r} is of another task",
        ),
        ("role", config.role not in models, f"task {config.task} trains no {config.role}; it has {', '.join(models)}"),
        (
            "data",
            config.dataset != "rendered" and not config.data,
            f"dataset {config.dataset!r} needs --data, the folder it lies in",
        ),
        (
            "teacher",
            distils and not config.teacher,
            "distillation needs --teacher, a teacher checkpoint folder (or switch both off)",
        ),
        (
            "role",
            distils and config.role == "teacher",
            "a teacher is not distilled: use --role student, or switch distillation off",
        ),
        (
            "timestep_weight",
            config.timestep_weight and not config.logit_kd,
            "timestep_weight distils logits at each timestep: switch logit_kd on, or leave it 0",
        ),
        (
            "feature_mask",
            config.feature_mask and not config.feature_kd,
            "feature_mask hides tokens from the feature loss: switch feature_kd on, or leave it 0",
        ),
        (
            "accumulate",
            config.batch_size % config.accumulate or config.accumulate == config.batch_size,
            f"accumulate {config.accumulate} must divide batch_size {config.batch_size} into parts of 2 images or more",
        ),
    ]
    return {field: sentence for field, broken, sentence in rules if broken}
