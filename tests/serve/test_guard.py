"""What a server gives nobody: routes, bodies, names of others, files."""

from __future__ import annotations

import http.client
import json

import pytest
from asking import ROOT, SAMPLE, Server, ask, encoded

from snnpar.serve.guard import MAX_BODY, allowed


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/upload",
        "gradio_api/file=/etc/passwd",
        "gradio_api/file/etc/passwd",
        "file=/etc/passwd",
        "gradio_api/proxy=https://x.hf.space/",
        "gradio_api/deep_link",
        "gradio_api/component_server",
        "monitoring",
        "gradio_api/runs",
        "gradio_api/dev/reload",
        "docs",
        "openapi.json",
        "gradio_api/stream/a",
        "login",
        "gradio_api/calls",
        "gradio_api//upload",
        "gradio_api/call/../upload",
        "assets/%2e%2e/app.py",
        "gradio_api/vibe-code",
    ],
)
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
    connection.request(
        "POST",
        "/gradio_api/call/predict",
        iter([b'{"data": ["', *[b"A" * 1_000_000] * 14, b'"]}']),
        {"Content-Type": "application/json"},
        encode_chunked=True,
    )
    answer = connection.getresponse()
    assert answer.status == 413 and "at most 10 MB" in answer.read().decode()
    connection.close()


def test_images_reach_no_file_and_no_log(server: Server, client) -> None:
    image = encoded(SAMPLE)
    client.predict(image, api_name="/predict")
    log = server.log.read_text("utf-8")
    assert image[:64] not in log and "iVBORw0KGgo" not in log and "Traceback" not in log.split("serving at")[0]
    assert not [path for path in server.files.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:{port}"},
        {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
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
    connection.request(
        method, path, b'{"data": []}' if method == "POST" else None, {"Content-Type": "application/json"} | headers
    )
    answer = connection.getresponse()
    return answer.status, answer.read().decode("utf-8", "replace")


def test_no_page_of_another_site_frames_this_one(server: Server) -> None:
    assert "frame-ancestors 'self'" in ask(server, "")[2]["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/", True),
        ("/config", True),
        ("/assets/index.js", True),
        ("/gradio_api/call/predict", True),
        ("/gradio_api/call", True),
        ("/gradio_api/queue/join", True),
        ("/gradio_api/mcp/", True),
        ("/gradio_api/caller", False),
        ("/gradio_api/queue", False),
        ("/gradio_api/", False),
        ("", False),
        ("/gradio_api/upload", False),
        ("/gradio_api/upload_progress", False),
        ("/assetsx", False),
    ],
)
def test_the_guard_knows_the_routes(path: str, needed: bool) -> None:
    assert allowed(path) is needed
