"""Folders of runs as training would have left them, and what their page draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from snnpar.config import TrainConfig
from snnpar.runs.lens import Lens, LensMaps, save_images, save_lens
from snnpar.runs.run import Run, create_run

METRICS = {"mean_accuracy": 0.6, "accuracy": 0.5, "precision": 0.7, "recall": 0.6, "f1": 0.65}
FIRING = {
    "rates": {"patch_embed.proj1_lif": 0.1, "block.0.attn.q_lif": 0.2},
    "dead": {"patch_embed.proj1_lif": 0.4, "block.0.attn.q_lif": 0.5},
    "saturated": {"patch_embed.proj1_lif": 0.0, "block.0.attn.q_lif": 0.0},
    "neurons": {"patch_embed.proj1_lif": 300, "block.0.attn.q_lif": 100},
}


def step(number: int, steps: int, per_epoch: int, **terms: float) -> dict:
    return {
        "kind": "step",
        "epoch": 1 + (number - 1) // per_epoch,
        "step": number,
        "steps": steps,
        **({"ce": 1.0, "loss": 1.0} | terms),
        "lr": 1e-3,
        "grad_norm": 2.0,
        "images_per_s": 40.0,
        "eta_s": 90,
        "memory_gb": 1.5,
    }


def lens(epoch: int) -> Lens:
    rng = np.random.default_rng(epoch)
    student, teacher, correlation = rng.normal(size=(3, 2, 3)).astype(np.float32)
    maps = LensMaps(
        "attention of the teacher",
        "cosine of the student",
        correlation,
        np.array([2, 0]),
        *rng.random((2, 2, 4, 2)).astype(np.float32),
    )
    return Lens(
        epoch,
        3 * epoch,
        ("Hat", "Boots", "Bag"),
        ("a.png", "b.png"),
        np.array([[1, 0, 1], [0, 0, 2]]),
        student,
        teacher,
        maps,
    )


def make_run(root: Path, name: str, epochs: int = 2, firing: dict | None = FIRING, **settings: object) -> Run:
    """A run of six steps in two epochs, of a TrainConfig with these settings, with a lens for each epoch."""
    run = create_run(TrainConfig.of(model="spikingformer_1_64", epochs=2, **settings), root / "runs" / name)
    rows = [step(number, 6, 3) for number in range(1, 3 * epochs + 1)]
    for epoch in range(1, epochs + 1):
        rows.append({"kind": "epoch", "epoch": epoch, "step": 3 * epoch, "best": True, **METRICS})
        if firing:
            rows.append({"kind": "firing", "epoch": epoch, "step": 3 * epoch, **firing})
            save_lens(run.path, lens(epoch))
            save_images(run.path, np.full((2, 64, 32, 3), 128, np.uint8))
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return run


def charts(test: AppTest) -> dict[str, dict]:
    """Plotly charts by the end of their element id, which is their key."""
    return {one.proto.id.rsplit("-", 1)[-1]: json.loads(one.proto.spec) for one in test.get("plotly_chart")}


def decoded(values: dict | list) -> list[float]:
    """Numbers of a figure's JSON, where arrays are base64."""
    import base64

    if isinstance(values, list):
        return values
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
