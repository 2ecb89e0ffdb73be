"""Do the tests notice a bug? Breaks a line of one module after the other, in a copy of the tree, and tests each.

`make mutants`. Only the fast tests that name the broken module are run, closest first, up to the first that fails; so a
bug that is noticed from far away alone survives here. A failure counts if the same test passes without the bug.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FAST = "not slow and not gpu and not browser"
PYTEST = ("-m", "pytest", "-x", "-q", "-rfE", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", FAST)
LIMIT_S = 1800  # for the tests of one mutant
SPARED = 1  # so many may survive


@dataclass(frozen=True)
class Mutant:
    """A module, a text that occurs in it once, and what to put instead."""

    module: str
    text: str
    instead: str


MUTANTS = (
    # A state is read and written.
    Mutant("snnpar/energy/estimate.py", "moved = 2 * updates * assumptions", "moved = updates * assumptions"),
    # Row and column of a spike's first output: two multiplications.
    Mutant(
        "snnpar/energy/lemaire.py", "2 * work.spikes * (layer.positions > 0)", "work.spikes * (layer.positions > 0)"
    ),
    # The same for the usual tau of 2.
    Mutant("snnpar/spikes/neurons.py", "grad_v = grad_h * (1.0 - 1.0 / tau)", "grad_v = grad_h / tau"),
    # Of transposed convolutions alone.
    Mutant("snnpar/spikes/fan_out.py", "(written < outputs)).sum(1)", "(written <= outputs)).sum(1)"),
    # The matrix of coincidences turned over.
    Mutant("snnpar/models/co_fire.py", "((v @ k.transpose(-1, -2)) != 0)", "((k @ v.transpose(-1, -2)) != 0)"),
    # From the first block to the last.
    Mutant("snnpar/explain/attention.py", "for attention in reversed(visual):", "for attention in visual:"),
    # Matters where an attribute has no known label.
    Mutant(
        "snnpar/metrics/pedestrian.py",
        "known = (pos + neg > 0).sum(-1) if masked else attributes.ma.shape[-1]",
        "known = attributes.ma.shape[-1]",
    ),
    # Matters where near duplicates are drawn together.
    Mutant("snnpar/metrics/bootstrap.py", "0] = weights @ sizes  # images", "0] = weights.sum(1)"),
    Mutant("snnpar/evaluation/batching.py", "budget = min(budget, MOST", "budget = max(budget, MOST"),
    # The images that training has not seen are all images.
    Mutant("snnpar/evaluation/overlap.py", "else on(new) if len(new)", "else on(every) if len(new)"),
    # The inverse of the permutation.
    Mutant(
        "snnpar/checkpoint/order.py",
        "rows = [schema.index(name) for name in names]",
        "rows = [names.index(name) for name in schema.attributes]",
    ),
    # evil-localhost
    Mutant("snnpar/core/hosts.py", 'name.endswith(".localhost")', 'name.endswith("localhost")'),
    # Whoever computes gets the next turn as well.
    Mutant("snnpar/core/turns.py", ", before=(one.who for one in self._computing)", ""),
    Mutant("snnpar/config/recipes.py", "(True, True): 0.6}", "(True, True): 0.8}"),
    # A visitor's private checkpoint is deleted for another's.
    Mutant(
        "snnpar/hub/cache.py", "for one in list_cached(cache) if not one.private)", "for one in list_cached(cache))"
    ),
    # Half a pixel to the left.
    Mutant("snnpar/images/geometry.py", "(np.arange(size) + 0.5) / size", "np.arange(size) / size"),
    # Steps of the epochs before count again.
    Mutant("snnpar/runs/history.py", "(step[last] - (epoch[last] - 1) * per_epoch)", "step[last]"),
    # A licence that lets nothing of it be given away.
    Mutant(
        "snnpar/sharing/card.py",
        'OPEN = ("rendered", "pa100k", "mixed")',
        'OPEN = ("rendered", "pa100k", "mixed", "peta")',
    ),
    Mutant("snnpar/datasets/partition.py", '("train", "test"), ("trainval", "test"))', '("train", "test"))'),
    # Unknown labels count as negatives.
    Mutant("snnpar/datasets/split.py", "np.maximum(known.sum(0), 1)", "np.maximum(len(self), 1)"),
    # One visitor's large image takes the room of others.
    Mutant("snnpar/serve/line.py", "sum(own) + bytes_ <= SHARE", "sum(own) <= SHARE"),
    # A heatmap upside down.
    Mutant("snnpar/figures/overlay.py", "figure.update_yaxes(range=[1, 0]", "figure.update_yaxes(range=[0, 1]"),
    # The learning rate stands still within an epoch.
    Mutant("train/loop.py", "session.epoch + session.step / steps)", "session.epoch)"),
    # Unknown labels weigh as negatives.
    Mutant("train/distill.py", "blended=config.data.mixup > 0) * known", "blended=config.data.mixup > 0)"),
    # Nothing to fall back to when a disk damages the last state.
    Mutant("train/state.py", "KEPT = 2", "KEPT = 1"),
    # The cosine does not end at 0.
    Mutant("train/optim.py", "(position - how.warmup_epochs) / span", "position / (span + how.warmup_epochs)"),
    # Biased running variance.
    Mutant("train/sync_norm.py", "variance * (count / (count - 1))", "variance"),
    # Vectors in the order of the file.
    Mutant(
        "snnpar/schema/attributes.py",
        "self.vectors[[self.names.index(name) for name in schema.attributes]]",
        "self.vectors[[i for i, name in enumerate(self.names) if name in schema.attributes]]",
    ),
    # The table shows the last timestep, whichever is picked.
    Mutant("snnpar/views/time_bar/rows.py", "prediction.probs if steps is None else steps[t - 1]", "prediction.probs"),
    # Another page of the raster than the chosen neuron's.
    Mutant(
        "snnpar/views/raster/payload.py",
        "place.row // down * grid[1] + place",
        "place.row // down * grid[0] + place",
    ),
)


def outdated(mutant: Mutant) -> str:
    """Why the table does not fit the code, "" if it does."""
    path = ROOT / mutant.module
    count = path.read_text("utf-8").count(mutant.text) if path.is_file() else 0
    return "" if count == 1 else f"{mutant.module} has {mutant.text!r} {count} times, not once"


def copy_tree(folder: Path) -> Path:
    """The tracked files as they are now, beside the same `shared`, so that nothing is broken but the copy."""
    tree = folder / "tree"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)
    if (ROOT.parent / "shared").is_dir():
        (folder / "shared").symlink_to((ROOT.parent / "shared").resolve())
    return tree


def tests_of(tree: Path, module: str) -> list[str]:
    """Test files that name a module, closest first; where none does, those that name its package, or lie in its folder.

    Found by content, so that a test may lie anywhere below tests/. Close: named as the module or its package, or with
    many of the module's own names in it.
    """
    *packages, name = module.removesuffix(".py").split("/")
    package, above, last = re.escape(".".join(packages)), re.escape(".".join(packages[:-1])), packages[-1]
    named = re.compile(rf"\b{package}\.{name}\b|\bfrom {package} import [^\n]*\b{name}\b")
    nearby = re.compile(rf"\b{package}\b" + (rf"|\bfrom {above} import [^\n]*\b{last}\b" if above else ""))
    own = re.findall(r"^(?:def|class) ([A-Za-z]\w*)", (tree / module).read_text("utf-8"), re.M)
    close, near = [], []
    for path in sorted((tree / "tests").rglob("test_*.py")):
        place, text = path.relative_to(tree), path.read_text("utf-8")
        stem = {f"test_{name}": 0, f"test_{last}": 1}.get(path.stem, 2)
        known = sum(bool(re.search(rf"\b{one}\b", text)) for one in own)
        order = (stem, -known, "pages" in place.parts, str(place))
        if "browser" in place.parts:
            continue
        if named.search(text):
            close.append(order)
        elif nearby.search(text) or {packages[0], last} & set(place.parts):
            near.append(order)
    return [order[-1] for order in sorted(close or near)]


def first_failure(tree: Path, tests: list[str]) -> str:
    """The first of these tests that fails there, "" if all pass. Raises RuntimeError where they cannot be run."""
    # No compiled files: one of the same second and size would be taken for that of a broken line.
    own = {"PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with subprocess.Popen(
        [sys.executable, *PYTEST, *tests],
        cwd=tree,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"not done after {LIMIT_S} s") from None
        finally:
            if process.poll() is None:  # also what the tests have started
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode == 0:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.M)
    if not failed:
        raise RuntimeError(f"pytest ended with {process.returncode}: {' '.join(said.split())[-300:]}")
    return failed[1]


def noticed_by(tree: Path, mutant: Mutant) -> tuple[str, bool]:
    """What to say of a mutant, and whether it was noticed. The copy is whole again afterwards."""
    path, tests = tree / mutant.module, tests_of(tree, mutant.module)
    whole = path.read_text("utf-8")
    try:
        path.write_text(whole.replace(mutant.text, mutant.instead), "utf-8")
        failed = first_failure(tree, tests)
    except RuntimeError as error:
        return f"NOT TESTED: {error}", False
    finally:
        path.write_text(whole, "utf-8")
    if not failed:
        return f"SURVIVED {len(tests)} test files", False
    try:
        fails_anyway = first_failure(tree, [failed])
    except RuntimeError as error:
        return f"NOT TESTED: {failed} alone: {error}", False
    return (f"NOT TESTED: {failed} fails unbroken, too", False) if fails_anyway else (f"noticed by {failed}", True)


def main(only: list[str]) -> int:
    """All mutants, or those in the modules of which the path has one of the given words."""
    mutants = [one for one in MUTANTS if not only or any(word in one.module for word in only)]
    wrong = list(filter(None, map(outdated, mutants)))
    if wrong:
        print("The table is out of date:", *wrong, sep="\n  ")
        return 1
    noticed = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copy_tree(Path(folder))
        for mutant in mutants:
            began = time.monotonic()
            said, is_noticed = noticed_by(tree, mutant)
            noticed += is_noticed
            print(f"{mutant.module:32} {time.monotonic() - began:6.0f} s  {said}", flush=True)
    print(f"{noticed} of {len(mutants)} noticed")
    return 0 if noticed >= len(mutants) - SPARED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
