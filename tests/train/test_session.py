from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from snnpar.checkpoint import write_config
from snnpar.config import ConfigError, TrainConfig
from snnpar.models import build_model, preset
from snnpar.runs.jobs import status
from snnpar.runs.run import create_run
from snnpar.schema.attributes import load_schema
from train import loop
from train.session import pick_device, prepare, start_from_prior

TEACHER = "vtb_conv_2_64"


def test_prior_is_the_log_odds_of_each_attribute() -> None:
    model = tiny.lively(tiny.STUDENT)
    ratio = np.full(26, 0.5)
    ratio[:3] = (0.0, 0.25, 1.0)
    start_from_prior(model.prior_bias, ratio)
    np.testing.assert_allclose(model.prior_bias[:4].sigmoid(), [0.01, 0.25, 0.99, 0.5], rtol=1e-5)


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert pick_device("auto").type == pick_device("cuda").type == "cuda"
    else:
        assert pick_device("auto").type == "cpu"
        with pytest.raises(ConfigError, match="no GPU"):
            pick_device("cuda")


def test_epochs_are_permutations_that_differ_and_repeat(quick: TrainConfig, tmp_path: Path) -> None:
    session = prepare(create_run(quick, tmp_path / "run"))
    first, again, second = (session.epoch_order(epoch).tolist() for epoch in (0, 0, 1))
    assert sorted(first) == sorted(second) == list(range(20)) and first == again != second
    assert session.steps_per_epoch == 2


@pytest.mark.parametrize(("per_real", "drawn"), [(0.0, 0), (0.5, 10), (1.5, 30), (100.0, 40)])
def test_mixed_epochs_have_all_real_and_a_fresh_draw_of_rendered_images(
    quick: TrainConfig, tmp_path: Path, per_real: float, drawn: int
) -> None:
    config = quick.changed(dataset="mixed", rendered_count=40, rendered_per_real=per_real)
    session = prepare(create_run(config, tmp_path / "run"))
    orders = [session.epoch_order(epoch) for epoch in range(2)]
    for order in orders:
        assert len(set(order.tolist())) == len(order) == 20 + drawn and set(range(20)) <= set(order.tolist())
    assert (set(orders[0].tolist()) != set(orders[1].tolist())) == (0 < drawn < 40)
    assert len(session.train) == 60 and len(session.val) == 6


def test_a_run_can_start_from_another(quick: TrainConfig, tmp_path: Path) -> None:
    first = create_run(quick.changed(epochs=1), tmp_path / "first")
    loop.train(first)
    session = prepare(create_run(quick.changed(init=str(first.path)), tmp_path / "second"))
    state = load_file(first.path / "model.safetensors")
    assert all(torch.equal(session.model.state_dict()[key], value) for key, value in state.items())
    assert all(p.requires_grad for p in session.model.parameters())


def test_a_run_can_start_from_a_backbone(quick: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its answers begin at the log odds of the attributes, as those of a random start; a checkpoint keeps its own."""
    caplog.set_level("INFO", "train")
    torch.manual_seed(5)
    state = build_model(preset(quick.model.name), 1000).state_dict()
    save_file(state, tmp_path / "imagenet.safetensors")
    runs = [
        create_run(quick.changed(init=init), tmp_path / f"run{len(init)}")
        for init in ("", str(tmp_path / "imagenet.safetensors"))
    ]
    plain, started = (prepare(run) for run in runs)
    assert "imagenet.safetensors; not used: head; still fresh: head" in caplog.text
    assert torch.equal(started.model.block[0].mlp.mlp1_conv.weight, state["block.0.mlp.mlp1_conv.weight"])
    assert torch.equal(started.model.head.bias, plain.model.head.bias) and plain.model.head.bias.abs().max() > 0


def test_a_teacher_that_teaches_nothing_is_told(
    quick: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "train")
    prepare(create_run(quick.changed(teacher=str(tmp_path / "unused")), tmp_path / "run"))
    assert "the teacher is not used" in caplog.text


@pytest.mark.parametrize(
    ("change", "schema", "message"),
    [
        ({"dim": 32}, "pa100k", "equal widths: teacher 32, student 64"),
        ({"image_size": (64, 32)}, "pa100k", r"one image_size: \(64, 32\) and \(128, 64\)"),
        ({"mean": (0.4, 0.4, 0.4)}, "pa100k", "one mean"),
        ({}, "peta", "other attributes .peta"),
        ({"architecture": "spikingformer"}, "pa100k", "holds a student, not a teacher"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(
    quick: TrainConfig, tmp_path: Path, change: dict, schema: str, message: str
) -> None:
    folder = tmp_path / "teacher"
    folder.mkdir()
    write_config(folder, replace(preset(TEACHER), **change), load_schema(schema), {}, {})
    run = create_run(quick.changed(teacher=str(folder), feature_kd=True), tmp_path / "run")
    with pytest.raises(ConfigError, match=message):
        loop.train(run)
    assert status(run).state == "failed" and "teacher" in status(run).message


def test_logits_alone_distil_across_widths(quick: TrainConfig, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "teacher", replace(preset(TEACHER), dim=32))
    config = quick.changed(teacher=str(tmp_path / "teacher"), logit_kd=True)
    assert prepare(create_run(config, tmp_path / "run")).teacher is not None
