"""The app, the API, its page and the command line begin with the same choices: each is asked itself."""

from __future__ import annotations

import inspect

import pytest
from tiny import BY_ROLE, FIRST, PA100K

from snnpar import serve
from snnpar.__main__ import parser
from snnpar.datasets.gallery import samples
from snnpar.energy.estimate import CONVENTIONS, energy_over_time, estimate_energy
from snnpar.metrics import defaults
from snnpar.metrics.pedestrian import THRESHOLDS
from snnpar.models import unnamed
from snnpar.serve.answers import Answers, load_models


@pytest.fixture(scope="module")
def gradio_page() -> dict[str, object]:
    """What the widgets of the Gradio page begin with, by label."""
    demo = serve.build()
    return {
        one["props"]["label"]: one["props"]["value"] for one in demo.config["components"] if one["type"] == "dropdown"
    } | {"api": demo.get_api_info()["named_endpoints"]}


def of_api(gradio_page: dict, endpoint: str, parameter: str) -> object:
    parameters = gradio_page["api"][endpoint]["parameters"]
    return next(one["parameter_default"] for one in parameters if one["parameter_name"] == parameter)


def test_the_constants_name_what_there_is() -> None:
    assert defaults.THRESHOLD == THRESHOLDS[defaults.CONVENTION] == 0.45
    assert FIRST == {"teacher": "attention", "student": "ledger"}
    assert defaults.ENERGY in CONVENTIONS and defaults.SAMPLE in {sample.name for sample in samples()}
    assert defaults.first_attribute(PA100K.attributes) == defaults.ATTRIBUTE
    assert defaults.first_attribute(("Suitcase", "Umbrella")) == "Suitcase"


def test_the_api_and_its_page_begin_as_the_app(gradio_page: dict) -> None:
    assert of_api(gradio_page, "/predict", "threshold") == defaults.THRESHOLD
    assert of_api(gradio_page, "/energy", "convention") == defaults.ENERGY
    assert gradio_page["Where do they look for"] == defaults.ATTRIBUTE
    assert {role: gradio_page[f"{role.capitalize()}'s heatmap"] for role in FIRST} == FIRST


def test_a_heatmap_without_a_method_is_the_first_one_of_the_app(gradio_page: dict) -> None:
    import base64

    sample = next(one for one in samples() if one.name == defaults.SAMPLE)
    image = base64.b64encode(sample.path.read_bytes()).decode()
    answers = Answers(load_models())
    for role, method in FIRST.items():
        told = answers.heatmap(image, defaults.ATTRIBUTE, role)
        assert told["title"] == BY_ROLE[role][method].label
    assert of_api(gradio_page, "/heatmap", "method") == "" and of_api(gradio_page, "/heatmap", "role") == "student"


def test_the_command_line_begins_with_the_same_convention_and_pair() -> None:
    options = parser().parse_args(["evaluate", "x"])
    assert options.convention == defaults.CONVENTION
    serving = parser().parse_args(["serve"])
    assert serving.teacher is serving.student is None
    pair = load_models()
    assert all(pair[role].checkpoint.name == unnamed(role) for role in ("student", "teacher"))


@pytest.mark.parametrize("function", [estimate_energy, energy_over_time])
def test_energy_is_estimated_by_one_convention(function: object) -> None:
    assert inspect.signature(function).parameters["assumptions"].default == CONVENTIONS[defaults.ENERGY]
