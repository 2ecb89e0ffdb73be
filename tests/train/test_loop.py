from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from snnpar.checkpoint import load_model, read_checkpoint, write_config
from snnpar.config import ConfigError, TrainConfig
from snnpar.history import read_metrics
from snnpar.inference import load
from snnpar.jobs import status
from snnpar.models import PRESETS, build_model, preset
from snnpar.runs import Run, create_run
from snnpar.schema import load_schema
from train import loop

TEACHER = "vtb_conv_2_64"


def trained(config: TrainConfig, path: Path, **options: bool) -> Run:
    run = create_run(config, path)
    loop.train(run, **options)
    return run


def epochs(run: Run) -> list[dict]:
    """The metrics of each epoch, without the clock."""
    return [{key: value for key, value in row.items() if key != "time"} for row in read_metrics(run)]


def same_weights(one: Path, two: Path) -> bool:
    first, second = load_file(one), load_file(two)
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


# ------------------------------------------------------------------------------------------------ the parts


def test_prior_is_the_log_odds_of_each_attribute() -> None:
    model = tiny.lively(tiny.STUDENT)
    ratio = np.full(26, 0.5)
    ratio[:3] = (0.0, 0.25, 1.0)
    loop.start_from_prior(model.prior_bias, ratio)
    np.testing.assert_allclose(model.prior_bias[:4].sigmoid(), [0.01, 0.25, 0.99, 0.5], rtol=1e-5)


def test_devices() -> None:
    assert loop.pick_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert loop.pick_device("auto").type == loop.pick_device("cuda").type == "cuda"
    else:
        assert loop.pick_device("auto").type == "cpu"
        with pytest.raises(ConfigError, match="no GPU"):
            loop.pick_device("cuda")


def test_epochs_are_permutations_that_differ_and_repeat(quick: TrainConfig, tmp_path: Path) -> None:
    session = loop.prepare(create_run(quick, tmp_path / "run"))
    first, again, second = (session.epoch_order(epoch).tolist() for epoch in (0, 0, 1))
    assert sorted(first) == sorted(second) == list(range(20)) and first == again != second
    assert session.steps_per_epoch == 2


@pytest.mark.parametrize(("per_real", "drawn"), [(0.0, 0), (0.5, 10), (1.5, 30), (100.0, 40)])
def test_mixed_epochs_have_all_real_and_a_fresh_draw_of_rendered_images(
    quick: TrainConfig, tmp_path: Path, per_real: float, drawn: int
) -> None:
    config = replace(quick, dataset="mixed", rendered_count=40, rendered_per_real=per_real)
    session = loop.prepare(create_run(config, tmp_path / "run"))
    orders = [session.epoch_order(epoch) for epoch in range(2)]
    for order in orders:
        assert len(set(order.tolist())) == len(order) == 20 + drawn and set(range(20)) <= set(order.tolist())
    assert (set(orders[0].tolist()) != set(orders[1].tolist())) == (0 < drawn < 40)
    assert len(session.train) == 60 and len(session.val) == 6


# ------------------------------------------------------------------------------------------------ whole runs


def test_a_finished_run_is_a_checkpoint(quick: TrainConfig, tmp_path: Path) -> None:
    run = trained(quick, tmp_path / "run")
    assert status(run).state == "done" and status(run).message.startswith("best epoch")
    model = load(read_checkpoint(run.path))
    assert model.role == "student" and model.checkpoint.model == preset(quick.model)
    rows = read_metrics(run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    scores = [(row["mean_accuracy"] + row["f1"]) / 2 for row in rows]
    assert [row["best"] for row in rows] == [score > max([-1, *scores[:i]]) for i, score in enumerate(scores)]
    steps = read_metrics(run, "step")
    assert steps[-1]["step"] == steps[-1]["steps"] == 6 and steps[-1]["eta_s"] == 0
    assert steps[0]["loss"] == pytest.approx(steps[0]["ce"]) and {"lr", "images_per_s"} <= set(steps[0])
    assert sorted(path.name for path in run.path.iterdir()) == [
        "README.md", "config.json", "last", "metrics.jsonl", "model.safetensors", "status.json"]


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_kept_weights_are_those_of_the_best_epoch(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ema: float
) -> None:
    """Scores 0.2, 0.9, 0.5: the second epoch's weights stay, or their moving average if there is one."""
    after, scores, validate = [], iter([0.2, 0.9, 0.5]), loop.validate

    def watched(session: loop.Session, epoch: int) -> None:
        validate(session, epoch)
        weights = session.average.module if ema else session.model
        after.append({key: value.clone() for key, value in weights.state_dict().items()})

    class Scored:
        def __init__(self, score: float) -> None:
            self.score = score

        def summary(self) -> dict[str, float]:
            return dict.fromkeys(("mean_accuracy", "accuracy", "precision", "recall", "f1"), self.score)

    monkeypatch.setattr(loop, "validate", watched)
    monkeypatch.setattr(loop, "pedestrian_metrics", lambda *_, **__: Scored(next(scores)))
    run = trained(replace(quick, ema=ema), tmp_path / "run")
    kept = load_file(run.path / "model.safetensors")
    assert all(torch.equal(kept[key], value) for key, value in after[1].items())
    assert not torch.equal(kept["head.weight"], after[2]["head.weight"])
    assert "best epoch 2" in status(run).message


def test_two_epochs_on_rendered_images_lower_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnpar.datasets.HELD_OUT_COUNT", 8)
    losses, train_step = [], loop.train_step

    def watched(*arguments: object) -> dict[str, float]:
        terms = train_step(*arguments)
        losses.append(terms["loss"])
        return terms

    monkeypatch.setattr(loop, "train_step", watched)
    config = TrainConfig(model="spikingformer_1_64", epochs=2, rendered_count=64, batch_size=8, lr=5e-3,
                         warmup_epochs=0, augment="none", threads=1)
    trained(config, tmp_path / "run")
    assert len(losses) == 16 and np.mean(losses[8:]) < 0.985 * np.mean(losses[:8])


@pytest.mark.parametrize(
    ("when", "role"), [("between epochs", "student"), ("amid an epoch", "student"), ("amid an epoch", "teacher")]
)
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, role: str
) -> None:
    monkeypatch.setitem(PRESETS, TEACHER, replace(PRESETS[TEACHER], drop_path=0.5))  # draws random numbers of its own
    config = replace(quick, mixup=0.2, role=role, model=TEACHER if role == "teacher" else quick.model)
    whole = trained(config, tmp_path / "whole")
    name, calls = ("validate", 1) if when == "between epochs" else ("train_step", 3)  # 2 steps per epoch
    original, count = getattr(loop, name), iter(range(100))

    def interrupted(*arguments: object) -> object:
        result = original(*arguments)
        if next(count) + 1 == calls:
            os.kill(os.getpid(), signal.SIGTERM)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(loop, name, interrupted)
        run = trained(config, tmp_path / "run")
    assert status(run).state == "stopped" and [row["epoch"] for row in read_metrics(run)] == [1]
    loop.train(run, resume=True)
    assert status(run).state == "done" and status(run).message == status(whole).message
    assert epochs(run) == epochs(whole)
    assert [row["step"] for row in read_metrics(run, "step")] == sorted(
        {row["step"] for row in read_metrics(run, "step")}), "no step is told twice"
    assert same_weights(run.path / "model.safetensors", whole.path / "model.safetensors")
    assert same_weights(run.path / "last" / "model.safetensors", whole.path / "last" / "model.safetensors")
    assert same_weights(run.path / "last" / "optimizer.safetensors", whole.path / "last" / "optimizer.safetensors")


def test_resuming_a_run_that_never_began_begins_it(quick: TrainConfig, tmp_path: Path) -> None:
    run = trained(replace(quick, epochs=1), tmp_path / "run", resume=True)
    assert status(run).state == "done" and [row["epoch"] for row in read_metrics(run)] == [1]
    loop.train(run, resume=True)
    assert status(run).state == "done" and [row["epoch"] for row in read_metrics(run)] == [1]


def test_the_seed_decides(quick: TrainConfig, tmp_path: Path) -> None:
    config = replace(quick, epochs=1)
    one, two, other = (trained(c, tmp_path / name) for c, name in (
        (config, "one"), (config, "two"), (replace(config, seed=1), "other")))
    assert same_weights(one.path / "model.safetensors", two.path / "model.safetensors")
    assert not same_weights(one.path / "model.safetensors", other.path / "model.safetensors")


def test_a_run_can_start_from_another(quick: TrainConfig, tmp_path: Path) -> None:
    first = trained(replace(quick, epochs=1), tmp_path / "first")
    session = loop.prepare(create_run(replace(quick, init=str(first.path)), tmp_path / "second"))
    state = load_file(first.path / "model.safetensors")
    assert all(torch.equal(session.model.state_dict()[key], value) for key, value in state.items())
    assert all(p.requires_grad for p in session.model.parameters())


def test_a_run_can_start_from_a_backbone(quick: TrainConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its answers begin at the log odds of the attributes, as those of a random start; a checkpoint keeps its own."""
    caplog.set_level("INFO", "train")
    torch.manual_seed(5)
    state = build_model(preset(quick.model), 1000).state_dict()
    save_file(state, tmp_path / "imagenet.safetensors")
    runs = [create_run(replace(quick, init=init), tmp_path / f"run{len(init)}")
            for init in ("", str(tmp_path / "imagenet.safetensors"))]
    plain, started = (loop.prepare(run) for run in runs)
    assert "imagenet.safetensors; not used: head; still fresh: head" in caplog.text
    assert torch.equal(started.model.block[0].mlp.mlp1_conv.weight, state["block.0.mlp.mlp1_conv.weight"])
    assert torch.equal(started.model.head.bias, plain.model.head.bias) and plain.model.head.bias.abs().max() > 0


def test_a_teacher_takes_the_width_of_its_phrases(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published size reads 768 numbers per phrase, the bundled vectors have 384."""
    monkeypatch.setitem(PRESETS, TEACHER, replace(PRESETS[TEACHER], text_dim=768))
    run = trained(replace(quick, role="teacher", model=TEACHER, epochs=1), tmp_path / "run")
    assert read_checkpoint(run.path).model == replace(PRESETS[TEACHER], text_dim=384)
    assert load(read_checkpoint(run.path)).module.word_embed.in_features == 384


def test_a_teacher_leaves_its_phrases(quick: TrainConfig, tmp_path: Path) -> None:
    run = trained(replace(quick, role="teacher", model=TEACHER, epochs=1), tmp_path / "run")
    model = load(read_checkpoint(run.path))
    assert model.role == "teacher" and model.word_vectors.shape == (26, 384)
    assert (run.path / "phrases.safetensors").is_file()
    (step,) = [row for row in read_metrics(run, "step") if row["step"] == 2]
    assert step["loss"] == pytest.approx(step["ce"] + step["visual"])


# ---------------------------------------------------------------------------------------------- distillation


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("teacher") / "teacher"
    tiny.write_checkpoint(folder, preset(TEACHER))
    return str(folder)


def test_distillation_adds_its_terms_and_leaves_the_teacher_alone(
    quick: TrainConfig, teacher: str, tmp_path: Path
) -> None:
    config = replace(quick, epochs=1, teacher=teacher, feature_kd=True, logit_kd=True, feature_weight=3.0)
    run = create_run(config, tmp_path / "run")
    session = loop.prepare(run)
    frozen = {key: value.clone() for key, value in session.teacher.model.state_dict().items()}
    generator, ratio = torch.Generator().manual_seed(0), torch.full((26,), 0.5)
    session.model.train()
    terms = loop.train_step(session, np.arange(8), generator, ratio)
    assert set(terms) == {"ce", "feature", "logit", "loss"} and min(terms.values()) > 0
    assert terms["loss"] == pytest.approx(terms["ce"] + terms["feature"] + terms["logit"], rel=1e-5)
    assert 0 < terms["feature"] <= 3 * 2
    after = session.teacher.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in frozen.items())
    loop.train(run)
    assert status(run).state == "done" and load_model(read_checkpoint(run.path)).role == "student"


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
    run = create_run(replace(quick, teacher=str(folder), feature_kd=True), tmp_path / "run")
    with pytest.raises(ConfigError, match=message):
        loop.train(run)
    assert status(run).state == "failed" and "teacher" in status(run).message


def test_logits_alone_distil_across_widths(quick: TrainConfig, tmp_path: Path) -> None:
    tiny.write_checkpoint(tmp_path / "teacher", replace(preset(TEACHER), dim=32))
    config = replace(quick, teacher=str(tmp_path / "teacher"), logit_kd=True)
    assert loop.prepare(create_run(config, tmp_path / "run")).teacher is not None


# ---------------------------------------------------------------------------------------------------- failure


def test_a_loss_that_is_not_finite_names_the_images(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "normalise", lambda pixels, **_: pixels.float() * float("nan"))
    run = create_run(quick, tmp_path / "run")
    with pytest.raises(ValueError, match=r"not finite; lower --lr .*\d{6}\.png"):
        loop.train(run)
    assert status(run).state == "failed" and ".png" in status(run).message


def test_bad_data_fails_in_words(quick: TrainConfig, tmp_path: Path) -> None:
    run = create_run(replace(quick, data=str(tmp_path / "nowhere")), tmp_path / "run")
    with pytest.raises(ValueError, match="no such folder"):
        loop.train(run)
    assert status(run).state == "failed" and "nowhere" in status(run).message


def test_a_damaged_picture_fails_by_name(quick: TrainConfig, tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path / "pa", {"train": 8, "val": 2, "test": 1})
    (tmp_path / "pa" / "data" / "000003.png").write_bytes(b"no picture")
    run = create_run(replace(quick, data=str(tmp_path / "pa")), tmp_path / "run")
    with pytest.raises(ValueError, match="000003.png"):
        loop.train(run)
    assert status(run).state == "failed" and "000003.png" in status(run).message


def test_a_teacher_that_teaches_nothing_is_told(quick: TrainConfig, tmp_path: Path,
                                                caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "train")
    loop.prepare(create_run(replace(quick, teacher=str(tmp_path / "unused")), tmp_path / "run"))
    assert "the teacher is not used" in caplog.text
