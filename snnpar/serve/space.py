"""`python -m snnpar space build`: a folder that is a whole Hugging Face Space, made from this repository.

Only what a Space needs goes in, by name and kind of file: no run, no Hub cache, no secret, no path of this machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

from snnpar import IS_CHECKOUT, ROOT
from snnpar.config import FOLDERS
from snnpar.core.disks import whole_folder
from snnpar.core.errors import SnnparError

SDKS = ("docker", "gradio")
MAX_FILE = 10 * 2**20  # bytes; the Hub's git refuses larger files that are not in its large-file storage
KINDS = {".py", ".js", ".css", ".html", ".json", ".png", ".svg", ".safetensors", ".parquet"}
WHOLE = {
    "docker": ("LICENSE", "Dockerfile", ".dockerignore", "app.py", "requirements.txt", ".streamlit/config.toml"),
    "gradio": ("LICENSE",),
}
TREES = {"docker": ("assets", "snnpar", "pages", "train"), "gradio": ("assets", "snnpar")}
NOT_FOR_GRADIO = ("streamlit", "cachetools", "tensorboard")  # the other face, and training

# With plain git, binary files have to be in large-file storage whatever their size; `hf upload` sees to it itself.
ATTRIBUTES = "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in ("safetensors", "png", "parquet"))
GRADIO_APP = '''"""Entry of the Space: the API and the page of `snnpar.serve`, in public mode."""

import os

os.environ.setdefault("SNNPAR_PUBLIC", "1")

from snnpar import serve

host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0")
serve.main(host=host, port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
'''
CARD = """
# SNN-PAR Explorer

A conventional teacher and a spiking student read the attributes of a pedestrian side by side: probabilities, heatmaps,
spikes per timestep, and an estimate of energy. Models and code: Apache-2.0.

This server is in public mode. Images stay in memory while they are read; training, runs and files are for the copy on
your own machine.
"""
CALL = """
```python
import base64
from gradio_client import Client

image = base64.b64encode(open("person.jpg", "rb").read()).decode()
print(Client("OWNER/NAME").predict(image, api_name="/predict"))
```
"""


def add_space(flags: argparse.ArgumentParser) -> None:
    commands = flags.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser(
        "build", help="write the folder of a Space, to upload with: hf upload OWNER/NAME OUT --repo-type space"
    )
    build.add_argument(
        "--sdk",
        choices=SDKS,
        required=True,
        help="docker: the whole app; gradio: its small page and API, which free ZeroGPU hosting takes",
    )
    build.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    build.set_defaults(command=lambda options: print(build_space(options.sdk, options.out)))


def build_space(sdk: str, out: Path) -> Path:
    """Write the Space into a new or empty folder. Raises SnnparError, before anything is written."""
    if sdk not in SDKS:
        raise SnnparError(f"there is no SDK {sdk!r}; choose one of {', '.join(SDKS)}")
    if not IS_CHECKOUT:
        raise SnnparError("a Space is made of the repository, which an installed package does not have; clone it")
    files, texts = _copied(sdk), _written(sdk)
    for name, source in files.items():
        if source.stat().st_size > MAX_FILE:
            raise SnnparError(
                f"{name} is larger than 10 MiB, the most that a Space's git takes; leave it out of "
                "checkpoints/, or put it on the Hub as a model"
            )
    with whole_folder(out):
        for name, source in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, out / name)
        for name, text in texts.items():
            (out / name).write_text(text, "utf-8")
    return out


def _copied(sdk: str) -> dict[str, Path]:
    """Sources of the files that are copied as they are, by their name in the Space."""
    files = {name: ROOT / name for name in WHOLE[sdk]}
    for tree in TREES[sdk]:
        files |= {str(path.relative_to(ROOT)): path for path in sorted((ROOT / tree).rglob("*")) if _wanted(path)}
    return files | _checkpoints()


def _wanted(path: Path) -> bool:
    """A file of a kind we know; links may lead anywhere, and hidden files hold whatever tools put there."""
    hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    return path.suffix in KINDS and path.is_file() and not path.is_symlink() and not hidden


def _checkpoints() -> dict[str, Path]:
    """The files of every checkpoint directly in checkpoints/. Raises SnnparError for one that names a local folder."""
    from snnpar.checkpoint import CARD, CONFIG, PHRASES, WEIGHTS, shipped

    files = {}
    for checkpoint in shipped():
        places = [str(checkpoint.train.get(name) or "") for name in FOLDERS]
        if local := [place for place in places if Path(place).is_absolute() or place.startswith("~")]:
            raise SnnparError(
                f"the config of {checkpoint.name} names {local[0]}, a place of this machine; put the "
                "copy that `python -m snnpar export` makes into checkpoints/ instead"
            )
        for name in (CONFIG, WEIGHTS, PHRASES, CARD):
            if (checkpoint.path / name).is_file():
                files[f"checkpoints/{checkpoint.name}/{name}"] = checkpoint.path / name
    return files


def _written(sdk: str) -> dict[str, str]:
    """Texts of the files that are made for the Space."""
    matter = front_matter((ROOT / "README.md").read_text("utf-8"))
    if sdk == "docker":
        return {"README.md": _fenced(matter) + CARD, ".gitattributes": ATTRIBUTES}
    requirements = (ROOT / "requirements.txt").read_text("utf-8").splitlines(keepends=True)
    (version,) = re.findall(r"^gradio==([\d.]+)", "".join(requirements), re.M)
    matter = {name: value for name, value in matter.items() if name != "app_port"} | {
        "sdk": "gradio",
        "sdk_version": version,
        "python_version": '"3.11"',
        "app_file": "app.py",
    }
    kept = [line for line in requirements if not line.startswith(NOT_FOR_GRADIO)]
    return {
        "README.md": _fenced(matter) + CARD + CALL,
        ".gitattributes": ATTRIBUTES,
        "app.py": GRADIO_APP,
        "requirements.txt": "".join(kept),
    }


def front_matter(text: str) -> dict[str, str]:
    """The lines `name: value` between the first two lines of dashes; values as written. Raises SnnparError."""
    found = re.match(r"---\n(.*?\n)---\n", text, re.S)
    if not found:
        raise SnnparError("README.md has no front matter; it begins with --- and tells a Space its title, sdk and port")
    pairs = (line.partition(":") for line in found[1].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _fenced(matter: dict[str, str]) -> str:
    return "\n".join(["---", *(f"{name}: {value}" for name, value in matter.items()), "---", ""])
