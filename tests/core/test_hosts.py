"""Which names a server answers to."""

from __future__ import annotations

import pytest

from snnpar.core import hosts


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (hosts.VARIABLE, "SPACE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("socket.gethostname", lambda: "lab7")


@pytest.mark.parametrize(
    ("host", "origin", "answered"),
    [
        ("localhost:8501", None, True),
        ("LOCALHOST", "http://localhost:8501", True),
        ("app.localhost:8501", None, True),
        ("127.0.0.1:8501", "http://127.0.0.1:8501", True),
        ("192.168.1.7:8501", None, True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("lab7:8501", "http://lab7:8501", True),
        ("localhost.:80", None, True),
        ("evil.example:8501", "http://evil.example:8501", False),
        ("evil.example", None, False),
        ("127.0.0.1:8501", "http://evil.example", False),
        ("127.0.0.1.evil.example", None, False),
        ("localhost.evil.example", None, False),
        ("evillocalhost", None, False),
        ("lab7.evil.example", None, False),
        ("localhost", "null", False),
        ("localhost", "http://[::1", False),
        ("user@evil.example", None, False),
        ("localhost@evil.example", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_a_name_is_ours_or_refused(host: str | None, origin: str | None, answered: bool) -> None:
    why = hosts.refusal(host, origin, hosts.known("127.0.0.1"))
    assert (why == "") == answered
    assert answered or hosts.VARIABLE in why


@pytest.mark.parametrize("variable", [hosts.VARIABLE, "SPACE_HOST"])
def test_the_owner_and_a_space_name_more(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "Owner-Demo.example")
    assert not hosts.refusal("owner-demo.example:443", "https://owner-demo.example", hosts.known())


def test_several_names_are_given_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(hosts.VARIABLE, " a.example, b.example,")
    assert hosts.known("0.0.0.0") == {"0.0.0.0", "lab7", "a.example", "b.example"}


def test_the_bound_name_is_ours() -> None:
    assert not hosts.refusal("box.home:7860", None, hosts.known("box.home"))
