"""The API in a real server, asked by Gradio's own client: its answers are the library's."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from asking import ROOT, SAMPLE, encoded, huge_png, image_file
from PIL import Image

from snnpar.energy.estimate import CONVENTIONS, estimate_energy
from snnpar.explain import heatmap
from snnpar.images.pixels import MAX_BYTES, open_rgb
from snnpar.inference import Analysis, analyze, decide
from snnpar.serve.answers import Models
from snnpar.sharing.evidence import overlaid


@pytest.fixture(scope="module")
def analyses(pair: Models) -> dict[str, Analysis]:
    return {role: analyze(pair[role], open_rgb(SAMPLE)) for role in ("teacher", "student")}


def test_every_endpoint_is_documented_and_typed(client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/models", "/predict", "/trace", "/heatmap", "/energy"}
    for endpoint in endpoints.values():
        assert len(endpoint["description"]) > 20
        assert all(parameter["type"] for parameter in endpoint["parameters"])
        assert endpoint["returns"][0]["type"]["type"] == "object"
    assert endpoints["/predict"]["parameters"][1]["type"] == {"enum": ["both", "all", "teacher", "student", "opponent"]}
    spikes = endpoints["/trace"]["returns"][0]["type"]["properties"]["layers"]["items"]["properties"]["spikes"]
    assert spikes == {"type": "array", "items": {"type": "integer"}}


def test_models_says_what_is_loaded(client, pair: Models) -> None:
    said = client.predict(api_name="/models")
    for role in ("teacher", "student"):
        assert said[role]["checkpoint"] == pair[role].checkpoint.name
        assert tuple(said[role]["attributes"]) == pair[role].schema.attributes
    assert (said["teacher"]["timesteps"], said["student"]["timesteps"]) == (0, 4)


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_predict_equals_analyze(client, pair: Models, analyses: dict[str, Analysis], prefix: str) -> None:
    said = client.predict(prefix + encoded(SAMPLE), "both", 0.3, api_name="/predict")
    for role, analysis in analyses.items():
        prediction = analysis.prediction
        assert list(said[role]["probabilities"]) == list(prediction.attributes)
        assert list(said[role]["probabilities"].values()) == pytest.approx(prediction.probs.tolist(), abs=1e-6)
        decided = decide(pair[role].schema, prediction.probs, 0.3)
        assert [(one["group"], tuple(one["attributes"]), one["text"]) for one in said[role]["groups"]] == [
            (one.group, one.attributes, one.text or "") for one in decided
        ]
    steps = np.array([list(step.values()) for step in said["student"]["per_timestep"]])
    assert steps == pytest.approx(analyses["student"].prediction.probs_per_timestep, abs=1e-6)
    assert said["teacher"]["per_timestep"] == []


def test_one_role_answers_alone_and_always_the_same(client) -> None:
    said = [client.predict(encoded(SAMPLE), "student", api_name="/predict") for _ in range(2)]
    assert set(said[0]) == {"student"} and said[0] == said[1]


def test_trace_equals_analyze(client, analyses: dict[str, Analysis]) -> None:
    said, trace = client.predict(encoded(SAMPLE), api_name="/trace"), analyses["student"].trace
    assert [layer["layer"] for layer in said["layers"]] == list(trace.names)
    assert said["total_spikes"] == sum(sum(layer["spikes"]) for layer in said["layers"])
    assert said["total_spikes"] == pytest.approx(trace.total_spikes, rel=1e-3)  # a neuron at its threshold may differ
    assert said["mean_rate"] == pytest.approx(trace.nasfr, rel=1e-3)
    for layer in said["layers"]:
        assert np.multiply(layer["rates"], layer["neurons"]) == pytest.approx(layer["spikes"])


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_energy_equals_the_estimate(client, analyses: dict[str, Analysis], convention: str) -> None:
    said = client.predict(encoded(SAMPLE), "both", convention, api_name="/energy")
    for role, analysis in analyses.items():
        report = estimate_energy(analysis.trace, CONVENTIONS[convention])
        assert said[role]["energy_uj"] == pytest.approx(report.energy_uj, rel=1e-3)
        assert said[role]["convention"] == report.convention and said[role]["kind"] == "estimate"
        assert said[role]["leaves_out"] == CONVENTIONS[convention].note and said[role]["updates"] == report.updates
        for what in ("energy_uj", "bytes", "macs", "acs", "updates"):  # neurons and their states are lines, too
            assert sum(layer[what] for layer in said[role]["layers"]) == pytest.approx(said[role][what], rel=1e-12)


@pytest.mark.parametrize(("role", "method"), [("teacher", "attention"), ("student", "grad_cam"), ("student", "cosine")])
def test_heatmap_equals_explain(client, pair: Models, role: str, method: str) -> None:
    said = client.predict(encoded(SAMPLE), "Female", role, method, api_name="/heatmap")
    image = open_rgb(SAMPLE)
    heat = heatmap(method, pair[role], image, "Female", teacher=pair.teacher)
    assert np.array(said["values"]) == pytest.approx(heat.values, abs=1e-4)
    assert (said["unit"], said["title"]) == (heat.unit, heat.title)
    shown = np.asarray(Image.open(BytesIO(base64.b64decode(said["png_base64"]))), float)
    expected = np.asarray(overlaid(image, heat), float)
    assert shown.shape == expected.shape and abs(shown - expected).mean() < 1


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("predict", ("not base64!",), "is not base64"),
        ("predict", ("",), "no image"),
        ("predict", (None,), "no image"),
        ("predict", ({"path": "/etc/passwd"},), "no image"),
        ("predict", ("/etc/passwd",), "is not base64"),
        ("predict", ("https://127.0.0.1/x.png",), "is not base64"),
        ("predict", ("data:image/png;base64," + encoded(image_file("GIF")),), "is a GIF; save it as PNG or JPEG"),
        ("predict", (encoded(huge_png()),), "more than 40 million pixels"),
        ("predict", (encoded(image_file("PNG", (400, 20))),), "too elongated"),
        ("predict", (encoded(SAMPLE.read_bytes()[:3000]),), "damaged or cut short"),
        ("trace", (encoded(bytes(MAX_BYTES + 1)),), "larger than 10 MB"),
        ("predict", (encoded(SAMPLE), "pupil"), "no role 'pupil'; choose one of both, all, teacher, student"),
        ("predict", (encoded(SAMPLE), ["both"]), "choose one of both, all, teacher, student"),
        ("predict", (encoded(SAMPLE), "both", 1.5), "from 0 to 1; got '1.5'"),
        ("predict", (encoded(SAMPLE), "both", True), "from 0 to 1"),
        ("energy", (encoded(SAMPLE), "both", "guess"), "choose one of arithmetic, memory, weights-once"),
        ("heatmap", (encoded(SAMPLE), "Wings"), "has no attribute 'Wings'; it has: Female"),
        ("heatmap", (encoded(SAMPLE), "Female", "teacher", "ledger"), "choose one of attention"),
        ("heatmap", (encoded(SAMPLE), "Female", "both"), "choose one of teacher, student"),
    ],
)
def test_bad_input_gets_one_sentence(client, endpoint: str, arguments: tuple, sentence: str) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=f"/{endpoint}")
    told = str(caught.value)
    assert sentence in told and "Traceback" not in told and str(ROOT) not in told and "\n" not in told
