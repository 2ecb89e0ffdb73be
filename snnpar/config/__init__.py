"""What a model is (`ModelConfig`) and how a run trains it (`TrainConfig`).

Both are frozen, check themselves, and round-trip through JSON. A training task is one entry of `TASKS`.
"""

from .groups import DEVICES, DistillationSettings, OptimisationSettings
from .model import ModelConfig
from .needs import DISTILLATION, NEEDS, Need, hindrance
from .places import FOLDERS, REMOTE, absolute, without_folders, without_places
from .roles import OPPONENT, PAIR, ROLES
from .tasks import DEFAULT_TASK, TASKS, AttributeSettings, Task
from .training import GROUPS, TASK, TrainConfig, flat, grouped, problems, setting_fields
from .values import ConfigError, SettingField, fields_of, setting

__all__ = [
    "DEFAULT_TASK",
    "DEVICES",
    "DISTILLATION",
    "FOLDERS",
    "GROUPS",
    "NEEDS",
    "REMOTE",
    "OPPONENT",
    "PAIR",
    "ROLES",
    "TASK",
    "TASKS",
    "AttributeSettings",
    "ConfigError",
    "DistillationSettings",
    "ModelConfig",
    "Need",
    "OptimisationSettings",
    "SettingField",
    "Task",
    "TrainConfig",
    "absolute",
    "fields_of",
    "flat",
    "grouped",
    "hindrance",
    "problems",
    "setting",
    "setting_fields",
    "without_folders",
    "without_places",
]
