"""The form on the Train page: recipes, ways back, filling in from runs and command lines, the estimate, the queue."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from screen import said
from tiny import STUDENT, write_checkpoint

from snnpar.config import TrainConfig
from snnpar.config.recipes import to_arguments
from snnpar.runs import devices
from snnpar.runs.estimate import EstimateError, RunEstimate, Trial
from snnpar.runs.jobs import Job, JobStatus
from snnpar.runs.run import create_run, list_runs

PICKED = "--recipe published-code"


def pick(test, recipe: str):
    return test.selectbox(key="set_recipe").set_value(recipe).run()


def paste(test, line: str):
    test.text_area(key="fill_command").set_value(line)
    return test.button(key="fill_from_command").click().run()


def command(test) -> str:
    """The command line on screen, without the teacher of the bar."""
    words = shlex.split(test.code[0].value)
    if "--teacher" in words:
        del words[words.index("--teacher") : words.index("--teacher") + 2]
    return shlex.join(words[3:])


def test_a_recipe_fills_in_and_keeps_what_was_changed_by_hand(app, pair: Path) -> None:
    test = app(pair, "train")
    test.number_input(key="set_seed").set_value(5).run()
    test.toggle(key="set_logit_kd").set_value(True).run()
    pick(test, "published-code")
    assert test.number_input(key="set_epochs").value == 60
    assert test.segmented_control(key="set_optimizer").value == "sgd"
    assert command(test) == f"{PICKED} --logit-kd --seed 5"
    assert "1 changed from the recipe" in said(test.caption)
    test.button(key="form_undo").click().run()
    assert test.selectbox(key="set_recipe").value == "first-run"
    assert (test.number_input(key="set_epochs").value, test.number_input(key="set_seed").value) == (5, 5)
    assert not any(button.key == "form_undo" for button in test.button)


def test_reset_goes_back_to_the_recipe_and_can_be_undone(app, pair: Path) -> None:
    test = app(pair, "train")
    test.number_input(key="set_lr").set_value(0.5).run()
    before = test.code[0].value
    test.button(key="form_reset").click().run()
    assert command(test) == "" and "1 setting set back" in said(test.caption)
    assert not any(button.key == "form_reset" for button in test.button)
    test.button(key="form_undo").click().run()
    assert test.code[0].value == before


def test_the_weight_that_follows_the_distillation_is_no_change(app, pair: Path) -> None:
    test = pick(app(pair, "train"), "published-code")
    test.toggle(key="set_logit_kd").set_value(True).run()
    assert command(test) == f"{PICKED} --logit-kd" and test.number_input(key="set_ce_weight").value == 0.8
    test.toggle(key="set_logit_kd").set_value(False).run()
    assert command(test) == PICKED and test.number_input(key="set_ce_weight").value == 1.0


def test_every_setting_tells_its_flag_and_source(app, pair: Path) -> None:
    test = pick(app(pair, "train"), "published-paper")
    told = test.segmented_control(key="set_optimizer").help
    assert "`--optimizer`" in told and "Recipe: adam (source: the paper's text)" in told
    assert "Recipe: 60 (source: the paper's text, sections 3.4 and 4.2)" in test.number_input(key="set_epochs").help
    assert 'read as weight decay: "a decay rate' in test.number_input(key="set_weight_decay").help
    assert "contradicts itself: 8e-4 beside a warm-up to 1e-3" in test.number_input(key="set_lr").help
    assert "source: ours" in test.number_input(key="set_seed").help


def test_a_pasted_command_fills_the_form(app, pair: Path) -> None:
    test = app(pair, "train")
    line = f"{PICKED} --role teacher --model vtb_conv_2_64 --epochs 9 --no-decay-all --visual-weight 0.5"
    paste(test, f"python -m train {line}")
    assert command(test) == line.replace(
        "--epochs 9 --no-decay-all --visual-weight 0.5", "--epochs 9 --no-decay-all --visual-weight 0.5"
    )
    assert "Command line filled in" in said(test.caption) and not test.error
    assert test.selectbox(key="set_model").value == "vtb_conv_2_64"
    test.button(key="form_undo").click().run()
    assert test.number_input(key="set_epochs").value == 5


def test_flags_without_effect_are_named(app, pair: Path) -> None:
    test = paste(app(pair, "train"), "python -m train --fold 2 --temperature 5 --epochs 4")
    assert command(test) == "--epochs 4"
    assert "no effect: --fold, --temperature" in said(test.caption)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("python -m train --speed 9", "No setting is called --speed; did you mean --seed?"),
        ("", "There is no command line"),
        ("python -m train --model vtb_conv_2_64", "Vtb_conv_2_64 is a teacher"),
    ],
)
def test_what_cannot_be_pasted_is_one_sentence_and_changes_nothing(app, pair: Path, line: str, sentence: str) -> None:
    test = app(pair, "train")
    before = test.code[0].value
    paste(test, line)
    assert sentence in said(test.error) and test.code[0].value == before and not test.exception


def test_the_settings_of_a_run_are_duplicated(app, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny-student", STUDENT)
    config = TrainConfig.of(model="spikingformer_cml_4_192", epochs=4, batch_size=12, accumulate=3, lr=0.01)
    run = create_run(config, tmp_path / "runs" / "one")
    test = app(tmp_path, "train")
    test.selectbox(key="fill_run").set_value(run.name).run()
    test.button(key="fill_from_run").click().run()
    assert shlex.split(test.code[0].value)[3:] == to_arguments(config)
    assert "Settings of one filled in" in said(test.caption)


def test_faults_are_told_at_the_field_and_switch_start_off(app, pair: Path) -> None:
    test = app(pair, "train")
    test.number_input(key="set_accumulate").set_value(5).run()
    assert "parts of which there are 1, 2, 4, 8." in said(test.caption)
    start = test.button(key="start")
    assert start.disabled and "Parts of a batch" in start.help and test.button(key="estimate").disabled
    assert any("1 to fix" in one.label for one in test.expander)
    test.number_input(key="set_accumulate").set_value(4).run()
    assert not test.button(key="start").disabled and "--accumulate 4" in test.code[0].value


def test_another_role_starts_from_its_small_model(app, pair: Path) -> None:
    test = app(pair, "train")
    test.selectbox(key="set_model").set_value("spikingformer_1_64").run()
    test.segmented_control(key="set_role").set_value("teacher").run()
    assert command(test) == "--role teacher" and test.selectbox(key="set_model").options[0] == "vtb_conv_2_96"
    assert not test.exception and test.number_input(key="set_temperature").disabled


def test_the_form_survives_another_page(app, pair: Path) -> None:
    test = pick(app(pair, "train"), "published-code")
    test.number_input(key="set_seed").set_value(8).run()
    before = test.code[0].value
    test.switch_page("energy.py").run()
    test.switch_page("train.py").run()
    assert test.code[0].value == before and not test.exception


# ---- the estimate

MEASURED = {
    "seconds": [1.0],
    "processor_seconds": [1.0],
    "reading_s": [0.0],
    "validating_s": 0.0,
    "peak_bytes": 2e9,
    "image_bytes": 1,
    "state_bytes": 1e6,
    "weight_bytes": 1e6,
    "train_images": 512,
    "all_images": 512,
    "val_images": 500,
    "steps_per_epoch": 16,
    "on_gpu": False,
    "device": "CPU",
    "threads": 2,
    "cores": 2,
    "timesteps": 4,
    "free_bytes": 8e9,
    "load": 0.0,
}


class Scripted:
    """A trial that does as a test says."""

    def __init__(self, config: TrainConfig) -> None:
        self.config, self.outcome, self.closed = config, None, False
        Scripted.last = self

    def poll(self) -> RunEstimate | None:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def told(self) -> str:
        return "warming up"

    def share(self) -> float:
        return 0.2

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def estimating(app, pair: Path, monkeypatch: pytest.MonkeyPatch):
    """The page with a scripted trial under way."""
    monkeypatch.setattr("pages.ui.train.estimating.Trial", Scripted)
    test = app(pair, "train")
    test.button(key="estimate").click().run()
    assert not test.exception and "Estimating" in test.get("progress")[0].proto.text
    return test


def test_an_estimate_is_told_and_knows_its_settings(estimating) -> None:
    trial = Scripted.last
    trial.outcome = RunEstimate(trial.config, trial.config.optimisation.batch_size, MEASURED)
    estimating.run()
    table = said(estimating.markdown)
    assert "| **Whole run** | 80 s | :small[extrapolated: 5 epochs, and 0 s to measure" in table
    assert "2.0 GB of 8.0 GB free" in table
    assert "other settings" not in said(estimating.caption).lower()
    estimating.number_input(key="set_seed").set_value(4).run()
    assert "Of other settings" in said(estimating.caption)


def test_an_estimate_that_needs_a_smaller_batch_says_so(estimating) -> None:
    trial = Scripted.last
    trial.outcome = RunEstimate(trial.config.changed(batch_size=8), 32, MEASURED)
    estimating.run()
    assert "--batch-size 8" in said(estimating.warning)


def test_an_estimate_can_be_cancelled(estimating) -> None:
    estimating.button(key="estimate_cancel").click().run()
    assert Scripted.last.closed and any(button.key == "estimate" for button in estimating.button)


def test_an_estimate_that_fails_is_a_sentence(estimating) -> None:
    Scripted.last.outcome = EstimateError("no such teacher")
    estimating.run()
    assert "No such teacher." in said(estimating.error) and not estimating.button(key="estimate").disabled


@pytest.mark.slow
def test_the_page_estimates_for_real(app, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.ui.train.estimating.Trial", lambda config: Trial(config, steps=1))
    test = app(pair, "train")
    paste(test, "python -m train --model spikingformer_1_64 --batch-size 4 --rendered-count 16 --threads 1")
    test.button(key="estimate").click().run()
    deadline = time.monotonic() + 300
    while "trial" in test.session_state and time.monotonic() < deadline:
        time.sleep(0.5)
        test.run()
    assert "Whole run" in said(test.markdown) and not test.exception
    assert not list_runs(pair / "runs")


# ---- the queue


def test_a_busy_device_queues_and_says_where(app, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = devices.device_key(TrainConfig())
    places = [
        devices.QueuePosition(Job(tmp_path / "first"), key, 0),
        devices.QueuePosition(Job(tmp_path / "second"), key, 1),
        devices.QueuePosition(Job(tmp_path / "other"), "another", 0),
    ]
    monkeypatch.setattr(devices, "queue", lambda: places)
    launched: list = []
    monkeypatch.setattr("pages.ui.train.starting.launch", launched.append)
    monkeypatch.setattr("pages.ui.train.starting.status", lambda _run: JobStatus("queued", "waits for first, 2 ahead"))
    test = app(pair, "train")
    start = test.button(key="start")
    assert start.label == "Queue (2 ahead)" and "waits for first and second" in start.help
    monkeypatch.setattr("pages.ui.train.starting.create_run", lambda config, root: SimpleNamespace(name="mine"))
    start.click().run()
    assert launched and "mine waits for first, 2 ahead." in said(test.toast)
