"""Which names a server answers to, so that a page of another site cannot speak to it through a name of its own.

DNS rebinding: a page of evil.example, whose name then resolves to 127.0.0.1, sends requests that name evil.example as
their host and origin alike. So both must be names that are known to be this server's. An address in numbers needs no
resolving and cannot be rebound.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

VARIABLE = "SNNPAR_HOSTS"  # more names, by commas
REFUSED = (
    "This server does not answer to the name {name}. Open it as localhost or by its address in numbers, or have "
    f"its owner add the name to {VARIABLE}."
)
# A page of another site may show ours in a frame nowhere but in a Space, which the Hub's page frames.
FRAMES = "'self' https://huggingface.co https://*.hf.space" if os.environ.get("SPACE_ID") else "'self'"


def known(bound: str = "") -> frozenset[str]:
    """The names of a server that listens on `bound`: its own, those in SNNPAR_HOSTS, and its host in a Space."""
    named = os.environ.get(VARIABLE, "").split(",")
    return frozenset(
        filter(None, (_plain(name) for name in (bound, socket.gethostname(), os.environ.get("SPACE_HOST", ""), *named)))
    )


def refusal(host: str | None, origin: str | None, names: Iterable[str]) -> str:
    """Why a request is not answered, "" if it is: its Host and, if it has one, its Origin must name this server.

    A Host header is `name`, `name:port` or `[address]:port`; an Origin is `scheme://` and that, or null.
    """
    names = frozenset(names)
    if not host or not is_ours(name_of(f"//{host}"), names):
        return REFUSED.format(name=repr((host or "")[:100]))
    if origin and not is_ours(name_of(origin), names):
        return REFUSED.format(name=repr(origin[:100]))
    return ""


def name_of(url: str) -> str:
    """The host in a URL, lowercase; "" if there is none."""
    try:
        return _plain(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def is_ours(name: str, names: Iterable[str]) -> bool:
    """localhost and what ends in it, any address in numbers, and the given names."""
    return name == "localhost" or name.endswith(".localhost") or _is_address(name) or name in names


def _plain(name: str) -> str:
    return name.strip().lower().rstrip(".").strip("[]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
