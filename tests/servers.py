"""What tests that start a server share."""

from __future__ import annotations

import socket

START_S = 120  # a busy machine is slow, not broken


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
