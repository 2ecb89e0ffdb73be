"""Files that are there under a name that looks the same: another case, or accents composed otherwise."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path


def near(path: Path) -> str:
    """A sentence on the file that was probably meant by a path that is not there; "" if there is none."""
    found = _names(path.parent).get(_plain(path.name))
    if found is None or found == path.name:
        return ""
    if found.casefold() == path.name.casefold():
        return f"There is {found}: on this computer large and small letters differ; name it as the list does."
    return (
        f"There is {found}, whose accents are composed otherwise (as on another system); rename the files: "
        "`convmv -f utf8 -t utf8 --nfc`."
    )


@lru_cache(maxsize=16)
def _names(folder: Path) -> dict[str, str]:
    """What lies in a folder, listed once: thousands of images may be missing from it."""
    try:
        return {_plain(path.name): path.name for path in folder.iterdir()}
    except (OSError, ValueError):
        return {}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
