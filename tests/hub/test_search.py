"""Searching the Hub; what it finds is tested with the collection of checkpoints."""

from __future__ import annotations

import pytest
from hub_server import Hub

from snnpar.hub import HubError, search


def test_search_without_a_hub_is_one_sentence(empty_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(HubError, match="cannot be reached; what is on this computer works as before"):
        search("lab", signed=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE forbids"):
        search("lab", signed=True)
