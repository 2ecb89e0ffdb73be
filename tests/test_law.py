"""The law of the architecture: pages -> snnpar <- train, read from the imports (also those inside functions)."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Packages of snnpar, and modules that lie loose: each may import from itself and from those before it.
LAYERS = (
    "core",
    "images",
    "schema",
    "config",
    "hub",
    "datasets",
    "spikes",
    "models",
    "metrics",
    "energy",
    "checkpoint",
    "inference",
    "explain",
    "runs",
    "evaluation",
    "figures",
    "views",
    "sharing",
    "serve",
    "bench",
    "cli",
    "__main__",
)


NAMES_ONLY = {
    "snnpar",  # its public names come from above: snnpar.load
    "snnpar.core.moved",  # old names
    "snnpar.core.others",  # a group of entry points
    "snnpar.config.tasks",  # a task's entry names what lies above, for those who ask
}
# Programs by the names that python starts them by, and which modules do so: their processes know nothing of who did.
PROGRAMS = {"snnpar", "snnpar.images.decoder", "train", "train.measure", "streamlit"}
STARTERS = {
    "snnpar.core.programs": {"train", "streamlit"},
    "snnpar.images.decoder": {"snnpar.images.decoder"},  # itself
    "snnpar.hub.download": {"snnpar"},
    "snnpar.runs.run": {"train"},
    "snnpar.runs.estimate": {"train.measure"},
    "snnpar.evaluation.evaluations": {"snnpar"},
    "snnpar.evaluation.batch": {"snnpar"},
    "snnpar.bench.api": {"snnpar"},
    "train.ablate.rows": {"train"},
    "train.ablate.__main__": {"train.ablate"},  # in its help, as the next
    "train.measure": {"train.measure"},
}


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    found = {"app": ROOT / "app.py"}
    for package in ("snnpar", "train", "pages"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Dotted names a module imports; `from a import b` is a.b where that is a module of ours, else a."""
    path = modules()[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            found.update(f"{source}.{a.name}" if f"{source}.{a.name}" in modules() else source for a in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "exports":
            found.update(f"{name}.{keyword.arg}" for keyword in node.keywords)  # lazily, see core/lazy.py
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and name not in NAMES_ONLY:
            place = node.value.partition(":")[0]
            if "." in place and place in modules() and place not in PROGRAMS:
                found.add(place)  # by import_module and its like
    return frozenset(found)


def started(name: str) -> set[str]:
    """Programs that a module has python start as processes: what stands after "-m", or is asked of `module`."""
    found: set[str] = set()
    names = "snnpar.core.programs" in {name, *imports(name)}
    for node in ast.walk(ast.parse(modules()[name].read_text("utf-8"))):
        if isinstance(node, ast.List):
            words = [word.value if isinstance(word, ast.Constant) else word for word in node.elts]
            found |= {after for word, after in pairwise(words) if word == "-m" and isinstance(after, str)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "module" and names:
            found.add(str(node.args[0].value) if node.args and isinstance(node.args[0], ast.Constant) else "train")
    return found


def top(dotted: str) -> str:
    return dotted.split(".")[0]


def members(package: str) -> list[str]:
    return [name for name in modules() if top(name) == package]


def test_the_imports_are_read() -> None:
    """The tests below hold trivially if this breaks."""
    assert "snnpar.core.compat" in imports("snnpar.models.vit") and "timm.models.vision_transformer" in imports(
        "snnpar.models.vit"
    )
    assert "snnpar.spikes.neurons" in imports("train.session")  # from snnpar import ASSETS, neurons
    assert "snnpar.datasets.drawing.scene" in imports("snnpar.datasets.rendered")  # relative
    assert "spikingjelly.activation_based" in imports("snnpar.spikes.neurons")
    assert "snnpar.evaluation.slices" in imports("snnpar.evaluation")  # lazily, as the next is
    assert "snnpar.models.vtb" in imports("snnpar.models")


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("snnpar", {"streamlit", "train", "pages", "app"}),
        ("train", {"streamlit", "pages", "app", "gradio"}),
        ("pages", {"train", "torch", "torchvision", "spikingjelly", "timm", "gradio", "app"}),
        ("app", {"train", "torch", "torchvision", "spikingjelly", "timm", "gradio"}),
    ],
)
def test_who_may_import_what(package: str, forbidden: set[str]) -> None:
    wrong = {name: used for name in members(package) if (used := {top(i) for i in imports(name)} & forbidden)}
    assert not wrong


def test_gradio_is_imported_by_serve_alone() -> None:
    users = {name for name in members("snnpar") if "gradio" in {top(i) for i in imports(name)}}
    assert users and all(name.split(".")[1] == "serve" for name in users)


def test_who_starts_what_as_a_process() -> None:
    names = [*members("snnpar"), *members("train")]
    found = {name: programs for name in names if (programs := started(name))}
    assert found == STARTERS


def test_no_cycle() -> None:
    graph = {name: {i for i in imports(name) if i in modules()} - {name} for name in modules()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def place(name: str) -> int:
    """Position of a snnpar module's first part in LAYERS; the package itself comes before all."""
    parts = name.split(".")
    return LAYERS.index(parts[1]) if len(parts) > 1 else -1


def test_every_module_has_its_place() -> None:
    parts = {name.split(".")[1] for name in members("snnpar") if "." in name}
    assert parts == set(LAYERS), f"give {sorted(parts ^ set(LAYERS))} a place in LAYERS, or take it out"


def test_few_modules_lie_loose_and_every_package_says_what_it_is() -> None:
    loose = {path.stem for path in (ROOT / "snnpar").glob("*.py")}
    assert loose == {"__init__", "__main__", "inference"}
    for path in (ROOT / "snnpar").glob("*/__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
        assert len(list(path.parent.glob("*.py"))) > 2, f"{path.parent.name} is a package for one module"


@pytest.mark.parametrize("name", [name for name in members("snnpar") if "." in name])
def test_nothing_imports_upward(name: str) -> None:
    upward = [i for i in imports(name) if top(i) == "snnpar" and place(i) > place(name)]
    assert not upward, f"{name} imports {upward}, which come after it"


def test_no_other_file_names_the_modules_of_a_network() -> None:
    """Files of one architecture, and the formats of published files, may."""
    theirs = re.compile(r"patch_embed|\bblock\.\d|\.(vit|block|head|attn|mlp)\b(?![(:])|_lif\b|proj_conv|fusion_block")
    allowed = {"spikingformer.py", "vit.py", "vtb.py", "co_fire.py", "published.py", "state_file.py"}
    found = {}
    for folder in ("snnpar", "train", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            code = re.sub(r'"""[\s\S]*?"""|#.*', "", path.read_text("utf-8"))
            if path.name not in allowed and "datasets" not in path.parts and (named := theirs.findall(code)):
                found[str(path.relative_to(ROOT))] = named
    assert not found
