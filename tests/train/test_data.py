"""Images are read before the first step, unknown labels weigh nothing, phrases are those of the labels."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from snnpar.checkpoint import read_checkpoint
from snnpar.config import ConfigError, TrainConfig
from snnpar.config.recipes import apply_recipe
from snnpar.core.errors import SnnparError
from snnpar.datasets import ResizedImages, open_split
from snnpar.models.output import ModelOutput
from snnpar.runs.history import read_metrics
from snnpar.runs.jobs import status
from snnpar.runs.run import UNREADABLE, create_run
from snnpar.schema.attributes import AttributeSchema, Phrases, load_schema, save_phrases
from snnpar.schema.phrases import PUBLISHED_ORDER
from snnpar.sharing.card import run_card
from train import loop
from train.augment import mixup
from train.data import label_ratio, teacher_phrases
from train.distill import loss_terms

PETA = load_schema("peta")


@pytest.fixture
def damaged(quick: TrainConfig, tmp_path: Path) -> TrainConfig:
    """Twenty training images of which two cannot be read, six validation images of which one cannot."""
    folder = tmp_path / "pa"
    tiny.write_pa100k(folder, {"train": 20, "val": 6, "test": 1})
    (folder / "data" / "000003.png").write_bytes(b"no image")
    (folder / "data" / "000007.png").unlink()
    (folder / "data" / "000021.png").write_bytes(b"")
    return quick.changed(data=str(folder), epochs=1)


# ------------------------------------------------------------------------------------------------ images


def test_what_cannot_be_read_stops_the_run_before_it_starts(damaged: TrainConfig, tmp_path: Path, caplog) -> None:
    run = create_run(damaged, tmp_path / "run")
    with pytest.raises(
        SnnparError,
        match=r"3 of 26 images cannot be read \(000003.png, 000007.png, 000021.png; .*"
        r"--skip-unreadable",
    ):
        loop.train(run)
    assert status(run).state == "failed" and "000021.png" in status(run).message
    assert read_metrics(run) == [] and read_metrics(run, "step") == []
    lines = (run.path / UNREADABLE).read_text("utf-8").splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["pa100k train", "000003.png"],
        ["pa100k train", "000007.png"],
        ["pa100k val", "000021.png"],
    ]
    for reason in ("not a readable", "No such file", "empty (0 bytes)"):
        assert sum(reason in line for line in lines) == 1 and caplog.text.count(reason) == 1


def test_skipped_images_are_left_out_and_recorded(damaged: TrainConfig, tmp_path: Path) -> None:
    run = create_run(damaged.changed(skip_unreadable=True), tmp_path / "run")
    session = loop.prepare(run)
    whole = open_split(damaged, "train")
    kept = [i for i in range(20) if i not in (3, 7)]
    assert session.train.split.files == tuple(whole.files[i] for i in kept) and len(session.val) == 5
    assert np.array_equal(session.train.split.labels, whole.labels[kept])
    assert np.array_equal(session.train.labels.numpy(), whole.labels[kept])
    alone = ResizedImages(whole, (128, 64)).pixels(np.array([8]))
    assert torch.equal(session.train.pixels(np.array([6]))[0], alone[0]), "the 9th image is the 7th that is left"
    loop.train(run)
    assert status(run).state == "done" and len((run.path / UNREADABLE).read_text().splitlines()) == 3
    assert "could not be read and were left out: 3" in run_card(run, "x")


def test_every_image_is_read_once_and_before_training(quick: TrainConfig, tmp_path: Path, monkeypatch) -> None:
    read = []
    monkeypatch.setattr(
        "snnpar.datasets.annotation.open_rgb", lambda path: read.append(path.name) or tiny.random_image(1)
    )
    session = loop.prepare(create_run(quick, tmp_path / "run"))
    assert sorted(read) == [f"{i:06d}.png" for i in range(26)]
    session.train.pixels(np.arange(20))
    assert len(read) == 26


def test_rendered_images_are_drawn_when_needed(quick: TrainConfig, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("snnpar.datasets.rendered.render_pedestrian", lambda *_: pytest.fail("drawn before its time"))
    config = quick.changed(dataset="mixed", rendered_count=40, rendered_per_real=1.0)
    session = loop.prepare(create_run(config, tmp_path / "run"))
    assert session.train.pixels(np.arange(20)).shape[0] == 20 and len(session.train) == 60


def test_reading_for_long_is_a_sign_of_life(quick: TrainConfig, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("train.heartbeat.BEAT_S", 0.0)
    beats = []
    monkeypatch.setattr("train.heartbeat.write_text", lambda path, text: beats.append((path.name, json.loads(text))))
    loop.prepare(create_run(quick, tmp_path / "run"))
    assert [beat["done"] for _, beat in beats] == [*range(1, 21), *range(1, 7)]
    assert {name for name, _ in beats} == {"progress.json"} and {beat["n"] for _, beat in beats} == {20, 6}


def test_attributes_that_changed_since_are_refused(tmp_path: Path) -> None:
    rows = [("a.png", "train", "1", "0"), ("b.png", "val", "0", "1")]
    tiny.write_csv(tmp_path / "own", rows)
    config = TrainConfig.of(model="spikingformer_1_64", dataset="csv", data=str(tmp_path / "own"))
    run = create_run(config, tmp_path / "run")
    tiny.write_csv(tmp_path / "own", rows, "file,split,Hat,Blue coat")
    with pytest.raises(SnnparError, match="no longer those the run was made for"):
        loop.prepare(run)


def test_a_student_of_ones_own_attributes(tmp_path: Path) -> None:
    rows = [(f"{i}.png", "train" if i < 8 else "val", str(i % 2), "" if i % 3 else "1") for i in range(12)]
    tiny.write_csv(tmp_path / "own", rows)
    config = TrainConfig.of(
        model="spikingformer_1_64", dataset="csv", data=str(tmp_path / "own"), epochs=1, batch_size=4, threads=1
    )
    run = create_run(config, tmp_path / "run")
    loop.train(run)
    assert status(run).state == "done"
    content = json.loads((run.path / "config.json").read_text())
    assert [row["name"] for row in content["schema"]["attributes"]] == ["Hat", "Red coat"]
    assert "unknown labels left out" in run_card(run, "x")


# ------------------------------------------------------------------------------------------------ unknown labels


def terms_and_gradient(labels: list[list[float]], **settings: object) -> tuple[float, torch.Tensor]:
    logits = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]], requires_grad=True)
    output = ModelOutput(logits=logits, features=torch.zeros(2, 1, 1))
    ratio = torch.tensor([0.5, 0.25, 0.75])
    terms = loss_terms(output, torch.tensor(labels, dtype=torch.float32), ratio, None, TrainConfig.of(**settings))
    terms["ce"].backward()
    return terms["ce"].item(), logits.grad


def bce(logit: float, label: float, ratio: float) -> float:
    """Weighted cross-entropy of one label, which weighs as a positive or a negative."""
    p = 1 / (1 + math.exp(-logit))
    weight = math.exp(1 - ratio if label > 0.5 else ratio)
    return -weight * (label * math.log(p) + (1 - label) * math.log(1 - p))


def test_an_unknown_label_has_no_loss_and_no_gradient() -> None:
    value, gradient = terms_and_gradient([[1, 2, 0], [2, 0, 1]])
    expected = bce(0.5, 1, 0.5) + bce(2.0, 0, 0.75) + bce(0.25, 0, 0.25) + bce(-0.5, 1, 0.75)
    assert value == pytest.approx(expected / 2, rel=1e-5)
    assert ((gradient == 0) == torch.tensor([[False, True, False], [True, False, False]])).all()
    assert terms_and_gradient([[2.0] * 3] * 2)[0] == 0


def test_the_published_code_takes_the_two_for_a_number() -> None:
    assert not apply_recipe("published-code", {}).task.mask_unknown
    assert apply_recipe("published-paper", {}).task.mask_unknown
    value, _ = terms_and_gradient([[1, 2, 0], [1, 0, 1]], mask_unknown=False)
    expected = (
        bce(0.5, 1, 0.5)
        + bce(-1.0, 2, 0.25)
        + bce(2.0, 0, 0.75)
        + bce(1.5, 1, 0.5)
        + bce(0.25, 0, 0.25)
        + bce(-0.5, 1, 0.75)
    )
    assert value == pytest.approx(expected / 2, rel=1e-5)


def test_the_recipe_steps_on_unknown_labels_as_the_published_code_computes_them(golden: Path) -> None:
    """Its own loss of labels that hold 2, through the terms that training sums."""
    with np.load(golden / "arrays.npz") as arrays:
        labels, ratio, logits = (
            torch.from_numpy(arrays[name]).float()
            for name in ("edge.ce_labels", "in.sample_weight", "eval.student_logits")
        )
        output = ModelOutput(logits=logits, features=torch.zeros(len(logits), 1, 1))
        terms = loss_terms(output, labels, ratio, None, apply_recipe("published-code", {}))
        assert terms["ce"].item() == pytest.approx(arrays["edge.ce"], rel=1e-6)


def test_known_labels_alone_train_as_before() -> None:
    masked, plain = (terms_and_gradient([[1, 1, 0], [0, 0, 1]], mask_unknown=mask) for mask in (True, False))
    assert masked[0] == plain[0] and torch.equal(masked[1], plain[1])


def test_the_ratio_of_the_loss(tmp_path: Path) -> None:
    tiny.write_csv(tmp_path, [("a.png", "train", "1", ""), ("b.png", "train", "0", "1"), ("c.png", "val", "1", "0")])
    config = TrainConfig.of(dataset="csv", data=str(tmp_path))
    split = open_split(config, "train")
    assert label_ratio(config, split).tolist() == [0.5, 1.0]
    assert label_ratio(config.changed(mask_unknown=False), split).tolist() == [0.5, 1.5]


def test_a_blend_with_an_unknown_label_is_unknown() -> None:
    labels = torch.tensor([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 2.0], [0.0, 1.0, 0.0]])
    images = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    seen = set()
    for seed in range(20):
        mixed, blended = mixup(images, labels, 0.4, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        rng.beta(0.4, 0.4, 4)
        other = rng.permutation(4)
        unknown = (labels == 2) | (labels[other] == 2)
        assert (blended[unknown] == 2).all() and (blended[~unknown] <= 1).all() and mixed.shape == images.shape
        seen |= set(unknown.sum(1).tolist())
    assert {0, 1} <= seen


# ------------------------------------------------------------------------------------------------ phrases


def teacher_run(config: TrainConfig, folder: Path) -> Phrases:
    run = create_run(config, folder)
    return teacher_phrases(config, read_checkpoint(run.path))


def test_phrases_are_paired_by_name_or_as_published(tmp_path: Path, caplog) -> None:
    config = TrainConfig.of(role="teacher", dataset="peta", data=str(tmp_path))
    named = teacher_run(config, tmp_path / "named")
    published = teacher_run(config.changed(phrase_pairing="published"), tmp_path / "published")
    assert apply_recipe("published-code", {}).task.phrase_pairing == "published"
    assert caplog.text.count("of 35 describe another attribute") == 1
    by_name, as_published = named.for_schema(PETA), published.for_schema(PETA)
    assert dict(zip(named.names, named.text, strict=True))["personalLess30"] == PETA.phrases[0]
    for j, name in enumerate(PUBLISHED_ORDER["peta"]):
        assert np.array_equal(as_published[j], by_name[PETA.index(name)])
        assert published.text[published.names.index(PETA.attributes[j])] == PETA.phrases[PETA.index(name)]
    same = [j for j in range(35) if PUBLISHED_ORDER["peta"][j] == PETA.attributes[j]]
    assert sorted(PUBLISHED_ORDER["peta"]) == sorted(PETA.attributes) and len(same) < 5


@pytest.mark.parametrize(("dataset", "astray"), [("pa100k", ["UpperPlaid", "UpperSplice"]), ("rapv1", [])])
def test_elsewhere_the_published_phrases_are_astray_where_the_names_are(
    tmp_path: Path, dataset: str, astray: list[str]
) -> None:
    config = TrainConfig.of(role="teacher", dataset=dataset, data=str(tmp_path))
    schema = load_schema(dataset)
    named, published = (
        teacher_run(config.changed(phrase_pairing=how), tmp_path / how) for how in ("name", "published")
    )
    differ = np.any(named.for_schema(schema) != published.for_schema(schema), axis=1)
    assert [schema.attributes[j] for j in np.flatnonzero(differ)] == astray
    texts = dict(zip(published.names, published.text, strict=True))
    assert dataset != "pa100k" or (texts["UpperPlaid"], texts["UpperSplice"]) == ("upper plaid", "upper splice")


def test_a_teacher_of_ones_own_attributes_needs_their_vectors(tmp_path: Path) -> None:
    tiny.write_csv(tmp_path / "own", [("a.png", "train", "1", "0"), ("b.png", "val", "0", "1")])
    config = TrainConfig.of(role="teacher", model="vtb_conv_2_64", dataset="csv", data=str(tmp_path / "own"))
    with pytest.raises(
        ConfigError, match="phrases.safetensors is missing: .*data schema .*snnpar.schema.phrases .*.json"
    ):
        teacher_run(config, tmp_path / "a")
    path = tmp_path / "own" / "phrases.safetensors"
    save_phrases(Phrases(("Red coat", "Hat"), ("red", "hat"), np.eye(2, 384), "test"), path)
    vectors = teacher_run(config, tmp_path / "b").for_schema(
        AttributeSchema.from_dict(json.loads((tmp_path / "b" / "config.json").read_text())["schema"])
    )
    assert np.array_equal(vectors, np.eye(2, 384)[::-1])
    save_phrases(Phrases(("Red coat", "Hat"), ("red", "hat"), np.eye(2, 768), "test"), path)
    with pytest.raises(ConfigError, match="have 768 numbers, the run was made for 384; make a new run"):
        teacher_phrases(config, read_checkpoint(tmp_path / "b"))
    assert teacher_run(config, tmp_path / "c").vectors.shape == (2, 768)
    assert read_checkpoint(tmp_path / "c").model.text_dim == 768
