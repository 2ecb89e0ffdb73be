"""The Train and Checkpoints pages with a run of another task, whose metrics they do not know."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_task
from screen import said

from snnpar.config import TASKS, TrainConfig
from snnpar.runs.run import create_run
from train import loop


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(TASKS, "light", toy_task.TASK)
    config = TrainConfig.of(task="light", epochs=2, batch_size=4, rendered_count=16, threads=1)
    loop.train(create_run(config, tmp_path / "runs" / "light"))
    return tmp_path


def test_its_run_is_shown(view, root: Path) -> None:
    test = view(root, run="light")
    assert not test.error
    assert "error 0." in said(test.markdown)


@pytest.mark.parametrize("page", ["train", "checkpoints"])
def test_the_pages_open(app, root: Path, page: str) -> None:
    assert not app(root, page, run="light").exception


def test_the_form_has_its_settings_and_no_others(app, root: Path) -> None:
    test = app(root, "train")
    assert test.segmented_control(key="set_task").value == "attributes"
    test.selectbox(key="set_dataset").set_value("csv").run()
    test.segmented_control(key="set_task").set_value("light").run()
    keys = {one.key for kind in ("number_input", "selectbox", "segmented_control", "toggle") for one in test.get(kind)}
    assert "set_scale" in keys and not {"set_ce_weight", "set_mask_unknown"} & keys
    assert test.session_state["set_dataset"] == "rendered", "the task has no other"
    test.number_input(key="set_scale").set_value(2.0).run()
    assert "--task light" in test.code[0].value and "--scale 2.0" in test.code[0].value and not test.error
    test.segmented_control(key="set_task").set_value("attributes").run()
    assert "--task" not in test.code[0].value and not test.exception
