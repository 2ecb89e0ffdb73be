"""`python -m snnpar.runs.shipped RUN`: the run that comes with the program, to look at, made anew from a finished one.

What is of one machine stays out, as do the weights. To be run when the log of a run says something else.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict

from snnpar import CONFIG
from snnpar.core.atomic import write_text
from snnpar.metrics.gain import RESULT
from snnpar.runs.history import METRICS
from snnpar.runs.jobs import LOG, STATUS, status
from snnpar.runs.lens import FOLDER
from snnpar.runs.notes import NOTES, Notes
from snnpar.runs.run import Run, find_run, shipped_root

NAME = "first-run"
NOTE = "Shipped with the program: what a first run learns on a fresh install."


def ship(run: Run) -> Run:
    """A copy of a finished run in assets/runs."""
    shipped = Run(shipped_root() / NAME)
    shutil.rmtree(shipped.path, ignore_errors=True)
    shipped.path.mkdir(parents=True)
    for file in (CONFIG, METRICS, LOG, RESULT):
        text = (run.path / file).read_text("utf-8")
        write_text(shipped.path / file, text.replace(run.name, NAME))
    shutil.copytree(run.path / FOLDER, shipped.path / FOLDER)
    now = status(run)
    write_text(shipped.path / STATUS, json.dumps({"state": now.state, "message": now.message}) + "\n")
    write_text(shipped.path / NOTES, json.dumps(asdict(Notes(("shipped",), NOTE)), indent=1) + "\n")
    return shipped


if __name__ == "__main__":
    print(ship(find_run(sys.argv[1])).path)
