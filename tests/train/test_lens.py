"""A look at the pinned images: closed forms, and nothing that training could notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from snnpar.explain import heatmap
from snnpar.inference import LoadedModel
from snnpar.runs.lens import lens_epochs, read_images, read_lens
from snnpar.runs.run import Run
from snnpar.schema.attributes import load_phrases
from snnpar.spikes.trace import SpikeTrace, record
from train.distill import Teacher
from train.lens import correlation, firing, write_lens

IMAGES = 3
FILES = tuple(f"{i}.png" for i in range(IMAGES))
LABELS = np.random.default_rng(0).integers(0, 2, (IMAGES, len(tiny.PA100K)))
VECTORS = torch.from_numpy(load_phrases(tiny.PHRASES).for_schema(tiny.PA100K))
NARROW = replace(tiny.STUDENT, dim=16)
ANN = replace(tiny.STUDENT, architecture="vit")


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(tiny.lively(tiny.TEACHER), VECTORS)


def look(folder: Path, model: nn.Module, teacher: Teacher | None, epoch: int = 1, **options: object) -> dict | None:
    images = tiny.random_images(IMAGES, tiny.STUDENT)
    return write_lens(Run(folder), epoch, 7, model, teacher, images, FILES, LABELS, tiny.PA100K, **options)


def test_it_says_what_both_models_say(tmp_path: Path, teacher: Teacher) -> None:
    model, images = tiny.lively(tiny.STUDENT), tiny.random_images(IMAGES, tiny.STUDENT)
    row = look(tmp_path, model, teacher, epoch=4)
    lens = read_lens(tmp_path, 4)
    assert (row["kind"], row["epoch"], row["step"]) == ("firing", 4, 7) and (lens.epoch, lens.step) == (4, 7)
    assert lens.attributes == tiny.PA100K.labels and lens.files == FILES and np.array_equal(lens.labels, LABELS)
    assert np.allclose(lens.logits, model(images).logits, atol=2e-5)
    assert np.allclose(lens.teacher_logits, teacher(images).logits, atol=2e-5)
    assert np.array_equal(lens.maps.attribute, np.abs(lens.gap).argmax(1))
    with record(model) as trace:
        model(images)
    assert set(row["rates"]) == set(trace.names)
    for name in trace.names:
        assert row["rates"][name] == pytest.approx(trace.rates(name).mean(), abs=1e-6)


@pytest.mark.parametrize("config", [tiny.STUDENT, NARROW, ANN], ids=["cosine", "co-fire", "ann"])
def test_the_maps_are_those_of_the_explain_page(tmp_path: Path, teacher: Teacher, config) -> None:
    """One by one, through `heatmap`, which takes images: those that the lens keeps, of 8 bits."""
    model = LoadedModel(tiny.write_checkpoint(tmp_path / "student", config), tiny.lively(config), None)
    taught = LoadedModel(tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER), teacher.model, VECTORS)
    look(tmp_path, model.module, teacher)
    originals = read_images(tmp_path, IMAGES)
    images = torch.cat([model.prepare(image) for image in originals])
    write_lens(Run(tmp_path), 2, 9, model.module, teacher, images, FILES, LABELS, tiny.PA100K)
    maps = read_lens(tmp_path, 2).maps
    method = "co_fire" if config is NARROW else "cosine"
    for i, image in enumerate(originals):
        name = tiny.PA100K.attributes[maps.attribute[i]]
        own, other = (
            heatmap(kind, one, image, name, teacher=taught).values
            for kind, one in ((method, model), ("attention", taught))
        )
        assert np.allclose(maps.student[i], own, atol=2e-5) and np.allclose(maps.teacher[i], other, atol=2e-5)
        expected = np.corrcoef(own.ravel(), other.ravel())[0, 1]
        assert maps.correlation[i, maps.attribute[i]] == pytest.approx(expected, abs=1e-4)


def test_an_ann_of_another_width_has_no_map(tmp_path: Path, teacher: Teacher) -> None:
    assert look(tmp_path, tiny.lively(replace(ANN, dim=16)), teacher) is None
    lens = read_lens(tmp_path, 1)
    assert lens.maps is None and lens.gap is not None


def test_without_a_teacher_it_has_no_teachers_part(tmp_path: Path) -> None:
    assert look(tmp_path, tiny.lively(tiny.STUDENT), None)["dead"]
    assert read_lens(tmp_path, 1).teacher_logits is None and lens_epochs(tmp_path) == [1]


def test_a_teacher_in_training_has_logits_and_no_firing(tmp_path: Path, teacher: Teacher) -> None:
    assert look(tmp_path, teacher.model, None, word_vectors=VECTORS) is None
    expected = teacher(tiny.random_images(IMAGES, tiny.TEACHER)).logits
    assert np.allclose(read_lens(tmp_path, 1).logits, expected, atol=2e-5)


def test_training_notices_nothing(tmp_path: Path) -> None:
    """Weights, statistics, modes (also of single modules), hooks, gradients and random numbers stay."""
    model = tiny.lively(tiny.STUDENT).train().requires_grad_(True)
    model.patch_embed.proj_bn.eval()  # as somebody may freeze it
    teacher = Teacher(tiny.lively(tiny.TEACHER).train(), VECTORS)  # teacher_mode=train
    model(tiny.random_images(2, tiny.STUDENT)).logits.sum().backward()
    both = (model, teacher.model)
    modes = [[module.training for module in one.modules()] for one in both]
    states = [{key: value.clone() for key, value in one.state_dict().items()} for one in both]
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    look(tmp_path, model, teacher)
    assert torch.equal(torch.rand(3), expected)
    assert modes == [[module.training for module in one.modules()] for one in both]
    for one, before in zip(both, states, strict=True):
        assert all(torch.equal(value, before[key]) for key, value in one.state_dict().items())
        assert tiny.hooks(one) == 0
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))


def test_a_failed_look_puts_everything_back(tmp_path: Path, teacher: Teacher) -> None:
    model = tiny.lively(tiny.STUDENT).train()
    with pytest.raises(RuntimeError):
        write_lens(Run(tmp_path), 1, 1, model, teacher, torch.zeros(1, 5, 64, 32), FILES, LABELS, tiny.PA100K)
    assert model.training and tiny.hooks(model) == tiny.hooks(teacher.model) == 0


def test_the_same_look_writes_the_same_bytes(tmp_path: Path, teacher: Teacher) -> None:
    """A resumed run writes an epoch anew."""
    model, path = tiny.lively(tiny.STUDENT), tmp_path / "lens" / "epoch-0001.json"
    first = look(tmp_path, model, teacher), path.read_bytes()
    assert (look(tmp_path, model, teacher), path.read_bytes()) == first


def test_firing_counts_neurons_over_images_and_time() -> None:
    """Two timesteps, two images, four neurons: never, always, once, and always in one image only."""
    spikes = np.zeros((2, 2, 4, 1), bool)
    spikes[..., 1, 0] = True
    spikes[0, 0, 2, 0] = True
    spikes[:, 1, 3, 0] = True
    trace = SpikeTrace()
    trace._shapes["a"], trace._packed["a"] = spikes.shape, np.packbits(spikes)
    assert firing(trace) == {"rates": {"a": 7 / 16}, "dead": {"a": 0.25}, "saturated": {"a": 0.25}, "neurons": {"a": 4}}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1, 2, 3], [2, 4, 6], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 0, -1, 0], [0, 1, 0, -1], 0.0),
        ([0.1, 0.1, 0.1], [1, 2, 3], np.nan),
        ([1, 2, 3], [7, 7, 7], np.nan),
    ],
)
def test_correlation(a: list, b: list, expected: float) -> None:
    found = correlation(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32)).item()
    assert found == pytest.approx(expected, nan_ok=True, abs=1e-6)
