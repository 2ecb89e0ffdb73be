"""The cost of a step is that of the step that trains: same teacher, same loss, one step more than is told."""

from __future__ import annotations

import json

import pytest

from train import loop, measure

FLAGS = ["--batch-size", "2", "--steps", "2", "--threads", "1", "--precision", "fp32"]


@pytest.mark.parametrize(("model", "teacher", "terms"), [
    ("spikingformer_1_64", "vtb_conv_2_64", {"ce", "feature", "logit"}), ("spikingformer_1_64", "", {"ce"}),
    ("vtb_conv_2_64", "", {"ce", "visual"}),
])
def test_real_steps_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str, teacher: str, terms: set[str]
) -> None:
    taken, train_step = [], loop.train_step

    def watched(session: loop.Session, indices, *rest) -> dict[str, float]:
        taken.append((len(indices), train_step(session, indices, *rest)))
        return taken[-1][1]

    monkeypatch.setattr(loop, "train_step", watched)
    measure.main([*FLAGS, "--model", model, "--teacher", teacher])
    told = json.loads(capsys.readouterr().out)
    assert [count for count, _ in taken] == [2, 2, 2]  # one to warm up
    assert all(set(losses) == terms | {"loss"} for _, losses in taken)
    assert len(told["seconds"]) == len(told["processor_seconds"]) == 2 and min(told["seconds"]) > 0
    assert (told["threads"], told["timesteps"]) == (1, 4 if "spiking" in model else None)
    assert told["peak_bytes"] > 2**26


@pytest.mark.parametrize(("model", "teacher", "message"), [
    ("nothing", "vtb_conv_2_64", "no model is called 'nothing'"),
    ("spikingformer_2_96", "vtb_conv_2_64", "feature distillation needs equal widths"),
    ("vtb_conv_2_64", "vtb_conv_2_64", "a teacher is not distilled"),
    ("spikingformer_1_64", "spikingformer_2_96", "holds a student, not a teacher"),
])
def test_a_pair_that_cannot_train_is_told(model: str, teacher: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure.main([*FLAGS, "--model", model, "--teacher", teacher])
