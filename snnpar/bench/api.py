"""`python -m snnpar bench api`: many users at once on the API, each answer compared with that of a single user.

The server is a process of its own; the users are threads of this one and take a little of the same processor. A user
asks again as soon as the answer is there, so that an ideal queue makes each wait for all users' turns: users x the time
that one alone waits.

With `--hostile`, strangers post the largest images under a fresh session each time and fetch no answer, while one
honest user goes on asking: what counts is the server's memory, and whether the honest one is answered.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO

import httpx
import numpy as np
import psutil
from PIL import Image

from snnpar import ASSETS, ROOT
from snnpar.core.errors import SnnparError
from snnpar.images.pixels import MAX_BYTES
from snnpar.metrics.defaults import SAMPLE, THRESHOLD

START_S = 180
ANSWER_S = 300
RETRY_S = 0.2
REST = ("both", THRESHOLD)  # the role and the threshold that predict takes after the image


@dataclass
class Tally:
    """What the users met; seconds of each answer by when it came."""

    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    refused: int = 0
    broken: int = 0  # connections that a killed server cut
    after_restart: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **counts: int) -> None:
        with self.lock:
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)


class RequestRefused(Exception):
    """The server said no, as it does when its line is full."""


@dataclass
class Server:
    """`python -m snnpar serve` on a port; it can be killed and started again there."""

    port: int
    process: subprocess.Popen | None = None
    restarted: bool = False

    def start(self) -> None:
        command = [sys.executable, "-m", "snnpar", "serve", "--port", str(self.port)]
        self.process = process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"SNNPAR_PUBLIC": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_S
        while time.monotonic() < end and process.poll() is None:
            with suppress(httpx.HTTPError), self.client() as client:
                if client.get("/config", timeout=5).is_success:
                    return
            time.sleep(RETRY_S)
        self.stop()
        raise SnnparError(f"the server did not answer within {START_S} s; try python -m snnpar serve")

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """For one user; whatever proxy the environment names, none leads here."""
        return httpx.Client(base_url=self.address, timeout=ANSWER_S, trust_env=False)

    def memory(self) -> int:
        """Bytes resident."""
        with suppress(psutil.Error):
            return psutil.Process(self.process.pid).memory_info().rss if self.process else 0
        return 0


@contextmanager
def serving() -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(free.getsockname()[1])
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ask(client: httpx.Client, endpoint: str, *arguments: object) -> object:
    """One call in the line and its answer, as gradio_client makes it. Raises RequestRefused, or httpx.HTTPError."""
    joined = client.post(f"/gradio_api/call/{endpoint}", json={"data": list(arguments)})
    if not joined.is_success:
        raise RequestRefused(joined.text[:200])
    event = ""
    with client.stream("GET", f"/gradio_api/call/{endpoint}/{joined.json()['event_id']}") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event == "complete":
                return json.loads(line.removeprefix("data: "))[0]
            elif line.startswith("data: ") and event == "error":
                raise RequestRefused(line[:200])
    raise httpx.RemoteProtocolError("the answer was cut short")


def bench_api(users: int = 40, seconds: float = 60, restart: bool = False) -> str:
    """Serve the shipped pair to `users` at once for so long; with `restart`, kill the server halfway, and start it.

    Raises SnnparError if the server does not start, and if an answer differs from a single user's.
    """
    images = [base64.b64encode(path.read_bytes()).decode() for path in sorted((ASSETS / "samples").glob("*.png"))]
    with serving() as server:
        with server.client() as client:
            ask(client, "predict", images[0], *REST)
            expected, alone = {}, []
            for number, image in enumerate(images):
                began = time.perf_counter()
                expected[number] = ask(client, "predict", image, *REST)
                alone.append(time.perf_counter() - began)
        tally, over, memory = Tally(), threading.Event(), [server.memory()]
        threads = [
            threading.Thread(target=_user, args=(number, server, images, expected, tally, over))
            for number in range(users)
        ]
        for thread in threads:
            thread.start()
        memory += _watch(server, seconds, restart)
        over.set()
        for thread in threads:
            thread.join()
    if tally.wrong:
        raise SnnparError(f"{tally.wrong} answers differ from a single user's")
    return _told(tally, float(np.mean(alone)), users, seconds, memory, restart)


def _user(number: int, server: Server, images: list[str], expected: dict, tally: Tally, over: threading.Event) -> None:
    """Ask about random images until it is over; what is cut off is asked again."""
    dice = random.Random(number)
    with server.client() as client:
        while not over.is_set():
            image, began = dice.randrange(len(images)), time.perf_counter()
            try:
                answer = ask(client, "predict", images[image], *REST)
            except (httpx.HTTPError, RequestRefused) as error:
                tally.add(**{"refused" if isinstance(error, RequestRefused) else "broken": 1})
                time.sleep(RETRY_S)
                continue
            tally.add(wrong=int(answer != expected[image]), after_restart=int(server.restarted))
            with tally.lock:
                tally.seconds.append(time.perf_counter() - began)


def _watch(server: Server, seconds: float, restart: bool) -> list[int]:
    """The server's memory while it goes on, ten times a second; halfway it is killed and started if asked to."""
    memory = []
    for _ in range(2):
        end = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            memory.append(server.memory())
            time.sleep(0.1)
        if restart and not server.restarted:
            server.stop()
            server.start()
            server.restarted = True
    return memory


def _told(tally: Tally, alone: float, users: int, seconds: float, memory: list[int], restart: bool) -> str:
    answers = np.array(tally.seconds)
    ideal = users * alone
    p50, p95 = (float(np.quantile(answers, share)) for share in (0.5, 0.95)) if len(answers) else (0.0, 0.0)
    again = (
        (
            f"; the server was killed and started again: {tally.broken} requests cut off and asked again, "
            f"{tally.after_restart} answered after it"
        )
        if restart
        else ""
    )
    return (
        f"{users} users for {seconds:.0f} s, predict by both models, {os.cpu_count()} cores shared with the users: "
        f"{len(answers)} answers, {tally.wrong} wrong, {tally.refused} refused; alone {alone:.3f} s, ideal queue "
        f"{ideal:.2f} s, median {p50:.2f} s, p95 {p95:.2f} s = {p95 / ideal:.2f} x ideal; memory "
        f"{memory[0] / 1e6:.0f} MB before, {max(memory) / 1e6:.0f} MB at most{again}"
    )


def bench_hostile(strangers: int = 8, seconds: float = 60) -> str:
    """Serve the shipped pair to `strangers` who take what memory they can, and to one honest user.

    Raises SnnparError if the server does not start, or if the honest user gets no answer.
    """
    sample = base64.b64encode((ASSETS / "samples" / f"{SAMPLE}.png").read_bytes()).decode()
    largest = base64.b64encode(_largest_image()).decode()
    with serving() as server:
        with server.client() as client:
            expected = {0: ask(client, "predict", sample, *REST)}
        honest, hostile, over, memory = Tally(), Tally(), threading.Event(), [server.memory()]
        threads = [threading.Thread(target=_user, args=(0, server, [sample], expected, honest, over))]
        threads += [
            threading.Thread(target=_stranger, args=(number, server, largest, hostile, over))
            for number in range(strangers)
        ]
        for thread in threads:
            thread.start()
        memory += _watch(server, seconds, restart=False)
        over.set()
        for thread in threads:
            thread.join()
    if not honest.seconds or honest.wrong:
        raise SnnparError(f"the honest user got {len(honest.seconds)} answers, {honest.wrong} of them wrong")
    return (
        f"{strangers} strangers for {seconds:.0f} s, an image of {len(largest) / 1e6:.1f} MB in base64 under a "
        f"fresh session each time, no answer fetched, {os.cpu_count()} cores shared with them: "
        f"{len(hostile.seconds)} taken in, {hostile.refused} refused; an honest user meanwhile: "
        f"{len(honest.seconds)} answers, median {np.median(honest.seconds):.2f} s, at most "
        f"{max(honest.seconds):.2f} s, {honest.refused} refused; memory {memory[0] / 1e6:.0f} MB before, "
        f"{max(memory) / 1e6:.0f} MB at most"
    )


def _stranger(number: int, server: Server, image: str, tally: Tally, over: threading.Event) -> None:
    """Post again and again, from an address of its own, and never come back for an answer."""
    transport = httpx.HTTPTransport(local_address=f"127.0.0.{2 + number % 250}")
    with httpx.Client(base_url=server.address, timeout=ANSWER_S, trust_env=False, transport=transport) as client:
        count = 0
        while not over.is_set():
            count += 1
            body = {"data": [image, *REST], "session_hash": f"stranger-{number}-{count}"}
            began = time.perf_counter()
            try:
                taken = client.post("/gradio_api/call/predict", json=body).is_success
            except httpx.HTTPError:
                tally.add(broken=1)
                continue
            with tally.lock:
                tally.seconds += [time.perf_counter() - began] if taken else []
            tally.add(refused=int(not taken))


def _largest_image() -> bytes:
    """A JPEG of noise just below the limits of bytes and pixels, so that it costs what an image can cost."""
    noise = np.random.default_rng(0).integers(0, 256, (5400, 1800, 3), np.uint8)
    for quality in range(60, 0, -2):
        file = BytesIO()
        Image.fromarray(noise).save(file, "JPEG", quality=quality)
        if file.tell() <= MAX_BYTES:
            return file.getvalue()
    raise AssertionError("no quality is low enough")
