"""The gallery of labels in a browser: from a file, without a server, in the colours that the reader prefers."""

from __future__ import annotations

from pathlib import Path

import tiny
from browsing import MARKS, browser_context

from snnpar.datasets.contact_sheet import rendered_side, side_of, write_contact_sheet

pytestmark = MARKS


def test_the_gallery_is_read_from_its_file_alone(tmp_path: Path) -> None:
    tiny.write_pa100k(tmp_path / "people", {"train": 8, "val": 2, "test": 2})
    write_contact_sheet(tmp_path / "page.html", [side_of(str(tmp_path / "people")), rendered_side(12)])
    with browser_context() as context:
        page, asked, said = context.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
        page.on("console", lambda message: said.append(message.text))
        for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 28)")):
            page.emulate_media(color_scheme=scheme)
            page.goto((tmp_path / "page.html").as_uri())
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        assert set(asked) <= {"file", "data"} and asked.count("file") == 2 and not said
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        page.get_by_role("navigation", name="Attributes").get_by_role("link", name="UpperPlaid").click()
        heading = page.get_by_role("heading", name="UpperPlaid", exact=False)
        assert 0 <= heading.bounding_box()["y"] < 400
        boxes = [side.bounding_box() for side in page.locator("#a17 .sides > div").all()]
        assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]  # side by side
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        boxes = [side.bounding_box() for side in page.locator("#a17 .sides > div").all()]
        assert boxes[0]["x"] == boxes[1]["x"] and boxes[0]["y"] < boxes[1]["y"]
