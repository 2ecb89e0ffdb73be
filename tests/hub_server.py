"""A small Hub on the loopback interface: enough of its HTTP API for the real client to pull from and push to.

Files named *.safetensors are large files, as on the Hub: it tells their sha256, and takes them by LFS.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

PIECES = 100  # in which a slow file comes


@dataclass
class Repo:
    """Files by commit, commits by branch or tag.

    status: the Hub refuses every request with it. served: bytes sent instead of a file's own. cut: files end after so
    many bytes, of which the header promises more. seconds: how long a large file takes. missing: listed, not there.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    status: int | None = None
    served: dict[str, bytes] = field(default_factory=dict)
    cut: int | None = None
    seconds: float = 0.0
    missing: tuple[str, ...] = ()

    def push(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Add a commit to a branch and return its 40-digit id."""
        commit = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[commit] = files
        self.refs[branch] = commit
        return commit


@dataclass
class Hub:
    """Repositories by "owner/name", the token that may write, and the requests so far as "METHOD /path"; `signed`:
    those that came with a token."""

    endpoint: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    token: str = "hf_write"
    large: dict[str, bytes] = field(default_factory=dict)  # by sha256


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Run a Hub on a free port until the block ends."""
    hub = Hub()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has heard enough is no fault."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = self._note()
        if parts == ["api", "models"]:
            wanted = parse_qs(urlsplit(self.path).query).get("search", [""])[0].lower()
            sent = self.headers.get("Authorization")
            self._send_json(
                [
                    {"id": name}
                    for name, repo in self.hub.repos.items()
                    if wanted in name.lower() and (not repo.token or sent == f"Bearer {repo.token}")
                ]
            )
            return
        if parts[:2] in (["api", "models"], ["api", "datasets"]):
            repo_id, verb, rest = "/".join(parts[2:4]), parts[4] if len(parts) > 4 else "revision", parts[5:]
        elif parts[0] == "datasets":
            repo_id, verb, rest = "/".join(parts[1:3]), parts[3] if len(parts) > 3 else "", parts[4:]
        else:
            repo_id, verb, rest = "/".join(parts[:2]), parts[2] if len(parts) > 2 else "", parts[3:]
        repo = self.hub.repos.get(repo_id)
        authorised = repo and (not repo.token or self.headers.get("Authorization") == f"Bearer {repo.token}")
        if repo is None or not authorised:
            self._refuse(401, "RepoNotFound")
        elif repo.status:
            self._refuse(repo.status, "")
        elif verb == "refs":
            branches = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit}
                for name, commit in repo.refs.items()
            ]
            self._send_json({"branches": branches, "tags": [], "converts": []})
        else:
            self._answer(repo_id, repo, verb, rest)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        parts = self._note()
        body = (
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "Content-Length" in self.headers
            else (b"".join(self._chunks()))
        )
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}" and parts[1:2] != ["validate-yaml"]:
            self._refuse(401, "")
        elif parts == ["api", "validate-yaml"]:
            self._send_json({"errors": [], "warnings": []})
        elif parts == ["api", "repos", "create"]:
            self._create(json.loads(body))
        elif parts[-1] == "batch":
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.hub.endpoint}/lfs/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            self._send_json({"transfer": "basic", "objects": objects})
        elif parts[4:5] == ["preupload"]:
            files = [
                {
                    "path": one["path"],
                    "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for one in json.loads(body)["files"]
            ]
            self._send_json({"files": files})
        elif parts[4:5] == ["branch"]:
            repo = self.hub.repos["/".join(parts[2:4])]
            repo.refs[parts[5]] = repo.refs["main"]
            self._send_json({})
        elif parts[4:5] == ["commit"]:
            self._commit("/".join(parts[2:4]), parts[5], [json.loads(line) for line in body.splitlines()])
        else:
            self._refuse(404, "")

    def do_PUT(self) -> None:
        oid = self._note()[-1]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if sha256(body) == oid:
            self.hub.large[oid] = body
        self._send(b"", status=200 if sha256(body) == oid else 400)

    def _note(self) -> list[str]:
        self.hub.requests.append(f"{self.command} {unquote(self.path)}")
        if self.headers.get("Authorization"):
            self.hub.signed.append(self.hub.requests[-1])
        return [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]

    def _chunks(self) -> Iterator[bytes]:
        """The parts of a body of unknown length."""
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _create(self, asked: dict) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repos:
            self._send(json.dumps({"url": f"{self.hub.endpoint}/{name}"}).encode(), status=409)
            return
        self.hub.repos[name] = Repo(token=self.hub.token if asked.get("visibility") == "private" else None)
        self._send_json({"url": f"{self.hub.endpoint}/{name}"})

    def _commit(self, repo_id: str, branch: str, lines: list[dict]) -> None:
        repo = self.hub.repos[repo_id]
        files = dict(repo.commits.get(repo.refs.get(branch, ""), {}))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commit = repo.push(files, branch)
        self._send_json(
            {"commitUrl": f"{self.hub.endpoint}/{repo_id}/commit/{commit}", "commitOid": commit, "success": True}
        )

    def _answer(self, repo_id: str, repo: Repo, verb: str, rest: list[str]) -> None:
        revision = rest[0] if rest else "main"
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            self._refuse(404, "RevisionNotFound")
            return
        files = repo.commits[commit]
        if verb == "revision":
            siblings = [
                {"rfilename": name, "size": len(body), **_lfs(name, body, "sha256")} for name, body in files.items()
            ]
            self._send_json({"id": repo_id, "sha": commit, "private": bool(repo.token), "siblings": siblings})
        elif verb == "tree":
            tree = [
                {
                    "type": "file",
                    "path": name,
                    "size": len(body),
                    "oid": hashlib.sha1(body).hexdigest(),
                    **_lfs(name, body, "oid"),
                }
                for name, body in files.items()
            ]
            self._send_json(tree)
        elif verb == "resolve" and "/".join(rest[1:]) in files and "/".join(rest[1:]) not in repo.missing:
            self._send_file(repo, "/".join(rest[1:]), files, commit)
        else:
            self._refuse(404, "EntryNotFound")

    def _send_file(self, repo: Repo, name: str, files: dict[str, bytes], commit: str) -> None:
        body = repo.served.get(name, files[name])
        etag = sha256(files[name]) if name.endswith(".safetensors") else hashlib.sha1(body).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit}
        if self.command == "HEAD":
            self._send(body, headers)
        elif repo.cut is not None and len(body) > repo.cut:
            self._send(body[: repo.cut], headers | {"Content-Length": str(len(body))})
            self.close_connection = True
        elif repo.seconds and name.endswith(".safetensors"):
            self._send(b"", headers | {"Content-Length": str(len(body))})
            size = -(-len(body) // PIECES)
            for start in range(0, len(body), size):
                time.sleep(repo.seconds / PIECES)
                try:
                    self.wfile.write(body[start : start + size])
                except OSError:  # the client has been cancelled
                    self.close_connection = True
                    return
        else:
            self._send(body, headers)

    def _send_json(self, content: object) -> None:
        self._send(json.dumps(content).encode())

    def _send(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._send(b"{}", {"X-Error-Code": code} if code else None, status)

    def log_message(self, *_: object) -> None:
        """Silent."""


def _lfs(name: str, body: bytes, key: str) -> dict:
    large = {"lfs": {key: sha256(body), "size": len(body), "pointerSize": 130}}
    return large if name.endswith(".safetensors") else {}
