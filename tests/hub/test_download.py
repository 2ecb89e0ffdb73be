"""Downloads in a process of their own."""

from __future__ import annotations

import time

import pytest
from hub_files import FILES, WANTED, half, names
from hub_server import Hub

from snnpar.hub import Download, HubError, list_cached


@pytest.fixture
def slow(hub: Hub) -> Hub:
    """Its weights take a minute, so that nobody waits for their end."""
    hub.repos["lab/student"].push(FILES | {"model.safetensors": bytes(range(256)) * 40_000})
    hub.repos["lab/student"].seconds = 60
    return hub


def wait_for_bytes(download: Download) -> tuple[int, int]:
    until = time.monotonic() + 60
    while not download.progress[1]:
        assert download.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return download.progress


@pytest.mark.parametrize("how", ["cancel", "parent gone"])
def test_a_slow_download_tells_how_far_it_is_and_ends_at_once(slow: Hub, tmp_path, how: str) -> None:
    download = Download("lab/student", tmp_path / "hub", signed=True)
    done, total = wait_for_bytes(download)
    assert 0 <= done < total and total > 1_000_000
    while not (0 < download.progress[0] < total and download.seconds_left):
        assert download.poll() is None and download.seconds < 60
        time.sleep(0.05)
    if how == "cancel":
        download.close()
    else:
        download.process.stdin.close()
        download.process.wait(10)
    assert download.process.returncode != 0 and half(tmp_path / "hub") == []


def test_a_download_ends_with_the_folder_or_a_sentence(hub: Hub, tmp_path) -> None:
    wanted = {
        "lab/student": Download("lab/student", tmp_path / "hub", signed=True),
        "lab/nothing": Download("lab/nothing", tmp_path / "hub", signed=True),
    }
    for download in wanted.values():
        download.process.wait(60)
    folder = wanted["lab/student"].poll()
    assert names(folder) == WANTED and folder == list_cached(tmp_path / "hub")[0].path
    with pytest.raises(HubError, match="lab/nothing does not exist or is private"):
        wanted["lab/nothing"].poll()


@pytest.mark.parametrize("text", ["-x/y", "--out/y", "a/b;rm", "a/$(b)", "a/b\nc"])
def test_no_process_is_started_for_what_is_no_id(tmp_path, text: str) -> None:
    with pytest.raises(HubError, match="is not a Hub id"):
        Download(text, tmp_path, signed=True)
