"""The owner's token on a public server: strangers are served as the Hub serves anybody, named people with the token."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hub_server import Hub, Repo
from screen import said

from pages.ui.server import access
from snnpar.hub import HubError, cached_checkpoint, fetch_checkpoint, list_cached, search

PATIENCE_S = 60


@pytest.fixture
def hub(empty_hub: Hub, pair: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A private repository and an open one, and a machine with the owner's token."""
    for name, token in (("owner/private", "hf_owner"), ("lab/open", None)):
        empty_hub.repos[name] = Repo(token=token)
        empty_hub.repos[name].push({path.name: path.read_bytes() for path in (pair / "tiny-student").iterdir()})
    monkeypatch.setenv("HF_TOKEN", "hf_owner")
    return empty_hub


@pytest.fixture
def public(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("SNNPAR_PUBLIC", "1")
    monkeypatch.setenv(access.USERS, "owner@example.org")
    return hub


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the owner."""
    claims = {"is_logged_in": True, "email": "owner@example.org", "email_verified": True}
    monkeypatch.setattr("streamlit.user_info.UserInfoProxy.to_dict", lambda self: claims)


def root(pair: Path, tmp_path: Path) -> Path:
    for one in pair.iterdir():
        (tmp_path / one.name).symlink_to(one)
    return tmp_path


def look_up(test, text: str) -> None:
    test.text_input(key="hub_text").input(text)
    next(button for button in test.button if button.label == "Look up").click().run()
    end = time.monotonic() + PATIENCE_S
    while "hub_asked" in test.session_state:
        assert time.monotonic() < end
        time.sleep(0.05)
        test.run()


@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.parametrize("id", ["owner/private", "owner/private@main"])
def test_a_strangers_link_is_not_asked_for_with_the_token(
    app, public: Hub, pair: Path, tmp_path: Path, role: str, id: str
) -> None:
    test = app(root(pair, tmp_path), "", **{role: id})
    assert "owner/private does not exist or is private" in said(test.error)
    assert public.requests and not public.signed and not list_cached(tmp_path / "hub")


@pytest.mark.parametrize("text", ["owner/private", "owner/pri", "lab/open"])
def test_a_strangers_search_is_not_signed(app, public: Hub, pair: Path, tmp_path: Path, text: str) -> None:
    test = app(root(pair, tmp_path), "checkpoints")
    look_up(test, text)
    assert public.requests and not public.signed
    assert ("hub_found" in test.session_state) == (text == "lab/open")


def test_a_stranger_gets_what_everybody_may_have(app, public: Hub, pair: Path, tmp_path: Path) -> None:
    test = app(root(pair, tmp_path), "", student="lab/open")
    assert test.session_state["selection"].checkpoints["student"].name == "lab/open" and not public.signed


def test_what_the_owner_fetched_is_hidden_from_strangers(app, public: Hub, pair: Path, tmp_path: Path) -> None:
    folder = fetch_checkpoint("owner/private", cache=tmp_path / "hub")  # in a shell, or signed in
    fetch_checkpoint("lab/open", cache=tmp_path / "hub")
    public.signed.clear()
    for id in ("owner/private", f"owner/private@{folder.name}"):
        test = app(root(pair, tmp_path) if not (tmp_path / "tiny-student").exists() else tmp_path, "", student=id)
        assert "does not exist or is private" in said(test.error) and not public.signed
    test = app(tmp_path, "checkpoints")
    assert "lab/open" in set(test.dataframe[0].value["Checkpoint"])
    assert "owner/private" not in str(test.dataframe[0].value) + said(test.caption) + said(test.markdown)
    assert cached_checkpoint("owner/private", cache=tmp_path / "hub", signed=False) is None


def test_a_named_person_is_served_with_the_token(app, public: Hub, named: None, pair: Path, tmp_path: Path) -> None:
    test = app(root(pair, tmp_path), "", student="owner/private")
    assert test.session_state["selection"].checkpoints["student"].name == "owner/private" and public.signed
    test = app(tmp_path, "checkpoints")
    assert "owner/private" in set(test.dataframe[0].value["Checkpoint"])
    look_up(test, "owner/private")
    assert test.session_state["hub_found"].listing.private


def test_at_home_the_token_is_used(app, hub: Hub, pair: Path, tmp_path: Path) -> None:
    test = app(root(pair, tmp_path), "", student="owner/private")
    assert test.session_state["selection"].checkpoints["student"].name == "owner/private" and hub.signed


def test_what_was_private_and_is_open_now_is_shown_once_somebody_asks(public: Hub, tmp_path: Path) -> None:
    folder = fetch_checkpoint("owner/private", cache=tmp_path)
    assert list_cached(tmp_path)[0].private
    with pytest.raises(HubError, match="does not exist or is private"):
        fetch_checkpoint("owner/private", cache=tmp_path, signed=False)
    public.repos["owner/private"].token = None
    assert fetch_checkpoint("owner/private", cache=tmp_path, signed=False) == folder
    assert not list_cached(tmp_path)[0].private


def test_without_the_hub_a_stranger_gets_nothing_private_from_the_cache(
    public: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch_checkpoint("owner/private", cache=tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    for id in ("owner/private", f"owner/private@{folder.name}"):
        with pytest.raises(HubError, match="cannot be reached"):
            fetch_checkpoint(id, cache=tmp_path, signed=False)


def test_a_cache_of_an_earlier_version_says_nothing_and_is_taken_for_private(public: Hub, tmp_path: Path) -> None:
    (fetch_checkpoint("lab/open", cache=tmp_path) / ".fetched").write_text("")
    assert list_cached(tmp_path)[0].private
    fetch_checkpoint("lab/open", cache=tmp_path, signed=False)
    assert not list_cached(tmp_path)[0].private


def test_a_search_says_whether_it_is_signed(hub: Hub) -> None:
    assert search("owner/private", signed=True).listing.private and not search("lab/open", signed=True).listing.private
    hub.signed.clear()
    with pytest.raises(HubError):
        search("owner/private@main", signed=False)
    assert not hub.signed
