"""Text of others as a browser shows it: letter by letter, wherever Streamlit reads Markdown."""

from __future__ import annotations

import json
from pathlib import Path

from browsing import MARKS, browser_context, served, settle

pytestmark = MARKS

ADDRESS = "http://other.example/p.png"
TEXTS = [
    f"![x]({ADDRESS})",
    f"!![b]({ADDRESS})",
    f"[sign in again]({ADDRESS})",
    f"<img src={ADDRESS}>",
    ADDRESS,
    "see https://other.example now",
    "www.other.example",
    "WWW.Other.example",
    "me@other.example",
    "a@b.co",
    "mailto:me@other.example",
    "xmpp:me@other.example",
    f"<{ADDRESS}>",
    f"[a]: {ADDRESS}",
    "[a][b]",
    "[^1]",
    "a[^1]: b",
    "**b**",
    "__b__",
    "_b_",
    "*b*",
    "~~b~~",
    "~b~",
    "`code`",
    "``` x",
    "# head",
    "###### head",
    "> quote",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "12) item",
    "---",
    "***",
    "===",
    "| a | b |",
    "a | b",
    "$x^2$",
    "$$x$$",
    "a $1 b $2",
    ":red[x]",
    ":red-background[x]",
    ":blue-badge[x]",
    ":small[x]",
    ":material/delete:",
    ":material_delete:",
    ":smile:",
    ":+1:",
    ":streamlit:",
    "a -> b",
    "a <- b",
    "a <-> b",
    "a -- b",
    "-- a",
    "a >= b",
    "a <= b",
    "a ~= b",
    "->",
    "&amp; &lt;b&gt; &#33;",
    "&",
    "\\",
    "\\*x\\*",
    "\\\\",
    "<b>x</b>",
    "<script>alert(1)</script>",
    "<!-- x -->",
    "{0}%s",
    "a\\",
    "!",
    ":",
    "::",
    ":a:b:c:",
    "www.",
    "http://",
    "a://b",
    "http:\\\\x.example",
    "lab/student@v1.0",
    "C:\\dir\\_x_",
    "--again",
    "’“é人🙂",
    "a" * 300,
]
SCRIPT = """
import json
from pathlib import Path
import pandas as pd
import streamlit as st
from pages.ui.widgets.literal import literal
for number, text in enumerate(json.loads(Path({texts!r}).read_text())):
    text = literal(text)
    shows = dict(markdown=st.markdown, caption=st.caption, error=st.error, button=st.button, checkbox=st.checkbox,
                 bold=lambda one: st.markdown(f"**{{one}}** x"), metric=lambda one: st.metric(one, 1),
                 table=lambda one: st.table(pd.DataFrame({{"a": [one]}})))
    for name, show in shows.items():
        with st.container(key=f"show_{{name}}_{{number}}"):
            show(text)
"""


def test_text_is_shown_letter_by_letter(tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text(json.dumps(TEXTS))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(texts=str(tmp_path / "texts.json")))
    asked = []
    with served(tmp_path, script) as (_, address), browser_context() as context:
        tab = context.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(address)
        settle(tab)
        tab.wait_for_function(
            "() => [...document.querySelectorAll('[class*=st-key-show_]')].every(one => one.textContent)"
        )
        seen = tab.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('[class*=st-key-show_]')].map(one => "
            "[[...one.classList].find(name => name.startsWith('st-key-show_')).slice(12), one.textContent]))"
        )
        odd = tab.evaluate(
            "() => [...document.querySelectorAll('[class*=st-key-show_]')].flatMap(one => [...one.querySelectorAll("
            "'a, img, em, del, code, h1, h2, li, blockquote, hr, .katex, [data-testid=stIconMaterial]')]"
            ".map(made => made.outerHTML))"
        )
    assert not [url for url in asked if "other" in url] and not odd
    wrong = {
        place: shown
        for place, shown in seen.items()
        if TEXTS[int(place.split("_")[1])] not in shown.replace("\u2060", "")
    }
    assert len(seen) == 8 * len(TEXTS) and not wrong, json.dumps(wrong, indent=1)
