"""Masked feature distillation: hide some of the student's tokens and learn to fill them in as the teacher has them.

To restore a hidden token its neighbours must tell about it, so that the student learns tokens that know what is around
them. The idea is that of masked generative distillation (arXiv 2205.01529), which BKDSNN (arXiv 2407.09083) brought to
spiking students, with blurred instead of hidden features. The restoring network is trained along and then dropped.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnpar.config import DistillationSettings, ModelConfig


class Restorer(nn.Module):
    """Tokens (B, N, D) on `grid` (rows, columns) to as many, each hidden with probability `share`, then restored.

    Without a shortcut: what was hidden can come from its neighbours only. Draws from torch's global generator.
    """

    def __init__(self, dim: int, grid: tuple[int, int], share: float) -> None:
        super().__init__()
        self.grid = grid
        self.share = share
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, tokens: Tensor) -> Tensor:
        shown = torch.rand(tokens.shape[:2], device=tokens.device) >= self.share
        places = (tokens * shown[..., None]).transpose(1, 2).unflatten(2, self.grid)
        return self.conv2(F.relu(self.conv1(places))).flatten(2).transpose(1, 2)


def make_restorer(how: DistillationSettings, student: ModelConfig) -> nn.Module | None:
    """A fresh restorer for a student, if distillation asks for one (feature_mask above 0)."""
    return Restorer(student.dim, student.token_grid, how.feature_mask) if how.feature_mask else None
