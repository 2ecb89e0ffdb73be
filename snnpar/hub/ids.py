"""Names on the Hub: owner/name[@revision]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from snnpar.core.errors import SnnparError

REMOTE = "hf:"  # before a Hub id where a folder could stand, too

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-])){0,94}(?<![.-])"
_HUB_ID = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{{0,99}}))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubError(SnnparError):
    """Something that cannot be had from the Hub; the message is one sentence for the person who asked."""


@dataclass(frozen=True)
class HubId:
    """A repository on the Hub at a revision: a branch, a tag, or a commit, which never changes."""

    repo: str
    revision: str = "main"

    @property
    def pinned(self) -> bool:
        return is_commit(self.revision)

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"


def parse_hub_id(text: str) -> HubId:
    """Read "owner/name" or "owner/name@revision". Raises HubError if it is anything else."""
    match = _HUB_ID.fullmatch(text.strip())
    revision = match and (match["revision"] or "main")
    if match is None or not revision or ".." in revision or "//" in revision or revision.endswith(("/", ".", ".lock")):
        raise HubError(f"{text[:100]!r} is not a Hub id; write owner/name or owner/name@revision.")
    return HubId(match["repo"], revision)


def is_commit(revision: str) -> bool:
    return _COMMIT.fullmatch(revision) is not None
