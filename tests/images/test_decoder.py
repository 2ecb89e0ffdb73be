"""Decoding in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from multiprocessing.connection import Connection

import numpy as np
import psutil
import pytest
from PIL import Image

from snnpar import ASSETS, ROOT
from snnpar.bench.decoding import scans
from snnpar.images.decoder import Decoder
from snnpar.images.pixels import ImageError, open_rgb

SAMPLES = [path.read_bytes() for path in sorted((ASSETS / "samples").glob("*.png"))[:4]]
BRIEF_S = 0.4  # a small image takes a tenth of it, the slow one many times as long, on any machine
TOO_LONG = f"takes more than {BRIEF_S} s to decode"


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A few bytes that ask for a decode of 40 million pixels 60 times."""
    plain = BytesIO()
    Image.new("RGB", (8000, 5000)).save(plain, "JPEG", progressive=True)
    return scans(plain.getvalue(), 60)


def test_the_same_pixels_as_here_one_process_for_all(decoder: Decoder) -> None:
    for data in SAMPLES:
        assert np.array_equal(decoder.open(data, "a.png"), open_rgb(data))
    first = decoder._process.pid
    decoder.open(SAMPLES[0])
    assert decoder._process.pid == first


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a" + bytes(50), SAMPLES[0][:500], bytes(10_000_001)], ids=["empty", "foreign", "cut", "large"]
)
@pytest.mark.parametrize("name", ["", "straße \udcff.png"])
def test_the_same_sentences_as_here(decoder: Decoder, data: bytes, name: str) -> None:
    file = BytesIO(data)
    file.name = name
    with pytest.raises(ImageError) as here:
        open_rgb(file)
    with pytest.raises(ImageError) as there:
        decoder.open(data, name)
    assert str(there.value) == str(here.value)


def test_an_image_that_takes_too_long_is_refused_and_the_next_one_is_opened(slow: bytes) -> None:
    brief = Decoder(BRIEF_S)
    began = time.process_time()
    with pytest.raises(ImageError, match=f"a.jpg {TOO_LONG}"):
        brief.open(slow, "a.jpg")
    assert time.process_time() - began < 1, "nothing of it is computed here"
    assert np.array_equal(brief.open(SAMPLES[0]), open_rgb(SAMPLES[0]))
    for _ in range(3):  # the limit is for each image, not for all
        brief.open(SAMPLES[1])
    brief.close()


def test_an_answer_that_does_not_come_is_waited_for_no_longer() -> None:
    waiting = Decoder()
    waiting.open(SAMPLES[0])
    waiting.wait_s = 0.5
    os.kill(waiting._process.pid, signal.SIGSTOP)
    with pytest.raises(ImageError, match="or breaks its decoder"):
        waiting.open(SAMPLES[0])
    waiting.wait_s = 60
    assert waiting.open(SAMPLES[0]).shape == open_rgb(SAMPLES[0]).shape
    waiting.close()


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError, TypeError])
def test_nobody_gets_the_image_of_the_one_before(monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]) -> None:
    """What is asked is answered, unless the asking is broken off: then nobody reads that answer."""
    decoder = Decoder()

    def interrupted(line: Connection, timeout: float) -> bool:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "poll", interrupted)
        with pytest.raises(fault):
            decoder.open(SAMPLES[0])
    for sample in SAMPLES[1:]:
        assert np.array_equal(decoder.open(sample), open_rgb(sample))
    decoder.close()


def test_a_signal_that_is_ignored_here_still_ends_it(slow: bytes) -> None:
    before = signal.signal(signal.SIGPROF, signal.SIG_IGN)
    try:
        with pytest.raises(ImageError, match=TOO_LONG):
            Decoder(BRIEF_S).open(slow)
    finally:
        signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e12])
def test_a_limit_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="processor_s must be above 0"):
        Decoder(seconds)


def test_a_process_that_was_killed_is_started_anew() -> None:
    decoder = Decoder()
    decoder.open(SAMPLES[0])
    os.kill(decoder._process.pid, signal.SIGKILL)
    decoder._process.wait()
    assert decoder.open(SAMPLES[0]).shape == open_rgb(SAMPLES[0]).shape
    decoder.close()


def test_threads_get_their_own_images(decoder: Decoder) -> None:
    wrong = []

    def work(number: int) -> None:
        for _ in range(10):
            if not np.array_equal(decoder.open(SAMPLES[number]), open_rgb(SAMPLES[number])):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_it_ends_with_its_program() -> None:
    code = (
        "import sys; from snnpar.images.decoder import DECODER; DECODER.open(sys.stdin.buffer.read());"
        "print(DECODER._process.pid)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=SAMPLES[0], capture_output=True, check=True)
    end = time.monotonic() + 30
    while psutil.pid_exists(int(done.stdout)):
        assert time.monotonic() < end
        time.sleep(0.05)
