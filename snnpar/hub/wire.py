"""Single requests to the Hub, whose answers are believed only as far as they are checked.

The bytes of an answer are counted as they come, whatever its header says. A compressed one, which can be a thousand
times as large as it looks, is not asked for and not taken. No header of an answer becomes the name of a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from snnpar.hub.ids import HubError, HubId
from snnpar.hub.kinds import RemoteFile

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 10.0  # without a byte
WHOLE_ANSWER_SECONDS = 30.0  # of an answer that is no file
ANSWER_BYTES = 8_000_000
TRIES = 4  # of a transfer that breaks off
PAUSE_SECONDS = 1.0  # between them


class NoAnswer(HubError):
    """The Hub cannot be reached, ails, or gave no usable answer: what is on this machine may do."""

    reached = True


class Unreachable(NoAnswer):
    """Nobody answers."""

    reached = False


def endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, or the public one. Raises HubError for what is no address."""
    from huggingface_hub import constants

    address = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).strip().rstrip("/")
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise HubError(
            f"HF_ENDPOINT is {address[:100]!r}, which is no address of a Hub; write one such as "
            f"{constants._HF_DEFAULT_ENDPOINT}, or unset it."
        )
    host = parts.hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        _bypass_proxies(host)
    return address


def _bypass_proxies(host: str) -> None:
    """No proxy leads back to this machine; the client reads from the environment which hosts it asks directly."""
    for name in ("NO_PROXY", "no_proxy"):
        listed = [one for one in os.environ.get(name, "").split(",") if one]
        if host not in listed:
            os.environ[name] = ",".join([*listed, host])


def where() -> str:
    """The Hub in words, without a password that its address may hold."""
    parts = urlsplit(endpoint())
    return f"the Hub at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def ask(path: str, what: HubId, *, params: dict | None = None, signed: bool, most: int = ANSWER_BYTES) -> Any:
    """The JSON of one answer. `signed`: with the token of this machine. Raises HubError in one sentence."""
    body, until = bytearray(), time.monotonic() + WHOLE_ANSWER_SECONDS
    with _answer(path, what, signed, params=params) as response:
        for piece in response.iter_raw():
            body += piece
            if len(body) > most or time.monotonic() > until:
                raise unusable(what)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise unusable(what) from None


def unusable(what: HubId) -> NoAnswer:
    """The error for an answer that is not what the Hub's interface says."""
    return NoAnswer(f"{_capital(where())} gave no usable answer for {what}; try again later.")


def save(
    wanted: HubId,
    commit: str,
    repo_type: str,
    name: str,
    file: RemoteFile,
    path: Path,
    *,
    signed: bool,
    came: Callable[[int], object],
) -> str:
    """Write a file of a commit to `path`, never more bytes than it is said to have; its sha256.

    A transfer that breaks off goes on where it was. `came` is told of bytes as they come, and with a negative number
    of those that have to come again. Raises HubError.
    """
    folder = "datasets/" if repo_type == "dataset" else ""
    address = f"/{folder}{wanted.repo}/resolve/{commit}/{quote(name)}"
    digest, done = hashlib.sha256(), 0
    with open(path, "wb", buffering=0) as out:
        for _ in range(TRIES):
            try:
                with _answer(address, wanted, signed, start=done) as response:
                    if done and not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                        came(-done)
                        digest, done = hashlib.sha256(), out.truncate(out.seek(0))
                    for piece in response.iter_raw():
                        if done + len(piece) > file.size:
                            raise HubError(
                                f"{name} of {wanted} is longer than the Hub says it is, so it was not kept; "
                                "try again, and tell its owner if that does not help."
                            )
                        out.write(piece)
                        digest.update(piece)
                        done += len(piece)
                        came(len(piece))
                if done == file.size:
                    return digest.hexdigest()
            except NoAnswer:
                pass
            time.sleep(PAUSE_SECONDS)
    raise HubError(f"The download of {wanted} broke off; try again.")


@contextmanager
def _answer(
    path: str, what: HubId, signed: bool, *, params: dict | None = None, start: int = 0
) -> Iterator[httpx2.Response]:
    """The head of a good answer, its body still to come; `start`: bytes of it that are not needed again."""
    import httpx2
    from huggingface_hub import get_session, is_offline_mode

    if is_offline_mode():
        raise HubError("HF_HUB_OFFLINE forbids to ask the Hub; what is on this computer works as before.")
    address = endpoint() + path  # before the session, which reads once what goes through a proxy
    headers = _headers(signed) | ({"Range": f"bytes={start}-"} if start else {})
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        with get_session().stream("GET", address, params=params, headers=headers, timeout=timeout) as response:
            if response.status_code not in (200, 206):
                raise _refused(what, response, signed)
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise unusable(what)
            yield response
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Unreachable(
            f"{_capital(where())} cannot be reached; what is on this computer works as before."
        ) from error
    except ImportError as error:  # of socksio, when the proxy of the environment speaks SOCKS
        raise HubError(f"The proxy that ALL_PROXY or HTTPS_PROXY names cannot be used: {error}") from error


def token(signed: bool) -> str | None:
    """The token of this machine, if it has one and the request is to be signed. Raises HubError for what is none."""
    from huggingface_hub import get_token

    found = get_token() if signed else None
    if found and not (found.isascii() and found.isprintable() and " " not in found):
        raise HubError("HF_TOKEN holds letters that no token has; copy it again from your account's settings.")
    return found


def _headers(signed: bool) -> dict[str, str]:
    from huggingface_hub.utils import build_hf_headers

    return build_hf_headers(token=token(signed) or False) | {"Accept-Encoding": "identity"}


def _refused(what: HubId, response: httpx2.Response, signed: bool) -> HubError:
    """What a status means. The Hub answers 401 for a private and for a missing repository alike."""
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    if status >= 500:
        return NoAnswer(f"The Hub answered {status} for {what}; try again later.")
    if code == "RevisionNotFound":
        words = f"{what.repo} has no revision {what.revision!r}; leave out @{what.revision} to get main."
    elif code == "EntryNotFound":
        words = f"{what} lists a file that the Hub does not have; try again later."
    elif code == "GatedRepo":
        words = f"{what.repo} is gated; ask for access on its Hub page and set HF_TOKEN to your token."
    elif status in (401, 403):
        words = f"{what.repo} does not exist or is private; check the name{_fix(signed)}."
    elif status == 404:
        words = f"{what.repo} does not exist on the Hub; check the name."
    else:
        words = f"The Hub answered {status} for {what}; try again later."
    return HubError(words)


def _fix(signed: bool) -> str:
    if not signed:
        return ", or run the app on your own machine with your own token"
    return ", this HF_TOKEN may not read it" if token(signed) else ", set HF_TOKEN if it is private"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
