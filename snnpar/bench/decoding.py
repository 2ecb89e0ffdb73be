"""`python -m snnpar bench decoding`: the time and memory that the limits on images allow one to take."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO

import numpy as np
from PIL import Image

from snnpar import ROOT
from snnpar.core.errors import SnnparError
from snnpar.images.containers import MAX_SCANS
from snnpar.images.pixels import MAX_BYTES

START = b"\xff\xda"  # of a scan
HEIGHT, WIDTH = 5000, 8000  # 40 million pixels, the most that is opened
DECODE = """
import json, sys, time
from snnpar.images.pixels import open_rgb
def resident(name):
    with open("/proc/self/status") as status:
        return 1024 * int(next(line for line in status if line.startswith(name)).split()[1])
data = sys.stdin.buffer.read()
before, began = resident("VmRSS"), time.process_time()
open_rgb(data)
print(json.dumps({"seconds": time.process_time() - began, "bytes": resident("VmHWM") - before}))
"""


def bench_decoding() -> str:
    """Each kind of file in a process of its own. Raises SnnparError if one is not opened."""
    lines = [f"{HEIGHT * WIDTH / 1e6:.0f} million pixels, opened to RGB, in processor time and memory on top:"]
    for kind, data in largest().items():
        done = subprocess.run([sys.executable, "-c", DECODE], cwd=ROOT, input=data, capture_output=True, check=False)
        if done.returncode:
            raise SnnparError(f"{kind} was not opened: {done.stderr.decode().strip().splitlines()[-1]}")
        found = json.loads(done.stdout)
        lines.append(f"{kind}, {len(data) / 1e6:.1f} MB: {found['seconds']:.1f} s, {found['bytes'] / 1e6:.0f} MB")
    return "\n".join(lines)


def largest() -> dict[str, bytes]:
    """Files with as many pixels as are let in, with so much detail that most are nearly as large as may be."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (HEIGHT // 20, WIDTH // 20, 3), dtype=np.uint8))
    image = coarse.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    grey = np.asarray(image)[..., 0].astype(np.uint16) * 257
    kinds = {
        "JPEG": ("JPEG", {}),
        "progressive JPEG": ("JPEG", {"progressive": True}),
        "PNG": ("PNG", {}),
        "WebP": ("WEBP", {"method": 0}),
        "lossless WebP": ("WEBP", {"lossless": True, "method": 0, "quality": 0}),
        "16-bit PNG": ("PNG", {}),
    }
    files = {}
    for name, (kind, options) in kinds.items():
        file = BytesIO()
        (Image.fromarray(grey) if name.startswith("16") else image).save(file, kind, **options)
        files[name] = file.getvalue()
    plain = BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(plain, "JPEG", progressive=True)
    files[f"progressive JPEG of {MAX_SCANS} scans"] = scans(plain.getvalue(), MAX_SCANS)
    return {name: data for name, data in files.items() if len(data) <= MAX_BYTES}


def scans(data: bytes, count: int) -> bytes:
    """A progressive JPEG with its last scan repeated until it has `count`; decoders refine the same pixels again."""
    last = data[data.rindex(START) : -2]
    return data[:-2] + last * (count - data.count(START)) + data[-2:]
