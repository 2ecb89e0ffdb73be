"""Cards and exported checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch

from snnpar.checkpoint import load_model, read_checkpoint, save_weights
from snnpar.config import TrainConfig
from snnpar.evaluation.scores import Score
from snnpar.metrics.pedestrian import FIVE
from snnpar.runs.run import Run, RunError, create_run
from snnpar.sharing.card import export_run, front_matter, run_card, share, training_hours

ROWS = [
    {"kind": "step", "epoch": 1, "time": 100.0},
    {"kind": "step", "epoch": 1, "time": 1900.0},
    {
        "kind": "epoch",
        "epoch": 1,
        "best": True,
        "mean_accuracy": 0.7,
        "accuracy": 0.6,
        "precision": 0.5,
        "recall": 0.4,
        "f1": 0.3,
        "time": 2000.0,
    },
    {"kind": "step", "epoch": 2, "time": 90_000.0},  # resumed a day later
    {"kind": "step", "epoch": 2, "time": 91_800.0},
    {
        "kind": "epoch",
        "epoch": 2,
        "best": False,
        "mean_accuracy": 0.6,
        "accuracy": 0.6,
        "precision": 0.5,
        "recall": 0.4,
        "f1": 0.3,
        "time": 92_000.0,
    },
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    config = TrainConfig.of(
        model="spikingformer_1_64",
        dataset="mixed",
        data=str(tmp_path / "private" / "pa100k"),
        teacher=str(tmp_path / "private" / "a-teacher"),
        logit_kd=True,
        seed=7,
    )
    run = create_run(config, tmp_path / "run")
    save_weights(tiny.lively(read_checkpoint(run.path).model), run.path / "model.safetensors")
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return run


def test_pauses_are_not_training_time(run: Run) -> None:
    assert training_hours(run) == pytest.approx(1.0)


def test_the_card_tells_what_was_done(run: Run) -> None:
    card = run_card(run, "my-student")
    assert "# my-student" in card and "CC BY 4.0" in card and "rendered" in card
    assert "--data pa100k --teacher a-teacher" in card and "--seed 7" in card and "1.00 h" in card
    assert "Best of 2 epochs" in card and "(epoch 1;" in card
    assert "| 70.00 | - | 60.00 | 50.00 | 40.00 | 30.00 |" in card  # an earlier run, which has no second mA


def test_the_card_names_attributes_without_a_positive(run: Run) -> None:
    """With mA over the attributes that have enough beside it, in the card of the run and in that of a copy."""
    support = {
        "mean_accuracy_supported": 0.75,
        "supported_attributes": 23,
        "without_positives": ["LowerStripe"],
        "val_images": 199,
    }
    rows = [row | (support if row["kind"] == "epoch" else {}) for row in ROWS]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    card = run_card(run, "my-student")
    assert "| mA | mA (≥ 4 positives) | Acc |" in card and "| 70.00 | 75.00 | 60.00 |" in card
    assert "over the 23 of 26 attributes with at least 4 positives; without a positive: LowerStripe" in card
    export_run(run, run.path.parent / "copy")
    share(run.path.parent / "copy", run.path.parent / "again", "lab/again")
    for name in ("copy", "again"):  # the second knows it from the config of the first
        text = (run.path.parent / name / "README.md").read_text("utf-8")
        assert "| 199 | published, 0.45 | 70.00 | 75.00 | 60.00 | 50.00 | 40.00 | 30.00 | LowerStripe |" in text


def test_an_export_loads_and_tells_no_path(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path / "shared" / "my-student")
    exported = read_checkpoint(tmp_path / "shared" / "my-student")
    before, after = load_model(read_checkpoint(run.path)).state_dict(), load_model(exported).state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert sorted(path.name for path in exported.path.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    for path in (exported.path / "README.md", exported.path / "config.json"):
        assert str(tmp_path) not in path.read_text("utf-8")


def test_an_export_overwrites_nothing_and_needs_weights(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="exists"):
        export_run(run, tmp_path)
    (run.path / "model.safetensors").unlink()
    with pytest.raises(RunError, match="has no model.safetensors yet"):
        export_run(run, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_the_hub_reads_of_a_card(run: Run, tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    export_run(run, tmp_path / "mine")
    card = ModelCard.load(tmp_path / "mine" / "README.md")
    assert (card.data.license, card.data.library_name, card.data.pipeline_tag) == (
        "apache-2.0",
        "snnpar",
        "image-classification",
    )
    assert card.data.eval_results is None  # how many images these epochs were validated on was not recorded
    assert "an estimate (45 nm" in card.text and 'snnpar.load("mine")' in card.text
    rows = [row | ({"val_images": 199} if row["kind"] == "epoch" else {}) for row in ROWS]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    export_run(run, tmp_path / "counted")
    results = ModelCard.load(tmp_path / "counted" / "README.md").data.eval_results
    assert [one.metric_value for one in results] == [0.7, 0.6, 0.5, 0.4, 0.3]
    assert all("n = 199" in one.dataset_name and "0.45" in one.metric_name for one in results)
    assert "n = 199; published convention, threshold 0.45" in run_card(run, "x")


def test_each_set_of_images_is_a_result_of_its_own(run: Run) -> None:
    """The Hub joins results of one task, dataset, config and split under one name."""
    from huggingface_hub import ModelCard

    half = dict.fromkeys(FIVE, 0.5)
    scores = [Score(name, "test", n, "published", half) for name, n in (("people, test", 200), ("2000 rendered", 2000))]
    results = ModelCard(front_matter(read_checkpoint(run.path), "mine", scores)).data.eval_results
    assert [one.dataset_name for one in results] == ["people, test, n = 200"] * 5 + ["2000 rendered, n = 2000"] * 5


def test_a_card_keeps_the_words_of_its_owner_and_writes_the_rest_anew(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path / "mine")
    path = tmp_path / "mine" / "README.md"
    path.write_text(path.read_text("utf-8") + "\nAlso this.\n", "utf-8")
    share(tmp_path / "mine", tmp_path / "again", "lab/again")
    text = (tmp_path / "again" / "README.md").read_text("utf-8")
    assert text.count("# again\n") == 1 and "Also this." in text and text.count("## Energy") == 1
    assert 'snnpar.load("lab/again")' in text and 'snnpar.load("mine")' not in text
    assert text.startswith("---\n") and text.count("license:") == 1
    energy = text[text.index("## Energy") :]
    assert " µJ of it for " in energy and " neuron updates, an estimate" in energy and "good for the student" in energy


@pytest.mark.parametrize(("dataset", "licence"), [("rendered", "apache-2.0"), ("peta", "other"), (None, "other")])
def test_only_open_data_gives_an_open_licence(tmp_path: Path, dataset: str | None, licence: str) -> None:
    checkpoint = tiny.write_checkpoint(tmp_path, tiny.STUDENT)
    train = {"dataset": dataset} if dataset else {}
    assert f"license: {licence}\n" in front_matter(replace(checkpoint, train=train), "mine")
