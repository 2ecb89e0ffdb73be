from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from snnpar.checkpoint import load_model, read_checkpoint
from snnpar.config import TrainConfig
from snnpar.models import preset
from snnpar.runs.jobs import status
from snnpar.runs.run import create_run
from train import attributes, loop, step
from train.faults import NotFinite
from train.loader import LoadedBatch, read_pixels
from train.session import Session, prepare


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("teacher") / "teacher"
    tiny.write_checkpoint(folder, preset("vtb_conv_2_64"))
    return str(folder)


def batch(session: Session, parts: int = 1) -> LoadedBatch:
    indices = np.arange(8).reshape(parts, -1)
    return LoadedBatch(indices, read_pixels(session.train, indices))


def numbers(session: Session) -> list[torch.Tensor]:
    return [value.clone() for value in session.model.state_dict().values()]


def test_distillation_adds_its_terms_and_leaves_the_teacher_alone(
    quick: TrainConfig, teacher: str, tmp_path: Path
) -> None:
    config = quick.changed(
        epochs=1,
        teacher=teacher,
        feature_kd=True,
        logit_kd=True,
        feature_weight=3.0,
        timestep_weight=0.5,
        feature_mask=0.4,
    )
    run = create_run(config, tmp_path / "run")
    session = prepare(run)
    frozen = {key: value.clone() for key, value in session.teacher.model.state_dict().items()}
    restoring = [value.clone() for value in session.restorer.state_dict().values()]
    session.model.train()
    terms = step.train_step(session, batch(session))
    named = ("ce", "feature", "logit", "timestep")
    assert set(terms) == {*named, "loss", "grad_norm"} and min(terms.values()) > 0
    assert terms["loss"] == pytest.approx(sum(terms[name] for name in named), rel=1e-5)
    assert 0 < terms["feature"] <= 3 * 2
    after = session.teacher.model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in frozen.items())
    assert not any(torch.equal(a, b) for a, b in zip(restoring, session.restorer.state_dict().values(), strict=True))
    loop.train(run)
    assert status(run).state == "done" and load_model(read_checkpoint(run.path)).role == "student"


def test_a_step_counts_itself_and_moves_the_average(quick: TrainConfig, tmp_path: Path) -> None:
    session = prepare(create_run(quick.changed(ema=0.9), tmp_path / "run"))
    before = session.average.module.head.weight.clone()
    step.train_step(session, batch(session))
    assert (session.epoch, session.step, session.steps_done, session.is_whole) == (0, 1, 1, True)
    assert not torch.equal(before, session.average.module.head.weight)


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch_give_the_gradients_of_the_whole(
    quick: TrainConfig, teacher: str, tmp_path: Path, parts: int
) -> None:
    """Without batch statistics, that is: those are of each part."""
    config = quick.changed(teacher=teacher, feature_kd=True, logit_kd=True, grad_clip=0.0)
    found = []
    for accumulate in (1, parts):
        session = prepare(create_run(config.changed(accumulate=accumulate), tmp_path / f"run{accumulate}"))
        session.model.eval()
        terms = step.train_step(session, batch(session, accumulate))
        found.append((terms, [p.grad.clone() for p in session.model.parameters()]))
    (whole, gradients), (split, summed) = found
    assert split == pytest.approx(whole, rel=1e-4)
    for one, other in zip(gradients, summed, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("amid", ["loss", "gradient", "too large", "interrupt"])
def test_a_step_that_fails_leaves_the_session_as_it_was(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amid: str
) -> None:
    """Also its running statistics, which the forward pass has already changed."""
    session = prepare(create_run(quick, tmp_path / "run"))
    session.model.train()
    step.train_step(session, batch(session))
    before, terms = numbers(session), attributes.loss_terms

    def spoiled(*arguments: object) -> dict[str, torch.Tensor]:
        if amid == "interrupt":
            raise KeyboardInterrupt
        found = terms(*arguments)
        factor = {"loss": float("nan"), "too large": 1e6, "gradient": 1.0}[amid]
        if amid == "gradient":
            found["ce"].register_hook(lambda grad: grad * float("inf"))
        return {"ce": found["ce"] * factor}

    monkeypatch.setattr(attributes, "loss_terms", spoiled)
    with pytest.raises(
        KeyboardInterrupt if amid == "interrupt" else NotFinite,
        match=""
        if amid == "interrupt"
        else f"the {'gradient' if amid == 'gradient' else 'loss'} is .* at epoch 1, step 2",
    ):
        step.train_step(session, batch(session))
    assert session.step == 1 and session.is_whole
    assert all(torch.equal(a, b) for a, b in zip(before, numbers(session), strict=True))


@pytest.mark.parametrize(("limit", "found"), [(100, 4), (3, 2), (1, 0)])
def test_the_batch_that_fits_is_found_by_trying(
    quick: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, found: int
) -> None:
    session = prepare(create_run(quick, tmp_path / "run"))
    terms = step.part_terms

    def short_of_memory(session: Session, part: int, indices: np.ndarray, pixels: torch.Tensor) -> object:
        if len(indices) > limit:
            raise MemoryError
        return terms(session, part, indices, pixels)

    monkeypatch.setattr(step, "part_terms", short_of_memory)
    assert step.largest_that_fits(session) == found
