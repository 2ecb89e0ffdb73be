"""Which checkpoints there are, who taught whom, what is known of how good they are, and what may be deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import Hub, Repo
from tiny import STUDENT, TEACHER, write_checkpoint

import snnpar
from snnpar.checkpoint import CheckpointError, write_config
from snnpar.core.hashing import file_sha256
from snnpar.evaluation.evaluations import create_evaluation, data_hash
from snnpar.evaluation.scores import ImageSet, Score, choice_for, image_sets, known_scores
from snnpar.evaluation.slices import DataChoice
from snnpar.hub import fetch_checkpoint, search
from snnpar.hub.ids import HubError
from snnpar.metrics.pedestrian import FIVE
from snnpar.sharing.card import share
from snnpar.sharing.collection import HUB, RUN, SHIPPED, CheckpointEntry, collect, delete, hub_cache, lineage

DIGEST = "ab" * 32


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, folder in (("CHECKPOINTS", ""), ("RUNS", "runs"), ("EVALUATIONS", "evaluations")):
        monkeypatch.setattr(snnpar, name, tmp_path / folder)
    return tmp_path


def trained(folder: Path, config=STUDENT, **train: object) -> Path:
    checkpoint = write_checkpoint(folder, config)
    write_config(folder, checkpoint.model, checkpoint.schema, train, {"commit": "c0ffee"})
    return folder


def pulled(hub: Hub, repo: str, folder: Path) -> Path:
    hub.repos[repo] = Repo()
    hub.repos[repo].push({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})
    return fetch_checkpoint(repo, cache=hub_cache())


def named(there: list[CheckpointEntry]) -> dict[str, CheckpointEntry]:
    return {one.reference: one for one in there}


def test_all_that_can_be_loaded_is_there_once(root: Path, empty_hub: Hub) -> None:
    trained(root / "mine")
    trained(root / "runs" / "first")
    trained(root / "runs" / "without-weights")
    (root / "runs" / "without-weights" / "model.safetensors").unlink()
    folder = pulled(empty_hub, "lab/other", root / "mine")
    there = collect()
    assert [(one.reference, one.kind) for one in there] == [
        ("mine", SHIPPED),
        ("runs/first", RUN),
        (f"lab/other@{folder.name}", HUB),
    ]
    assert [one.commit for one in there] == ["c0ffee", "c0ffee", folder.name] and there[2].revisions == ("main",)
    assert [one.kind for one in collect(runs=False)] == [SHIPPED, HUB]
    assert there[0].bytes == sum(path.stat().st_size for path in (root / "mine").iterdir())


def test_lineage_follows_teachers_by_name_path_and_id(root: Path, empty_hub: Hub) -> None:
    trained(root / "grandteacher", TEACHER, dataset="pa100k", data="/private/PA100K")
    trained(root / "runs" / "teacher", TEACHER, dataset="rendered", init=str(root / "grandteacher"))
    folder = pulled(empty_hub, "lab/teacher", root / "runs" / "teacher")
    there = named(collect())
    kept = there[f"lab/teacher@{folder.name}"]
    for place, reference in (
        (str(root / "runs" / "teacher"), "runs/teacher"),
        ("teacher", "runs/teacher"),
        (f"hf:{kept.reference}", kept.reference),
    ):
        trained(root / "mine", dataset="rendered", teacher=place, logit_kd=True)
        found = lineage(named(collect())["mine"], collect())
        assert [(one.relation, one.name, one.depth) for one in found] == [
            ("data", "rendered", 1),
            ("teacher", reference, 1),
            ("data", "rendered", 2),
            ("start", "grandteacher", 2),
            ("data", "pa100k (PA100K)", 3),
        ]


def test_lineage_ends_where_it_is_unknown_or_turns_back(root: Path) -> None:
    trained(root / "mine", teacher="/gone/wise", feature_kd=True, init=str(root / "mine"))
    found = lineage(collect()[0], collect())
    assert [(one.relation, one.name, one.kept is None) for one in found] == [
        ("teacher", "wise", True),
        ("start", "mine", False),
    ]
    trained(root / "mine", teacher="/gone/wise")  # named, but not used
    assert lineage(collect()[0], collect()) == []


def test_a_shipped_one_stays_and_others_go(root: Path, empty_hub: Hub) -> None:
    trained(root / "mine")
    trained(root / "runs" / "first", dataset="rendered")
    pulled(empty_hub, "lab/other", root / "mine")
    shipped, run, hub = collect()
    with pytest.raises(CheckpointError, match="came with the program and stays"):
        delete(shipped)
    delete(run)
    delete(hub)
    assert [one.reference for one in collect()] == ["mine"]


def test_scores_are_of_the_best_epoch_and_of_these_very_weights(root: Path) -> None:
    folder = trained(root / "mine")
    values = dict(zip(FIVE, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    rows = [{"kind": "epoch", "epoch": number, "best": number == 1, "val_images": 7, **values} for number in (1, 2)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, weights in (("one", file_sha256(folder / "model.safetensors")), ("other", "0" * 64)):
        place = root / "evaluations" / name
        place.mkdir(parents=True)
        metrics = {one: {"value": value} for one, value in values.items()} | {
            "per_attribute": {"ma": {"value": [0.25, 0.75, 0.5]}}
        }
        info = {
            "n": 9,
            "attributes": ["Hat", "Bag", "Boots"],
            "counts": {"positive": [4, 5, 0]},
            "attributes_without_positives": ["Boots"],
            "metrics": {"published": metrics, "rethinking": metrics},
            "provenance": {
                "checkpoint": {"sha256": weights},
                "data": {"title": name, "data": "people", "split": "test", "hash": DIGEST},
            },
        }
        (place / "evaluation.json").write_text(json.dumps(info))
        (place / "request.json").write_text("{}")
        (place / "predictions.parquet").touch()
    found = known_scores(folder)
    assert [(one.split, one.n, one.convention) for one in found] == [
        ("val", 7, "published"),
        ("test", 9, "published"),
        ("test", 9, "rethinking"),
    ]
    assert all(one.values == values for one in found) and "epoch 1" in found[0].words
    assert [one.digest for one in found] == ["", DIGEST, DIGEST] and len({one.set.key for one in found}) == 2
    assert [(one.supported, one.supported_attributes, one.without_positives) for one in found] == [
        (None, None, ()),
        *[(0.5, 2, ("Boots",))] * 2,
    ]


def test_a_copy_keeps_what_was_known(root: Path, tmp_path: Path) -> None:
    folder = trained(root / "mine")
    values = dict(zip(FIVE, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    row = {
        "kind": "epoch",
        "epoch": 1,
        "best": True,
        "val_images": 7,
        **values,
        "mean_accuracy_supported": 0.6,
        "supported_attributes": 20,
        "without_positives": ["Hat"],
    }
    (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    (first,) = known_scores(folder)
    for source, target in ((folder, tmp_path / "copy"), (tmp_path / "copy", tmp_path / "copy of it")):
        share(source, target, "copy")
        assert known_scores(target) == [first]


HALF = dict.fromkeys(FIVE, 0.5)
GOOD = {"images": "people, test", "split": "test", "n": 9, "convention": "published", "values": HALF}


@pytest.mark.parametrize(
    "change",
    [
        {"images": "![x](http://host/x.png)"},
        {"split": None},
        {"n": 0},
        {"n": "9"},
        {"convention": "ours"},
        {"values": {}},
        {"values": HALF | {"f1": 2.0}},
        {"values": HALF | {"f1": float("nan")}},
        {"values": None},
        {"digest": "abc"},
        {"digest": None},
        {"note": "<b>"},
        {"more": 1},
        {"supported": 2.0, "supported_attributes": 3},
        {"supported": 0.5},
        {"without_positives": [7]},
        {"without_positives": ["<b>"]},
        {"without_positives": 7},
    ],
)
def test_a_score_that_is_none_is_left_out(root: Path, change: dict) -> None:
    """A config comes from anybody."""
    folder = trained(root / "mine")
    config = json.loads((folder / "config.json").read_text())
    config["provenance"] = {"scores": [GOOD | change, GOOD, 7]}
    (folder / "config.json").write_text(json.dumps(config))
    assert [score.n for score in known_scores(folder)] == [9]


def score(images: str, split: str = "test", n: int | None = 9, digest: str = "") -> Score:
    return Score(images, split, n, "published", HALF, digest=digest)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (score("a", digest=DIGEST), score("b", "val", digest=DIGEST), True),  # one hash, whatever they are called
        (score("a", digest=DIGEST), score("a", digest="cd" * 32), False),
        (score("a", digest=DIGEST), score("a"), False),  # told without a hash
        (score("a"), score("a"), True),
        (score("a"), score("a", n=8), False),
        (score("a"), score("a", "val"), False),
        (score("a"), score("a", n=None), False),
        (score("a"), score("b"), False),
    ],
)
def test_scores_are_alike_on_one_set_of_images_only(first: Score, second: Score, alike: bool) -> None:
    assert (first.set.key == second.set.key) == alike


def test_the_set_that_most_have_comes_first_and_a_hash_before_none() -> None:
    told, hashed, chosen_on = score("people, test"), score("people, test", digest=DIGEST), score("people, val", "val")
    order = image_sets([[chosen_on, told], [told, chosen_on, hashed], [hashed, hashed]])
    assert [(one.title, count) for one, count in order] == [
        ("people, test, n = 9, hash abababa", 2),
        ("people, test, n = 9, no hash", 2),
        ("people, val, n = 9, no hash", 2),
    ]
    assert image_sets([[told], [told], [hashed]])[0][0].key == told.set.key and image_sets([]) == []


def test_rendered_images_of_a_set_can_be_drawn_anywhere(root: Path) -> None:
    choice = DataChoice(rendered=12)
    told = ImageSet(choice.title, "test", 12, data_hash(choice.open()))
    assert choice_for(told) == choice
    assert choice_for(replace(told, digest=DIGEST)) is None, "other images of that number"
    assert choice_for(replace(told, images="people, test")) is None


def test_a_mean_over_some_of_the_attributes_is_of_a_set_of_its_own(root: Path) -> None:
    folder = trained(root / "mine")
    values = {one: {"value": 0.5} for one in FIVE} | {"per_attribute": {"ma": {"value": [0.5]}}}
    for name, left_out in (("all", []), ("some", ["Hat"])):
        info = {
            "n": 9,
            "attributes": ["Boots"],
            "counts": {"positive": [4]},
            "attributes_without_positives": [],
            "metrics": {"published": values, "rethinking": values},
            "provenance": {
                "checkpoint": {"sha256": file_sha256(folder / "model.safetensors")},
                "attributes_left_out": {"data": left_out, "checkpoint": []},
                "data": {"title": "people, test", "data": "people", "split": "test", "hash": DIGEST},
            },
        }
        evaluation = create_evaluation(folder, DataChoice("/x/people", split=name), root=root / "evaluations")
        (evaluation.path / "evaluation.json").write_text(json.dumps(info))
        (evaluation.path / "predictions.parquet").touch()
    sets = {one.title: one for one, _ in image_sets([known_scores(folder)])}
    assert len(sets) == 2 and any(", 1 of 2 attributes, n = 9" in title for title in sets)
    whole, part = sets.pop("people, test, n = 9, hash abababa"), *sets.values()
    assert choice_for(whole).data == "/x/people" and choice_for(part) is None
    assert choice_for(ImageSet("people, test", "test", 9)) is None


def test_search_looks_an_id_up_and_lists_what_begins_so(empty_hub: Hub, root: Path) -> None:
    folder = trained(root / "mine")
    pulled(empty_hub, "lab/other", folder)
    empty_hub.repos["lab/other"].push({"README.md": b"no checkpoint"}, "empty")
    empty_hub.repos["slab/other"] = Repo()
    found = search(" lab/other ", signed=True)
    assert found.id.repo == "lab/other" and found.listing.commit == found.revisions["main"]
    assert found.listing.files["model.safetensors"].sha256 == file_sha256(folder / "model.safetensors")
    assert search("lab/o", signed=True).ids == search("LAB", signed=True).ids == ("lab/other",)
    assert search("nobody", signed=True).ids == ()
    for text, words in (
        ("lab/none@v1", "does not exist or is private"),
        ("-x", "is not the beginning of a Hub id"),
        ("lab/other@empty", "has no config.json"),
        ("a b", "is not the beginning"),
    ):
        with pytest.raises(HubError, match=words):
            search(text, signed=True)
