from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from snnpar.checkpoint import (
    CheckpointError,
    find_checkpoint,
    load_model,
    read_checkpoint,
    save_weights,
    shipped,
    write_config,
)
from snnpar.core.atomic import write_text
from snnpar.inference import load
from snnpar.schema.attributes import Phrases, save_phrases


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a whole student and a whole teacher; copy before changing."""
    root = tmp_path_factory.mktemp("checkpoints")
    tiny.write_checkpoint(root / "student", tiny.STUDENT)
    tiny.write_checkpoint(root / "teacher", tiny.TEACHER)
    return root


@pytest.fixture
def student(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "student", tmp_path / "student"))


@pytest.fixture
def teacher(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "teacher", tmp_path / "teacher"))


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER])
def test_round_trip_is_exact(tmp_path: Path, config) -> None:
    checkpoint, written = tiny.write_checkpoint(tmp_path / "it", config), tiny.lively(config)
    assert (checkpoint.model, checkpoint.schema, checkpoint.role) == (config, tiny.PA100K, written.role)
    assert checkpoint.train == {"seed": 0} and checkpoint.provenance == {"commit": "test"}
    model = load_model(checkpoint)
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    for key, value in written.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key
    images = tiny.random_images(2, config)
    extra = () if config is tiny.STUDENT else (torch.randn(26, 384),)
    assert torch.equal(model(images, *extra).logits, written(images, *extra).logits)


def test_a_teacher_brings_its_phrases(teacher: Path) -> None:
    vectors = read_checkpoint(teacher).phrases().for_schema(tiny.PA100K)
    assert np.array_equal(load(read_checkpoint(teacher)).word_vectors, vectors) and vectors.shape == (26, 384)


def refuse(folder: Path, *words: str) -> None:
    """Loading fails with a sentence that holds the words."""
    with pytest.raises(CheckpointError) as caught:
        load(read_checkpoint(folder))
    for word in words:
        assert word in str(caught.value)


def test_missing_files_are_named(student: Path, teacher: Path, tmp_path: Path) -> None:
    refuse(tmp_path / "nowhere", str(tmp_path / "nowhere" / "config.json"), "missing")
    (student / "model.safetensors").unlink()
    refuse(student, str(student / "model.safetensors"), "missing")
    (teacher / "phrases.safetensors").unlink()
    refuse(teacher, str(teacher / "phrases.safetensors"), "missing", "phrases")


@pytest.mark.parametrize("end", [0, 7, 100, -1])
def test_truncated_weights_are_refused(student: Path, end: int) -> None:
    path = student / "model.safetensors"
    path.write_bytes(path.read_bytes()[:end])
    refuse(student, str(path), "damaged")


def test_a_pickle_under_the_name_of_safetensors_is_never_unpickled(student: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "exploded",)

    path = student / "model.safetensors"
    for content in (pickle.dumps(Bomb()), None):
        if content is None:
            torch.save({"state_dicts": Bomb()}, path)
        else:
            path.write_bytes(content)
        refuse(student, str(path), "not safetensors")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("head.bias"), ["missing head.bias"]),
        (lambda state: state.update(extra=torch.zeros(1)), ["unknown extra"]),
        (lambda state: state.update({"head.bias": torch.zeros(35)}), ["head.bias has shape (35,), expected (26,)"]),
        (
            lambda state: (state.pop("head.bias"), state.pop("head.weight"), state.update(x=torch.zeros(1))),
            ["missing head.bias", "missing head.weight", "unknown x"],
        ),
    ],
)
def test_every_key_that_does_not_fit_is_listed(student: Path, change, words: list[str]) -> None:
    path = student / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file(state, path)
    refuse(student, str(path), *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("{", ["is not a usable config"]),
        ("[]", ["is not a usable config"]),
        ("null", ["is not a usable config"]),
        ("{}", ["'model'"]),
        ({"schema": None}, ["is not a usable config"]),
        ({"model": ["spikingformer"]}, ["must be a JSON object"]),
        ({"model": {"architecture": "resnet"}}, ["'resnet'", "spikingformer, vtb"]),
        ({"model": {"architecture": "vtb", "colour": 3}}, ["has no colour"]),
        ({"model": {"architecture": "vtb", "image_size": [100, 50]}}, ["multiples of 16"]),
        ({"schema": {"name": "x"}}, ["attributes"]),
    ],
)
def test_unusable_configs_are_refused(student: Path, change: str | dict, words: list[str]) -> None:
    path = student / "config.json"
    content = change if isinstance(change, str) else json.dumps(json.loads(path.read_text()) | change)
    path.write_text(content)
    refuse(student, str(path), *words)


def test_bytes_that_are_no_text_are_refused(student: Path) -> None:
    (student / "config.json").write_bytes(b"\xff\xfe\x00model")
    refuse(student, str(student / "config.json"))


def test_weights_of_another_size_are_refused(student: Path) -> None:
    write_config(student, replace(tiny.STUDENT, dim=64), tiny.PA100K, {}, {})
    refuse(student, str(student / "model.safetensors"), "expected (8, 3, 3, 3)")


def test_phrases_that_do_not_fit_name_their_file(teacher: Path) -> None:
    path = teacher / "phrases.safetensors"
    names = tiny.PA100K.attributes
    save_phrases(Phrases(names, tiny.PA100K.phrases, np.zeros((26, 768)), "other"), path)
    refuse(teacher, str(path), "768", "384")
    save_phrases(Phrases(names[:-1], tiny.PA100K.phrases[:-1], np.zeros((25, 384)), "other"), path)
    refuse(teacher, str(path), "boots")
    path.write_bytes(b"damaged")
    refuse(teacher, str(path))


def test_writing_replaces_in_one_step(student: Path) -> None:
    """A reader sees the old file or the new one; nothing partial is left behind."""
    before = load_file(student / "model.safetensors")
    save_weights(tiny.lively(tiny.STUDENT, seed=1), student / "model.safetensors")
    after = load_file(student / "model.safetensors")
    assert not torch.equal(before["head.weight"], after["head.weight"])
    write_text(student / "config.json", (student / "config.json").read_text())
    assert sorted(path.name for path in student.iterdir()) == ["config.json", "model.safetensors"]


def test_shipped_lists_readable_folders_by_name(made: Path, tmp_path: Path) -> None:
    for name in ("b", "a"):
        shutil.copytree(made / "student", tmp_path / name)
    shutil.copytree(made / "student", tmp_path / "broken")
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "empty").mkdir()
    assert [checkpoint.name for checkpoint in shipped(tmp_path)] == ["a", "b"]
    assert shipped(tmp_path / "nowhere") == []


def test_a_home_folder_is_understood(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(student.parent))
    assert read_checkpoint("~/student").path == student


@pytest.mark.parametrize(("name", "value"), [("dataset", ["rendered"]), ("teacher", 3), ("epochs", "20"), ("lr", None)])
def test_settings_of_another_type_are_refused_by_name(student: Path, name: str, value: object) -> None:
    content = json.loads((student / "config.json").read_text())
    content["train"] = {name: value}
    (student / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=f"values of another type than a run writes: {name}"):
        read_checkpoint(student)


def test_a_checkpoint_may_come_from_the_hub(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("snnpar.checkpoint.finding.fetch_checkpoint", lambda text, cache: asked.append(text) or student)
    assert find_checkpoint("me/model@main") == student and asked == ["me/model@main"]
    assert find_checkpoint(str(student)) == student and find_checkpoint("nowhere") == Path("nowhere")
    assert asked == ["me/model@main"]
