"""What tests of the pages give to the screen and read from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from io import BytesIO

from PIL import Image
from streamlit.testing.v1 import AppTest


def png(width: int = 24, height: int = 48) -> bytes:
    """An image file."""
    file = BytesIO()
    Image.new("RGB", (width, height), (90, 120, 60)).save(file, "PNG")
    return file.getvalue()


def said(elements: Iterable) -> str:
    """All texts of st.error, st.info, ... in one string, without what keeps Markdown from reading them."""
    return shown(" ".join(str(element.value) for element in elements))


def shown(text: str) -> str:
    """A text as it is seen, without what keeps Markdown from reading it."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text).replace("\u2060", "")


def components(test: AppTest) -> set[str]:
    """The keys of a page's components, without that of the browser's history, which every page has."""
    return {one.key for one in test.get("bidi_component")} - {"history"}


def component_data(test: AppTest, key: str) -> dict:
    """What a component of a page was given."""
    (component,) = [one for one in test.get("bidi_component") if one.key == key]
    return json.loads(component.proto.json)


def press(test: AppTest, label: str) -> AppTest:
    """Click the button of this label."""
    return next(button for button in test.button if shown(button.label) == label).click().run()
