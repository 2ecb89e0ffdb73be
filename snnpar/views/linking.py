"""Views as one script: what their modules export and import is joined, for hosts that cannot serve files.

A module of a view imports by name from modules beside it and from `shared`, without cycles; so the text of all, in
order and without these lines, is a module again. Each view keeps its names to itself in a function.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
SHARED = HERE / "shared"
_IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "(\.[\w./]+)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?function |const |let )", re.M)


def imported(path: Path) -> list[Path]:
    """The modules that a module imports from."""
    return [(path.parent / place).resolve() for _, place in _IMPORT.findall(path.read_text("utf-8"))]


def ordered(entry: Path) -> list[Path]:
    """A module and all that it needs, each after what it imports. Raises ValueError for a cycle."""
    done: list[Path] = []
    begun: set[Path] = set()

    def visit(path: Path) -> None:
        if path in done:
            return
        if path in begun:
            raise ValueError(f"{path.name} imports itself, by way of others")
        begun.add(path)
        for one in imported(path):
            visit(one)
        done.append(path)

    visit(entry.resolve())
    return done


def body(path: Path) -> str:
    """The text of a module without what it imports and exports. Raises ValueError where that is not by name."""
    text = _EXPORT.sub("", _IMPORT.sub("", path.read_text("utf-8")))
    if left := re.search(r"^(?:import|export)\b.*", text, re.M):
        raise ValueError(f"{path.name}: {left[0]!r} is no import or export by name, at the beginning of a line")
    return text.strip()


@cache
def linked(*names: str) -> str:
    """A script that defines `views`, the `mount` functions of these views by name."""
    modules = {name: ordered(HERE / name / "view.js") for name in names}
    shared = dict.fromkeys(path for paths in modules.values() for path in paths if path.parent == SHARED)
    parts = [body(path) for path in shared]
    for name, paths in modules.items():
        inside = "\n\n".join(body(path) for path in paths if path.parent != SHARED)
        parts.append(f"const {name} = (() => {{\n{inside}\nreturn mount;\n}})();")
    return "\n\n".join([*parts, f"const views = {{ {', '.join(names)} }};"]) + "\n"


@cache
def markup(name: str) -> str:
    """The HTML of a view."""
    return (HERE / name / "view.html").read_text("utf-8")


@cache
def style(*names: str) -> str:
    """The stylesheet that all views share, and those of these."""
    paths = [SHARED / "views.css", *(HERE / name / "view.css" for name in names)]
    return "\n".join(path.read_text("utf-8") for path in paths)
