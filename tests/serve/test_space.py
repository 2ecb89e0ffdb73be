"""The folders of Spaces, and their entry points, started as a Space starts them: its port, user and environment."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from servers import START_S, port_of

from snnpar import ASSETS, CHECKPOINTS, ROOT
from snnpar.__main__ import main
from snnpar.core.public import REASONS
from snnpar.images.pixels import open_rgb
from snnpar.inference import analyze
from snnpar.serve.answers import load_models
from snnpar.serve.space import ATTRIBUTES, MAX_FILE, SDKS, build_space, front_matter

USER = 1000  # as the Hub runs containers
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))


@pytest.fixture(scope="module")
def built() -> Iterator[dict[str, Path]]:
    """Both Spaces, in a folder that every user may read."""
    root = Path(tempfile.mkdtemp(prefix="space-"))
    root.chmod(0o755)
    yield {sdk: build_space(sdk, root / sdk) for sdk in SDKS}
    shutil.rmtree(root)


def matter(text: str) -> dict:
    """The front matter as the Hub reads it."""
    return yaml.safe_load(text.split("---\n")[1])


def dockerfile(instruction: str) -> list[str]:
    """What follows each such instruction."""
    return re.findall(rf"^{instruction} (.*)$", DOCKERFILE, re.M)


def copied() -> set[str]:
    """Sources of the Dockerfile's COPY."""
    return {source for line in dockerfile("COPY") for source in line.split()[:-1]}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("readme", ["README.md", *SDKS])
def test_front_matter_says_what_the_hub_needs(readme: str, built: dict[str, Path]) -> None:
    text = ((built[readme] / "README.md") if readme in built else ROOT / readme).read_text("utf-8")
    said = matter(text)
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {said["colorFrom"], said["colorTo"]} <= colours and len(said["short_description"]) <= 60
    assert said["license"] == "apache-2.0" and said["title"] and len(said["emoji"]) == 1
    assert {name: str(value).strip('"') for name, value in front_matter(text).items()} == {
        name: str(value) if not isinstance(value, bool) else str(value).lower() for name, value in said.items()
    }
    if readme == "gradio":
        requirements = (ROOT / "requirements.txt").read_text("utf-8")
        assert said["sdk"] == "gradio" and f"\ngradio=={said['sdk_version']} " in requirements
        assert said["python_version"] == "3.11" and (built["gradio"] / said["app_file"]).is_file()
    else:
        assert said["sdk"] == "docker" and said["app_port"] == 7860
    assert text.split("---\n", 2)[2].lstrip().startswith("# SNN-PAR Explorer")


def test_the_port_is_the_same_everywhere() -> None:
    port = str(matter((ROOT / "README.md").read_text("utf-8"))["app_port"])
    assert dockerfile("EXPOSE") == [port]
    assert f"--server.port={port}" in json.loads(dockerfile("CMD")[0])
    assert f":{port}/" in dockerfile("HEALTHCHECK")[0]


def test_the_dockerfile_runs_unprivileged_in_public_mode_and_names_no_index() -> None:
    assert dockerfile("FROM") == ["python:3.11-slim"] and dockerfile("ARG") == ["WHEEL_INDEX"]
    assert f"--uid {USER} user" in DOCKERFILE and dockerfile("USER") == ["user"]
    assert "SNNPAR_PUBLIC=1" in dockerfile("ENV")[0].split()
    assert "://" not in DOCKERFILE.replace("http://127.0.0.1", "")
    assert not any("--chown" in line for line in dockerfile("COPY"))
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[1] == "*" and {line[1:] for line in ignored if line.startswith("!")} == copied()


def test_every_file_is_small_enough_for_the_hub(built: dict[str, Path]) -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    names = [ROOT / name for name in tracked.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert names or not (ROOT / ".git").exists()
    for path in [*names, *(path for folder in built.values() for path in folder.rglob("*") if path.is_file())]:
        assert path.stat().st_size <= MAX_FILE, path


def test_a_space_has_what_it_needs_and_nothing_else(built: dict[str, Path]) -> None:
    shipped = {f"checkpoints/{path.parent.name}" for path in CHECKPOINTS.glob("*/config.json")}
    for sdk, folder in built.items():
        found = files(folder)
        assert {str(Path(name).parent) for name in found if name.startswith("checkpoints/")} == shipped
        assert {"snnpar/serve/page.py", "assets/samples/00.png", "assets/schemas/pa100k.json", "LICENSE"} <= found
        assert (folder / ".gitattributes").read_text("utf-8") == ATTRIBUTES
        assert not [name for name in found if re.search(r"secrets|__pycache__|^(tests|docs|\.git)/", name)]
        assert not any(path.is_symlink() for path in folder.rglob("*"))
        places = {str(ROOT), str(Path.home()), str(folder)} - {"/"}
        for name in found:
            data = (folder / name).read_bytes()
            assert not any(place.encode() in data for place in places), name
        assert ("pages/compare.py" in found) == ("train/__main__.py" in found) == (sdk == "docker")
    assert {name for name in copied() if not (built["docker"] / name).exists()} == set()


def test_a_folder_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for out in (tmp_path, tmp_path / "mine.txt"):
        assert main(["space", "build", "--sdk", "gradio", str(out)]) == 2
        assert "is not empty; give a new or empty folder" in capsys.readouterr().err
    assert files(tmp_path) == {"mine.txt"}


# --- started as a Space starts them


def unprivileged() -> list[str]:
    """Puts a command under the Space's user if this is root, who may write everywhere. Reading stays possible: the
    interpreter of the tests may lie in root's home."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (util-linux) to start a server as another user than root")
    read = "=-all,+dac_read_search"
    return [
        "setpriv",
        f"--reuid={USER}",
        f"--regid={USER}",
        "--clear-groups",
        f"--inh-caps{read}",
        f"--ambient-caps{read}",
        f"--bounding-set{read}",
    ]


@contextmanager
def started(folder: Path, command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """The port of the Space's process, in its folder, which it cannot write to, with a home of its own."""
    home = Path(tempfile.mkdtemp(prefix="home-"))
    before = files(folder)
    if os.geteuid() == 0:
        os.chown(home, USER, USER)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222 | 0o444)
    # A container's environment, on the interpreter of these tests; one thread, as its cores are shared.
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
        **environment,
        "HOME": str(home),
        "TMPDIR": str(home),  # lest what another user has made in /tmp stand in its way
    }
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*unprivileged(), *command], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield port_of(process, home / "log.txt")
        assert process.poll() is None, (home / "log.txt").read_text("utf-8")[-2000:]
        assert files(folder) == before
        text = Path(f"/proc/{process.pid}/status").read_text() if Path("/proc").is_dir() else ""
        assert not re.search(r"^Uid:\s+0\b", text, re.M)
    except BaseException:
        print((home / "log.txt").read_text("utf-8", "replace")[-3000:])
        raise
    finally:
        process.kill()  # it has nothing to save
        process.wait()
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        shutil.rmtree(home)


def page_messages(port: int, page: str) -> list:
    """What Streamlit sends a browser that opens a page, until its script has ended well."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    messages = []
    with connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket_:
        request = BackMsg()
        request.rerun_script.page_name = page
        socket_.send(request.SerializeToString())
        while (
            not messages
            or messages[-1].script_finished != ForwardMsg.FINISHED_SUCCESSFULLY
            or (messages[-1].WhichOneof("type") != "script_finished")
        ):
            messages.append(ForwardMsg.FromString(socket_.recv(timeout=START_S)))
    return messages


@pytest.mark.slow
def test_the_docker_space_serves_every_page_in_public_mode(built: dict[str, Path]) -> None:
    declared = dockerfile("EXPOSE")[0]
    command = [part.replace(declared, "0") for part in json.loads(dockerfile("CMD")[0])]
    environment = dict(pair.split("=", 1) for pair in dockerfile("ENV")[0].split())
    assert not (built["docker"] / "checkpoints" / "runs").exists()
    with started(built["docker"], command, environment) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=START_S) as answer:
            cookie = answer.headers["Set-Cookie"]
        # The token against forged requests is on, and is sent from the Hub's frame around the Space, too.
        assert cookie.startswith("_streamlit_xsrf=") and {"samesite=none", "secure"} <= set(cookie.lower().split("; "))
        for page in PAGES:
            messages = page_messages(port, "" if page == "compare" else page)
            kinds = [message.delta.new_element.WhichOneof("type") for message in messages]
            assert "exception" not in kinds, page
            shown = " ".join(str(message.delta) for message in messages)
            assert "Public server: your image stays in memory" in shown, page
            assert (REASONS["train"] in shown) == (page == "train")


def test_the_gradio_space_answers_as_the_library_does(built: dict[str, Path]) -> None:
    from gradio_client import Client

    environment = {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": "0",
        "SYSTEM": "spaces",
        "SPACE_ID": "owner/name",
    }
    sample = ASSETS / "samples" / "07.png"
    with started(built["gradio"], ["python", "app.py"], environment) as port:
        client = Client(f"http://127.0.0.1:{port}/", verbose=False)
        said = client.predict(base64.b64encode(sample.read_bytes()).decode(), api_name="/predict")
        heat = client.predict(base64.b64encode(sample.read_bytes()).decode(), "Hat", api_name="/heatmap")
    pair = load_models()
    for role in ("teacher", "student"):
        probs = analyze(pair[role], open_rgb(sample)).prediction.probs
        assert list(said[role]["probabilities"].values()) == pytest.approx(probs.tolist(), abs=1e-6)
    assert base64.b64decode(heat["png_base64"]).startswith(b"\x89PNG")
