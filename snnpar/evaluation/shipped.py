"""`python -m snnpar.evaluation.shipped`: the evaluations that come with the program, made anew.

Each shipped checkpoint on the held-out rendered images of the app's first button, as folders in assets/evaluations that
name the checkpoint without a place. To be run when other checkpoints are shipped.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from snnpar.core.atomic import write_text
from snnpar.evaluation.evaluate import evaluate_checkpoint
from snnpar.evaluation.evaluations import PREDICTIONS, REPORT, REQUEST, Evaluation, shipped_root
from snnpar.evaluation.slices import QUICK
from snnpar.models import unnamed
from snnpar.runs.jobs import status


def ship(evaluation: Evaluation, root: Path) -> Evaluation:
    """A copy of a complete evaluation below `root`, without log and places of this machine."""
    shipped = Evaluation(root / evaluation.checkpoint.name)
    shutil.rmtree(shipped.path, ignore_errors=True)
    shipped.path.mkdir(parents=True)
    for name in (REPORT, PREDICTIONS):
        shutil.copyfile(evaluation.path / name, shipped.path / name)
    request = json.loads((evaluation.path / REQUEST).read_text("utf-8"))
    write_text(shipped.path / REQUEST, json.dumps(request | {"checkpoint": shipped.name}, indent=1) + "\n")
    content = {"state": "done", "message": status(evaluation).message}
    write_text(shipped.path / "status.json", json.dumps(content) + "\n")
    return shipped


def main() -> None:
    from snnpar import ROOT

    with tempfile.TemporaryDirectory() as folder:
        for role in ("teacher", "student"):
            made = evaluate_checkpoint(ROOT / "checkpoints" / unnamed(role), QUICK, root=Path(folder))
            print(ship(made, shipped_root()).path)


if __name__ == "__main__":
    main()
