from __future__ import annotations

import hashlib
import json
from io import BytesIO

import numpy as np
import pytest
import tiny
from PIL import Image

from snnpar.core.errors import SnnparError
from snnpar.explain import Heatmap, heatmap
from snnpar.inference import analyze, load
from snnpar.sharing.evidence import HEIGHT, MARGIN, Evidence, ModelEvidence, _lines, evidence_json, evidence_png

IMAGE = tiny.random_image(3)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelEvidence]:
    found = {}
    for role, config, method in (("teacher", tiny.TEACHER, "attention"), ("student", tiny.STUDENT, "ledger")):
        model = load(tiny.write_checkpoint(tmp_path_factory.mktemp(role) / f"tiny-{role}", config))
        found[role] = ModelEvidence(analyze(model, IMAGE), heatmap(method, model, IMAGE, "Hat"))
    return found


def view(findings: dict[str, ModelEvidence], **values: object) -> Evidence:
    return Evidence(
        **{
            "title": "A person",
            "image": IMAGE,
            "attribute": "Hat",
            "threshold": 0.45,
            "findings": findings,
            "timestep": 2,
            **values,
        }
    )


def test_the_json_holds_every_number_and_where_it_is_from(findings: dict[str, ModelEvidence]) -> None:
    told = json.loads(evidence_json(view(findings, truth=frozenset({"Hat"}), link="?attribute=Hat")))
    assert (told["attribute"], told["threshold"], told["timestep"], told["link"]) == ("Hat", 0.45, 2, "?attribute=Hat")
    assert told["image"]["truth"] == ["Hat"] and told["image"]["size"] == [40, 24]
    assert told["image"]["sha256_of_pixels"] == hashlib.sha256(IMAGE.tobytes()).hexdigest()
    for role, finding in findings.items():
        model, prediction = told["models"][role], finding.analysis.prediction
        assert list(model["probabilities"]) == list(prediction.attributes)
        np.testing.assert_allclose(list(model["probabilities"].values()), prediction.probs, atol=1e-6)
        weights = (finding.analysis.checkpoint.path / "model.safetensors").read_bytes()
        assert model["weights_sha256"] == hashlib.sha256(weights).hexdigest()
        assert model["energy"]["convention"] == finding.analysis.energy.convention
        assert model["energy"]["neuron_updates"] == finding.analysis.energy.updates
        assert model["energy"]["leaves_out"] == finding.analysis.energy.assumptions.note
        assert model["energy"]["kind"] == "estimate" and model["heatmap"]["hooked"] == finding.heat.hooked
        np.testing.assert_allclose(model["heatmap"]["values"], finding.heat.values, atol=1e-6)
    at_t = told["models"]["student"]["probabilities_at_timestep"]["Hat"]
    student = findings["student"].analysis.prediction
    assert at_t == pytest.approx(student.probs_per_timestep[1, student.attributes.index("Hat")], abs=1e-6)
    assert "probabilities_at_timestep" not in told["models"]["teacher"]


def test_the_card_says_what_the_neurons_cost(findings: dict[str, ModelEvidence]) -> None:
    teacher, student = (line for line in _lines(view(findings)) if "in all" in line)
    energy = findings["student"].analysis.energy
    assert energy.updates > 0 and student.endswith(energy.neuron_share.replace("µ", "u")) and teacher.endswith("in all")


def test_an_image_of_ones_own_has_no_link_and_no_truth(findings: dict[str, ModelEvidence]) -> None:
    told = json.loads(evidence_json(view(findings)))
    assert told["link"] is None and told["image"]["truth"] is None
    assert str(findings["teacher"].analysis.checkpoint.path) not in evidence_json(view(findings))


@pytest.mark.parametrize("size", [(40, 24), (24, 40), (300, 20)])
def test_the_card_shows_the_image_and_a_map_for_each_model(findings: dict[str, ModelEvidence], size: tuple) -> None:
    image = np.full((*size, 3), (200, 30, 60), np.uint8)
    card = Image.open(BytesIO(evidence_png(view(findings, image=image))))
    width = min(HEIGHT, round(HEIGHT * size[1] / size[0]))
    assert card.getpixel((MARGIN + width // 2, MARGIN + HEIGHT // 2)) == (200, 30, 60)
    assert card.width >= 3 * width + 4 * MARGIN and card.height > HEIGHT + 3 * MARGIN
    for place in (1, 2):  # the hottest cell of each map is coloured, though the image below it is grey
        left = MARGIN + place * (width + MARGIN)
        tile = np.asarray(card)[MARGIN : MARGIN + HEIGHT, left : left + width].astype(int)
        assert (np.ptp(tile, axis=2) > 40).any()


def test_a_model_without_a_map_is_told_in_words_alone(findings: dict[str, ModelEvidence]) -> None:
    alone = {"student": ModelEvidence(findings["student"].analysis)}
    assert Image.open(BytesIO(evidence_png(view(alone)))).height < HEIGHT + 250
    assert "heatmap" not in json.loads(evidence_json(view(alone)))["models"]["student"]


def test_a_flat_map_is_drawn(findings: dict[str, ModelEvidence]) -> None:
    flat = {
        "student": ModelEvidence(findings["student"].analysis, Heatmap(np.zeros((4, 2), np.float32), "t", "u", "h"))
    }
    assert evidence_png(view(flat)).startswith(b"\x89PNG")


@pytest.mark.parametrize("found", [{}, {"nobody": None}])
def test_a_card_needs_models(found: dict) -> None:
    with pytest.raises(SnnparError, match="findings must be of teacher, student"):
        view(found)
