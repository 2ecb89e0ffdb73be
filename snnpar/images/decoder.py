"""Images that strangers send are decoded in a process of their own, which may be ended: by its time, by a fault.

One process serves one image after another. What it says is numbers and text, never a pickle: a decoder that was
taken over by an image gains nothing by it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from io import BytesIO
from multiprocessing.connection import Connection, Pipe

import numpy as np

from snnpar import ROOT
from snnpar.images.pixels import ImageError, open_rgb

PROCESSOR_S = 6  # for one image; `bench decoding` measures what the largest honest ones take
WAIT_S = 60.0  # for an answer, on a machine that is busy with other things


class Decoder:
    """Decodes as `open_rgb` does, at most `processor_s` seconds of a processor each; safe to use from threads."""

    def __init__(self, processor_s: float = PROCESSOR_S, wait_s: float = WAIT_S) -> None:
        if not 0 < processor_s < 3600:
            raise ValueError(f"processor_s must be above 0 and at most an hour; got {processor_s}")
        self.processor_s, self.wait_s = processor_s, wait_s
        self._alone = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._line: Connection | None = None

    def open(self, data: bytes, name: str = "") -> np.ndarray:
        """The bytes of an image to uint8 (H, W, 3). Raises ImageError, also for one that takes too long."""
        with self._alone:
            try:
                line = self._started()
                head = self._asked(line, data, name)
                if "shape" in head:
                    pixels = np.frombuffer(line.recv_bytes(), np.uint8)
                    return pixels.reshape(head["shape"])
            except (EOFError, OSError, TimeoutError) as error:
                self.close()
                raise ImageError(
                    f"{name or 'The image'} takes more than {self.processor_s:g} s to decode, or breaks its "
                    "decoder; save it as an ordinary PNG or JPEG and choose that file."
                ) from error
            except BaseException:  # amid an exchange: what is still to come answers another question
                self.close()
                raise
        if "refused" in head:
            raise ImageError(head["refused"])
        raise RuntimeError(f"the decoder failed: {head['fault']}")

    def _asked(self, line: Connection, data: bytes, name: str) -> dict:
        """The first half of the answer: the shape of the pixels that follow, or why there are none."""
        line.send_bytes(name.encode("utf-8", "surrogatepass"))
        line.send_bytes(data)
        if not line.poll(self.wait_s):
            raise TimeoutError
        return json.loads(line.recv_bytes())

    def _started(self) -> Connection:
        """The line to the process, which is started if it does not run."""
        if self._line and self._process and self._process.poll() is None:
            return self._line
        self.close()
        line, end = Pipe()
        command = [sys.executable, "-m", "snnpar.images.decoder", str(end.fileno()), str(self.processor_s)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[end.fileno()])
        end.close()
        self._line = line
        return line

    def close(self) -> None:
        """End the process; the next image starts another."""
        if self._line:
            self._line.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._line = self._process = None


DECODER = Decoder()  # of this process; it starts with the first image


def serve(line: Connection, processor_s: float) -> None:
    """Decode what comes down the line until it is closed; the system ends the process that takes longer."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # which ends it; the parent may have left another one
    with suppress(EOFError, OSError):
        while True:
            name, data = line.recv_bytes().decode("utf-8", "surrogatepass"), line.recv_bytes()
            signal.setitimer(signal.ITIMER_PROF, processor_s)  # of processor time; nobody handles its signal
            head, pixels = _decoded(name, data)
            line.send_bytes(json.dumps(head).encode())
            if pixels is not None:
                line.send_bytes(pixels.data)


def _decoded(name: str, data: bytes) -> tuple[dict, np.ndarray | None]:
    file = BytesIO(data)
    file.name = name  # so that a message names the file
    try:
        pixels = open_rgb(file)
    except ImageError as error:
        return {"refused": str(error)}, None
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}"}, None
    return {"shape": pixels.shape}, pixels.reshape(-1)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), float(sys.argv[2]))
