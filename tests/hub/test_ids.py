"""What is a Hub id, and what is not."""

from __future__ import annotations

import pytest

from snnpar.hub import HubError, HubId, parse_hub_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lab/student", HubId("lab/student", "main")),
        ("  lab/student\n", HubId("lab/student", "main")),
        ("lab/student@v1.0", HubId("lab/student", "v1.0")),
        ("l/s@refs/pr/3", HubId("l/s", "refs/pr/3")),
        ("A-b_c.d/e-f.G_9@" + "a1" * 20, HubId("A-b_c.d/e-f.G_9", "a1" * 20)),
    ],
)
def test_hub_ids(text: str, expected: HubId) -> None:
    assert parse_hub_id(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "student", "/student", "lab/", "a/b/c", "../etc", "lab/..", "lab/a..b", "lab/a--b",
        "-lab/student", "lab/-student", "lab/student-", "lab/student.", ".lab/student",
        "lab/stu dent", "lab/stüdent", "lab\\student",
        "https://huggingface.co/lab/student", "lab/student@", "lab/student@-x", "lab/student@../../x",
        "lab/student@a//b", "lab/student@a/", "lab/student@a.lock", "lab/student@a b", "lab/student@a@b",
        "lab/student\nx", "lab/" + "s" * 97, "lab/student@" + "r" * 101, "lab/student%2f..",
    ],
)  # fmt: skip
def test_what_is_not_a_hub_id(text: str) -> None:
    with pytest.raises(HubError, match="is not a Hub id; write owner/name or owner/name@revision"):
        parse_hub_id(text)


@pytest.mark.parametrize(("revision", "pinned"), [("main", False), ("a1" * 20, True), ("a1" * 19, False)])
def test_only_a_full_commit_is_pinned(revision: str, pinned: bool) -> None:
    assert HubId("lab/student", revision).pinned is pinned
