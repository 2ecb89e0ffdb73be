"""The API in a real server, asked by Gradio's own client and by plain requests."""

from __future__ import annotations

import base64
import gc
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tiny
from browsing import MARKS, browser_context
from PIL import Image
from servers import START_S, free_port

from snnpar import ASSETS, serve
from snnpar.__main__ import main
from snnpar.energy import CONVENTIONS, estimate_energy
from snnpar.errors import SnnparError
from snnpar.evidence import overlaid
from snnpar.explain import heatmap
from snnpar.images import MAX_BYTES, open_rgb
from snnpar.inference import Analysis, analyze, decide
from snnpar.serve.answers import ROLES, Answers, Pair, load_pair
from snnpar.serve.guard import MAX_BODY, allowed
from snnpar.serve.line import Limits, forget, has_room, in_turn, size

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ASSETS / "samples" / "03.png"


@dataclass(frozen=True)
class Server:
    """A running `python -m snnpar serve`, with its log and the folder that Gradio would put files into."""

    address: str
    port: int
    log: Path
    files: Path

    def client(self):
        from gradio_client import Client

        return Client(self.address, verbose=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("serve")
    port, log = free_port(), folder / "log.txt"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GRADIO_TEMP_DIR": str(folder / "files"),
                                "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "snnpar", "serve", "--port", str(port)], cwd=ROOT,
                                   env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + START_S
        while "serving at" not in log.read_text("utf-8"):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start: {log.read_text('utf-8')[-2000:]}")
            time.sleep(0.1)
        yield Server(f"http://127.0.0.1:{port}/", port, log, folder / "files")
    finally:
        process.kill()  # it has nothing to save
        process.wait()


@pytest.fixture(scope="module")
def client(server: Server):
    return server.client()


@pytest.fixture(scope="module")
def pair() -> Pair:
    return load_pair()


@pytest.fixture(scope="module")
def analyses(pair: Pair) -> dict[str, Analysis]:
    return {role: analyze(pair[role], open_rgb(SAMPLE)) for role in ("teacher", "student")}


def encoded(data: bytes | Path) -> str:
    return base64.b64encode(data.read_bytes() if isinstance(data, Path) else data).decode("ascii")


def picture_file(kind: str, size: tuple[int, int] = (24, 48)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, (90, 120, 60)).save(file, kind)
    return file.getvalue()


def huge_png(side: int = 60_000) -> bytes:
    """A PNG of a few bytes that declares side x side pixels."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def test_every_endpoint_is_documented_and_typed(client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/models", "/predict", "/trace", "/heatmap", "/energy"}
    for endpoint in endpoints.values():
        assert len(endpoint["description"]) > 20
        assert all(parameter["type"] for parameter in endpoint["parameters"])
        assert endpoint["returns"][0]["type"]["type"] == "object"
    assert endpoints["/predict"]["parameters"][1]["type"] == {"enum": ["both", "teacher", "student"]}
    spikes = endpoints["/trace"]["returns"][0]["type"]["properties"]["layers"]["items"]["properties"]["spikes"]
    assert spikes == {"type": "array", "items": {"type": "integer"}}


def test_models_says_what_is_loaded(client, pair: Pair) -> None:
    said = client.predict(api_name="/models")
    for role in ("teacher", "student"):
        assert said[role]["checkpoint"] == pair[role].checkpoint.name
        assert tuple(said[role]["attributes"]) == pair[role].schema.attributes
    assert (said["teacher"]["timesteps"], said["student"]["timesteps"]) == (0, 4)


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_predict_equals_analyze(client, pair: Pair, analyses: dict[str, Analysis], prefix: str) -> None:
    said = client.predict(prefix + encoded(SAMPLE), "both", 0.3, api_name="/predict")
    for role, analysis in analyses.items():
        prediction = analysis.prediction
        assert list(said[role]["probabilities"]) == list(prediction.attributes)
        assert list(said[role]["probabilities"].values()) == pytest.approx(prediction.probs.tolist(), abs=1e-6)
        decided = decide(pair[role].schema, prediction.probs, 0.3)
        assert [(one["group"], tuple(one["attributes"]), one["text"]) for one in said[role]["groups"]] == [
            (one.group, one.attributes, one.text or "") for one in decided]
    steps = np.array([list(step.values()) for step in said["student"]["per_timestep"]])
    assert steps == pytest.approx(analyses["student"].prediction.probs_per_timestep, abs=1e-6)
    assert said["teacher"]["per_timestep"] == []


def test_one_role_answers_alone_and_always_the_same(client) -> None:
    said = [client.predict(encoded(SAMPLE), "student", api_name="/predict") for _ in range(2)]
    assert set(said[0]) == {"student"} and said[0] == said[1]


def test_trace_equals_analyze(client, analyses: dict[str, Analysis]) -> None:
    said, trace = client.predict(encoded(SAMPLE), api_name="/trace"), analyses["student"].trace
    assert [layer["layer"] for layer in said["layers"]] == list(trace.names)
    assert said["total_spikes"] == sum(sum(layer["spikes"]) for layer in said["layers"])
    assert said["total_spikes"] == pytest.approx(trace.total_spikes, rel=1e-3)  # a neuron at its threshold may differ
    assert said["mean_rate"] == pytest.approx(trace.nasfr, rel=1e-3)
    for layer in said["layers"]:
        assert np.multiply(layer["rates"], layer["neurons"]) == pytest.approx(layer["spikes"])


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_energy_equals_the_estimate(client, analyses: dict[str, Analysis], convention: str) -> None:
    said = client.predict(encoded(SAMPLE), "both", convention, api_name="/energy")
    for role, analysis in analyses.items():
        report = estimate_energy(analysis.trace, CONVENTIONS[convention])
        assert said[role]["energy_uj"] == pytest.approx(report.energy_uj, rel=1e-3)
        assert said[role]["convention"] == report.convention and said[role]["kind"] == "estimate"
        assert said[role]["leaves_out"] == CONVENTIONS[convention].note and said[role]["updates"] == report.updates
        for what in ("energy_uj", "bytes", "macs", "acs", "updates"):  # neurons and their states are lines, too
            assert sum(layer[what] for layer in said[role]["layers"]) == pytest.approx(said[role][what], rel=1e-12)


@pytest.mark.parametrize(("role", "method"), [("teacher", "attention"), ("student", "grad_cam"), ("student", "cosine")])
def test_heatmap_equals_explain(client, pair: Pair, role: str, method: str) -> None:
    said = client.predict(encoded(SAMPLE), "Female", role, method, api_name="/heatmap")
    image = open_rgb(SAMPLE)
    heat = heatmap(method, pair[role], image, "Female", teacher=pair.teacher)
    assert np.array(said["values"]) == pytest.approx(heat.values, abs=1e-4)
    assert (said["unit"], said["title"]) == (heat.unit, heat.title)
    shown = np.asarray(Image.open(BytesIO(base64.b64decode(said["png_base64"]))), float)
    expected = np.asarray(overlaid(image, heat), float)
    assert shown.shape == expected.shape and abs(shown - expected).mean() < 1


@pytest.mark.parametrize(("endpoint", "arguments", "sentence"), [
    ("predict", ("not base64!",), "is not base64"),
    ("predict", ("",), "no image"),
    ("predict", (None,), "no image"),
    ("predict", ({"path": "/etc/passwd"},), "no image"),
    ("predict", ("/etc/passwd",), "is not base64"),
    ("predict", ("https://127.0.0.1/x.png",), "is not base64"),
    ("predict", ("data:image/png;base64," + encoded(picture_file("GIF")),), "is a GIF; save it as PNG or JPEG"),
    ("predict", (encoded(huge_png()),), "more than 40 million pixels"),
    ("predict", (encoded(picture_file("PNG", (400, 20))),), "too elongated"),
    ("predict", (encoded(SAMPLE.read_bytes()[:3000]),), "damaged or cut short"),
    ("trace", (encoded(bytes(MAX_BYTES + 1)),), "larger than 10 MB"),
    ("predict", (encoded(SAMPLE), "pupil"), "no role 'pupil'; choose one of both, teacher, student"),
    ("predict", (encoded(SAMPLE), ["both"]), "choose one of both, teacher, student"),
    ("predict", (encoded(SAMPLE), "both", 1.5), "from 0 to 1; got '1.5'"),
    ("predict", (encoded(SAMPLE), "both", True), "from 0 to 1"),
    ("energy", (encoded(SAMPLE), "both", "guess"), "choose one of arithmetic, memory, weights-once"),
    ("heatmap", (encoded(SAMPLE), "Wings"), "has no attribute 'Wings'; it has: Female"),
    ("heatmap", (encoded(SAMPLE), "Female", "teacher", "ledger"), "choose one of attention"),
    ("heatmap", (encoded(SAMPLE), "Female", "both"), "choose one of teacher, student"),
])
def test_bad_input_gets_one_sentence(client, endpoint: str, arguments: tuple, sentence: str) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=f"/{endpoint}")
    told = str(caught.value)
    assert sentence in told and "Traceback" not in told and str(ROOT) not in told and "\n" not in told


def ask(server: Server, path: str, data: bytes | None = None) -> tuple[int, str, http.client.HTTPMessage]:
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace"), error.headers


@pytest.mark.parametrize("path", [
    "gradio_api/upload", "gradio_api/file=/etc/passwd", "gradio_api/file/etc/passwd", "file=/etc/passwd",
    "gradio_api/proxy=https://x.hf.space/", "gradio_api/deep_link", "gradio_api/component_server", "monitoring",
    "gradio_api/runs", "gradio_api/dev/reload", "docs", "openapi.json", "gradio_api/stream/a", "login",
    "gradio_api/calls", "gradio_api//upload", "gradio_api/call/../upload", "assets/%2e%2e/app.py",
    "gradio_api/vibe-code",
])
def test_routes_that_are_not_needed_do_not_exist(server: Server, path: str) -> None:
    for data in (None, b"{}"):
        status, text, _ = ask(server, path, data)
        assert status in (404, 405) and "Traceback" not in text and "root:" not in text


def test_the_page_may_load_nothing_from_elsewhere(server: Server) -> None:
    status, _, headers = ask(server, "")
    assert status == 200 and headers["Content-Security-Policy"].startswith("default-src 'self';")


def test_nobody_passes_the_queue_by(server: Server) -> None:
    body = json.dumps({"data": [encoded(SAMPLE)]}).encode()
    status, text, _ = ask(server, "gradio_api/run/predict", body)
    assert status == 404 and "join the queue" in text


def test_a_fault_tells_no_details(server: Server) -> None:
    _, text, _ = ask(server, "gradio_api/call/predict", b'{"data": [1, 2, 3, 4, 5, 6]}')
    event = json.loads(text).get("event_id")
    _, said, _ = ask(server, f"gradio_api/call/predict/{event}")
    assert "event: error" in said and "Traceback" not in said and ".py" not in said
    for body in (b"", b"[]", b"{", b'{"data": 1}', b'{"data": [], "fn_index": 99}', b"\xff\xfe"):
        status, text, _ = ask(server, "gradio_api/call/predict", body)
        assert status in (200, 400, 404, 422, 500) and "Traceback" not in text and str(ROOT) not in text


def test_a_body_is_bounded_with_and_without_a_declared_length(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", "/gradio_api/call/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(MAX_BODY + 1))
    connection.endheaders()  # refused before a byte of it is sent
    answer = connection.getresponse()
    assert answer.status == 413 and "at most 10 MB" in answer.read().decode()
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/gradio_api/call/predict", iter([b'{"data": ["', *[b"A" * 1_000_000] * 14, b'"]}']),
                       {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413 and "at most 10 MB" in answer.read().decode()
    connection.close()


def test_pictures_reach_no_file_and_no_log(server: Server, client) -> None:
    picture = encoded(SAMPLE)
    client.predict(picture, api_name="/predict")
    log = server.log.read_text("utf-8")
    assert picture[:64] not in log and "iVBORw0KGgo" not in log and "Traceback" not in log.split("serving at")[0]
    assert not [path for path in server.files.rglob("*") if path.is_file()]


@pytest.fixture
def small_pair(tmp_path: Path) -> tuple[str, str]:
    """Folders of a small teacher and student."""
    teacher = tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER)
    student = tiny.write_checkpoint(tmp_path / "student", tiny.STUDENT)
    return str(teacher.path), str(student.path)


def test_a_full_queue_says_so(small_pair: tuple[str, str]) -> None:
    demo = serve.build(*small_pair, waiting=0)
    address = serve.launch(demo, host="127.0.0.1", port=free_port(), wait=False)
    try:
        from gradio_client import Client

        with pytest.raises(Exception, match="Queue is full"):
            Client(address, verbose=False).predict(encoded(SAMPLE), api_name="/predict")
    finally:
        demo.close(verbose=False)


def test_answers_that_nobody_fetches_are_bounded(small_pair: tuple[str, str]) -> None:
    from gradio_client import Client

    demo = serve.build(*small_pair, waiting=1)  # and so three of one session: one waits, computes and is fetched
    address = serve.launch(demo, host="127.0.0.1", port=free_port(), wait=False)
    here = Server(address, 0, Path(), Path())
    fn_index = next(index for index, function in demo.fns.items() if function.api_name == "predict")
    body = json.dumps({"data": [encoded(SAMPLE), "both", 0.5], "fn_index": fn_index, "session_hash": "gone"}).encode()
    try:
        for _ in range(3):
            assert ask(here, "gradio_api/queue/join", body)[0] == 200
            while demo._queue.event_ids_to_events:  # until it is answered
                time.sleep(0.01)
        status, text, _ = ask(here, "gradio_api/queue/join", body)
        assert status == 503 and "3 requests here whose answers you did not fetch" in text
        assert set(Client(address, verbose=False).predict(encoded(SAMPLE), api_name="/predict")) == set(ROLES)
    finally:
        demo.close(verbose=False)


def message(text: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(output={"data": [text]})


def messages(*texts: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(_queue=[message(text) for text in texts])


def test_the_oldest_of_those_who_went_away_are_forgotten() -> None:
    new = messages("")
    waits = types.SimpleNamespace(event_ids_to_events={"e0": 1},
                                  pending_messages_per_session={"old": messages(""), "new": new},
                                  pending_event_ids_session={"waits": {"e0", "e1"}, "old": {"e2", "e3"}, "left": set(),
                                                             "new": {"e4", "e5"}})
    forget(waits, Limits(1, answers=4))
    assert set(waits.pending_event_ids_session) == {"waits", "old", "left", "new"}  # four answers may stay
    forget(waits, Limits(1, answers=3))
    assert set(waits.pending_event_ids_session) == {"waits", "left", "new"}
    assert waits.pending_messages_per_session == {"new": new}
    forget(waits, Limits(1, answers=1))
    assert set(waits.pending_event_ids_session) == {"waits"}


def test_answers_that_nobody_fetches_are_bounded_in_bytes() -> None:
    queue = types.SimpleNamespace(
        event_ids_to_events={}, pending_event_ids_session={name: {name} for name in "abc"},
        pending_messages_per_session={name: messages("x" * 100) for name in "abc"})
    forget(queue, Limits(1, answer_bytes=250))
    assert list(queue.pending_messages_per_session) == ["b", "c"]


def event(address: str, length: int = 1) -> types.SimpleNamespace:
    request = types.SimpleNamespace(client=types.SimpleNamespace(host=address))
    return types.SimpleNamespace(request=request, data=types.SimpleNamespace(data=["x" * length]))


def test_each_visitor_has_one_place_in_the_line_at_a_time() -> None:
    greedy, honest, late = [event("1.1.1.1") for _ in range(3)], event("2.2.2.2"), event("3.3.3.3")
    line = in_turn([*greedy, honest, late])
    assert line == [greedy[0], honest, late, *greedy[1:]]
    assert in_turn(line) == line


@pytest.mark.parametrize(("there", "newcomer", "length", "room"), [
    ([], "a", 60, True),
    ([], "a", 80, False),  # more than one visitor may take
    ([("a", 60)], "a", 20, False),
    ([("a", 60)], "b", 20, True),
    ([("a", 60), ("b", 30)], "c", 20, False),  # more than all may take
    ([("a", 1)] * 4, "a", 1, False),  # more requests than one visitor may have
    ([("a", 1)] * 4, "b", 1, True),
])
def test_there_is_room_for_everybody(there: list, newcomer: str, length: int, room: bool) -> None:
    events = [event(address, taken) for address, taken in there]
    assert has_room(events, newcomer, length, Limits(4, waiting_bytes=100)) == room


def test_the_size_of_json_is_that_of_its_texts() -> None:
    assert size(["x" * 100, {"ab": "c", "d": 1.5}, None]) == 100 + 3 + 1 + 8 + 8


def holders(text: str) -> list[object]:
    """What in this process holds another copy of the text."""
    gc.collect()
    return [one for one in gc.get_objects()
            if any(type(held) is str and held is not text and held == text for held in gc.get_referents(one))]


@pytest.mark.parametrize("fetched", [True, False])
def test_nothing_of_a_picture_outlives_its_answer(small_pair: tuple[str, str], fetched: bool) -> None:
    demo = serve.build(*small_pair)
    here = Server(serve.launch(demo, host="127.0.0.1", port=0, wait=False), 0, Path(), Path())
    picture = encoded(picture_file("PNG", (37, 91)))
    try:
        body = json.dumps({"data": [picture, "both", 0.5], "session_hash": "visitor"}).encode()
        status, text, _ = ask(here, "gradio_api/call/predict", body)
        assert status == 200
        if fetched:
            assert "event: complete" in ask(here, f"gradio_api/call/predict/{json.loads(text)['event_id']}")[1]
        end = time.monotonic() + 60
        while demo._queue.event_ids_to_events and time.monotonic() < end:  # until it is answered
            time.sleep(0.01)
        time.sleep(0.2)  # the loop's last step of it
        gc.collect()
        assert not demo.app.state_holder.session_data and not holders(picture)
    finally:
        demo.close(verbose=False)


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example:{port}"},
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
])
@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/call/models"])
def test_a_name_that_is_not_ours_gets_no_answer(server: Server, headers: dict[str, str], path: str) -> None:
    named = {name: value.format(port=server.port) for name, value in headers.items()}
    status, text = raw(server, "POST" if "call" in path else "GET", path, named)
    assert status == 403 and "does not answer to the name" in text and "SNNPAR_HOSTS" in text


def test_a_forwarded_host_is_not_believed(server: Server) -> None:
    status, text = raw(server, "GET", "/config", {"X-Forwarded-Host": "evil.example"})
    assert status == 200 and "evil.example" not in text


def raw(server: Server, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, b'{"data": []}' if method == "POST" else None,
                       {"Content-Type": "application/json"} | headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode("utf-8", "replace")


def test_no_page_of_another_site_frames_this_one(server: Server) -> None:
    assert "frame-ancestors 'none'" in ask(server, "")[2]["Content-Security-Policy"]


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "socks://nonsense"])
def test_a_proxy_has_no_part_in_serving(small_pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch,
                                        proxy: str) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    demo = serve.build(*small_pair)
    try:
        assert serve.launch(demo, host="127.0.0.1", port=0, wait=False).startswith("http://127.0.0.1:")
        assert os.environ["ALL_PROXY"] == proxy  # for what does leave this machine
    finally:
        demo.close(verbose=False)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_an_ipv6_address_serves(small_pair: tuple[str, str]) -> None:
    demo = serve.build(*small_pair)
    try:
        address = serve.launch(demo, host="::1", port=0, wait=False)
        assert address.startswith("http://[::1]:") and ask(Server(address, 0, Path(), Path()), "config")[0] == 200
    finally:
        demo.close(verbose=False)


def test_models_without_timesteps_answer_too(tmp_path: Path) -> None:
    teacher = tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER)
    config = tiny.replace(tiny.STUDENT, architecture="vit", stem="conv", mlp_ratio=2, timesteps=1)
    student = tiny.write_checkpoint(tmp_path / "student", config)
    answers = Answers(load_pair(str(teacher.path), str(student.path)))
    image = encoded(SAMPLE)
    assert answers.predict(image)["student"]["per_timestep"] == []
    assert answers.trace(image)["layers"] == [] and answers.trace(image)["total_spikes"] == 0
    assert answers.models()["student"]["timesteps"] == 0


def test_checkpoints_of_the_wrong_role_or_none_are_refused(small_pair: tuple[str, str]) -> None:
    teacher, student = small_pair
    with pytest.raises(SnnparError, match="student is a student; give it as --student"):
        load_pair(student, teacher)
    with pytest.raises(SnnparError, match="no checkpoint .*elsewhere"):
        load_pair("elsewhere", student)


@pytest.mark.parametrize("port", ["taken", "99999"])
def test_a_port_that_cannot_be_had_is_one_sentence(server: Server, capsys: pytest.CaptureFixture[str], port: str,
                                                   small_pair: tuple[str, str]) -> None:
    port = str(server.port) if port == "taken" else port
    teacher, student = small_pair
    assert main(["serve", "--port", port, "--teacher", teacher, "--student", student]) == 2
    assert f"127.0.0.1:{port} is taken or not an address" in capsys.readouterr().err


def test_mcp_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch, small_pair: tuple[str, str],
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    teacher, student = small_pair
    assert main(["serve", "--mcp", "--teacher", teacher, "--student", student]) == 2
    assert "pip install 'gradio[mcp]'" in capsys.readouterr().err


@pytest.mark.parametrize(("path", "needed"), [
    ("/", True), ("/config", True), ("/assets/index.js", True), ("/gradio_api/call/predict", True),
    ("/gradio_api/call", True), ("/gradio_api/queue/join", True), ("/gradio_api/mcp/", True),
    ("/gradio_api/caller", False), ("/gradio_api/queue", False), ("/gradio_api/", False), ("", False),
    ("/gradio_api/upload", False), ("/gradio_api/upload_progress", False), ("/assetsx", False),
])
def test_the_guard_knows_the_routes(path: str, needed: bool) -> None:
    assert allowed(path) is needed


class TestPage:
    pytestmark = MARKS

    def test_a_picture_is_read_in_the_browser_and_answered(self, server: Server) -> None:
        with browser_context() as context:
            page = context.new_page()
            asked, failed = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
            page.goto(server.address)
            before = page.get_by_alt_text("the picture").get_attribute("src")
            other = SAMPLE.with_name("07.png")  # not the one that is shown at first
            page.locator("input[type=file]").set_input_files(other)
            shown = "before => document.querySelector('img[alt=\"the picture\"]').src !== before"
            page.wait_for_function(shown, arg=before)
            page.get_by_role("button", name="Read the picture").click()
            page.get_by_alt_text("heatmap").nth(1).wait_for()
            page.get_by_text("An estimate: 45 nm").wait_for()
            assert page.get_by_alt_text("the picture").get_attribute("src").endswith(encoded(other))
            outside = [url for url in asked if not url.startswith((server.address, "data:", "blob:"))]
            assert not outside and not failed
