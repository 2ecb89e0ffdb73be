"""What the Hub has, before anything is downloaded: ids that begin so, revisions of a repository, files of a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from snnpar.hub.fetch import ANSWER_SECONDS, CONNECT_SECONDS, endpoint, look_up, refusal
from snnpar.hub.ids import HubError, HubId, parse_hub_id
from snnpar.hub.kinds import Listing

MOST = 20  # ids shown
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


@dataclass(frozen=True)
class Found:
    """What an id or the beginning of one led to; `listing` and `revisions` (commits by name) for a whole id only."""

    asked: str
    ids: tuple[str, ...] = ()
    id: HubId | None = None
    listing: Listing | None = None
    revisions: dict[str, str] | None = None


def search(text: str) -> Found:
    """Whatever `text` means: owner/name[@revision] is looked up, the beginning of an id lists those that fit.

    Raises HubError with one sentence.
    """
    text = text.strip()
    try:
        wanted = parse_hub_id(text)
    except HubError:
        return Found(text, _ids(text))
    try:
        return Found(text, id=wanted, listing=look_up(text), revisions=_revisions(wanted.repo))
    except HubError:
        ids = _ids(text) if "@" not in text else ()  # owner/na may be the beginning of owner/name
        if not ids:
            raise
        return Found(text, ids)


def _ids(prefix: str) -> tuple[str, ...]:
    if not _PREFIX.fullmatch(prefix):
        raise HubError(f"{prefix[:100]!r} is not the beginning of a Hub id; write owner/name, or a part of it.")
    answer = _get("/api/models", prefix, {"search": prefix, "limit": 5 * MOST})
    ids = [str(one.get("id", "")) for one in answer]
    return tuple(sorted(one for one in ids if one.lower().startswith(prefix.lower())))[:MOST]


def _revisions(repo: str) -> dict[str, str]:
    answer = _get(f"/api/models/{repo}/refs", repo, {})
    return {str(one["name"]): str(one["targetCommit"]) for kind in ("branches", "tags") for one in answer.get(kind, ())}


def _get(path: str, what: str, params: dict) -> list | dict:
    """A single request."""
    import httpx2
    from huggingface_hub import is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    if is_offline_mode():
        raise HubError("HF_HUB_OFFLINE forbids to ask the Hub; what is on this computer works as before.")
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        answer = get_session().get(endpoint() + path, params=params, headers=build_hf_headers(), timeout=timeout)
        hf_raise_for_status(answer)
        return answer.json()
    except HfHubHTTPError as error:
        raise HubError(refusal(HubId(what), error)) from error
    except httpx2.HTTPError as error:
        raise HubError(f"The Hub at {endpoint()} cannot be reached; what is on this computer works as before."
                       ) from error
    except ValueError as error:
        raise HubError(f"The Hub at {endpoint()} gave no usable answer for {what}; try again later.") from error
