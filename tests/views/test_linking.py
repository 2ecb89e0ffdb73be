"""Views as modules and as one script."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from snnpar.views import linking
from snnpar.views.linking import HERE, SHARED, linked, markup, ordered, style

VIEWS = sorted(path.parent.name for path in HERE.glob("*/view.js"))
NODE = shutil.which("node")


def test_the_views_are_there() -> None:
    assert {"cropper", "ledger", "occluder", "raster", "time_bar"} <= set(VIEWS)
    for name in VIEWS:
        assert markup(name).startswith("<") and style(name).startswith("/* What all views share.")


@pytest.mark.parametrize("name", VIEWS)
def test_what_a_module_needs_comes_before_it(name: str) -> None:
    paths = ordered(HERE / name / "view.js")
    assert paths[-1] == (HERE / name / "view.js").resolve() and len(set(paths)) == len(paths)
    assert {path for path in paths if path.parent == HERE / name} == set((HERE / name).glob("*.js"))
    for at, path in enumerate(paths):
        assert set(linking.imported(path)) <= set(paths[:at])


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.js")), ids=lambda path: path.relative_to(HERE).as_posix())
def test_a_module_knows_no_toolkit_and_no_view_but_its_own(path: Path) -> None:
    assert not re.search(r"streamlit|gradio|--st-", path.read_text("utf-8"), re.I)
    assert all(other.parent in (path.parent, SHARED) for other in linking.imported(path))


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.css")), ids=lambda path: path.relative_to(HERE).as_posix())
def test_a_style_knows_no_toolkit(path: Path) -> None:
    assert "--st-" not in path.read_text("utf-8")


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_all_views_are_one_script_that_runs(tmp_path: Path) -> None:
    said = "console.log(Object.entries(views).map(([name, mount]) => `${name} ${typeof mount}`).join())"
    (tmp_path / "views.mjs").write_text(f"{linked(*VIEWS)}\n{said}\n", "utf-8")
    ran = subprocess.run([str(NODE), tmp_path / "views.mjs"], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == ",".join(f"{name} function" for name in VIEWS)


def test_modules_that_need_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\n', "utf-8")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\n', "utf-8")
    with pytest.raises(ValueError, match="imports itself, by way of others"):
        ordered(tmp_path / "a.js")


@pytest.mark.parametrize("line", ["export default 1;", 'import all from "./a.js";', "export { a };"])
def test_what_cannot_be_joined_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(f"{line}\n", "utf-8")
    with pytest.raises(ValueError, match="is no import or export by name"):
        linking.body(tmp_path / "a.js")
