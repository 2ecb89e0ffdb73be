"""The page in a browser."""

from __future__ import annotations

from asking import SAMPLE, Server, encoded
from browsing import MARKS, browser_context, close_browser


class TestPage:
    pytestmark = MARKS

    def test_an_image_is_read_in_the_browser_and_answered(self, server: Server) -> None:
        with browser_context() as context:
            page = context.new_page()
            asked, failed = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
            page.goto(server.address)
            before = page.get_by_alt_text("the image").get_attribute("src")
            other = SAMPLE.with_name("07.png")  # not the one that is shown at first
            page.locator("input[type=file]").set_input_files(other)
            shown = "before => document.querySelector('img[alt=\"the image\"]').src !== before"
            page.wait_for_function(shown, arg=before)
            page.get_by_role("button", name="Read the image").click()
            page.get_by_alt_text("heatmap").nth(1).wait_for()
            page.get_by_text("An estimate: 45 nm").wait_for()
            assert page.get_by_alt_text("the image").get_attribute("src").endswith(encoded(other))
            outside = [url for url in asked if not url.startswith((server.address, "data:", "blob:"))]
            assert not outside and not failed
        close_browser()
