"""Public mode: what a server that strangers may use leaves off. On where SNNPAR_PUBLIC is 1."""

from __future__ import annotations

import os

VARIABLE = "SNNPAR_PUBLIC"
REASONS = {
    "train": "Training is off on this public server; run the app on your own machine to train.",
    "runs": "Runs cannot be started, stopped or deleted on this public server; run the app on your own machine.",
    "evaluate": "Evaluations cannot be started on this public server; run the app on your own machine.",
    "paths": "Files of the server cannot be named on this public server; run the app on your own machine.",
    "push": "Nothing can be pushed from this public server; run the app on your own machine.",
    "delete": "Nothing can be deleted on this public server; run the app on your own machine.",
    "private": "Private repositories of the Hub are not asked for on this public server.",
    "keep": "Nothing is kept on this public server; run the app on your own machine.",
}


def is_public() -> bool:
    """Is this server in public mode? Any value but 0, false, no, off and nothing means yes: the safe reading."""
    return os.environ.get(VARIABLE, "").strip().lower() not in ("", "0", "false", "no", "off")
