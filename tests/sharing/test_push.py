"""What a push uploads, what it refuses, that a pull gives the same back, and the models' own spelling of both."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
import torch
from hub_server import Hub, Repo, sha256
from tiny import PA100K, PHRASES, STUDENT, TEACHER, lively, random_image, write_checkpoint

import snnpar
from snnpar.__main__ import main
from snnpar.checkpoint import CheckpointError, find_checkpoint, read_checkpoint, write_config
from snnpar.config import TrainConfig, flat
from snnpar.core.errors import SnnparError
from snnpar.hub import HubError, fetch_checkpoint
from snnpar.inference import analyze
from snnpar.models import VTB, Spikingformer, ViTStudent
from snnpar.runs.run import create_run
from snnpar.schema.attributes import load_phrases
from snnpar.sharing.push import push

KEPT = {"README.md", "config.json", "model.safetensors"}


@pytest.fixture
def hub(empty_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setattr(snnpar, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(snnpar, "EVALUATIONS", tmp_path / "checkpoints" / "evaluations")
    monkeypatch.setenv("HF_TOKEN", empty_hub.token)
    return empty_hub


def pushed(hub: Hub, repo: str, branch: str = "main") -> dict[str, bytes]:
    return hub.repos[repo].commits[hub.repos[repo].refs[branch]]


def student(folder: Path) -> Path:
    """A checkpoint with what must not leave this machine."""
    checkpoint = write_checkpoint(folder, STUDENT)
    train = {
        "dataset": "rendered",
        "teacher": "/home/somebody/teacher",
        "init": "/home/somebody/first",
        "data": "hf:lab/people",
        "feature_kd": True,
    }
    write_config(folder, checkpoint.model, checkpoint.schema, train, {"commit": "c0ffee"})
    (folder / "notes.txt").write_text("private")
    (folder / "pytorch_model.bin").write_bytes(b"\x80pickle")
    (folder / "states").mkdir()
    return folder


def test_a_push_uploads_the_checkpoint_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    folder = student(tmp_path / "mine")
    address = push(folder, "lab/mine")
    files = pushed(hub, "lab/mine")
    assert address == f"{hub.endpoint}/lab/mine/commit/{hub.repos['lab/mine'].refs['main']}"
    assert set(files) == KEPT and files["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    train = flat(json.loads(files["config.json"])["train"])
    assert (train["teacher"], train["init"], train["data"]) == ("teacher", "first", "hf:lab/people")
    assert not any(b"somebody" in body for body in files.values()) and hub.repos["lab/mine"].token is None


@pytest.mark.parametrize("config", [STUDENT, TEACHER])
def test_a_pull_gives_back_what_was_pushed(hub: Hub, tmp_path: Path, config) -> None:
    folder = write_checkpoint(tmp_path / "mine", config).path
    push(folder, "lab/mine", private=True)
    hub.repos["lab/mine"].token = hub.token  # private
    first = fetch_checkpoint("lab/mine", cache=tmp_path / "hub")
    assert {path.name: path.read_bytes() for path in first.iterdir() if path.name in pushed(hub, "lab/mine")} == (
        pushed(hub, "lab/mine")
    )
    again = {name: sha256(body) for name, body in pushed(hub, "lab/mine").items()}
    push(first, "lab/mine")
    assert {name: sha256(body) for name, body in pushed(hub, "lab/mine").items()} == again
    one, other = read_checkpoint(folder), read_checkpoint(first)
    assert (one.model, one.schema, one.train, one.provenance) == (
        other.model,
        other.schema,
        other.train,
        other.provenance,
    )


def test_the_snippet_of_the_card_runs_as_printed(hub: Hub, tmp_path: Path) -> None:
    push(write_checkpoint(tmp_path / "mine", STUDENT).path, "lab/mine")
    card = pushed(hub, "lab/mine")["README.md"].decode()
    (snippet,) = re.findall(r"```python\n(.*?)```", card, re.S)
    assert 'snnpar.load("lab/mine")' in snippet
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(snippet, "README.md", "exec"), {})
    probs, energy = printed.getvalue().splitlines()
    assert "'Hat': " in probs and re.fullmatch(r"\d+ µJ, an estimate \(45 nm, .* per AC, .*\)", energy)


def test_a_push_to_a_branch(hub: Hub, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine", STUDENT).path
    push(folder, "lab/mine")
    push(folder, "lab/mine@v2")
    assert set(hub.repos["lab/mine"].refs) == {"main", "v2"} and set(pushed(hub, "lab/mine", "v2")) == KEPT


def test_what_is_no_checkpoint_is_not_pushed(hub: Hub, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine", STUDENT).path
    (folder / "model.safetensors").write_bytes(b"\x80\x04pickle")
    teacher = write_checkpoint(tmp_path / "teacher", TEACHER).path
    (teacher / "phrases.safetensors").unlink()
    for wrong in (folder, teacher, tmp_path):
        with pytest.raises(CheckpointError):
            push(wrong, "lab/mine")
    assert hub.requests == []


@pytest.mark.parametrize(
    ("name", "value", "id", "words"),
    [
        ("HF_TOKEN", "", "lab/mine", "needs a token: .* set HF_TOKEN"),
        ("HF_TOKEN", "hf_wrong", "lab/mine", "This HF_TOKEN may not write to lab/mine"),
        ("HF_ENDPOINT", "http://127.0.0.1:1", "lab/mine", "was not pushed: the Hub at http://127.0.0.1:1 cannot be"),
        ("SNNPAR_PUBLIC", "1", "lab/mine", "Nothing can be pushed from this public server"),
        ("HF_TOKEN", "hf_write", "lab/mine@" + "a1" * 20, "names a commit"),
        ("HF_TOKEN", "hf_write", "--lab/mine", "is not a Hub id"),
    ],
)
def test_pushes_that_are_refused(
    hub: Hub, tmp_path: Path, monkeypatch, name: str, value: str, id: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    folder = write_checkpoint(tmp_path / "mine", STUDENT).path
    with pytest.raises(HubError, match=words):
        push(folder, id)
    assert "lab/mine" not in hub.repos


def test_the_command_line_pushes_pulls_lists_and_deletes(hub: Hub, tmp_path: Path, capsys) -> None:
    folder = write_checkpoint(tmp_path / "mine", STUDENT).path
    assert main(["hub", "push", str(folder), "lab/mine"]) == 0
    commit = hub.repos["lab/mine"].refs["main"]
    assert capsys.readouterr().out.endswith(f"/lab/mine/commit/{commit}\n")
    for wanted in ("lab/mine", f"lab/mine@{commit}"):
        assert main(["hub", "pull", wanted]) == 0
        told, place = capsys.readouterr().out.splitlines()
        assert told == f"lab/mine@{commit}" and Path(place).name == commit
    assert main(["hub", "list"]) == 0 and capsys.readouterr().out.startswith(f"lab/mine@{commit}  ")
    assert main(["hub", "delete", f"lab/mine@{commit}"]) == 0 and not Path(place).exists()
    for wrong in (["pull", "lab/none"], ["pull", "a/b;c"], ["delete", "lab/mine"], ["push", str(tmp_path), "a/b"]):
        assert main(["hub", *wrong]) == 2 and capsys.readouterr().err.count("\n") == 1


# ------------------------------------------------------------------------- snnpar.load and from_pretrained


def test_load_takes_a_name_a_folder_and_an_id(hub: Hub, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "checkpoints" / "mine", STUDENT).path
    push(folder, "lab/mine")
    image = random_image()
    commit = hub.repos["lab/mine"].refs["main"]
    probs = [
        analyze(snnpar.load(place), image).prediction.probs.tolist()
        for place in ("mine", folder, str(folder), "lab/mine", "hf:lab/mine", f"lab/mine@{commit}")
    ]
    assert all(one == probs[0] for one in probs)
    assert snnpar.load("lab/mine", revision=commit).checkpoint.name == "lab/mine"
    for wrong, words in (
        ("nobody", "is missing"),
        ("lab/none", "does not exist or is private"),
        ("../mine", "is missing"),
    ):
        with pytest.raises(SnnparError, match=words):
            snnpar.load(wrong)
    with pytest.raises(CheckpointError, match="has no revision 'main'"):
        snnpar.load(folder, revision="main")


def test_models_are_had_saved_and_pushed_strictly(hub: Hub, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine", STUDENT).path
    model = Spikingformer.from_pretrained(folder)
    assert isinstance(model, Spikingformer) and not model.training
    assert model.push_to_hub("lab/mine").startswith(hub.endpoint)
    pulled = Spikingformer.from_pretrained("lab/mine", revision="main")
    assert all(torch.equal(value, pulled.state_dict()[key]) for key, value in model.state_dict().items())
    with pytest.raises(CheckpointError, match="is a Spikingformer, not a VTB; call Spikingformer.from_pretrained"):
        VTB.from_pretrained("lab/mine")
    with pytest.raises(CheckpointError, match="is not empty"):
        pulled.save_pretrained(folder)
    state = dict(hub.repos["lab/mine"].commits)
    hub.repos["lab/mine"].push(next(iter(state.values())) | {"model.safetensors": b"\x80\x04 a pickle"})
    with pytest.raises(CheckpointError, match="damaged or not safetensors"):
        Spikingformer.from_pretrained("lab/mine")


def test_a_fresh_model_needs_the_names_of_what_it_answers(tmp_path: Path) -> None:
    teacher = lively(TEACHER)
    with pytest.raises(CheckpointError, match="name them with schema="):
        teacher.save_pretrained(tmp_path / "one")
    with pytest.raises(CheckpointError, match="needs the vectors of its attribute phrases"):
        teacher.save_pretrained(tmp_path / "one", schema=PA100K)
    saved = teacher.save_pretrained(tmp_path / "one", schema=PA100K, phrases=load_phrases(PHRASES))
    again = VTB.from_pretrained(saved)
    assert again.checkpoint.schema == PA100K
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in teacher.state_dict().items())
    assert not (tmp_path / "two").exists() and ViTStudent.from_pretrained.__doc__


def test_importing_the_package_is_cheap() -> None:
    import subprocess
    import sys

    code = "import sys, snnpar; print([m for m in ('torch', 'huggingface_hub', 'numpy') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=snnpar.ROOT, check=True
        ).stdout.strip()
        == "[]"
    )
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        snnpar.nothing  # noqa: B018


def test_a_branch_of_a_private_repository(hub: Hub, tmp_path: Path) -> None:
    hub.repos["lab/mine"] = Repo(token="hf_other")
    with pytest.raises(HubError, match="does not exist or is private"):
        snnpar.load("hf:lab/mine@v2")


def test_a_run_keeps_the_commits_of_what_it_takes_from_the_hub(hub: Hub, tmp_path: Path) -> None:
    push(write_checkpoint(tmp_path / "wise", TEACHER).path, "lab/wise")
    commit = hub.repos["lab/wise"].refs["main"]
    config = TrainConfig.of(model="spikingformer_1_64", teacher="hf:lab/wise", init="hf:lab/wise@main", logit_kd=True)
    run = create_run(config, tmp_path / "run")
    assert run.config.distillation.teacher == run.config.model.init == f"hf:lab/wise@{commit}"
    hub.repos["lab/wise"].push({"README.md": b"moved"})
    assert find_checkpoint(run.config.distillation.teacher).name == commit
    hub.requests.clear()
    again = create_run(
        config.changed(teacher=str(find_checkpoint(run.config.distillation.teacher)), init=""), tmp_path / "again"
    )
    assert again.config.distillation.teacher == f"hf:lab/wise@{commit}" and hub.requests == []
    with pytest.raises(HubError, match="does not exist or is private"):
        create_run(config.changed(teacher="hf:lab/none"), tmp_path / "third")
    assert not (tmp_path / "third").exists()
