from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from snnpar.config import ConfigError, ModelConfig
from snnpar.core.errors import SnnparError
from snnpar.energy.estimate import estimate_energy
from snnpar.explain import heatmap, methods_of
from snnpar.inference import (
    Latency,
    Prediction,
    analyze,
    decide,
    load,
    measure_latency,
    pick_device,
    prefix_probs,
    shared_attributes,
    sigmoid,
)
from snnpar.schema.attributes import AttributeGroup, AttributeSchema, load_schema
from snnpar.spikes.trace import record

SCHEMA = AttributeSchema(
    name="small",
    attributes=("Female", "Young", "Old", "Hat", "Bag"),
    phrases=("a", "b", "c", "d", "e"),
    labels=("Female", "Young person", "Old person", "Hat", "Bag"),
    groups=(
        AttributeGroup("Sex", ("Female",), exclusive=True, none="Male"),
        AttributeGroup("Age", ("Young", "Old"), exclusive=True),
        AttributeGroup("Things", ("Hat", "Bag"), none="nothing"),
    ),
)


@pytest.mark.parametrize(
    ("probs", "texts"),
    [
        ([0.9, 0.1, 0.2, 0.6, 0.7], ["Female", "Old person", "Hat, Bag"]),  # the likeliest age, below the threshold
        ([0.1, 0.9, 0.8, 0.6, 0.1], ["Male", "Young person", "Hat"]),  # one age only, though both pass
        ([0.5, 0.3, 0.3, 0.5, 0.1], ["Male", "Young person", "nothing"]),  # at the threshold is not above it
    ],
)
def test_decisions_by_group(probs: list[float], texts: list[str]) -> None:
    decisions = decide(SCHEMA, np.array(probs), 0.5)
    assert [decision.text for decision in decisions] == texts
    assert [decision.group for decision in decisions] == ["Sex", "Age", "Things"]


def test_decisions_follow_the_threshold() -> None:
    probs = np.array([0.4, 0.2, 0.1, 0.48, 0.3])
    assert [d.attributes for d in decide(SCHEMA, probs, 0.45)] == [(), ("Young",), ("Hat",)]
    assert [d.attributes for d in decide(SCHEMA, probs, 0.25)] == [("Female",), ("Young",), ("Hat", "Bag")]


@pytest.mark.parametrize("name", ["pa100k", "peta", "rapv1"])
@given(seed=st.integers(0, 1000))
def test_every_group_of_every_schema_gets_an_answer(name: str, seed: int) -> None:
    schema = load_schema(name)
    decisions = decide(schema, np.random.default_rng(seed).random(len(schema)), 0.5)
    assert len(decisions) == len(schema.groups)
    for group, decision in zip(schema.groups, decisions, strict=True):
        assert decision.text and set(decision.attributes) <= set(group.attributes)
        assert len(decision.attributes) <= 1 or not group.exclusive
        assert decision.attributes or group.none == decision.text


def test_prefix_of_known_logits() -> None:
    rows = prefix_probs(np.array([[0.0, 2.0], [4.0, -2.0], [2.0, 3.0]]))
    np.testing.assert_allclose(rows, sigmoid(np.array([[0, 2], [2, 0], [2, 1]])))


@given(arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.floats(-30, 30, width=32)))
def test_the_last_prefix_is_the_whole(logits: np.ndarray) -> None:
    rows = prefix_probs(logits)
    assert rows.shape == logits.shape
    np.testing.assert_allclose(rows[-1], sigmoid(logits.mean(0)), atol=1e-5)
    np.testing.assert_allclose(rows[0], sigmoid(logits[0]), atol=1e-7)


def test_sigmoid_of_extremes_is_quiet() -> None:
    with np.errstate(all="raise"):
        assert sigmoid(np.array([0.0, 40.0, -40.0])).tolist() == pytest.approx([0.5, 1, 0])
        assert sigmoid(np.array([-2000.0, 2000.0], np.float32)).tolist() == [0, 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inference")


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER])
def test_analysis_of_a_image(folder: Path, config) -> None:
    checkpoint = tiny.write_checkpoint(folder / config.architecture, config)
    model, image = load(checkpoint), tiny.random_image()
    analysis = analyze(model, image)
    prediction = analysis.prediction
    output = model.forward(model.prepare(image))
    assert prediction.attributes == tiny.PA100K.attributes and analysis.checkpoint is checkpoint
    assert np.array_equal(prediction.logits, output.logits[0])
    np.testing.assert_allclose(prediction.probs, output.logits[0].sigmoid(), atol=1e-6)
    assert analysis.energy == estimate_energy(analysis.trace) and analysis.energy.energy_uj > 0
    if config is tiny.STUDENT:
        assert prediction.probs_per_timestep.shape == (3, 26)
        np.testing.assert_allclose(prediction.probs_per_timestep[-1], prediction.probs, atol=1e-6)
    else:
        assert prediction.probs_per_timestep is None
    assert not np.allclose(analyze(model, tiny.random_image(1)).prediction.logits, prediction.logits)
    assert np.array_equal(analyze(model, image).prediction.logits, prediction.logits)


@pytest.mark.parametrize(
    ("passes_ms", "measured"),
    [
        ([40, 10, 30, 20, 50], (40, 10, 30, 20, 50)),  # quick: all five
        ([200, 400, 300, 250], (200, 400, 300)),  # half a second is spent, and three make a median
    ],
)
def test_latency_is_the_median_of_bare_passes(folder: Path, passes_ms: list[int], measured: tuple) -> None:
    model, recorded = load(tiny.write_checkpoint(folder / "timed", tiny.STUDENT)), []
    handle = model.module.register_forward_hook(lambda *_: recorded.append(tiny.hooks(model.module)))
    times = iter(np.cumsum([0, *(value for ms in passes_ms for value in (ms / 1e3, 0))]))  # no time between passes
    found = measure_latency(model, tiny.random_image(), clock=lambda: float(next(times)))
    handle.remove()
    assert found.passes_ms == pytest.approx(measured) and recorded == [1] * len(measured)  # this test's hook alone
    assert found.median_ms == pytest.approx(sorted(measured)[len(measured) // 2])


def test_latency_in_words() -> None:
    assert (str(Latency((1200.4, 31.0, 12.6))), Latency((8.26, 31.0, 1200.4)).spread) == (
        "31 ms",
        "median of 3 passes, 8.3 to 1,200 ms",
    )


def test_sessions_that_share_a_model_never_mix(folder: Path) -> None:
    """Two sessions take turns at one cached model, one of them with heatmaps that hook it too."""
    model = load(tiny.write_checkpoint(folder / "shared", tiny.STUDENT))
    images = [tiny.random_image(seed) for seed in range(8)]
    alone = [analyze(model, image) for image in images]
    maps = [heatmap("grad_cam", model, image, "Hat").values for image in images]
    with ThreadPoolExecutor(4) as sessions:
        jobs = [sessions.submit(analyze, model, image) for image in images for _ in range(3)]
        hooked = [sessions.submit(heatmap, "grad_cam", model, image, "Hat") for image in images]
    for place, job in enumerate(jobs):
        trace, expected = job.result().trace, alone[place // 3].trace
        assert all(np.array_equal(trace.spikes(name), expected.spikes(name)) for name in expected.names)
        assert np.array_equal(trace.logits_per_timestep, expected.logits_per_timestep)
        assert job.result().energy == alone[place // 3].energy
    assert all(np.array_equal(job.result().values, one) for job, one in zip(hooked, maps, strict=True))
    assert tiny.hooks(model.module) == 0


def test_preprocessing_is_the_checkpoints_own(folder: Path) -> None:
    config = replace(tiny.STUDENT, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1.0))
    model = load(tiny.write_checkpoint(folder / "own", config))
    prepared = model.prepare(np.full((90, 30, 3), 51, np.uint8))  # 51 / 255 = 0.2
    assert prepared.shape == (1, 3, 64, 32)
    torch.testing.assert_close(prepared[0, :, 5, 7], torch.tensor([0.2, 0.0, -0.1]))


def test_predictions_check_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"probs must have shape \(2,\); got \(3,\)"):
        Prediction(("a", "b"), np.zeros(2), np.zeros(3))


def test_shared_attributes_are_matched_by_name_in_the_students_order() -> None:
    pa100k = tiny.PA100K
    backwards = replace(pa100k, attributes=pa100k.attributes[::-1])
    assert shared_attributes(backwards, pa100k) == pa100k.attributes
    assert shared_attributes(pa100k, backwards) == backwards.attributes
    other = replace(
        SCHEMA,
        attributes=("f", "g", "h", "i", "j"),
        groups=(AttributeGroup("All", ("f", "g", "h", "i", "j"), none="none"),),
    )
    with pytest.raises(SnnparError, match="small.*pa100k|pa100k.*small"):
        shared_attributes(pa100k, other)


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER], ids=["student", "teacher"])
def test_a_batch_is_predicted_as_its_images_are_analysed(tmp_path: Path, config: ModelConfig) -> None:
    """One way to predict: the last timestep is the answer, each one before it the answer so far."""
    model = load(tiny.write_checkpoint(tmp_path / "one", config))
    images = [tiny.random_image(seed, config.image_size) for seed in range(3)]
    probs = model.predict(np.stack(images))
    assert probs.shape == (max(1, model.timesteps), 3, 26) and probs.dtype == np.float32
    for number, image in enumerate(images):
        prediction = analyze(model, image).prediction
        np.testing.assert_allclose(probs[-1, number], prediction.probs, atol=1e-6)
        if model.timesteps:
            np.testing.assert_allclose(probs[:, number], prediction.probs_per_timestep, atol=1e-6)


@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.CML, tiny.TEACHER], ids=["student", "cml", "teacher"])
def test_a_model_computes_where_it_is(tmp_path: Path, config: ModelConfig) -> None:
    """No GPU is needed to see it: on torch's meta device every tensor that stays behind raises."""
    model = load(tiny.write_checkpoint(tmp_path / "one", config)).on("meta")
    images = model.prepare(tiny.random_image())
    assert model.device.type == images.device.type == "meta"
    with torch.no_grad(), record(model.module, spikes=False) as trace:
        output = model.forward(images)
    assert {output.logits.device.type, output.features.device.type} == {"meta"} and trace.layers


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="torch sees no GPU here; use auto or cpu"):
        pick_device("cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("config", [tiny.STUDENT, tiny.TEACHER], ids=["student", "teacher"])
def test_a_gpu_says_the_same(tmp_path: Path, config: ModelConfig) -> None:
    """Answers, spikes but for ties, energy and every heatmap; nothing is left on the device."""
    checkpoint, image = tiny.write_checkpoint(tmp_path / "one", config), tiny.random_image()
    here, there = load(checkpoint, "cpu"), load(checkpoint, "cuda")
    one, other = analyze(here, image), analyze(there, image)
    np.testing.assert_allclose(one.prediction.logits, other.prediction.logits, atol=1e-3)
    assert one.energy.energy_uj == pytest.approx(other.energy.energy_uj, rel=1e-2)
    for method in methods_of(there).keys() - {"cosine"}:
        assert np.isfinite(heatmap(method, there, image, "Hat").values).all()


def test_nothing_is_made_an_array_where_it_may_be_on_a_gpu() -> None:
    """A tensor comes to the processor in the chain that ends in .numpy(), or was made of an array."""
    root = Path(__file__).resolve().parents[1]
    kept = (
        "self.images, self.batches",
        "_smallest",
        "torch.randn",
        "permute(0, 2, 3, 1)",
        "return fired",
        "torch.stack(parts",
    )
    for path in (*root.glob("snnpar/**/*.py"), *root.glob("train/**/*.py")):
        for line in path.read_text("utf-8").splitlines():
            if ".numpy()" in line:
                assert ".cpu()" in line or any(one in line for one in kept) or path.name == "ledger.py", (path, line)
