"""What does not come into the folder of a Space, and what it is not built from."""

from __future__ import annotations

import json
import os
import shutil
import sys
import types
from pathlib import Path

import pytest

from snnpar import CHECKPOINTS, ROOT, serve
from snnpar.core.errors import SnnparError
from snnpar.serve.space import MAX_FILE, SDKS, build_space, front_matter


def test_a_secret_a_run_and_a_link_stay_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "repository"
    for tree in ("assets", "snnpar", "pages", "train", ".streamlit"):
        (root / tree).mkdir(parents=True)
    for name in ("LICENSE", "Dockerfile", ".dockerignore", "app.py", "requirements.txt", ".streamlit/config.toml"):
        shutil.copyfile(ROOT / name, root / name)
    (root / "README.md").write_text("---\ntitle: x\nsdk: docker\napp_port: 1\n---\n# x\n")
    (root / ".streamlit" / "secrets.toml").write_text("a = 'SECRET'")
    (root / "pages" / ".env").write_text("SECRET")
    (root / "pages" / "notes.txt").write_text("SECRET")
    (tmp_path / "elsewhere.py").write_text("SECRET")
    (root / "snnpar" / "link.py").symlink_to(tmp_path / "elsewhere.py")
    (root / "snnpar" / "__pycache__").mkdir()
    (root / "snnpar" / "__pycache__" / "x.pyc").write_bytes(b"SECRET")
    shutil.copytree(CHECKPOINTS / "spikingformer_cml_4_192", root / "checkpoints" / "runs" / "mine")
    monkeypatch.setattr("snnpar.serve.space.ROOT", root)
    monkeypatch.setattr("snnpar.CHECKPOINTS", root / "checkpoints")
    for sdk in SDKS:
        build_space(sdk, tmp_path / sdk)
        assert not [path for path in (tmp_path / sdk).rglob("*") if path.is_file() and b"SECRET" in path.read_bytes()]
        assert not (tmp_path / sdk / "checkpoints").exists()


def test_a_checkpoint_with_a_local_place_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(CHECKPOINTS / "spikingformer_cml_4_192", tmp_path / "checkpoints" / "mine")
    monkeypatch.setattr("snnpar.CHECKPOINTS", tmp_path / "checkpoints")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["train"]["data"] = "/home/somebody/pictures"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SnnparError, match="mine names /home/somebody/pictures.*export"):
        build_space("docker", tmp_path / "out")
    config["train"]["data"] = "pictures"
    (folder / "config.json").write_text(json.dumps(config))
    os.truncate(folder / "model.safetensors", MAX_FILE + 1)
    with pytest.raises(SnnparError, match="checkpoints/mine/model.safetensors is larger than 10 MiB"):
        build_space("docker", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["# x", "--- \ntitle: x\n---\n", "---\ntitle: x\n"])
def test_a_readme_without_front_matter_is_told(text: str) -> None:
    with pytest.raises(SnnparError, match="no front matter"):
        front_matter(text)


def test_zero_gpu_is_told_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert serve.declare_gpu() is False
    declared = []
    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=declared.append))
    assert serve.declare_gpu() is True and len(declared) == 1
