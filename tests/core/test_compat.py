from __future__ import annotations

import pytest
import torch

from snnpar.core.compat import _nms, repair_torchvision

BOXES = torch.tensor(
    [
        [0.0, 0.0, 10.0, 10.0],
        [0.0, 0.0, 10.0, 6.0],  # IoU 0.6 with the first
        [5.0, 0.0, 15.0, 10.0],  # IoU 1/3 with the first
        [20.0, 20.0, 30.0, 30.0],  # alone
    ]
)
SCORES = torch.tensor([0.8, 0.9, 0.7, 0.6])


@pytest.mark.parametrize(
    ("threshold", "kept"),
    [
        (0.7, [1, 0, 2, 3]),
        (0.6, [1, 0, 2, 3]),  # exactly at the threshold stays
        (0.59, [1, 2, 3]),  # 0 falls to 1; 2 overlaps 1 by 30 / 130
        (0.2, [1, 3]),
    ],
)
def test_non_maximum_suppression(threshold: float, kept: list[int]) -> None:
    assert _nms(BOXES, SCORES, threshold).tolist() == kept


def test_suppressed_boxes_suppress_nothing() -> None:
    chain = torch.tensor([[0.0, 0.0, 10.0, 1.0], [4.0, 0.0, 14.0, 1.0], [8.0, 0.0, 18.0, 1.0]])
    assert _nms(chain, torch.tensor([3.0, 2.0, 1.0]), 0.3).tolist() == [0, 2]


def test_equal_scores_keep_the_first_and_points_are_kept() -> None:
    twins = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
    assert _nms(twins, torch.ones(2), 0.5).tolist() == [0]
    assert _nms(torch.zeros(2, 4), torch.ones(2), 0.5).tolist() == [0, 1]  # IoU 0 / 0 is not above a threshold
    assert _nms(torch.zeros(0, 4), torch.zeros(0), 0.5).shape == (0,)


def test_torchvision_imports_and_its_nms_works() -> None:
    repair_torchvision()
    repair_torchvision()
    import torchvision

    assert torchvision.ops.nms(BOXES, SCORES, 0.59).tolist() == [1, 2, 3]
    assert torchvision.transforms.functional.resize(torch.zeros(1, 4, 4), [2, 2]).shape == (1, 2, 2)
