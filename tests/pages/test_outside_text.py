"""Whatever comes from outside (attributes, files, folders, configs, cards) reaches no page as Markdown or HTML.

Each source says something that Streamlit would read as markup; no text of a page may hold it as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest
from tiny import PA100K, PHRASES, STUDENT, TEACHER, write_checkpoint, write_csv

from snnpar.checkpoint import write_config, write_phrases
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.slices import DataChoice
from snnpar.schema.attributes import AttributeGroup, AttributeSchema, load_phrases

BOLD = "**b**"
NAMES = tuple(f"Look {letter} {BOLD} $x$ :red_circle: www.other.io" for letter in "ABC")  # schemas refuse [ ] < >
FOLDER = f"![f]({BOLD})<img src=x>"
MARKUP = re.compile(r"(?<!\\)(\*\*b\*\*|!\[|<img|\$x\$|:red_circle:|www\.other|\[sign|http://other)")
PLAIN = {"code", "text", "json", "arrow_data_frame", "bidi_component", "markdown_html"}
FIELDS = {"body", "label", "help", "text", "caption", "captions", "title", "name"}
PAGES = ("", "spikes", "explain", "energy", "evaluate", "train", "checkpoints")


def markdown(message: Message) -> Iterator[str]:
    """All texts of an element that its page reads as Markdown or HTML, however deep."""
    for field, value in message.ListFields():
        repeated = not isinstance(value, Message | str | bytes | int | float | bool)
        for one in value if repeated and field.type != FieldDescriptor.TYPE_MESSAGE else [value]:
            if isinstance(one, str) and field.name in FIELDS:
                yield one
        if field.type == FieldDescriptor.TYPE_MESSAGE and field.name not in PLAIN:
            for one in value if repeated else [value]:
                if isinstance(one, Message):
                    yield from markdown(one)


def texts(test: AppTest) -> Iterator[tuple[str, str]]:
    """(kind, text) of every element that reads Markdown; of tables the help of columns, and of st.table the cells."""

    def walk(node: object) -> Iterator[object]:
        yield node
        for child in getattr(node, "children", {}).values():
            yield from walk(child)

    for node in walk(test._tree):
        proto, kind = getattr(node, "proto", None), getattr(node, "type", "")
        if not isinstance(proto, Message) or kind in PLAIN:
            continue
        for text in markdown(proto):
            yield kind, text
        if kind == "arrow_table":
            yield from ((kind, str(cell)) for row in node.value.reset_index().to_numpy() for cell in row)
        for column in json.loads(getattr(proto, "columns", "") or "{}").values():
            yield kind, str(column.get("help") or "")


def found(test: AppTest) -> list[tuple[str, str]]:
    return sorted({(kind, text) for kind, text in texts(test) if MARKUP.search(text)})


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two checkpoints, an evaluation of each, and a dataset, all of them named by somebody else."""
    root = tmp_path_factory.mktemp("outside")
    group = AttributeGroup(NAMES[0], NAMES, False, NAMES[1])
    schema = AttributeSchema(NAMES[0], NAMES, PA100K.phrases[:3], NAMES, (group,))
    data = root / "data" / FOLDER
    rows = [(f"{FOLDER}{n}.png", "val", *("01"[(n + k) % 2] for k in range(3))) for n in range(6)]
    write_csv(data, rows, header=",".join(("file", "split", *NAMES)))
    for number, config in enumerate((STUDENT, TEACHER)):
        one = write_checkpoint(root / f"{FOLDER}{number}", config, schema)
        train = {
            "dataset": FOLDER,
            "data": f"/a/{FOLDER}",
            "init": f"/a/{FOLDER}",
            "teacher": f"/a/{FOLDER}",
            "logit_kd": True,
            "epochs": 3,
        }
        write_config(one.path, one.model, one.schema, train, {"commit": FOLDER})
        write_phrases(
            one.path, replace(load_phrases(PHRASES), names=NAMES, text=NAMES, vectors=load_phrases(PHRASES).vectors[:3])
        )
        (one.path / "README.md").write_text("!![b](http://other/p.png) [sign in](http://other) <img src=x>")
        evaluate_checkpoint(one.path, DataChoice(str(data)), root=root / "evaluations")
    return root


@pytest.mark.parametrize("page", PAGES)
def test_no_name_of_others_is_markup(app, outside: Path, page: str) -> None:
    test = app(outside, page)
    as_markup = found(test)
    assert not as_markup, "\n".join(f"{kind}: {text}" for kind, text in as_markup)
