"""Checkpoints and data sets from the Hugging Face Hub: of a checkpoint only safetensors, JSON and the card, of a data
set only annotations and images are downloaded.

The client's own environment variables count: HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HOME.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from snnpar import CHECKPOINTS

WEIGHTS = "model.safetensors"
REQUIRED = ("config.json", WEIGHTS)
FILES = (*REQUIRED, "phrases.safetensors", "README.md")
MAX_BYTES = 2_000_000_000  # of all FILES together; the largest published teacher has 0.35 GB
ANNOTATIONS = ("*.mat", "*.csv", "*.pkl")
DATA_FILES = (*ANNOTATIONS, "*.json", "phrases.safetensors", "*.[jJ][pP][gG]", "*.[jJ][pP][eE][gG]", "*.[pP][nN][gG]",
              "*.[wW][eE][bB][pP]")
FETCHED = ".fetched"  # left in a data set's folder once it is whole
MAX_DATA_BYTES = 50_000_000_000  # PA100K has about 1 GB, RAP about 2
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-])){0,94}(?<![.-])"
_HUB_ID = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]{{0,99}}))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubError(ValueError):
    """Something that cannot be had from the Hub; the message is one sentence for the person who asked."""


@dataclass(frozen=True)
class HubId:
    """A repository on the Hub at a revision: a branch, a tag, or a commit, which never changes."""

    repo: str
    revision: str = "main"

    @property
    def pinned(self) -> bool:
        return _COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"


def parse_hub_id(text: str) -> HubId:
    """Read "owner/name" or "owner/name@revision". Raises HubError if it is anything else."""
    match = _HUB_ID.fullmatch(text.strip())
    revision = match and (match["revision"] or "main")
    if not revision or ".." in revision or "//" in revision or revision.endswith(("/", ".", ".lock")):
        raise HubError(f"{text[:100]!r} is not a Hub id; write owner/name or owner/name@revision.")
    return HubId(match["repo"], revision)


def fetch_checkpoint(hub_id: str, *, cache: Path = CHECKPOINTS / "hub") -> Path:
    """Local directory of a checkpoint of the Hub, downloaded unless `cache` has it.

    A pinned commit in the cache makes no request. When the Hub is down, the revision last fetched is used;
    without one the answer comes at once, not after the client's retries. Raises HubError.
    """
    return _fetch(parse_hub_id(hub_id), CHECKPOINT_REPO, cache)


def fetch_dataset(hub_id: str, *, cache: Path = CHECKPOINTS / "hub-data") -> Path:
    """Local directory of a data set of the Hub: its annotations and images, downloaded unless `cache` has them.

    What files it needs is the caller's to say; archives are not unpacked. Raises HubError as fetch_checkpoint does.
    """
    folder = _fetch(parse_hub_id(hub_id), DATASET_REPO, cache)
    (folder / FETCHED).touch()
    return folder


def fetch_weights(hub_id: str) -> Path:
    """Local model.safetensors of any repository, in the client's own cache (HF_HOME), where timm keeps its own.

    Raises HubError as fetch_checkpoint does.
    """
    from huggingface_hub import constants

    return _fetch(parse_hub_id(hub_id), WEIGHTS_REPO, Path(constants.HF_HUB_CACHE)) / WEIGHTS


@dataclass(frozen=True)
class _Kind:
    """What is downloaded of a kind of repository, and what its folder has when it is whole.

    `check` raises HubError unless the repository's files (bytes by name) are of that kind.
    """

    repo_type: str
    patterns: tuple[str, ...]
    check: Callable[[HubId, dict[str, int]], None]
    required: tuple[str, ...]


def _fetch(wanted: HubId, kind: _Kind, cache: Path) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import httpx2
    from huggingface_hub import is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    cached = _cached(wanted, kind, cache)
    if cached and (wanted.pinned or is_offline_mode()):
        return cached
    if is_offline_mode():
        raise HubError(f"{wanted} is not in the cache, and HF_HUB_OFFLINE forbids to download it.")
    try:
        kind.check(wanted, _list_files(wanted, kind))
        return _snapshot(wanted, kind, cache)
    except HfHubHTTPError as error:
        if cached and error.response.is_server_error:
            return cached
        raise HubError(_refusal(wanted, error)) from error
    except (httpx2.HTTPError, LocalEntryNotFoundError) as error:
        if cached:
            return cached
        where = f"the Hub at {_endpoint()} cannot be reached"
        raise HubError(f"{wanted} is not in the cache, and {where}.") from error
    except OSError as error:
        raise HubError(f"{wanted} cannot be stored in {cache}: {error.strerror or error}.") from error


def _endpoint() -> str:
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")


def _snapshot(wanted: HubId, kind: _Kind, cache: Path, *, local_files_only: bool = False) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            wanted.repo,
            repo_type=kind.repo_type,
            revision=wanted.revision,
            cache_dir=cache,
            endpoint=_endpoint(),
            allow_patterns=list(kind.patterns),
            local_files_only=local_files_only,
        )
    )


def _cached(wanted: HubId, kind: _Kind, cache: Path) -> Path | None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = _snapshot(wanted, kind, cache, local_files_only=True)
    except LocalEntryNotFoundError:  # never fetched, or only in part
        return None
    return folder if all((folder / name).is_file() for name in kind.required) else None


def _list_files(wanted: HubId, kind: _Kind) -> dict[str, int]:
    """Bytes of each file of the repository. A single request, without the retries of a download."""
    import httpx2
    from huggingface_hub import HfApi

    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    info = HfApi(endpoint=_endpoint()).repo_info(
        wanted.repo, repo_type=kind.repo_type, revision=wanted.revision, files_metadata=True, timeout=timeout
    )
    return {file.rfilename: file.size or 0 for file in info.siblings or ()}


def _check_checkpoint(wanted: HubId, files: dict[str, int]) -> None:
    missing = [name for name in REQUIRED if name not in files]
    if missing:
        raise HubError(
            f"{wanted} has no {' and no '.join(missing)}, so it is not a checkpoint of this project; pickled"
            " weights are never downloaded."
        )
    _check_size(wanted, sum(files.get(name, 0) for name in FILES), MAX_BYTES)


def _check_weights(wanted: HubId, files: dict[str, int]) -> None:
    if WEIGHTS not in files:
        raise HubError(f"{wanted} has no {WEIGHTS}; pickled weights are never downloaded.")
    _check_size(wanted, files[WEIGHTS], MAX_BYTES)


def _check_dataset(wanted: HubId, files: dict[str, int]) -> None:
    if not any(fnmatch(name, pattern) for name in files for pattern in ANNOTATIONS):
        raise HubError(
            f"{wanted} has no .mat, .pkl or .csv file, so its layout is none of those read here; archives are not"
            " unpacked."
        )
    used = [size for name, size in files.items() if any(fnmatch(name, pattern) for pattern in DATA_FILES)]
    _check_size(wanted, sum(used), MAX_DATA_BYTES)


def _check_size(wanted: HubId, size: int, most: int) -> None:
    if size > most:
        raise HubError(f"{wanted} has {size / 1e9:.1f} GB, more than the {most / 1e9:.0f} GB allowed.")


def _refusal(wanted: HubId, error: Exception) -> str:
    """What an HTTP error means. The Hub answers 401 for a private and for a missing repository alike."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import GatedRepoError, RevisionNotFoundError

    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return f"{wanted.repo} has no revision {wanted.revision!r}; leave out @{wanted.revision} to get main."
    if isinstance(error, GatedRepoError):
        return f"{wanted.repo} is gated; ask for access on its Hub page and set HF_TOKEN to your token."
    if status in (401, 403):
        mend = "this HF_TOKEN may not read it" if get_token() else "set HF_TOKEN if it is private"
        return f"{wanted.repo} does not exist or is private; check the name, {mend}."
    if status == 404:
        return f"{wanted.repo} does not exist on the Hub; check the name."
    return f"The Hub answered {status} for {wanted}; try again later."


CHECKPOINT_REPO = _Kind("model", FILES, _check_checkpoint, REQUIRED)
WEIGHTS_REPO = _Kind("model", (WEIGHTS,), _check_weights, (WEIGHTS,))
DATASET_REPO = _Kind("dataset", DATA_FILES, _check_dataset, (FETCHED,))
