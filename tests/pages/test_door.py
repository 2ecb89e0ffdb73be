"""Who may open a page of this server, and how much may be sent there, tried on a real one."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import websockets
from browsing import served_pair
from streaming import connect, first_run, heard

from pages.ui.server.sessions import EACH

PART = b'--edge\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n%s\r\n--edge--\r\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served_pair(tmp_path_factory.mktemp("served")) as url:
        yield url


def ask(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, dict, str]:
    request = urllib.request.Request(
        url, data, {name.replace("_", "-"): text for name, text in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_of_the_server_opens_a_page(server: str, host: str) -> None:
    assert "Two networks look at one person" in asyncio.run(first_run(server, host))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_a_page_of_another_name_gets_no_connection(server: str, host: str) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus, match="403"):
        asyncio.run(first_run(server, host))


@pytest.mark.parametrize(
    "path", ["/", "/spikes", "/_stcore/health", "/_stcore/host-config", "/static/x.js", "/_stcore/upload_file/a/b"]
)
@pytest.mark.parametrize(
    "forged",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_nothing_is_answered_for_a_page_of_another_name(server: str, path: str, forged: dict[str, str]) -> None:
    for method in ("GET", "PUT"):
        status, _, text = ask(server + path, method, **forged)
        assert status == 403 and "does not answer to the name" in text


def test_no_page_of_another_site_shows_the_app_in_a_frame(server: str) -> None:
    for path in ("/", "/train"):
        assert ask(server + path)[1]["content-security-policy"] == "frame-ancestors 'self'"


async def send_many(url: str, count: int) -> list[int]:
    """Statuses of uploads of one session."""
    cookie = ask(f"{url}/_stcore/health")[1]["set-cookie"].partition(";")[0]
    signed = {"Cookie": cookie, "X_Xsrftoken": cookie.partition("=")[2]}
    async with connect(url, "127.0.0.1") as socket:
        async for answer in heard(socket):
            if answer.WhichOneof("type") == "new_session":
                break
        place = f"{url}/_stcore/upload_file/{answer.new_session.initialize.session_id}"
        return [
            (
                await asyncio.to_thread(
                    ask,
                    f"{place}/{number}",
                    "PUT",
                    PART % b"x" * 9,
                    Content_Type="multipart/form-data; boundary=edge",
                    **signed,
                )
            )[0]
            for number in range(count)
        ]


def test_uploads_pass_the_door_also_when_older_ones_make_way(server: str) -> None:
    assert asyncio.run(send_many(server, EACH + 3)) == [204] * (EACH + 3)
