"""A small Hub on the loopback interface: enough of its HTTP API for the real client to pull from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


@dataclass
class Repo:
    """Files by commit, commits by branch or tag; `status` makes the Hub refuse every request with it."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    status: int | None = None

    def push(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Add a commit to a branch and return its 40-digit id."""
        commit = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[commit] = files
        self.refs[branch] = commit
        return commit


@dataclass
class Hub:
    """Repositories by "owner/name", and the requests so far as "METHOD /path"."""

    endpoint: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Run a Hub on a free port until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.hub.requests.append(f"{self.command} {unquote(self.path)}")
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
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
        else:
            self._answer(repo_id, repo, verb, rest)

    do_HEAD = do_GET

    def _answer(self, repo_id: str, repo: Repo, verb: str, rest: list[str]) -> None:
        revision = rest[0] if rest else "main"
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            self._refuse(404, "RevisionNotFound")
            return
        files = repo.commits[commit]
        if verb == "revision":
            siblings = [{"rfilename": name, "size": len(body)} for name, body in files.items()]
            self._send(json.dumps({"id": repo_id, "sha": commit, "siblings": siblings}).encode())
        elif verb == "tree":
            tree = [
                {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                for name, body in files.items()
            ]
            self._send(json.dumps(tree).encode())
        elif verb == "resolve" and "/".join(rest[1:]) in files:
            body = files["/".join(rest[1:])]
            self._send(body, {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": commit})
        else:
            self._refuse(404, "EntryNotFound")

    def _send(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._send(b"{}", {"X-Error-Code": code} if code else None, status)

    def log_message(self, *_: object) -> None:
        """Silent."""
