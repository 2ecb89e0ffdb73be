"""Runs on the Train page, read from folders made by hand: progress, curves, comparison, neurons and lens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_runs import FIRING, METRICS, charts, decoded, lens, make_run, step
from screen import said

from snnpar.explain.firing import LIMITS
from snnpar.figures import RUN_LOOKS
from snnpar.metrics.gain import Gain, measure_gain, write_gain
from snnpar.runs.lens import save_lens
from snnpar.runs.run import Run


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (
            {
                "phase": "training",
                "epoch": 1,
                "epochs": 2,
                "step": 1234,
                "steps": 4000,
                "images_per_s": 31.25,
                "eta_s": 65,
                "memory_gb": 1.94,
            },
            "epoch 1 of 2, step 1,234 of 4,000 · 31.2 images/s · about 0:01:05 left · 1.9 GB",
        ),
        ({"phase": "reading", "what": "pa100k train", "done": 1200, "n": 1400}, "pa100k train: 1,200 of 1,400"),
        ({}, "epoch 2 of 2, step 6 of 6 · 40.0 images/s · 1.5 GB"),
        ({"phase": "validating", "what": "step 0", "done": 64, "n": 200}, "scoring step 0: 64 of 200 images"),
        ({"phase": "training"}, "Starting"),
    ],
)
def test_the_bar_says_what_the_process_is_at(view, tmp_path: Path, state: Callable, progress: dict, words: str) -> None:
    run = make_run(tmp_path, "a")
    if progress:
        (run.path / "progress.json").write_text(json.dumps(progress), "utf-8")
    state("running")
    test = view(tmp_path)
    assert words in test.get("progress")[0].proto.text


def test_a_run_at_rest_promises_no_end(view, tmp_path: Path, state: Callable) -> None:
    make_run(tmp_path, "a", epochs=1)
    state("stopped")
    assert view(tmp_path).get("progress")[0].proto.text == "epoch 1 of 2, step 3 of 6"


def test_one_run_shows_its_terms_and_costs(view, tmp_path: Path) -> None:
    make_run(tmp_path, "a")
    found = charts(view(tmp_path))
    assert {
        "loss_curves",
        "metric_curves",
        "chart_Learning rate",
        "chart_Gradient norm",
        "chart_Speed",
        "chart_Memory",
    } == set(found)
    assert [line["name"] for line in found["loss_curves"]["data"]] == ["labels (BCE)"]


def test_step_0_is_the_first_point_and_never_the_best(view, tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    lines = (run.path / "metrics.jsonl").read_text("utf-8")
    start = {"kind": "epoch", "epoch": 0, "step": 0, "best": False, **dict.fromkeys(METRICS, 0.9)}
    (run.path / "metrics.jsonl").write_text(json.dumps(start) + "\n" + lines, "utf-8")
    for axis, places in (("step", [0, 3, 6]), ("epoch", [0, 1, 2])):
        test = view(tmp_path, over=axis)
        (ma,) = [line for line in charts(test)["metric_curves"]["data"] if line["name"] == "mA"]
        assert decoded(ma["x"]) == pytest.approx(places) and decoded(ma["y"]) == pytest.approx([90, 60, 60])
        assert "step 0: mA 90.0, F1 90.0 → best epoch 2: mA 60.0, F1 65.0" in said(test.markdown)


def test_before_the_first_epoch_there_is_step_0_alone(view, tmp_path: Path) -> None:
    run = make_run(tmp_path, "a", epochs=0)
    start = {"kind": "epoch", "epoch": 0, "step": 0, "best": False, **METRICS}
    (run.path / "metrics.jsonl").write_text(json.dumps(start) + "\n", "utf-8")
    make_run(tmp_path, "b")
    assert "Validation** · step 0: mA 60.0, F1 65.0 (published" in said(view(tmp_path, run="a").markdown)
    assert "b: mA 60.0" in said(view(tmp_path, run="a", beside="b").markdown)


def gained(run: Run, share: float) -> Gain:
    """The result of a run whose answers are right on this share of the labels, beside those of a coin."""
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 6)) < 0.4).astype(np.int8)
    end = np.where(rng.random(labels.shape) < share, labels, 1 - labels).astype(np.float32)
    gain = measure_gain(
        labels,
        np.full(labels.shape, 0.3),
        end,
        np.arange(len(labels)),
        attributes=tuple(map(str, range(labels.shape[1]))),
        ignore_unknown=True,
        images="rendered test",
        chose=False,
        epoch=2,
        seed=0,
    )
    write_gain(run.path, gain)
    return gain


@pytest.mark.parametrize(("share", "kind", "words"), [(0.8, "primary", "It learned"), (0.4, "secondary", "At chance")])
def test_the_result_is_told_and_one_at_chance_is_not_offered_first(
    view, tmp_path: Path, state: Callable, share: float, kind: str, words: str
) -> None:
    run = make_run(tmp_path, "a")
    (run.path / "model.safetensors").write_bytes(b"weights")
    gain = gained(run, share)
    state("done")
    test = view(tmp_path)
    ma, f1 = test.metric
    assert ma.value == f"{100 * gain.end['mean_accuracy']:.1f}"
    assert ma.delta == f"{gain.worded('mean_accuracy')} over step 0"
    assert f1.label == "F1 after training" and gain.about() in said(test.caption)
    assert words in (said(test.warning) if gain.is_chance else said(test.markdown))
    (use,) = [button for button in test.button if button.label == "Use as student"]
    assert use.proto.type == kind and not use.disabled


def test_a_result_of_another_time_is_not_told_of_a_run_at_work(view, tmp_path: Path, state: Callable) -> None:
    gained(make_run(tmp_path, "a"), 0.8)
    state("running")
    assert not view(tmp_path).metric


def test_runs_lie_over_each_other_and_their_settings_beside(view, tmp_path: Path) -> None:
    make_run(tmp_path, "a", lr=1e-3)
    make_run(tmp_path, "b", lr=2e-3)
    test = view(tmp_path, run="a", beside="b", smoothing="0.5")
    assert test.selectbox(key="run").value == "a" and test.multiselect(key="beside").value == ["b"]
    loss = charts(test)["loss_of_runs"]["data"]
    drawn = [(line["name"], line["line"]["color"], line["marker"]["symbol"]) for line in loss if "marker" in line]
    assert drawn == [("b", RUN_LOOKS[1].colour, RUN_LOOKS[1].symbol), ("a", RUN_LOOKS[0].colour, RUN_LOOKS[0].symbol)]
    assert sum(line.get("opacity") is not None for line in loss) == 2, "what was logged lies pale behind the smoothed"
    table = test.dataframe[1]  # below that of the runs
    assert table.value.to_dict() == {"a": {"\u200b--lr": "0.001"}, "b": {"\u200b--lr": "0.002"}}  # no formula


def test_a_choice_outlasts_other_pages(app, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_run(tmp_path, name)
    test = app(tmp_path, "train", run="a")
    test.multiselect(key="beside").set_value(["c"]).run()
    test.slider(key="smoothing").set_value(0.7).run()
    test.switch_page("evaluate.py").run()
    test.switch_page("train.py").run()
    assert (
        test.selectbox(key="run").value,
        test.multiselect(key="beside").value,
        test.slider(key="smoothing").value,
    ) == ("a", ["c"], 0.7)
    assert (test.query_params["run"], test.query_params["beside"], test.query_params["smoothing"]) == ("a", "c", "0.7")


def test_a_run_beside_itself_is_one_run(view, tmp_path: Path) -> None:
    make_run(tmp_path, "a")
    make_run(tmp_path, "b")
    assert "loss_curves" in charts(view(tmp_path, run="a", beside="a"))


@pytest.mark.parametrize("query", [{"run": "gone"}, {"run": "a", "beside": "gone"}])
def test_a_link_to_a_run_that_is_gone_shows_another(view, tmp_path: Path, query: dict) -> None:
    make_run(tmp_path, "a")
    make_run(tmp_path, "b")
    assert "loss_curves" in charts(view(tmp_path, **query))


def test_epochs_as_the_axis(view, tmp_path: Path) -> None:
    make_run(tmp_path, "a")
    test = view(tmp_path, over="epoch")
    figure = charts(test)["chart_Speed"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "epoch"


@pytest.mark.parametrize("lines", ["", "half", '{"kind": "epoch"', "\n\n", '[]\n7\n{"kind": "step"'])
def test_a_run_with_nothing_to_draw(view, tmp_path: Path, lines: str) -> None:
    run = make_run(tmp_path, "a", epochs=0)
    (run.path / "metrics.jsonl").write_text(lines, "utf-8")
    for look_at in ("Curves", "Neurons", "Lens"):
        test = view(tmp_path, look_at=look_at)
        assert not charts(test)


def test_a_run_of_an_earlier_version_has_curves_only(view, tmp_path: Path) -> None:
    """Without firing lines, lens, gradient norm, memory, and steps in its epoch lines."""
    run = make_run(tmp_path, "a", firing=None)
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        for name in ("grad_norm", "memory_gb") + (("step",) if row["kind"] == "epoch" else ()):
            row.pop(name, None)
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = charts(view(tmp_path))
    assert set(found) == {"loss_curves", "metric_curves", "chart_Learning rate", "chart_Speed"}
    assert "No firing rates" in said(view(tmp_path, look_at="Neurons").info)
    assert "has none yet" in said(view(tmp_path, look_at="Lens").info)


def test_a_hundred_thousand_steps_are_thinned_out_and_their_spike_stays(view, tmp_path: Path) -> None:
    run = make_run(tmp_path, "a", epochs=0)
    with open(run.path / "metrics.jsonl", "w", encoding="utf-8") as file:
        for number in range(1, 100_001):
            row = step(number, 200_000, 100_000, loss=99.0 if number == 54_321 else 1.0, logit=0.5)
            file.write(json.dumps(row) + "\n")
    found = charts(view(tmp_path, smoothing="0.9"))
    raw = next(line for line in found["loss_curves"]["data"] if line["name"] == "sum" and line.get("opacity"))
    assert 99.0 in decoded(raw["y"]) and 54_321 in decoded(raw["x"])
    assert all(len(decoded(line["x"])) <= 1000 for figure in found.values() for line in figure["data"])


def test_neurons_raise_an_alarm(view, tmp_path: Path) -> None:
    make_run(tmp_path, "healthy")
    sick = FIRING | {"dead": FIRING["dead"] | {"block.0.attn.q_lif": 0.97}}
    make_run(tmp_path, "sick", firing=sick)
    test = view(tmp_path, run="sick", look_at="Neurons")
    assert "97% of the neurons of block.0.attn.q_lif · block 1, attention, q never fire" in said(test.warning)
    assert f"{LIMITS['dead']:.0%}" in said(test.caption) and "firing_curves" in charts(test)
    test = view(tmp_path, run="healthy", look_at="Neurons")
    assert not test.warning and "No layer is dead or saturated" in said(test.caption)


def test_the_lens_is_scrubbed_through_epochs(view, tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    test = view(tmp_path, look_at="Lens")
    slider = test.select_slider(key="lens_epoch")
    assert slider.value == 2 and {"lens_trend", "lens_logits"} == set(charts(test))
    assert "a.png" in said(test.caption) and "Bag" in said(test.markdown)
    save_lens(run.path, lens(3))
    test.run()
    assert test.select_slider(key="lens_epoch").value == 3, "it follows the last epoch"
    test.select_slider(key="lens_epoch").set_value(1).run()
    save_lens(run.path, lens(4))
    test.run()
    assert test.select_slider(key="lens_epoch").value == 1, "until another was picked"
    shown = decoded(charts(test)["lens_logits"]["data"][2]["x"])
    assert sorted(shown) == pytest.approx(sorted(lens(1).logits[0].tolist()), abs=1e-4)


def test_a_lens_without_a_teacher_maps_or_images(view, tmp_path: Path) -> None:
    from dataclasses import replace

    run = make_run(tmp_path, "a", epochs=1)
    (run.path / "lens" / "images.png").unlink()
    assert "not in this run's folder" in said(view(tmp_path, look_at="Lens").caption)
    save_lens(run.path, replace(lens(1), maps=None))
    assert "No maps" in said(view(tmp_path, look_at="Lens").caption)
    save_lens(run.path, replace(lens(1), maps=None, teacher_logits=None))
    assert "no teacher" in said(view(tmp_path, look_at="Lens").info)
    (run.path / "lens" / "epoch-0001.json").write_text("{", "utf-8")
    assert "has none yet" in said(view(tmp_path, look_at="Lens").info)
