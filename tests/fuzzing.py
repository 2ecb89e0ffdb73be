"""Damaged images and checkpoints, the same each time: `python tests/fuzzing.py images|checkpoints COUNT [SEED]`.

It runs in a process of its own, because what it looks for, a crash or a hang in a decoder, would end or hold up the
tests. The last line on standard output is a JSON object of counts; before each case its number goes to standard error.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import heic
import numpy as np
import torch
from PIL import Image
from tiny import STUDENT, TEACHER, write_checkpoint

from snnpar.checkpoint import read_checkpoint
from snnpar.core.errors import SnnparError
from snnpar.images.pixels import ImageError, open_rgb
from snnpar.inference import analyze, load


def mutate(data: bytes, dice: random.Random) -> bytes:
    """One to eight random changes: bits, bytes, extreme numbers, cuts, repeats, swaps, nothing at all."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at, length = dice.randrange(len(out) + 1), dice.choice((1, 2, 4, 8, 64, 512))
        kind = dice.randrange(7)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << dice.randrange(8)
        elif kind == 1:
            out[at : at + length] = dice.randbytes(length)
        elif kind == 2:  # sizes and offsets of a format, as large or as small as they can be
            out[at : at + 4] = dice.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0"))
        elif kind == 3:
            del out[at : at + length]
        elif kind == 4:
            out[at:at] = out[max(0, at - length) : at] * dice.randint(1, 4)
        elif kind == 5:
            out = out[:at] if dice.random() < 0.2 else out
        else:
            other = dice.randrange(len(out) + 1)
            out[at:at] = out[other : other + length]
    return bytes(out)


def seed_images() -> list[bytes]:
    """Small valid files of every format and mode that is opened, and some that are not."""
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (48, 24, 3), dtype=np.uint8))
    grey16 = Image.fromarray(rng.integers(0, 65536, (48, 24)).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    files = []
    for image, kind, options in [
        (rgb, "JPEG", {}),
        (rgb, "JPEG", {"progressive": True, "exif": exif}),
        (rgb.convert("L"), "JPEG", {}),
        (rgb.convert("CMYK"), "JPEG", {}),
        (rgb, "PNG", {}),
        (rgb.convert("RGBA"), "PNG", {"exif": exif}),
        (rgb.convert("P"), "PNG", {"transparency": 3}),
        (rgb.convert("1"), "PNG", {}),
        (grey16, "PNG", {}),
        (rgb, "WEBP", {}),
        (rgb, "WEBP", {"lossless": True}),
        (rgb.convert("RGBA"), "WEBP", {}),
        (rgb, "WEBP", {"save_all": True, "append_images": [rgb] * 3}),
        (rgb, "PNG", {"save_all": True, "append_images": [rgb] * 3}),
        (rgb, "AVIF", {}),
        (rgb, "GIF", {}),
        (rgb, "TIFF", {}),
        (rgb, "BMP", {}),
    ]:
        file = BytesIO()
        image.save(file, kind, **options)
        files.append(file.getvalue())
    return [*files, heic.UPRIGHT, heic.SIDEWAYS]


def images(count: int, dice: random.Random) -> Counter:
    """Each image opens to (H, W, 3) of bytes, or is refused with one sentence."""
    found, seeds = Counter(), seed_images()
    for number in range(count):
        print(number, file=sys.stderr)
        try:
            opened = open_rgb(mutate(dice.choice(seeds), dice))
        except ImageError as error:
            assert one_sentence(error), str(error)[:300]
            found["refused"] += 1
            continue
        assert opened.dtype == np.uint8 and opened.ndim == 3 and opened.shape[2] == 3
        found["opened"] += 1
    return found


def one_sentence(error: Exception) -> bool:
    return 0 < len(str(error)) < 2000 and "Traceback" not in str(error)


def checkpoints(count: int, dice: random.Random) -> Counter:
    """Each checkpoint loads and answers with numbers, or is refused with one sentence."""
    found = Counter()
    with tempfile.TemporaryDirectory() as root:
        for name, config in (("student", STUDENT), ("teacher", TEACHER)):
            write_checkpoint(Path(root) / name, config)
        originals = {path: path.read_bytes() for path in sorted(Path(root).rglob("*")) if path.suffix in DAMAGES}
        for number in range(count):
            print(number, file=sys.stderr)
            path = dice.choice(list(originals))
            damage = dice.choice(DAMAGES[path.suffix])
            path.write_bytes(damage(originals[path], dice))
            found[usable(path.parent)] += 1
            path.write_bytes(originals[path])
    return found


def usable(folder: Path) -> str:
    try:
        said = analyze(load(read_checkpoint(folder)), np.full((64, 32, 3), 127, np.uint8)).prediction.probs
    except SnnparError as error:
        assert one_sentence(error), str(error)[:300]
        return "refused"
    assert np.isfinite(said).all() and ((said >= 0) & (said <= 1)).all()
    return "opened"


def header(data: bytes, dice: random.Random) -> bytes:
    """Damage where a safetensors file says what is in it: its length and its JSON."""
    length = 8 + int.from_bytes(data[:8], "little")
    return mutate(data[:length], dice) + data[length:]


def renamed_pickle(data: bytes, dice: random.Random) -> bytes:
    """What torch.save writes, under the name of a safetensors file."""
    file = BytesIO()
    torch.save({"weight": torch.zeros(dice.randint(1, 9))}, file)
    return file.getvalue()


VALUES: list[object] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    3,
    2**31,
    10**30,
    1e308,
    -0.5,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "vtb",
    "spikingformer",
    "../../etc/passwd",
    "a\0b",
    [],
    {},
    [[[]]],
    {"a": 1},
    ["x"] * 3,
    [10**9, 10**9],
]


def structure(data: bytes, dice: random.Random) -> bytes:
    """A config.json in which values have other types and sizes, or are gone, or are there twice."""
    content = json.loads(data)
    for _ in range(dice.randint(1, 3)):
        where = content
        while True:
            keys = list(where) if isinstance(where, dict) else list(range(len(where)))
            if not keys:
                break
            key = dice.choice(keys)
            if isinstance(where[key], dict | list) and dice.random() < 0.8:
                where = where[key]
                continue
            if dice.random() < 0.2:
                del where[key]
            else:
                where[key] = copy.deepcopy(dice.choice(VALUES))
            break
    return json.dumps(content).encode()


def nested(data: bytes, dice: random.Random) -> bytes:
    depth = dice.choice((10, 1000, 100_000))
    return b'{"model": ' + b"[" * depth + b"]" * depth + b"}"


def huge(data: bytes, dice: random.Random) -> bytes:
    return data[:-2] + b' ,"more": "' + b"x" * 2_000_000 + b'"}'


DAMAGES: dict[str, list[Callable[[bytes, random.Random], bytes]]] = {
    ".json": [structure, structure, structure, mutate, nested, huge],
    ".safetensors": [mutate, header, header, renamed_pickle],
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    work, count, seed = {"images": images, "checkpoints": checkpoints}[sys.argv[1]], int(sys.argv[2]), sys.argv[3:]
    print(json.dumps(work(count, random.Random(int(seed[0]) if seed else 0))))
