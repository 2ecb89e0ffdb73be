"""Giving a checkpoint away on the Hub: safetensors, config.json and its card, and nothing else of its folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from snnpar.core.public import REASONS, is_public
from snnpar.hub import HubError, endpoint, parse_hub_id
from snnpar.sharing.card import share


def push(folder: Path, hub_id: str, *, private: bool = False) -> str:
    """Upload the checkpoint in `folder` to owner/name[@branch], made if need be; the address of the commit.

    It is loaded before, so that nothing arrives that cannot be loaded, and paths of this machine are left out.
    Raises HubError, or CheckpointError for what is no checkpoint.
    """
    wanted = parse_hub_id(hub_id)
    if is_public():
        raise HubError(REASONS["push"])
    if wanted.pinned:
        raise HubError(f"{wanted} names a commit, which never changes; push to a branch, such as {wanted.repo}")
    with tempfile.TemporaryDirectory(prefix="snnpar-push-") as made:
        shared = Path(made) / "shared"
        share(folder, shared, wanted.repo)
        return _upload(shared, wanted.repo, wanted.revision, private)


def _upload(folder: Path, repo: str, branch: str, private: bool) -> str:
    import httpx2
    from huggingface_hub import CommitOperationAdd, HfApi, get_token, is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError

    if is_offline_mode():
        raise HubError(f"{repo} cannot be pushed to: HF_HUB_OFFLINE forbids it; unset it.")
    if not get_token():
        raise HubError(
            "A push needs a token: make one that may write in your account's settings, and set HF_TOKEN to it."
        )
    hub = HfApi(endpoint=endpoint())
    operations = [CommitOperationAdd(path.name, path) for path in sorted(folder.iterdir())]
    try:
        hub.create_repo(repo, private=private, exist_ok=True)
        if branch != "main":
            hub.create_branch(repo, branch=branch, exist_ok=True)
        return hub.create_commit(repo, operations, revision=branch, commit_message="Upload checkpoint").commit_url
    except HfHubHTTPError as error:
        raise HubError(_refusal(repo, error)) from error
    except (httpx2.HTTPError, RuntimeError) as error:  # RuntimeError: how the client tells that an upload failed
        raise HubError(
            f"{repo} was not pushed: the Hub at {endpoint()} cannot be reached, or the upload broke off; try again."
        ) from error
    except Exception as error:  # the client believes that every answer has the form that it expects
        raise HubError(
            f"{repo} was perhaps not pushed: the Hub at {endpoint()} gave no usable answer; look there, and "
            "try again later."
        ) from error


def _refusal(repo: str, error: Any) -> str:
    status = error.response.status_code
    if status in (401, 403):
        return f"This HF_TOKEN may not write to {repo}; check the name, and give the token the right to write."
    return f"The Hub answered {status} to the push to {repo}; try again later."
