"""Starting to serve: ports, addresses, proxies, models."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from asking import SAMPLE, Server, ask, encoded

from snnpar import serve
from snnpar.__main__ import main
from snnpar.core.errors import SnnparError
from snnpar.images.pixels import open_rgb
from snnpar.inference import analyze, load
from snnpar.serve.answers import Answers, load_models


@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:9",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("socks5://127.0.0.1:9", "socks://nonsense")),
    ],
)
def test_a_proxy_has_no_part_in_serving(
    small_pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    demo = serve.build(*small_pair)
    try:
        assert serve.launch(demo, host="127.0.0.1", port=0, wait=False).startswith("http://127.0.0.1:")
        assert os.environ["ALL_PROXY"] == proxy  # for what does leave this machine
    finally:
        demo.close(verbose=False)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_an_ipv6_address_serves(small_pair: tuple[str, str]) -> None:
    demo = serve.build(*small_pair)
    try:
        address = serve.launch(demo, host="::1", port=0, wait=False)
        assert address.startswith("http://[::1]:") and ask(Server(address, 0, Path(), Path()), "config")[0] == 200
    finally:
        demo.close(verbose=False)


def test_models_without_timesteps_answer_too(tmp_path: Path) -> None:
    teacher = tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER)
    config = tiny.replace(tiny.STUDENT, architecture="vit", stem="conv", mlp_ratio=2, timesteps=1)
    student = tiny.write_checkpoint(tmp_path / "student", config)
    answers = Answers(load_models(str(teacher.path), str(student.path)))
    image = encoded(SAMPLE)
    assert answers.predict(image)["student"]["per_timestep"] == []
    assert answers.trace(image)["layers"] == [] and answers.trace(image)["total_spikes"] == 0
    assert answers.models()["student"]["timesteps"] == 0


def test_checkpoints_of_the_wrong_role_or_none_are_refused(small_pair: tuple[str, str]) -> None:
    teacher, student = small_pair
    with pytest.raises(SnnparError, match="student is a student; give it as --student"):
        load_models(student, teacher)
    with pytest.raises(SnnparError, match="no checkpoint .*elsewhere"):
        load_models("elsewhere", student)


@pytest.mark.parametrize("port", ["taken", "99999"])
def test_a_port_that_cannot_be_had_is_one_sentence(
    server: Server, capsys: pytest.CaptureFixture[str], port: str, small_pair: tuple[str, str]
) -> None:
    port = str(server.port) if port == "taken" else port
    teacher, student = small_pair
    assert main(["serve", "--port", port, "--teacher", teacher, "--student", student]) == 2
    assert f"127.0.0.1:{port} is taken or not an address" in capsys.readouterr().err


def test_mcp_without_its_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, small_pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    teacher, student = small_pair
    assert main(["serve", "--mcp", "--teacher", teacher, "--student", student]) == 2
    assert "pip install 'gradio[mcp]'" in capsys.readouterr().err


def test_an_opponent_answers_beside_the_two(small_pair: tuple[str, str], tmp_path: Path) -> None:
    """An ANN student against the spiking one; any checkpoint will do."""
    teacher, student = small_pair
    rival = tiny.write_checkpoint(tmp_path / "rival", replace(tiny.STUDENT, architecture="vit"))
    answers, image = Answers(load_models(teacher, student, str(rival.path))), encoded(SAMPLE)
    assert list(answers.models()) == ["teacher", "student", "opponent"]
    for role, found in (("both", ["teacher", "student"]), ("all", ["teacher", "student", "opponent"])):
        assert list(answers.predict(image, role)) == list(answers.energy(image, role)) == found
    expected = analyze(load(rival), open_rgb(SAMPLE)).prediction.probs.tolist()
    assert list(answers.predict(image, "opponent")["opponent"]["probabilities"].values()) == pytest.approx(expected)
    first = next(iter(answers.models()["opponent"]["attributes"]))
    assert answers.heatmap(image, first, "opponent")["checkpoint"] == "rival"
    assert serve.build(teacher, student, opponent=str(rival.path)).blocks


def test_without_an_opponent_asking_it_is_refused(small_pair: tuple[str, str]) -> None:
    answers = Answers(load_models(*small_pair))
    assert list(answers.predict(encoded(SAMPLE), "all")) == ["teacher", "student"]
    for endpoint in (answers.predict, answers.energy):
        with pytest.raises(SnnparError, match="There is no opponent here; start the server with --opponent"):
            endpoint(encoded(SAMPLE), "opponent")
