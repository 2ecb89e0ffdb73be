"""A download in a process of its own, which a page can watch and end at any time.

The process prints JSON lines: bytes {"total", "done"} and "seconds" while it goes on, last {"folder"} or {"error"}.
It ends with its parent, and whatever way it ends, nothing half stays.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from snnpar import ROOT
from snnpar.core.errors import SnnparError
from snnpar.hub.cache import discard_half, repo_folder, stored_bytes, sweep
from snnpar.hub.fetch import fetch_checkpoint
from snnpar.hub.ids import HubError, HubId, parse_hub_id

EVERY_S = 0.2
STALLED_S = 60.0  # without a byte more than ever before: given up
SURE = 0.02  # share that has to be there before anybody asks how long the rest takes


class Download:
    """`python -m snnpar hub pull` of one checkpoint under way. Raises HubError at once for what is no Hub id."""

    def __init__(self, hub_id: str, cache: Path, *, signed: bool) -> None:
        """`cache` is the folder `hub` of the checkpoints that the process uses; `signed` as for fetch_checkpoint."""
        self.id, self.cache, self._began = parse_hub_id(hub_id), cache, time.monotonic()
        command = [
            sys.executable,
            "-m",
            "snnpar",
            "hub",
            "pull",
            "--progress",
            *([] if signed else ["--anonymous"]),
            "--",
            str(self.id),
        ]
        environment = os.environ | {"SNNPAR_CHECKPOINTS": str(cache.parent), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        self._told = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as this; the pipe would have to be emptied
        # The open standard input tells the process that somebody waits for it.
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._told,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def poll(self) -> Path | None:
        """The folder once it is there, None before. Raises HubError when there will be none."""
        ended = self.process.poll() is not None
        last = self._last()
        if not ended:
            return None
        self.close()
        if "folder" in last:
            return Path(last["folder"])
        raise HubError(last.get("error") or f"The download of {self.id} ended without a word; try again.")

    @property
    def seconds(self) -> float:
        """Since it was begun."""
        return time.monotonic() - self._began

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes done and in all; (0, 0) while the Hub is being asked."""
        last = self._last()
        return last.get("done", 0), last.get("total", 0)

    @property
    def seconds_left(self) -> float | None:
        """At the mean speed so far; None while too little has come to tell."""
        last, (done, total) = self._last(), self.progress
        return (total - done) * last["seconds"] / done if done > SURE * total else None

    def close(self) -> None:
        """End what still runs, and leave nothing half."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        sweep(self.id.repo, self.cache)

    def _last(self) -> dict:
        """The last whole line."""
        size = os.fstat(self._told.fileno()).st_size
        text = os.pread(self._told.fileno(), 4096, max(0, size - 4096))
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        return json.loads(lines[-1]) if lines else {}


def report(hub_id: str, cache: Path, signed: bool) -> int:
    """The other end: download, and tell how far it is on standard output; the exit status."""
    wanted = parse_hub_id(hub_id)
    threading.Thread(target=_end_with_parent, args=(wanted.repo, cache), daemon=True).start()
    try:
        folder = fetch_checkpoint(hub_id, cache=cache, signed=signed, begun=lambda id, total: _watch(id, total, cache))
    except SnnparError as error:
        _say(error=str(error))
        return 2
    _say(folder=str(folder))
    return 0


def _watch(id: HubId, total: int, cache: Path) -> None:
    """Say every moment how many bytes have come; give up when no more do, as the client never does."""
    folder = repo_folder(id.repo, cache)
    before, began = stored_bytes(folder), time.monotonic()

    def watch() -> None:
        most, grown = -1, began
        while time.monotonic() - grown < STALLED_S:
            done = min(total, max(0, stored_bytes(folder) - before))
            if done > most or done == total:  # then the content is being compared
                most, grown = done, time.monotonic()
            _say(total=total, done=done, seconds=time.monotonic() - began)
            time.sleep(EVERY_S)
        discard_half(id.repo, cache)
        _say(error=f"The download of {id} stands still; try again.")
        os._exit(2)

    threading.Thread(target=watch, daemon=True).start()


def _say(**values: object) -> None:
    os.write(sys.stdout.fileno(), (json.dumps(values) + "\n").encode())


def _end_with_parent(repo: str, cache: Path) -> None:
    """Once standard input closes, because who started this has gone: end, and leave nothing half."""
    sys.stdin.buffer.read()
    discard_half(repo, cache)
    os._exit(1)
