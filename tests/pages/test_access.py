"""Public mode: what a visitor cannot do, what a named person can, and what it looks like."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from screen import said
from streamlit.testing.v1 import AppTest

from pages.ui.server import access
from snnpar.config import TrainConfig
from snnpar.core.public import REASONS
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice
from snnpar.runs.run import create_run

OWNER = {"is_logged_in": True, "email": "Owner@Example.org", "email_verified": True, "sub": "42"}
ACTIONS = ("start", "estimate", "stop", "kill", "ask_kill", "ask_delete", "delete", "save_slice")


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict], None]:
    """Be somebody else: what the sign-in provider says of the visitor."""
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    monkeypatch.setenv(access.USERS, "somebody@example.org, owner@example.org,77")
    return lambda said: monkeypatch.setattr(type(st.user), "to_dict", lambda self: said)


@pytest.fixture
def folder(pair: Path, tmp_path: Path) -> Path:
    """The tiny pair, a run that can be started, and an evaluation."""
    root = tmp_path / "root"
    shutil.copytree(pair, root)
    create_run(TrainConfig.of(model="spikingformer_1_64"), root / "runs" / "mine")
    return root


@pytest.mark.parametrize(
    ("who", "named"),
    [
        ({}, False),
        ({"is_logged_in": False}, False),
        (OWNER, True),
        (OWNER | {"is_logged_in": False}, False),
        (OWNER | {"email_verified": False}, False),
        (OWNER | {"email_verified": "true"}, False),
        ({"is_logged_in": True, "email": "owner@example.org"}, False),
        (OWNER | {"email": "stranger@example.org"}, False),
        ({"is_logged_in": True, "sub": "77"}, True),
        ({"is_logged_in": True, "sub": "owner@example.org"}, False),
        ({"is_logged_in": True, "sub": "", "email": "", "email_verified": True}, False),
    ],
)
def test_only_a_named_person_may(claims, who: dict, named: bool) -> None:
    claims(who)
    for what, reason in REASONS.items():
        assert access.denied(what) == (None if named else reason)


@pytest.mark.parametrize(
    ("listed", "email", "named"),
    [
        ("Owner@Example.org", "owner@example.ORG", True),
        ("owner@straße.example", "owner@strasse.example", False),
        ("owner@straße.example", "owner@straße.example", False),  # to be written as below
        ("owner@xn--strae-oqa.example", "owner@xn--strae-oqa.example", True),
        ("owner@example.org", "owner@ехample.org", False),  # the first two letters are Cyrillic
        ("owner@kelvin.example", "owner@\u212aelvin.example", False),
        ("maß@example.org", "mass@example.org", False),
        ("maß@example.org", "maß@example.org", True),
    ],
)
def test_addresses_are_compared_letter_by_letter(
    claims, monkeypatch: pytest.MonkeyPatch, listed: str, email: str, named: bool
) -> None:
    claims(OWNER | {"email": email})
    monkeypatch.setenv(access.USERS, listed)
    assert (access.denied("train") is None) == named


def test_nobody_may_without_a_list_and_everybody_may_at_home(claims, monkeypatch: pytest.MonkeyPatch) -> None:
    claims(OWNER)
    monkeypatch.delenv(access.USERS)
    assert access.denied("train") == REASONS["train"]
    monkeypatch.delenv("SNNPAR_PUBLIC")
    claims({})
    assert access.denied("train") is None


def keys(test: AppTest) -> set[str]:
    return {button.key for button in test.button}


def test_a_visitor_sees_the_command_and_why_there_is_no_start(app, claims, folder: Path) -> None:
    claims({"is_logged_in": False})
    test = app(folder, "train")
    assert not keys(test) & set(ACTIONS) and "mine" not in str([box.options for box in test.selectbox])
    assert REASONS["train"] in said(test.info) and REASONS["runs"] in said(test.info)
    assert test.code[0].value == "python -m train"
    assert {button.label for button in test.button} >= {"Sign in"} and "Public server" in said(test.caption)


@pytest.mark.parametrize("place", ["/etc/passwd", "~", "/proc/self/exe", "."])
def test_nothing_on_the_page_depends_on_a_path_that_a_stranger_names(app, claims, folder: Path, place: str) -> None:
    claims({})
    there, missing = (app(folder, "train", data=path, init=path, teacher=path) for path in (place, "/no/such/path"))
    assert not there.text_input and not there.text_area
    for name in ("code", "markdown", "caption", "info"):
        assert said(there.get(name)) == said(missing.get(name))


def test_a_named_person_trains_there(app, claims, folder: Path) -> None:
    claims(OWNER)
    test = app(folder, "train")
    assert keys(test) >= {"start", "estimate"} and not test.info
    assert {button.label for button in test.button} >= {"Sign out", "Start"}


def test_a_stranger_who_signed_in_is_told(app, claims, folder: Path) -> None:
    claims(OWNER | {"email": "stranger@example.org"})
    test = app(folder, "train")
    assert "stranger@example.org is not among those" in said(test.caption) and not keys(test) & set(ACTIONS)


def test_without_a_provider_there_is_no_sign_in(app, claims, folder: Path) -> None:
    claims({})
    assert "Sign in" not in {button.label for button in app(folder).button}


def test_a_visitor_sees_evaluations_but_starts_none_and_opens_no_folder(app, claims, folder: Path) -> None:
    choice = DataChoice(rendered=24)
    for name in ("tiny-teacher", "tiny-student"):
        evaluate_checkpoint(folder / name, choice, root=folder / "evaluations")
    claims({})
    test = app(folder, "evaluate")
    assert "choose_data" not in {field.key for field in test.text_input} and not test.error
    assert not [button for button in test.button if button.label.startswith(("Evaluate", "Resume"))]
    assert len(test.dataframe) and "cannot be shown" not in said(test.error)


def test_a_visitor_is_not_sent_to_a_button_that_is_not_there(app, claims, folder: Path) -> None:
    claims({})
    test = app(folder, "evaluate")
    assert [info.value for info in test.info] == [f"Nothing of this pair is evaluated here. {REASONS['evaluate']}"]


def test_at_home_nothing_speaks_of_public(app, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNPAR_PUBLIC", raising=False)
    assert "Public server" not in said(app(folder).caption)
