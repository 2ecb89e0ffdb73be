"""Losses of the `default` recipe: pure functions of tensors. B images, A attributes, N tokens, D channels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def label_weights(labels: Tensor, positive_ratio: Tensor, *, blended: bool = False) -> Tensor:
    """exp(y (1 - r) + (1 - y) r) for labels (B, A) and the ratio r (A,) of positives in the training labels.

    y is 1 for a label above 0.5, a 2 for unknown included, else 0. Source: VTB and SNN-PAR, equation of the weighted
    cross-entropy, and their code for y; rare positives weigh up to e. Labels `blended` by mixup weigh in between.
    """
    y = labels.clamp(0, 1) if blended else (labels > 0.5).to(labels.dtype)
    return torch.exp(y * (1 - positive_ratio) + (1 - y) * positive_ratio)


def weighted_bce(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy, summed over attributes, averaged over images."""
    return (F.binary_cross_entropy_with_logits(logits, labels, reduction="none") * weights).sum(1).mean()


def binary_kl(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(Bernoulli(teacher) || Bernoulli(student)) per label, times temperature^2; sum over A, mean over B.

    The attributes are not exclusive, so each is its own binary distribution (arXiv 2308.06453).
    """
    student, teacher = student_logits / temperature, teacher_logits / temperature
    p = teacher.sigmoid()
    positive = p * (F.logsigmoid(teacher) - F.logsigmoid(student))
    negative = (1 - p) * (F.logsigmoid(-teacher) - F.logsigmoid(-student))
    return (positive + negative).sum(1).mean() * temperature**2


def timestep_kl(per_timestep: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Mean over T of binary_kl of the student's logits at each timestep (T, B, A) from the teacher's (B, A)."""
    return binary_kl(per_timestep.flatten(0, 1), teacher_logits.repeat(len(per_timestep), 1), temperature)


def feature_cosine(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    """1 - cosine similarity of matching tokens (B, N, D), averaged; 0 when all directions agree."""
    if student_features.shape != teacher_features.shape:
        shapes = f"{tuple(student_features.shape)} and {tuple(teacher_features.shape)}"
        raise ValueError(f"feature distillation needs equal (B, N, D) of student and teacher; got {shapes}")
    return 1 - F.cosine_similarity(student_features, teacher_features, dim=-1).mean()


def text_cosine(features: Tensor, text_features: Tensor) -> Tensor:
    """Cosine similarity of every attribute's text (B, A, D) and every token (B, N, D): (B, A, N)."""
    return F.cosine_similarity(text_features.unsqueeze(2), features.unsqueeze(1), dim=-1)


def text_cosine_kl(student_features: Tensor, teacher_features: Tensor, text_features: Tensor) -> Tensor:
    """The published feature loss: KL(teacher || student) of the text-token cosines as distributions over tokens.

    Summed over attributes and tokens, divided by B only ('batchmean'), as the published code does.
    """
    student = F.log_softmax(text_cosine(student_features, text_features), dim=-1)
    teacher = F.softmax(text_cosine(teacher_features, text_features), dim=-1)
    return F.kl_div(student, teacher, reduction="batchmean")


def attribute_softmax_kl(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """The published logit loss: KL of softmaxes across attributes, times temperature^2, divided by B.

    Attributes are not exclusive, so the softmax has no probabilistic meaning here; kept to reproduce.
    """
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    return F.kl_div(student, teacher, reduction="batchmean") * temperature**2
