"""The loss of one batch, term by term, with an optional frozen teacher."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snnpar.checkpoint import Checkpoint, load_model
from snnpar.config import ConfigError, ModelConfig, TrainConfig
from snnpar.datasets import UNKNOWN
from snnpar.models import ModelOutput, Network, takes_text, timesteps_of
from snnpar.models.losses import (
    attribute_softmax_kl,
    binary_kl,
    feature_cosine,
    label_weights,
    text_cosine_kl,
    timestep_kl,
    weighted_bce,
)
from snnpar.schema.attributes import AttributeSchema


@dataclass(frozen=True, eq=False)
class Teacher:
    """A teacher without gradients and the vectors (A, text_dim) of its phrases, None if it reads none."""

    model: Network
    word_vectors: Tensor | None

    def to(self, device: torch.device) -> Teacher:
        vectors = self.word_vectors
        return Teacher(self.model.to(device), None if vectors is None else vectors.to(device))

    @torch.no_grad()
    def __call__(self, images: Tensor) -> ModelOutput:
        return self.model(images) if self.word_vectors is None else self.model(images, self.word_vectors)


def check_teacher(checkpoint: Checkpoint, student: ModelConfig, config: TrainConfig) -> None:
    """Raise ConfigError saying what does not fit, unless this student can be distilled from that teacher."""
    teacher = checkpoint.model
    if checkpoint.role != "teacher":
        raise ConfigError(f"{checkpoint.path} holds a {checkpoint.role}, not a teacher")
    for name in ("image_size", "mean", "std"):
        if getattr(teacher, name) != getattr(student, name):
            raise ConfigError(
                f"teacher and student need one {name}: {getattr(teacher, name)} and {getattr(student, name)}"
            )
    if config.distillation.timestep_weight and not timesteps_of(student):
        raise ConfigError(
            f"a {student.architecture} has no timesteps to distil one by one: set timestep_weight to 0, "
            "or train a spiking student"
        )
    if config.distillation.feature_kd and config.distillation.feature_loss == "text-kl" and not takes_text(teacher):
        raise ConfigError(
            f"feature_loss text-kl compares tokens with phrases, which a {teacher.architecture} does not read; "
            "use cosine"
        )
    if config.distillation.feature_kd and teacher.dim != student.dim:
        raise ConfigError(f"feature distillation needs equal widths: teacher {teacher.dim}, student {student.dim}")


def load_teacher(checkpoint: Checkpoint, student: ModelConfig, schema: AttributeSchema, config: TrainConfig) -> Teacher:
    """Load a teacher that fits the student, or raise ConfigError saying what does not fit."""
    check_teacher(checkpoint, student, config)
    if checkpoint.schema.attributes != schema.attributes:
        raise ConfigError(f"{checkpoint.path} was trained on other attributes ({checkpoint.schema.name})")
    model = load_model(checkpoint)
    vectors = torch.from_numpy(checkpoint.phrases().for_schema(schema)) if model.takes_text else None
    return Teacher(model.train(config.distillation.teacher_mode == "train"), vectors)


def loss_terms(
    output: ModelOutput,
    labels: Tensor,
    positive_ratio: Tensor,
    teacher: ModelOutput | None,
    config: TrainConfig,
    restorer: nn.Module | None = None,
) -> dict[str, Tensor]:
    """The terms by name, weights applied; their sum is the loss.

    Labels that are unknown (2) weigh nothing; where the config masks none they weigh as positives, with 2 for a target.
    A restorer, of `make_restorer`, hides tokens of the student and fills them in before the feature loss sees them.
    """
    how, own = config.distillation, config.task
    known = labels != UNKNOWN if own.mask_unknown else torch.ones_like(labels, dtype=torch.bool)
    labels = torch.where(known, labels, 0)
    weights = known
    if own.label_weighting == "ratio":
        weights = label_weights(labels, positive_ratio, blended=config.data.mixup > 0) * known
    terms = {"ce": own.ce_weight * weighted_bce(output.logits, labels, weights)}
    if output.visual_logits is not None and own.visual_weight:
        terms["visual"] = own.visual_weight * weighted_bce(output.visual_logits, labels, weights)
    if teacher is None:
        return terms
    if how.feature_kd:
        terms["feature"] = how.feature_weight * _feature_loss(output, teacher, how.feature_loss, restorer)
    if how.logit_kd:
        logit_loss = binary_kl if how.logit_loss == "binary" else attribute_softmax_kl
        terms["logit"] = how.logit_weight * logit_loss(output.logits, teacher.logits, how.temperature)
    if how.timestep_weight and output.logits_per_timestep is not None:
        at_each = timestep_kl(output.logits_per_timestep, teacher.logits, how.temperature)
        terms["timestep"] = how.timestep_weight * at_each
    return terms


def _feature_loss(output: ModelOutput, teacher: ModelOutput, loss: str, restorer: nn.Module | None) -> Tensor:
    features = output.features if restorer is None else restorer(output.features)
    if loss == "cosine":
        return feature_cosine(features, teacher.features)
    assert teacher.text_features is not None, "see check_teacher"
    return text_cosine_kl(features, teacher.features, teacher.text_features)
