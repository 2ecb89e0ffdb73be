"""Batch norm over a batch that several processes share, on any device; torch's own SyncBatchNorm refuses CPU tensors.

With x of all processes, n its values per channel, mean m, variance v, and y = w (x - m) / sqrt(v + eps) + b:

    m = sum_r n_r m_r / n        v = sum_r n_r (v_r + (m_r - m)^2) / n        from each process's n_r, m_r, v_r
    dL/dx = w / sqrt(v + eps) (g - mean(g) - z mean(g z))                     g = dL/dy, z = (x - m) / sqrt(v + eps)

Means of squared distances, not of squares: in float32 the latter lose a small variance beside a large mean.
"""

from __future__ import annotations

from types import MethodType

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F


def share_statistics(model: nn.Module, processes: int) -> None:
    """Let every BatchNorm1d and 2d of `model` take its statistics, when training, over all processes' batches.

    Weights, buffers, their names and the types of the modules stay. Alone there is nothing to share.
    """
    for module in model.modules():
        if processes > 1 and isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.forward = MethodType(_forward, module)


def _forward(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """As nn.BatchNorm's: x (N, C, ...) to the same shape."""
    if not norm.training:
        return nn.modules.batchnorm._BatchNorm.forward(norm, x)
    mean, variance, count = _statistics(x.detach())
    if norm.track_running_stats:
        _track(norm, mean, variance * (count / (count - 1)))
    return _Normalise.apply(x, norm.weight, norm.bias, mean, variance, count, norm.eps)


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance, (C,), of all processes' x, and the number of values they are taken over."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    variance, mean = torch.var_mean(wide, _all_but_channels(x), correction=0)
    own = torch.cat([mean, variance, mean.new_full((1,), x.numel() / x.shape[1])])
    every = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(every, own)
    means, variances, counts = torch.stack(every).split([x.shape[1], x.shape[1], 1], dim=1)  # (processes, C or 1)
    shares = counts / counts.sum()
    mean = (shares * means).sum(0)
    return mean, (shares * (variances + (means - mean) ** 2)).sum(0), counts.sum()


@torch.no_grad()
def _track(norm: nn.BatchNorm1d | nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    counted, running_mean, running_var = norm.num_batches_tracked, norm.running_mean, norm.running_var
    assert counted is not None and running_mean is not None and running_var is not None, "it tracks statistics"
    counted.add_(1)
    momentum = 1.0 / float(counted) if norm.momentum is None else norm.momentum
    running_mean.lerp_(mean.to(running_mean.dtype), momentum)
    running_var.lerp_(variance.to(running_var.dtype), momentum)


class _Normalise(torch.autograd.Function):
    """The gradient passes through the statistics to the inputs of every process."""

    @staticmethod
    def forward(
        ctx, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, count: Tensor, eps: float
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count = ctx.saved_tensors
        normal = F.batch_norm(x, mean, variance, training=False, eps=ctx.eps)
        axes = _all_but_channels(x)
        own = torch.stack([gradient.sum(axes, dtype=mean.dtype), (gradient * normal).sum(axes, dtype=mean.dtype)])
        total = own.clone()
        distributed.all_reduce(total)
        shift, slope = (_along_channels(row, x) for row in (total / count).to(x.dtype))
        scale = _along_channels((weight * (variance + ctx.eps).rsqrt()).to(x.dtype), x)
        ungiven = (None,) * 4
        return scale * (gradient - shift - slope * normal), own[1].to(weight.dtype), own[0].to(weight.dtype), *ungiven


def _all_but_channels(x: Tensor) -> list[int]:
    return [axis for axis in range(x.ndim) if axis != 1]


def _along_channels(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *[1] * (x.ndim - 2))
