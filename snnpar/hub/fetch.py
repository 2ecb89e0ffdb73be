"""Downloads: of a checkpoint only safetensors, JSON and the card, of a data set only annotations and images.

A revision is first resolved to a commit, and that is what is listed, downloaded, compared and cached: a branch that
moves meanwhile changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from snnpar import CHECKPOINTS, WEIGHTS
from snnpar.hub.cache import alone, cached_bytes, hub_id_of, name_revision
from snnpar.hub.ids import REMOTE, HubError, HubId, parse_hub_id
from snnpar.hub.kinds import (
    CHECKPOINT_REPO,
    DATASET_REPO,
    FETCHED,
    WEIGHTS_REPO,
    Kind,
    Listing,
    RemoteFile,
    check_size,
    in_words,
    total,
)
from snnpar.public import is_public

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 10.0
PUBLIC_BYTES = 200_000_000  # of one checkpoint on a public server
PUBLIC_CACHE_BYTES = 1_000_000_000  # of all of them there

Begun = Callable[[HubId, int], None]  # told the commit and its bytes when something has to be downloaded


def fetch_checkpoint(hub_id: str, *, cache: Path = CHECKPOINTS / "hub", begun: Begun | None = None) -> Path:
    """Local directory of a checkpoint of the Hub, downloaded unless `cache` has it; its name is the commit.

    A pinned commit in the cache makes no request. When the Hub is down, the revision last fetched is used;
    without one the answer comes at once, not after the client's retries. Raises HubError.
    """
    return _fetch(parse_hub_id(hub_id), CHECKPOINT_REPO, cache, begun)


def cached_checkpoint(hub_id: str, *, cache: Path = CHECKPOINTS / "hub") -> Path | None:
    """The directory that fetch_checkpoint fetched last for this revision, without a request; None if it never did."""
    return _cached(parse_hub_id(hub_id), CHECKPOINT_REPO, cache)


def fetch_dataset(hub_id: str, *, cache: Path = CHECKPOINTS / "hub-data") -> Path:
    """Local directory of a data set of the Hub: its annotations and images, downloaded unless `cache` has them.

    What files it needs is the caller's to say; archives are not unpacked. Raises HubError as fetch_checkpoint does.
    """
    return _fetch(parse_hub_id(hub_id), DATASET_REPO, cache)


def fetch_weights(hub_id: str) -> Path:
    """Local model.safetensors of any repository, in the client's own cache (HF_HOME), where timm keeps its own.

    Raises HubError as fetch_checkpoint does.
    """
    from huggingface_hub import constants

    return _fetch(parse_hub_id(hub_id), WEIGHTS_REPO, Path(constants.HF_HUB_CACHE)) / WEIGHTS


def pin_checkpoint(place: str, *, cache: Path = CHECKPOINTS / "hub") -> str:
    """hf:owner/name@COMMIT for hf:owner/name[@revision] and for a folder of the cache; any other place as it is.

    Raises HubError when the commit cannot be found out.
    """
    cached = hub_id_of(Path(place)) if place and Path(place).is_relative_to(cache) else None
    return f"{REMOTE}{cached}" if cached else _pin(place, CHECKPOINT_REPO, cache)


def pin_dataset(place: str, *, cache: Path = CHECKPOINTS / "hub-data") -> str:
    """The same for a data set, of which the folder stays."""
    return _pin(place, DATASET_REPO, cache)


def look_up(hub_id: str, *, cache: Path = CHECKPOINTS / "hub") -> Listing:
    """The commit of a revision and its files, asked anew. Raises HubError, also for what is no checkpoint."""
    wanted = parse_hub_id(hub_id)
    listing = _listing(wanted, CHECKPOINT_REPO, None)
    CHECKPOINT_REPO.check(wanted, listing)
    return listing


def _fetch(wanted: HubId, kind: Kind, cache: Path, begun: Begun | None = None) -> Path:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    cached = _cached(wanted, kind, cache)
    if cached and wanted.pinned:
        return cached
    listing = _listing(wanted, kind, cached)
    if listing is None or (cached and cached.name == listing.commit):
        return cached
    kind.check(wanted, listing)
    _check_public(wanted, kind, listing, cache)
    try:
        with alone(wanted.repo, cache) if kind.swept else nullcontext():
            if begun:
                begun(replace(wanted, revision=listing.commit), total(listing.used(kind.patterns)))
            folder = _download(wanted, kind, listing, cache)
        name_revision(wanted, folder)
        return folder
    except HfHubHTTPError as error:
        raise HubError(refusal(wanted, error)) from error
    except (httpx2.HTTPError, LocalEntryNotFoundError) as error:
        raise HubError(f"The download of {wanted} broke off; try again.") from error
    except OSError as error:
        if error.errno is None:  # the client's own check of lengths
            raise HubError(f"The download of {wanted} broke off; try again.") from error
        raise HubError(f"{wanted} cannot be stored in {cache}: {error.strerror or error}.") from error


def _download(wanted: HubId, kind: Kind, listing: Listing, cache: Path) -> Path:
    """The commit's folder, marked once its content is what the Hub says."""
    folder = _snapshot(replace(wanted, revision=listing.commit), kind, cache)
    for name, file in listing.used(kind.patterns).items():
        if file.sha256 and _sha256(folder / name) != file.sha256:
            (folder / name).resolve().unlink()
            (folder / name).unlink(missing_ok=True)
            raise HubError(f"{name} of {wanted} is not what the Hub says it is (its sha256 differs), so it was not "
                           "kept; try again, and tell its owner if that does not help.")
    if FETCHED in kind.required:
        (folder / FETCHED).touch()
    return folder


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pin(place: str, kind: Kind, cache: Path) -> str:
    if not place.startswith(REMOTE):
        return place
    wanted = parse_hub_id(place.removeprefix(REMOTE))
    if not wanted.pinned:
        cached = _cached(wanted, kind, cache)
        listing = _listing(wanted, kind, cached)
        wanted = replace(wanted, revision=listing.commit if listing else cached.name)
    return f"{REMOTE}{wanted}"


def endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")


def _snapshot(wanted: HubId, kind: Kind, cache: Path, *, local_files_only: bool = False) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            wanted.repo,
            repo_type=kind.repo_type,
            revision=wanted.revision,
            cache_dir=cache,
            endpoint=endpoint(),
            allow_patterns=list(kind.patterns),
            local_files_only=local_files_only,
        )
    )


def _cached(wanted: HubId, kind: Kind, cache: Path) -> Path | None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = _snapshot(wanted, kind, cache, local_files_only=True)
    except LocalEntryNotFoundError:  # never fetched, or only in part
        return None
    return folder if all((folder / name).is_file() for name in kind.required) else None


def _listing(wanted: HubId, kind: Kind, cached: Path | None) -> Listing | None:
    """What the Hub has of a revision; None when it cannot be asked and `cached` has to do. Raises HubError."""
    import httpx2
    from huggingface_hub import is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError

    if is_offline_mode():
        if cached:
            return None
        raise HubError(f"{wanted} is not in the cache, and HF_HUB_OFFLINE forbids to download it.")
    try:
        return _ask(wanted, kind)
    except HfHubHTTPError as error:
        if cached and error.response.is_server_error:
            return None
        raise HubError(refusal(wanted, error)) from error
    except httpx2.HTTPError as error:
        if cached:
            return None
        where = f"the Hub at {endpoint()} cannot be reached"
        raise HubError(f"{wanted} is not in the cache, and {where}.") from error


def _ask(wanted: HubId, kind: Kind) -> Listing:
    """A single request, without the retries of a download."""
    import httpx2
    from huggingface_hub import HfApi

    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    info = HfApi(endpoint=endpoint()).repo_info(
        wanted.repo, repo_type=kind.repo_type, revision=wanted.revision, files_metadata=True, timeout=timeout
    )
    files = {file.rfilename: RemoteFile(file.size or 0, file.lfs.sha256 if file.lfs else "")
             for file in info.siblings or ()}
    return Listing(info.sha, files)


def _check_public(wanted: HubId, kind: Kind, listing: Listing, cache: Path) -> None:
    """On a public server nobody may fill the disk."""
    if not is_public():
        return
    files = listing.used(kind.patterns)
    check_size(wanted, files, PUBLIC_BYTES, "that this public server downloads")
    if cached_bytes(cache) + total(files) > PUBLIC_CACHE_BYTES:
        raise HubError(f"This public server keeps at most {in_words(PUBLIC_CACHE_BYTES)} of the Hub, and {wanted} "
                       "would be too much; pick a checkpoint that is there, or run the app on your own machine.")


def refusal(wanted: HubId, error: Exception) -> str:
    """What an HTTP error means. The Hub answers 401 for a private and for a missing repository alike."""
    from huggingface_hub import get_token
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RevisionNotFoundError

    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return f"{wanted.repo} has no revision {wanted.revision!r}; leave out @{wanted.revision} to get main."
    if isinstance(error, EntryNotFoundError):
        return f"{wanted} lists a file that the Hub does not have; try again later."
    if isinstance(error, GatedRepoError):
        return f"{wanted.repo} is gated; ask for access on its Hub page and set HF_TOKEN to your token."
    if status in (401, 403):
        mend = "this HF_TOKEN may not read it" if get_token() else "set HF_TOKEN if it is private"
        return f"{wanted.repo} does not exist or is private; check the name, {mend}."
    if status == 404:
        return f"{wanted.repo} does not exist on the Hub; check the name."
    return f"The Hub answered {status} for {wanted}; try again later."
