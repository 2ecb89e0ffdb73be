"""The table of named models: sizes counted on the meta device, so that no weights are allocated."""

from __future__ import annotations

import torch

from snnpar.models import PRESETS, build_model, network, role_of, takes_text
from snnpar.spikes.trace import record

NUM_ATTRIBUTES = 26


def model_table() -> str:
    """Markdown, one row per named model, with 26 attributes; operations are for one image, the first convolution once,
    batch norms folded, products with padding and the teacher's phrases included, as publications count.

    "as published" adds what the published files hold and never apply: unused norms, the ImageNet classifier.
    """
    columns = ["model", "role", "input", "T", "parameters used", "as published", "dense MACs", "neurons"]
    head = f"| {' | '.join(columns)} |\n|---|---|---{'|--:' * 5}|"
    return "\n".join([head, *(_row(name) for name in PRESETS)])


def _row(name: str) -> str:
    config = PRESETS[name]
    with torch.device("meta"):
        model = build_model(config, NUM_ATTRIBUTES).eval()
        inputs = [torch.zeros(1, 3, *config.image_size)]
        if takes_text(config):
            inputs.append(torch.zeros(NUM_ATTRIBUTES, config.text_dim))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    with torch.no_grad(), record(model, spikes=False) as trace:
        model(*inputs)
    macs = sum(layer.macs + layer.padding for layer in trace.layers if not layer.is_norm)
    neurons = sum(trace.neurons(neuron) for neuron in trace.names)
    height, width = config.image_size
    timesteps = config.timesteps if trace.names else "-"
    published = parameters + network(config).unused_parameters(config)
    return (
        f"| `{name}` | {role_of(config)} | {height} x {width} | {timesteps} | {parameters:,} | {published:,} | "
        f"{macs / 1e6:,.1f} M | {f'{neurons:,}' if neurons else '-'} |"
    )
