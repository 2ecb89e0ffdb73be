"""Hidden tokens: how many, which, and what of them can reach the loss."""

from __future__ import annotations

import pytest
import tiny
import torch

from snnpar.config import TrainConfig
from train.restore import Restorer, make_restorer

GRID = (4, 2)


def tokens(batch: int = 2, dim: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, GRID[0] * GRID[1], dim, generator=torch.Generator().manual_seed(seed))


def identity(share: float) -> Restorer:
    """A restorer whose convolutions pass on what they read, but for the negative."""
    restorer = Restorer(8, GRID, share)
    for conv in (restorer.conv1, restorer.conv2):
        torch.nn.init.dirac_(conv.weight)
        torch.nn.init.zeros_(conv.bias)
    return restorer


def test_tokens_keep_their_places_and_those_hidden_are_zero() -> None:
    x = tokens().abs() + 0.1
    torch.testing.assert_close(identity(0.0)(x), x)
    torch.manual_seed(3)
    restored = identity(0.5)(x)
    shown = (restored != 0).any(2)
    assert 0 < shown.sum() < shown.numel() and shown[0].tolist() != shown[1].tolist()
    torch.testing.assert_close(restored, x * shown[..., None])  # a token is hidden as a whole


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_the_share_of_hidden_tokens_is_the_one_asked_for(share: float) -> None:
    torch.manual_seed(0)
    hidden = (identity(share)(torch.ones(2000, 8, 8)) == 0).all(2).float().mean().item()
    assert hidden == pytest.approx(share, abs=4 * (share * (1 - share) / 16_000) ** 0.5)


def test_the_mask_is_a_function_of_torchs_seed() -> None:
    restorer, drawn = Restorer(8, GRID, 0.5), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(restorer(tokens()))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_a_hidden_token_is_restored_from_its_neighbours_alone() -> None:
    torch.manual_seed(0)
    restorer, x = Restorer(8, GRID, 0.5), tokens(1).requires_grad_()
    torch.manual_seed(5)
    shown = torch.rand(1, 8) >= 0.5
    torch.manual_seed(5)
    restored = restorer(x)
    hidden = int((~shown[0]).nonzero()[0])
    restored[0, hidden].sum().backward()
    reached = (x.grad[0] != 0).any(1)
    assert reached.any() and not (reached & ~shown[0]).any()


def test_a_restorer_is_made_for_the_students_grid_when_asked_for() -> None:
    asked = TrainConfig.of(teacher="t", feature_kd=True, feature_mask=0.3)
    restorer = make_restorer(asked.distillation, tiny.STUDENT)
    assert (restorer.grid, restorer.share, restorer.conv1.in_channels) == ((4, 2), 0.3, 32)
    assert make_restorer(TrainConfig.of(teacher="t", feature_kd=True).distillation, tiny.STUDENT) is None
