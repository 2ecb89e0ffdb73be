"""Who may do what: on a public server only what leaves nothing behind, unless a named user has signed in."""

from __future__ import annotations

from snnpar.public import REASONS, is_public


def denied(what: str) -> str | None:
    """Why `what` (a key of snnpar.public.REASONS) is off for this visitor; None if it is not."""
    reason = REASONS[what]
    return reason if is_public() else None
