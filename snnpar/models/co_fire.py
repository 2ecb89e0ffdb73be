"""Spiking attention of the Spikingformer, and what its products cost: they add where spikes meet."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snnpar.spikes.operations import OperationWork, count_as

ATTENTION_SCALE = 0.125  # a constant of the published model, whatever the head width


class CoFire(nn.Module):
    """Spiking attention without softmax: y = q (k^T v) * 0.125 per head, on (T, B, C, N) spikes."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.unflatten(2, (self.heads, -1)) for x in (q, k, v))  # (T, B, heads, C/heads, N)
        return ((v @ k.transpose(-1, -2)) @ q * ATTENTION_SCALE).flatten(2, 3)


def _co_fire_work(module: CoFire, inputs: tuple[Tensor, ...], spiking: bool) -> list[OperationWork]:
    """v k^T counts coincidences: an addition where v and k of a head fire at one token.

    Its product with q adds, for every spike of q, the column of those counts that it selects, where they are not 0.
    """
    timesteps, batch, dim, tokens = inputs[0].shape
    width = dim // module.heads
    seen: list[dict] = [{}, {}]
    if spiking:
        q, k, v = (x.detach().unflatten(2, (module.heads, width)) for x in inputs)
        coincidences = (v.sum(3) * k.sum(3)).sum(2, dtype=torch.float64)  # (T, B, N)
        columns = ((v @ k.transpose(-1, -2)) != 0).sum(3).to(q.dtype)  # (T, B, heads, width): additions per spike of q
        additions = (q * columns.unsqueeze(-1)).sum((2, 3), dtype=torch.float64)
        fired = [x.flatten(2).sum(2, dtype=torch.float64) for x in (k + v, q)]
        rates = [x.mean(dtype=torch.float64).item() for x in (k, q)]
        seen = [
            {"additions": made, "fired": fired[i], "rate": rates[i]} for i, made in enumerate((coincidences, additions))
        ]
    lead, every = (timesteps, batch), timesteps * batch * dim
    macs = every * tokens * width
    return [
        OperationWork(lead, macs, 2 * every * tokens, every * width, has_weights=False, product=".kv", **seen[0]),
        OperationWork(lead, macs, every * tokens, every * tokens, has_weights=False, product=".q", **seen[1]),
    ]


count_as(CoFire, _co_fire_work)
