"""The groups of settings that every task shares."""

from __future__ import annotations

from dataclasses import dataclass

from .roles import PAIR
from .values import setting

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class ModelSettings:
    """What is trained."""

    role: str = setting("student", "what to train", choices=PAIR, basic=True)
    name: str = setting(
        "",
        "name of the model to train; empty: the small one of the role, in a first-run the smaller one",
        name="model",
        basic=True,
    )
    init: str = setting(
        "",
        "weights to start from: a checkpoint folder, hf:owner/name of the Hub, a backbone's .pth "
        "or .safetensors file, or timm:MODEL; empty: random",
    )
    prior_bias: bool = setting(True, "start the last bias at the log odds of each attribute")


@dataclass(frozen=True)
class DataSettings:
    """What it learns from."""

    dataset: str = setting(
        "rendered",
        "rendered pedestrians, real ones from --data in one of five layouts, or PA100K and rendered ones mixed",
        choices=(),  # of the tasks, see `setting_fields`
        basic=True,
    )
    folder: str = setting(
        "",
        "folder of the dataset as published (pickle: the file will do), or hf:owner/name for one of the Hub",
        name="data",
        basic=True,
    )
    fold: int = setting(0, "which of the five published splits of PETA, RAPv1 or a pickle", minimum=0, maximum=4)
    skip_unreadable: bool = setting(False, "leave out images that are missing or damaged instead of refusing to train")
    rendered_count: int = setting(
        4000, "how many rendered training images there are (rendered and mixed)", minimum=16, maximum=10_000_000
    )
    rendered_per_real: float = setting(
        0.5, "mixed: rendered images per real image in an epoch, drawn anew each time", minimum=0.0, maximum=1000.0
    )
    rendered_seed: int = setting(1, "seed of the rendered training images", minimum=0, maximum=2**31 - 1)
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


@dataclass(frozen=True)
class DistillationSettings:
    """Which teacher it learns from, and how."""

    teacher: str = setting("", "teacher checkpoint to distil from: a folder, or hf:owner/name of the Hub", basic=True)
    feature_kd: bool = setting(False, "distil features: pull student tokens towards teacher tokens")
    logit_kd: bool = setting(False, "distil logits: pull student probabilities towards the teacher's")
    teacher_mode: str = setting(
        "eval",
        "train lets the teacher's batch norm drift and its drop path act, as the published code does",
        choices=("eval", "train"),
    )
    feature_loss: str = setting(
        "cosine", "cosine of matching tokens, or the published KL of text-token cosines", choices=("cosine", "text-kl")
    )
    feature_weight: float = setting(10.0, "weight of the feature loss", minimum=0.0, maximum=1000.0)
    feature_mask: float = setting(
        0.0,
        "share of the student's tokens hidden before the feature loss; a small network, "
        "trained along and then dropped, fills them in; 0 is off",
        minimum=0.0,
        maximum=0.95,
    )
    logit_loss: str = setting(
        "binary", "per-label binary KL, or the published softmax across attributes", choices=("binary", "softmax")
    )
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

    @property
    def is_on(self) -> bool:
        """Is anything distilled?"""
        return self.feature_kd or self.logit_kd


@dataclass(frozen=True)
class OptimisationSettings:
    """How its weights change."""

    epochs: int = setting(20, "passes over the training images", minimum=1, maximum=10_000, basic=True)
    batch_size: int = setting(32, "images per step", minimum=2, maximum=4096)
    optimizer: str = setting(
        "adamw", "how weights follow gradients; sgd has momentum 0.9", choices=("adamw", "adam", "sgd")
    )
    lr: float = setting(1e-3, "peak learning rate", minimum=1e-7, maximum=1.0)
    schedule: str = setting(
        "cosine",
        "learning rate over time: cosine to 0 per step; the published cosine per epoch; "
        "a tenth after half and after three quarters of the epochs",
        choices=("cosine", "published-code", "steps"),
    )
    warmup_epochs: int = setting(2, "epochs of linear warm-up", minimum=0, maximum=1000)
    weight_decay: float = setting(0.05, "pull of the weights towards 0", minimum=0.0, maximum=1.0)
    decay_all: bool = setting(False, "decay biases, norms and embeddings too, not only matrices and kernels")
    grad_clip: float = setting(
        5.0, "maximum gradient norm (L2): longer gradients are shortened to it; 0 is off", minimum=0.0, maximum=1e6
    )
    ema: float = setting(
        0.99,
        "validate and keep a moving average of the weights with this decay per step, warmed up; 0 is off",
        minimum=0.0,
        maximum=0.99999,
    )
    seed: int = setting(0, "seed of weights, order and augmentation", minimum=0, maximum=2**31 - 1)


@dataclass(frozen=True)
class RuntimeSettings:
    """Where it is computed, in how much memory and time, and what is kept meanwhile."""

    device: str = setting("auto", "auto picks a GPU when there is one", choices=DEVICES)
    precision: str = setting(
        "fp32", "arithmetic of the training forward and backward; validation is fp32", choices=("fp32", "bf16")
    )
    threads: int = setting(0, "CPU threads; 0 leaves torch's default", minimum=0, maximum=1024)
    workers: int = setting(
        0, "processes that prepare images beside the training process; 0: it does so itself", minimum=0, maximum=128
    )
    accumulate: int = setting(
        1, "equal parts that a batch is computed in, one after the other, to save memory", minimum=1, maximum=4096
    )
    recompute: bool = setting(
        False, "recompute each block in the backward pass instead of keeping its activations: less memory, more time"
    )
    pack_spikes: bool = setting(False, "keep spikes as bits between forward and backward pass: less memory")
    stream: bool = setting(False, "read images when they are needed instead of keeping all in memory")
    compile: bool = setting(False, "fuse the LIF loops with torch.compile (needs a C++ compiler)")
    save_seconds: float = setting(
        300.0,
        "save a state to resume from after so many seconds within an epoch; one is saved after each epoch anyway",
        minimum=0.0,
        maximum=1e6,
    )
    log_steps: int = setting(5, "steps from one logged step to the next", minimum=1, maximum=1_000_000)
