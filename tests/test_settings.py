"""The settings of the served app that its safety rests on."""

from __future__ import annotations

import tomllib

from snnpar import ROOT
from snnpar.images.pixels import MAX_BYTES


def settings() -> dict:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))


def test_forged_requests_and_large_uploads_are_refused_and_errors_keep_to_themselves() -> None:
    server, client = settings()["server"], settings()["client"]
    assert server["enableXsrfProtection"] is True and server["enableCORS"] is True
    assert server["enableStaticServing"] is False and server["maxUploadSize"] * 1e6 == MAX_BYTES
    assert server["maxMessageSize"] <= 50 and client["showErrorDetails"] == "none"
    assert client["showErrorLinks"] is False
    assert settings()["browser"]["gatherUsageStats"] is False
