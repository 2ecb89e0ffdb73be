"""What the Hub says of a repository, a revision, or a search, read as what anybody may have written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from snnpar.hub.ids import HubError, HubId, is_commit, parse_hub_id
from snnpar.hub.kinds import Listing, RemoteFile, RepositoryKind
from snnpar.hub.wire import ask, token, unusable

MOST_BYTES = 1 << 50  # of a file; more is no size
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"(?!.*(^|/)\.{0,2}(/|$))[^\\\x00-\x1f\x7f]{1,1000}")  # every part a name, none of them . or ..


def listing(wanted: HubId, kind: RepositoryKind, *, signed: bool) -> Listing:
    """The commit of a revision and its files. Raises HubError, NoAnswer for an answer of another form."""
    path = f"/api/{kind.repo_type}s/{wanted.repo}/revision/{wanted.revision.replace('/', '%2F')}"
    answer = ask(path, wanted, params={"blobs": "true"}, signed=signed, most=kind.answer_bytes)
    try:
        files = dict(_file(one) for one in _all(answer["siblings"], dict))
        commit = answer["sha"]
        if not is_commit(commit) or (wanted.pinned and commit != wanted.revision):
            raise ValueError("no commit, or another one than was asked for")
        # Without a token nobody is shown what is private; with one, it is public where the Hub says so.
        public = token(signed) is None or (answer.get("private") is False and answer.get("gated", False) is False)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise unusable(wanted) from None
    return Listing(commit, files, private=not public)


def ids(prefix: str, most: int, *, signed: bool) -> tuple[str, ...]:
    """Ids of models that begin so, whatever the case; in order, at most `most`."""
    what = HubId(prefix)
    answer = ask("/api/models", what, params={"search": prefix, "limit": 5 * most}, signed=signed)
    try:
        found = {one["id"] for one in _all(answer, dict)}
        return tuple(sorted(one for one in found if one.lower().startswith(prefix.lower()) and _is_id(one)))[:most]
    except (KeyError, TypeError, AttributeError):
        raise unusable(what) from None


def revisions(repo: str, *, signed: bool) -> dict[str, str]:
    """Commits by branch and tag; those that this project cannot name are left out."""
    what = HubId(repo)
    answer = ask(f"/api/models/{repo}/refs", what, signed=signed)
    try:
        named = [
            (one["name"], one["targetCommit"])
            for kind in ("branches", "tags")
            for one in _all(answer.get(kind, []), dict)
        ]
        return {name: commit for name, commit in named if is_commit(commit) and _is_id(f"{repo}@{name}")}
    except (KeyError, TypeError, AttributeError):
        raise unusable(what) from None


def is_place(name: str) -> bool:
    """Is it a name that a file may get in a folder of ours?"""
    return _PLACE.fullmatch(name) is not None and all(len(part.encode()) <= 255 for part in name.split("/"))


def _file(one: dict) -> tuple[str, RemoteFile]:
    name, size, lfs = one["rfilename"], one.get("size"), one.get("lfs")
    sha256 = "" if lfs is None else lfs["sha256"]
    if type(size) is not int or not 0 <= size <= MOST_BYTES or (lfs is not None and not _SHA256.fullmatch(sha256)):
        raise ValueError(f"a file of {size!r} bytes and sha256 {sha256!r}")
    name.encode()  # half a surrogate pair is no text
    return name, RemoteFile(size, sha256)


def _all(values: object, kind: type) -> Iterator:
    if not isinstance(values, list) or not all(isinstance(one, kind) for one in values):
        raise TypeError("no list of them")
    return iter(values)


def _is_id(text: str) -> bool:
    try:
        parse_hub_id(text)
    except HubError:
        return False
    return text == text.strip()
