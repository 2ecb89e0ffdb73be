"""ModelConfig and TrainConfig: what a model is and how a run trains it.

Both are frozen, check themselves, and round-trip through JSON. The metadata of each TrainConfig field (help, choices,
bounds, basic or advanced) feeds the command line and the Train page alike, so that neither can drift from the other.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snnpar.errors import SnnparError
from snnpar.places import place as path_of

ROLES = ("student", "teacher")
DATASET_CHOICES = ("rendered", "pa100k", "mixed", "peta", "rapv1", "pickle", "csv")
DEVICES = ("auto", "cpu", "cuda")
FOLDERS = ("data", "teacher", "init")  # the settings that name folders or files
REMOTE = ("hf:", "timm:")  # what a place may begin with instead of naming a folder or file


class ConfigError(SnnparError):
    """A setting that cannot be used; the message says which values can."""


def setting(
    default: Any,
    help: str,
    *,
    choices: tuple | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    basic: bool = False,
) -> Any:
    """Declare one TrainConfig field with what the command line and the form need to know about it."""
    metadata = {"help": help, "choices": choices, "minimum": minimum, "maximum": maximum, "basic": basic}
    return field(default=default, metadata=metadata)


# The most that a model's sizes may be, several times the published ones: a config.json may come from anybody.
MOST = {"dim": 8192, "depth": 64, "heads": 128, "mlp_ratio": 16, "timesteps": 64, "text_dim": 8192}
MOST_INPUT = 64 * 256 * 128  # timesteps x height x width, which decides the memory of a forward


def _is_count(value: object, most: int = sys.maxsize) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class ModelConfig:
    """Architecture and input of one model. `image_size` is (height, width); one token covers 16 x 16 pixels.

    What an architecture can have is its own affair, see `Network.check`. `pool_first`: the Spikingformer's
    tokenizer pools before it fires (CML, arXiv 2305.05954), not after.
    """

    architecture: str
    image_size: tuple[int, int] = (128, 64)
    dim: int = 192
    depth: int = 4
    heads: int = 8
    mlp_ratio: int = 4
    timesteps: int = 4
    tau: float = 2.0
    text_dim: int = 384
    stem: str = "patch"
    drop_path: float = 0.0
    pool_first: bool = False
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        for name in ("image_size", "mean", "std"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not isinstance(self.architecture, str):
            raise ConfigError(f"architecture must be a name; got {self.architecture!r}")
        if len(self.image_size) != 2 or not all(_is_count(side) and side % 16 == 0 for side in self.image_size):
            raise ConfigError(f"image_size must be (height, width), multiples of 16; got {self.image_size}")
        for name, most in MOST.items():
            if not _is_count(getattr(self, name), most):
                raise ConfigError(f"{name} must be a whole number from 1 to {most}; got {getattr(self, name)!r}")
        if self.timesteps * math.prod(self.image_size) > MOST_INPUT:
            raise ConfigError(
                f"timesteps x height x width must be at most {MOST_INPUT:,}; got {self.timesteps} x "
                f"{self.image_size[0]} x {self.image_size[1]}"
            )
        if not _is_finite(self.tau) or self.tau < 1:
            raise ConfigError(f"tau must be at least 1 timestep; got {self.tau!r}")
        if not _is_finite(self.drop_path) or not 0 <= self.drop_path < 1:
            raise ConfigError(f"drop_path must be a share, at least 0 and below 1; got {self.drop_path!r}")
        if self.stem not in ("patch", "conv"):
            raise ConfigError(f"stem must be 'patch' or 'conv'; got {self.stem!r}")
        if not isinstance(self.pool_first, bool):
            raise ConfigError(f"pool_first must be true or false; got {self.pool_first!r}")
        channels = len(self.mean) == len(self.std) == 3 and all(map(_is_finite, self.mean + self.std))
        if not channels or min(self.std) <= 0:
            raise ConfigError(f"mean and std must hold 3 channels, std > 0; got {self.mean}, {self.std}")

    @property
    def token_grid(self) -> tuple[int, int]:
        """Rows and columns of the token grid."""
        return self.image_size[0] // 16, self.image_size[1] // 16


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run. The same object is built from the command line and from the page."""

    recipe: str = setting(
        "default",
        "preset that the other settings start from; not given, it is first-run on rendered pedestrians alone",
        choices=("default", "first-run", "published-code", "published-paper"),
    )
    role: str = setting("student", "what to train", choices=ROLES, basic=True)
    model: str = setting(
        "", "name of the model to train; empty: the small one of the role, in a first-run the smaller one", basic=True
    )
    dataset: str = setting(
        "rendered",
        "rendered pedestrians, real ones from --data in one of five layouts, or PA100K and rendered ones mixed",
        choices=DATASET_CHOICES,
        basic=True,
    )
    data: str = setting(
        "",
        "folder of the data set as published (pickle: the file will do), or hf:owner/name for one of the Hub",
        basic=True,
    )
    fold: int = setting(0, "which of the five published splits of PETA, RAPv1 or a pickle", minimum=0, maximum=4)
    skip_unreadable: bool = setting(False, "leave out images that are missing or damaged instead of refusing to train")
    mask_unknown: bool = setting(
        True, "leave labels of 2 (unknown) out of loss and validation; the published code takes the 2 for a number"
    )
    phrase_pairing: str = setting(
        "name",
        "teacher: give each label its own phrase, or PETA's labels the phrases in "
        "the published order, which is not that of the labels",
        choices=("name", "published"),
    )
    teacher: str = setting("", "teacher checkpoint to distil from: a folder, or hf:owner/name of the Hub", basic=True)
    feature_kd: bool = setting(False, "distil features: pull student tokens towards teacher tokens")
    logit_kd: bool = setting(False, "distil logits: pull student probabilities towards the teacher's")
    epochs: int = setting(20, "passes over the training images", minimum=1, maximum=10_000, basic=True)
    batch_size: int = setting(32, "images per step", minimum=2, maximum=4096)
    optimizer: str = setting(
        "adamw", "how weights follow gradients; sgd has momentum 0.9", choices=("adamw", "adam", "sgd")
    )
    lr: float = setting(1e-3, "peak learning rate", minimum=1e-7, maximum=1.0)
    weight_decay: float = setting(0.05, "pull of the weights towards 0", minimum=0.0, maximum=1.0)
    decay_all: bool = setting(False, "decay biases, norms and embeddings too, not only matrices and kernels")
    schedule: str = setting(
        "cosine",
        "learning rate over time: cosine to 0 per step; the published cosine per epoch; "
        "a tenth after half and after three quarters of the epochs",
        choices=("cosine", "published-code", "steps"),
    )
    warmup_epochs: int = setting(2, "epochs of linear warm-up", minimum=0, maximum=1000)
    grad_clip: float = setting(
        5.0, "longest gradient (L2 norm) that is not shortened; 0 is off", minimum=0.0, maximum=1e6
    )
    ema: float = setting(
        0.99,
        "validate and keep a moving average of the weights with this decay per step, warmed up; 0 is off",
        minimum=0.0,
        maximum=0.99999,
    )
    teacher_mode: str = setting(
        "eval",
        "train lets the teacher's batch norm drift and its drop path act, as the published code does",
        choices=("eval", "train"),
    )
    feature_loss: str = setting(
        "cosine", "cosine of matching tokens, or the published KL of text-token cosines", choices=("cosine", "text-kl")
    )
    logit_loss: str = setting(
        "binary", "per-label binary KL, or the published softmax across attributes", choices=("binary", "softmax")
    )
    ce_weight: float = setting(1.0, "weight of the cross-entropy", minimum=0.0, maximum=1000.0)
    feature_weight: float = setting(10.0, "weight of the feature loss", minimum=0.0, maximum=1000.0)
    logit_weight: float = setting(1.0, "weight of the logit loss", minimum=0.0, maximum=1000.0)
    temperature: float = setting(
        2.0, "softens teacher and student logits in the logit loss", minimum=0.1, maximum=100.0
    )
    timestep_weight: float = setting(
        0.0,
        "weight of a per-label binary KL at each timestep, beside that of the mean; needs logit_kd; 0 is off",
        minimum=0.0,
        maximum=1000.0,
    )
    feature_mask: float = setting(
        0.0,
        "share of the student's tokens hidden before the feature loss; a small network, "
        "trained along and then dropped, fills them in; 0 is off",
        minimum=0.0,
        maximum=0.95,
    )
    label_weighting: str = setting(
        "ratio",
        "weigh rare labels more, by their ratio in the training images, or all alike",
        choices=("ratio", "none"),
    )
    visual_weight: float = setting(
        1.0, "teacher: weight of a loss read from the visual tokens alone, before fusion", minimum=0.0, maximum=1000.0
    )
    rendered_count: int = setting(
        4000, "how many rendered training images there are (rendered and mixed)", minimum=16, maximum=10_000_000
    )
    rendered_per_real: float = setting(
        0.5, "mixed: rendered images per real image in an epoch, drawn anew each time", minimum=0.0, maximum=1000.0
    )
    rendered_seed: int = setting(1, "seed of the rendered training images", minimum=0, maximum=2**31 - 1)
    init: str = setting(
        "",
        "weights to start from: a checkpoint folder, hf:owner/name of the Hub, a backbone's .pth "
        "or .safetensors file, or timm:MODEL; empty: random",
    )
    prior_bias: bool = setting(True, "start the last bias at the log odds of each attribute")
    augment: str = setting(
        "default",
        "random flip, shift, scale, colour and erasing; the published pad, crop and flip",
        choices=("default", "published", "none"),
    )
    mixup: float = setting(
        0.0,
        "blend pairs of images and their labels, share drawn from Beta(mixup, mixup); 0 is off",
        minimum=0.0,
        maximum=10.0,
    )
    seed: int = setting(0, "seed of weights, order and augmentation", minimum=0, maximum=2**31 - 1)
    accumulate: int = setting(
        1, "equal parts that a batch is computed in, one after the other, to save memory", minimum=1, maximum=4096
    )
    recompute: bool = setting(
        False, "recompute each block in the backward pass instead of keeping its activations: less memory, more time"
    )
    pack_spikes: bool = setting(False, "keep spikes as bits between forward and backward pass: less memory")
    workers: int = setting(
        0, "processes that prepare images beside the training process; 0: it does so itself", minimum=0, maximum=128
    )
    stream: bool = setting(False, "read images when they are needed instead of keeping all in memory")
    save_seconds: float = setting(
        300.0,
        "save a state to resume from after so many seconds within an epoch; one is saved after each epoch anyway",
        minimum=0.0,
        maximum=1e6,
    )
    log_steps: int = setting(5, "steps from one logged step to the next", minimum=1, maximum=1_000_000)
    device: str = setting("auto", "auto picks a GPU when there is one", choices=DEVICES)
    precision: str = setting(
        "fp32", "arithmetic of the training forward and backward; validation is fp32", choices=("fp32", "bf16")
    )
    threads: int = setting(0, "CPU threads; 0 leaves torch's default", minimum=0, maximum=1024)
    compile: bool = setting(False, "fuse the LIF loops with torch.compile (needs a C++ compiler)")

    def __post_init__(self) -> None:
        for problem in problems(vars(self)).values():
            raise ConfigError(problem)


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the values of a TrainConfig, by field; each sentence says what would do."""
    found = {}
    for spec in setting_fields():
        try:
            check_value(spec, values[spec.name])
        except ConfigError as error:
            found[spec.name] = str(error)
    return found or _contradictions(SimpleNamespace(**values))


def _contradictions(config: SimpleNamespace) -> dict[str, str]:
    """Values that do not go together, by the field to mend."""
    distils = config.feature_kd or config.logit_kd
    rules = [
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


def absolute(place: str) -> str:
    """A folder or file as an absolute path, so that it means the same everywhere; an id of the Hub or timm as it is.

    Raises SnnparError for what can be no path.
    """
    return place if not place or place.startswith(REMOTE) else str(path_of(place).resolve())


def without_places(train: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a TrainConfig with folders and files reduced to their names."""
    return {key: without_folders(value) if key in FOLDERS and value else value for key, value in train.items()}


def without_folders(place: str) -> str:
    """A folder or file reduced to its name: where it lay is nobody else's business; an id as it is."""
    return place if place.startswith(REMOTE) else Path(place).name


@dataclass(frozen=True)
class SettingField:
    """One TrainConfig field as the command line and the form see it."""

    name: str
    type: type
    default: Any
    help: str
    choices: tuple | None
    minimum: float | None
    maximum: float | None
    basic: bool

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def setting_fields(cls: type = TrainConfig) -> list[SettingField]:
    """The fields of a config in order, with their types resolved."""
    hints = typing.get_type_hints(cls)
    return [SettingField(f.name, hints[f.name], f.default, **f.metadata) for f in dataclasses.fields(cls)]


def check_value(spec: SettingField, value: Any) -> None:
    """Raise ConfigError, naming the valid values, unless `value` suits the field."""
    kinds = (int, float) if spec.type is float else (spec.type,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and spec.type is not bool):
        raise ConfigError(f"{spec.name} must be of type {spec.type.__name__}; got {value!r}")
    if spec.choices and value not in spec.choices:
        raise ConfigError(f"{spec.name} must be one of {', '.join(spec.choices)}; got {value!r}")
    if spec.minimum is not None and spec.maximum is not None and not spec.minimum <= value <= spec.maximum:
        raise ConfigError(f"{spec.name} must be between {spec.minimum} and {spec.maximum}; got {value}")


def to_dict(config: ModelConfig | TrainConfig) -> dict:
    return dataclasses.asdict(config)


def from_dict(cls: type, values: dict) -> Any:
    """Build a config from JSON, refusing unknown keys by name."""
    if not isinstance(values, dict | types.MappingProxyType):
        raise ConfigError(f"{cls.__name__} must be a JSON object; got {type(values).__name__}")
    known = [f.name for f in dataclasses.fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"{cls.__name__} has no {', '.join(unknown)}; it has {', '.join(known)}")
    try:
        return cls(**values)
    except TypeError as error:
        raise ConfigError(f"{cls.__name__}: {error}") from error
