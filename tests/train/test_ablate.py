from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest
import tiny

from snnpar.core.errors import SnnparError
from snnpar.metrics.published import published_rows
from snnpar.models import preset
from snnpar.runs.jobs import status
from snnpar.runs.run import Run, open_run
from train.ablate.__main__ import main, parser
from train.ablate.paper import estimate, table2_rows, table3_rows
from train.ablate.parts import helps, part_rows, together
from train.ablate.rows import prepare, run_config

SETTINGS = [
    "--model",
    "spikingformer_1_64",
    "--rendered-count",
    "16",
    "--batch-size",
    "8",
    "--epochs",
    "1",
    "--rendered-test",
    "8",
    "--threads",
    "1",
]


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    return tiny.write_checkpoint(tmp_path / "teacher", preset("vtb_conv_2_64")).path


def test_an_interval_over_seeds_is_students() -> None:
    told = estimate([1.0, 2.0, 3.0])
    assert told.mean == 2.0 and told.half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)  # t(0.975, 2) / sqrt(n)
    assert f"{told}" == "2.0 ± 2.5" and f"{told:+}" == "+2.0 ± 2.5"


def test_one_seed_has_no_interval() -> None:
    assert estimate([5.0]).half is None and f"{estimate([5.0])}" == "5.0"


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (table3_rows("spiking"), ["none", "features", "logits", "both"]),
        (table2_rows("spiking", "vit"), ["ViT student", "spiking student"]),
    ],
    ids=["table3", "table2"],
)
def test_rows_name_their_model_and_the_published_row(rows: list, names: list[str]) -> None:
    assert [row.name for row in rows] == names
    published = {row.system: row.percent["f1"] for row in published_rows("pa100k")}
    expected = {"none": 81.67, "features": 82.34, "logits": 82.52, "both": 83.16, "ViT student": 86.49}
    assert {row.name: published[row.published] for row in rows} == {n: expected.get(n, 81.67) for n in names}
    assert {row.settings["model"] for row in rows} == ({"spiking", "vit"} if "ViT student" in names else {"spiking"})


def test_a_teacher_that_does_not_fit_is_told_before_anything_trains(tmp_path: Path, teacher: Path, capsys) -> None:
    flags = ["table3", "--out", str(tmp_path / "out"), "--teacher", str(teacher), *SETTINGS]
    assert main([*flags, "--model", "spikingformer_2_96"]) == 2
    assert "equal widths: teacher 64, student 96" in capsys.readouterr().err
    assert not [run for run in (tmp_path / "out").glob("*") if status(Run(run)).state != "created"]


@pytest.mark.slow
def test_a_table_is_made_run_by_run_and_goes_on_where_it_was(tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    command = ["table2", "--out", str(out), "--vit-model", "vit_2_96", "--seeds", "0", *SETTINGS]
    assert main(command) == 0
    text = (out / "table2.md").read_text("utf-8")
    assert text in capsys.readouterr().out
    runs = {name: open_run(out / f"{name}-none-seed0") for name in ("vit_2_96", "spikingformer_1_64")}
    scores = {name: json.loads((run.path / "scores.json").read_text()) for name, run in runs.items()}
    vit, spiking = (scores[name]["rendered held out"] for name in runs)
    assert f"| ViT student | {vit['mean_accuracy']:.1f} | {vit['f1']:.1f} | 80.33 | 86.49 |" in text
    gains = [spiking[key] - vit[key] for key in ("mean_accuracy", "f1")]
    assert f"| spiking student | {gains[0]:+.1f} | {gains[1]:+.1f} |" in text

    weights = runs["vit_2_96"].path / "model.safetensors"
    before = weights.stat().st_mtime_ns
    (runs["spikingformer_1_64"].path / "status.json").unlink()  # as after a crash, before its score
    (runs["spikingformer_1_64"].path / "scores.json").unlink()
    assert main(command) == 0
    assert weights.stat().st_mtime_ns == before
    assert status(runs["spikingformer_1_64"]).state == "done"
    assert (out / "table2.md").read_text("utf-8") == text

    assert main([*command, "--lr", "0.5"]) == 2
    assert "other settings" in capsys.readouterr().err


def test_runs_on_real_data_are_known_again_wherever_the_data_lies(tmp_path: Path, noise_data: str) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(noise_data, moved)
    flags = ["table2", "--out", str(tmp_path / "out"), "--dataset", "mixed", *SETTINGS]
    rows = table2_rows("spikingformer_1_64", "vit_2_96")
    runs = []
    for data in (noise_data, str(moved)):
        runs.append(prepare(rows[1], 0, parser().parse_args([*flags, "--data", data])))
    assert runs[0] == runs[1] and status(runs[0]).state == "created"
    with pytest.raises(SnnparError, match="other settings"):
        prepare(rows[1], 0, parser().parse_args([*flags, "--data", noise_data, "--epochs", "2"]))


def options(*flags: str) -> argparse.Namespace:
    return parser().parse_args(["parts", "--teacher", "somewhere", *flags])


def test_each_part_changes_one_thing_of_the_base() -> None:
    base, *others = part_rows("spikingformer_2_96")
    first = run_config(base, 0, options()).settings()
    changed = []
    for row in others:
        config = run_config(row, 0, options()).settings()
        changed += [{name: config[name] for name in config if config[name] != first[name]}]
    assert changed == [
        {"timestep_weight": 1.0},
        {"feature_mask": 0.3},
        {"model": "spikingformer_cml_2_96"},
        {"label_weighting": "none"},
        {"ema": 0.0},
    ]
    assert first["feature_kd"] and first["logit_kd"] and len({row.folder for row in [base, *others]}) == 6


def test_a_model_without_a_twin_is_told() -> None:
    with pytest.raises(SnnparError, match="spikingformer_1_64 has no twin .* there are spikingformer_cml_4_192"):
        part_rows("spikingformer_1_64")


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(0.1, 0.5), (-0.2, 0.9)], True),
        ([(-0.1, 0.5), (-0.2, 0.9)], False),  # nothing beyond chance
        ([(0.1, 0.5), (-0.9, -0.1)], False),  # better here, worse there
        ([(0.0, 0.0), (0.0, 0.0)], False),
    ],
)
def test_a_part_helps_if_it_raises_something_and_lowers_nothing(intervals: list, expected: bool) -> None:
    found = {("val", str(i)): (sum(ends) / 2, *ends) for i, ends in enumerate(intervals)}
    assert helps(found) is expected


def test_what_helps_is_put_together() -> None:
    rows = part_rows("spikingformer_2_96")
    best = together(rows, ["masked features", "pooling before firing (CML)", "no moving average"])
    assert best.settings == rows[0].settings | {"feature_mask": 0.3, "model": "spikingformer_cml_2_96", "ema": 0.0}
    assert best.folder == "mask-cml-no-ema" and "masked features" in best.name
    assert together(rows, ["masked features"]) is None  # is a row already


def test_parts_compares_runs_of_one_seed(tmp_path: Path, capsys) -> None:
    assert main(["parts", "--out", str(tmp_path / "out"), "--seeds", "0", "1", "--teacher", "somewhere"]) == 2
    assert "--seeds one number" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_every_part_trains_and_is_compared_with_the_base(tmp_path: Path, noise_data: str) -> None:
    """On noise nothing can be learnt, so only the shape of the table and where its numbers come from is checked."""
    out, taught = tmp_path / "out", tiny.write_checkpoint(tmp_path / "teacher", preset("vtb_conv_2_96")).path
    assert (
        main(
            [
                "parts",
                "--out",
                str(out),
                "--teacher",
                str(taught),
                "--dataset",
                "mixed",
                "--data",
                noise_data,
                *SETTINGS,
                "--model",
                "spikingformer_2_96",
            ]
        )
        == 0
    )
    lines = [line for line in (out / "parts.md").read_text("utf-8").splitlines() if line.startswith("|")]
    assert "val (n=6) mA" in lines[0] and "rendered held out (n=8) F1" in lines[0]
    names = [row.name for row in part_rows("spikingformer_2_96")]
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:8]] == names
    for name, line in zip(names, lines[2:8], strict=True):
        row = next(row for row in part_rows("spikingformer_2_96") if row.name == name)
        reports = [
            json.loads(path.read_text("utf-8"))
            for path in (out / "evaluations").glob(f"{row.folder}-seed0*/evaluation.json")
        ]
        told = {f"{100 * one['metrics']['published']['f1']['value']:.1f}" for one in reports}
        assert len(reports) == 2 and told <= set(line.strip("| ").split(" | "))


@pytest.mark.slow
def test_every_row_of_table3_trains(tmp_path: Path, teacher: Path) -> None:
    out = tmp_path / "out"
    assert main(["table3", "--out", str(out), "--teacher", str(teacher), "--seeds", "0", "1", *SETTINGS]) == 0
    assert len(list(out.glob("*/scores.json"))) == 8
    tables = [line for line in (out / "table3.md").read_text("utf-8").splitlines() if line.startswith("|")]
    assert sum(line.count("±") for line in tables) == 4 * 2 + 3 * 2
