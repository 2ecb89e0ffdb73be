"""What the form of a new run holds, by field of TrainConfig, and the config it stands for. Nothing here draws."""

from __future__ import annotations

from dataclasses import dataclass

from snnpar.checkpoint import Checkpoint, read_checkpoint
from snnpar.config import (
    DISTILLATION,
    NEEDS,
    REMOTE,
    TASKS,
    ConfigError,
    TrainConfig,
    absolute,
    hindrance,
    problems,
    setting_fields,
)
from snnpar.config.flags import FOLDERS
from snnpar.config.recipes import apply_recipe, recipes_of, usual_recipe
from snnpar.core.errors import SnnparError
from snnpar.core.places import place as path_of
from snnpar.models import preset, role_of, unnamed

# What is trained, on what and from whom: no recipe says that.
CHOSEN = ("recipe", "task", "role", "model", "dataset", "data", "teacher", *DISTILLATION)


def whole(settings: dict) -> dict:
    """With those of other tasks, at their defaults: the form keeps what was typed for one while another is picked."""
    return {spec.name: spec.default for spec in setting_fields()} | settings


def fitted(values: dict) -> dict:
    """What the picked task does not have, replaced by what it has."""
    task = TASKS[values["task"]]
    allowed = {"dataset": task.datasets, "role": tuple(task.models), "recipe": recipes_of(values["task"])}
    return values | {name: choices[0] for name, choices in allowed.items() if values[name] not in choices}


def of_recipe(recipe: str, values: dict) -> dict:
    """A recipe's values of all fields but `CHOSEN`, given which distillation is on."""
    kd = {name: bool(values[name]) for name in DISTILLATION}
    given = kd | {"teacher": "any", "task": values["task"]}  # named, so that the config is valid
    config = apply_recipe(recipe, given)
    return {name: value for name, value in whole(config.settings()).items() if name not in CHOSEN}


def start_values(teacher: Checkpoint | None) -> dict:
    """What the form starts with: what `python -m train` does without flags, and `teacher` at hand to distil from."""
    usual = apply_recipe(usual_recipe({}), {}).settings()
    return whole(usual) | {"teacher": str(teacher.path) if teacher else ""}


def in_effect(values: dict) -> dict:
    """The values with the recipe's in place of those that do not apply: these the config gets."""
    defaults = {spec.name: spec.default for spec in setting_fields()}
    found = dict(values)
    for name in DISTILLATION:
        found[name] = defaults[name] if hindrance(name, found) else found[name]
    unused = defaults | of_recipe(found["recipe"], found)
    for name in NEEDS:
        found[name] = unused[name] if hindrance(name, found) else found[name]
    return found


def to_config(values: dict) -> TrainConfig:
    """The config of a filled form, its folders absolute as from the command line. Raises ConfigError."""
    found = in_effect(values)
    for name in FOLDERS:
        found[name] = absolute(found[name])
    return TrainConfig.of(**{spec.name: found[spec.name] for spec in setting_fields(values["task"])})


def from_config(config: TrainConfig) -> dict:
    """The values that fill the form for a config. Raises ConfigError for a model the form cannot offer."""
    model = config.model
    if model.name and (role := role_of(preset(model.name))) != model.role:
        raise ConfigError(f"{model.name} is a {role}, not a {model.role}; change --model or --role")
    return whole(config.settings())


def without_effect(config: TrainConfig) -> dict[str, str]:
    """The settings of a config that the form leaves out, each with why it has no effect."""
    values, kept = config.settings(), in_effect(whole(config.settings()))
    return {name: hindrance(name, kept) for name, value in values.items() if kept[name] != value}


def changed(values: dict) -> dict:
    """By field: the recipe's value, where the config would have another."""
    found = in_effect(values)
    recipe, own = of_recipe(found["recipe"], found), {spec.name for spec in setting_fields(found["task"])}
    return {name: value for name, value in recipe.items() if name in own and found[name] != value}


def faults(values: dict) -> dict[str, str]:
    """What keeps the values from being a run, by field; each sentence says what would do."""
    found = in_effect(values)
    wrong = problems(found)
    if "accumulate" in wrong and "batch_size" not in wrong:
        size = found["batch_size"]
        parts = ", ".join(str(n) for n in range(1, size) if size % n == 0)
        wrong["accumulate"] = f"a batch of {size} can be computed in equal parts of which there are {parts}"
    return {**_missing(found), **wrong}


def _missing(values: dict) -> dict[str, str]:
    """Folders and files that are not there; ids of the Hub or of timm are looked up when the run starts."""
    wrong = {}
    for name in ("data", "init"):
        place = values[name]
        try:
            if place and not place.startswith(REMOTE) and not path_of(place).exists():
                wrong[name] = f"nothing lies at {place}; give the path of a folder or file that exists"
        except SnnparError as error:
            wrong[name] = str(error)
    distils = any(values[name] for name in DISTILLATION)
    if values["teacher"] and not values["teacher"].startswith(REMOTE) and distils:
        try:
            wrong |= _misfit(read_checkpoint(path_of(values["teacher"])), values)
        except SnnparError as error:
            wrong["teacher"] = str(error)
    return wrong


def _misfit(teacher: Checkpoint, values: dict) -> dict[str, str]:
    """Why this checkpoint cannot teach the student."""
    if teacher.role != "teacher":
        return {"teacher": f"{teacher.name} is a {teacher.role}; pick the checkpoint of a teacher"}
    name = values["model"] or unnamed(values["role"], values["recipe"], values["task"])
    width = preset(name).dim
    if values["feature_kd"] and width != teacher.model.dim:
        return {
            "feature_kd": f"{name} has tokens of {width} numbers, the teacher {teacher.name} of "
            f"{teacher.model.dim}; pick models of equal widths, or distil logits alone"
        }
    return {}


@dataclass(frozen=True)
class Seed:
    """What was last filled in for the user, by field: whatever differs from it was changed by hand."""

    values: dict

    def follow(self, values: dict) -> tuple[Seed, dict]:
        """Fill in what another recipe or distillation brings; the seed and the values after that."""
        recipe, now = values["recipe"], in_effect(values)
        fresh = of_recipe(recipe, now)
        if recipe == self.values["recipe"]:  # what distillation changes, and no more: the quick start stays
            usual = of_recipe(recipe, in_effect(self.values))
            fresh = {name: value for name, value in fresh.items() if value != usual[name]}
        about = {name: values[name] for name in CHOSEN if name != "teacher"}
        return Seed(self.values | about | fresh), values | self._untouched(fresh, values)

    def follow_data(self, values: dict) -> tuple[Seed, dict]:
        """Name the usual recipe of other data, if that of the data before is named; `follow` fills it in."""
        usual, now = usual_recipe(self.values), usual_recipe(values)
        named = now if values["recipe"] == self.values["recipe"] == usual else values["recipe"]
        return Seed(self.values | {"dataset": values["dataset"]}), values | {"recipe": named}

    def teach(self, teacher: str, values: dict) -> tuple[Seed, dict]:
        """Fill in another teacher."""
        fresh = {"teacher": teacher}
        return Seed(self.values | fresh), values | self._untouched(fresh, values)

    def _untouched(self, fresh: dict, values: dict) -> dict:
        return {name: value for name, value in fresh.items() if values[name] == self.values[name]}
