"""The contract over every architecture, and over four networks that only the README knows: everything works on all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import toys
from torch import nn

import snnpar
from pages.ui.looking import CachedReading
from snnpar.checkpoint import read_checkpoint
from snnpar.config import ConfigError, ModelConfig, TrainConfig
from snnpar.core.errors import SnnparError
from snnpar.energy.conventions import CONVENTIONS
from snnpar.energy.estimate import accumulates_by_token, energy_over_time, estimate_energy
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice
from snnpar.explain import METHODS, heatmap, methods_of
from snnpar.explain.ledger import spike_ledger
from snnpar.explain.membrane import record_membrane
from snnpar.inference import LoadedModel, analyze, load
from snnpar.models import PRESETS, Network, build_model
from snnpar.models.network import BRANCHES, CAM, TIMESTEPS
from snnpar.runs.lens import read_lens
from snnpar.runs.run import create_run
from snnpar.serve.answers import Answers, Models
from snnpar.sharing.card import shared_card
from snnpar.sharing.evidence import Evidence, ModelEvidence, evidence_json
from snnpar.spikes import raster
from snnpar.spikes.neurons import is_neuron
from snnpar.views.image import InputImage
from snnpar.views.raster.choice import Choice, NeuronPosition
from snnpar.views.raster.payload import payload
from train.loop import train

pytestmark = pytest.mark.usefixtures("registered")
KNOWN = {
    "spikingformer": tiny.STUDENT,
    "spikingformer, pool first": tiny.CML,
    "vtb": tiny.TEACHER,
    "vit": replace(tiny.STUDENT, architecture="vit"),
}
CONFIGS = KNOWN | toys.SIZES
IMAGE = tiny.random_image(5, (80, 40))


@pytest.fixture(scope="module", params=CONFIGS)
def config(request: pytest.FixtureRequest) -> ModelConfig:
    return CONFIGS[request.param]


@pytest.fixture(scope="module")
def model(config: ModelConfig, registered: None, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("contract") / "one", config))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("teacher") / "tiny-teacher", tiny.TEACHER))


@pytest.fixture(scope="module")
def seen(model: LoadedModel) -> CachedReading:
    return CachedReading(model, analyze(model, IMAGE))


def test_it_says_what_it_is(model: LoadedModel, config: ModelConfig) -> None:
    network = model.module
    assert isinstance(network, Network) and network.config == config and network.outputs == len(tiny.PA100K)
    assert network.title and network.prior_bias.shape == (len(tiny.PA100K),)
    assert network.spiking == any(map(is_neuron, network.modules())) == (model.timesteps > 0)


def test_its_topology_names_its_modules_and_what_feeds_them(seen: CachedReading) -> None:
    """Every neuron and every layer of a trace has its place, and reads what the network says it reads."""
    anatomy, modules = seen.model.anatomy, dict(seen.model.module.named_modules())
    layers = {layer.name: layer for layer in anatomy.layers}
    assert set(layers) <= set(modules) and len(layers) == len(anatomy.layers)
    trace = seen.analysis.trace
    assert {name.partition("#")[0] for name in trace.names} == {
        name for name, layer in layers.items() if layer.kind == "neuron"
    }
    for entry in trace.layers:
        layer = anatomy.layer(entry.name)
        assert layer.name in layers and layer.label
        if layer.reads:
            read = "constants" if entry.constant else "numbers" if entry.ac_map is None else "spikes"
            assert entry.is_norm or layer.reads == read
        if layer.fed_by:
            assert set(layer.fed_by) >= set(entry.fed_by) > set()
    for layer in anatomy.layers:
        if layer.grid:
            assert raster.maps(trace, layer.name, seen.model.token_grid).shape[2:] == layer.grid


def test_an_answer_is_whole_and_the_same_again(seen: CachedReading, model: LoadedModel) -> None:
    """No state is left between images, tokens lie on the grid, and time is what it says."""
    again = analyze(model, IMAGE)
    assert np.array_equal(again.prediction.logits, seen.analysis.prediction.logits)
    output = model.forward(model.prepare(IMAGE))
    rows, columns = model.token_grid
    assert output.features.shape[:2] == (1, rows * columns)
    assert seen.analysis.trace.timesteps == model.timesteps
    if model.timesteps:
        per_timestep = seen.analysis.trace.logits_per_timestep
        assert per_timestep.shape == (model.timesteps, 1, len(model.schema))
        np.testing.assert_allclose(per_timestep.mean(0)[0], seen.analysis.prediction.logits, atol=1e-5)


def test_nothing_of_it_is_left_uncounted(seen: CachedReading) -> None:
    trace = seen.analysis.trace
    assert trace.uncounted == () and seen.analysis.energy.lacks == ""
    counted = {entry.name.partition("#")[0] for entry in trace.layers}
    weighted = {
        name
        for name, module in seen.model.module.named_modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d)
    }
    assert weighted <= counted
    if seen.model.timesteps:
        assert any(entry.ac_map is not None for entry in trace.layers) and trace.total_spikes > 0


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_its_energy_adds_up(seen: CachedReading, convention: str) -> None:
    trace, assumptions = seen.analysis.trace, CONVENTIONS[convention]
    report = estimate_energy(trace, assumptions)
    assert report.energy_uj > 0 and report.energy_uj == pytest.approx(sum(line.energy_uj for line in report.lines))
    if trace.timesteps:
        assert energy_over_time(trace, assumptions)[-1] == pytest.approx(report.energy_uj)
        assert accumulates_by_token(trace, seen.model.token_grid).sum() <= report.acs + 1e-6


def test_every_heatmap_that_it_offers_is_one(model: LoadedModel, teacher: LoadedModel, seen: CachedReading) -> None:
    for method in methods_of(model):
        try:
            heat = heatmap(method, model, IMAGE, "Hat", teacher=teacher, trace=seen.analysis.trace)
        except SnnparError as error:
            assert method == "cosine" and "teacher of the student's width" in str(error)
            continue
        assert heat.values.shape == model.token_grid and np.isfinite(heat.values).all() and heat.hooked
    for method in METHODS.keys() - methods_of(model).keys():
        with pytest.raises(SnnparError, match=f"has no heatmap '{method}', which needs"):
            heatmap(method, model, IMAGE, "Hat")
    assert tiny.hooks(model.module) == 0


def test_what_it_offers_it_has(model: LoadedModel, seen: CachedReading) -> None:
    offered = model.capabilities
    assert (TIMESTEPS in offered) == (model.timesteps > 0)
    if BRANCHES in offered:
        ledger = spike_ledger(model.module, seen.analysis.trace, 3)
        assert ledger.error <= ledger.tolerance and len(set(ledger.labels)) == len(ledger.branches)
    else:
        with pytest.raises(SnnparError, match="spike ledger needs"):
            spike_ledger(model.module, seen.analysis.trace, 3)
    if CAM in offered:
        assert model.anatomy.cam.module in set(model.module.modules())


def test_the_raster_shows_all_of_its_layers(seen: CachedReading) -> None:
    trace, tokens = seen.analysis.trace, seen.model.token_grid
    counts = raster.counts_by_token(trace, tokens)
    for name in trace.names:
        assert counts[name].sum() == trace.counts(name).sum()
        for choice in (Choice(name), Choice(name, channel=0, place=NeuronPosition(0, 0))):
            try:
                membrane = record_membrane(seen.model, IMAGE, name) if choice.place else None
            except SnnparError as error:
                assert "LIF only" in str(error)
                membrane = None
            data = payload(seen, InputImage.of("noise", IMAGE), choice, counts, membrane)
            assert json.loads(json.dumps(data))["layer"] == name
            assert len(data["layers"]) == len(trace.names) and all(one["row"] for one in data["layers"])
            if membrane:
                fired = raster.maps(trace, name, tokens)[0, :, 0, 0] != 0
                assert data["neuron"]["spikes"] == fired.tolist()
                assert (np.array(data["neuron"]["potential"]) >= membrane.threshold).tolist() == fired.tolist()


def test_evidence_and_card_tell_of_it(seen: CachedReading, model: LoadedModel) -> None:
    evidence = Evidence("A person", IMAGE, "Hat", 0.45, {model.role: ModelEvidence(seen.analysis, None)}, timestep=1)
    assert json.loads(evidence_json(evidence))["models"][model.role]["energy"]["microjoules"] > 0
    told = shared_card(model.checkpoint, "one", "owner/name")
    assert (f", T={model.timesteps}." in told) == (model.timesteps > 0) and "µJ per image" in told


def test_a_checkpoint_brings_it_back(model: LoadedModel, tmp_path: Path) -> None:
    """Also as a bare module, by the Hub's names."""
    network = type(model.module)
    bare = network.from_pretrained(model.checkpoint.path)
    bare.save_pretrained(tmp_path / "again")
    again = load(read_checkpoint(tmp_path / "again"))
    assert np.array_equal(analyze(again, IMAGE).prediction.logits, analyze(model, IMAGE).prediction.logits)


def test_the_api_answers_for_it(model: LoadedModel, teacher: LoadedModel) -> None:
    import base64
    from io import BytesIO

    from PIL import Image

    if model.role == "teacher":
        pair = Models(model, load(read_checkpoint(snnpar.CHECKPOINTS / "spikingformer_cml_4_192")))
    else:
        pair = Models(teacher, model)
    answers, buffer = Answers(pair), BytesIO()
    Image.fromarray(IMAGE).save(buffer, "PNG")
    image = base64.b64encode(buffer.getvalue()).decode()
    assert answers.models()[model.role]["timesteps"] == model.timesteps
    assert len(answers.predict(image)[model.role]["probabilities"]) == len(model.schema)
    assert answers.energy(image)[model.role]["energy_uj"] > 0
    if model.timesteps:
        assert [one["layer"] for one in answers.trace(image)["layers"]] == list(analyze(model, IMAGE).trace.names)
    for method in methods_of(model).keys() - {"cosine"}:  # which needs a teacher of the same width
        assert answers.heatmap(image, "Hat", model.role, method)["png_base64"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("data") / "people"
    tiny.write_pa100k(folder, {"train": 6, "val": 4, "test": 4})
    return str(folder)


def test_an_evaluation_judges_it(model: LoadedModel, people: str, tmp_path: Path) -> None:
    found = evaluate_checkpoint(model.checkpoint.path, DataChoice(people, split="test"), root=tmp_path)
    assert found.predictions().probs.shape[-2:] == (4, len(model.schema))


@pytest.mark.parametrize("name", [*toys.TOYS, "spikingformer_1_64", "vit_2_96", "vtb_conv_2_64"])
def test_a_run_trains_it(name: str, people: str, tmp_path: Path) -> None:
    """Step, validation, lens and best weights, by its name."""
    config = TrainConfig.of(
        role=build_model(PRESETS[name], 1).role, model=name, dataset="pa100k", data=people, epochs=1, batch_size=3
    )
    run = create_run(config, tmp_path / "run")
    train(run)
    assert load(read_checkpoint(run.path)).module.config == read_checkpoint(run.path).model
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text("utf-8").splitlines()]
    firing = [line for line in lines if line["kind"] == "firing"]
    assert bool(firing) == (PRESETS[name].architecture in ("spikingformer", "toy_lif", "toy_integer", "toy_shared"))


def test_a_student_is_distilled_from_a_teacher_that_reads_no_phrases(
    registered: None, people: str, tmp_path: Path
) -> None:
    """Answers and tokens; the lens has no attention to compare with, and phrases cannot be asked for."""
    teacher = tiny.write_checkpoint(tmp_path / "teacher", toys.SIZES["toy_teacher"])
    wanted = {"model": "toy_lif", "dataset": "pa100k", "data": people, "epochs": 1, "batch_size": 3}
    wanted |= {"teacher": str(teacher.path), "feature_kd": True, "logit_kd": True, "timestep_weight": 1.0}
    run = create_run(TrainConfig.of(**wanted), tmp_path / "run")
    train(run)
    lens = read_lens(run.path, 1)
    assert lens.gap is not None and lens.maps is None
    refused = create_run(TrainConfig.of(**wanted, feature_loss="text-kl"), tmp_path / "refused")
    with pytest.raises(ConfigError, match="phrases, which a toy_teacher does not read; use cosine"):
        train(refused)
