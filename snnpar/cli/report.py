"""`python -m snnpar report IMAGE OUT.html`: what teacher and student say about an image, as one page to keep."""

from __future__ import annotations

import argparse
from pathlib import Path

from snnpar.core.atomic import write_text
from snnpar.core.errors import SnnparError
from snnpar.metrics.defaults import THRESHOLD


def add_report(flags: argparse.ArgumentParser) -> None:
    """Image, where to, and which models."""
    flags.add_argument("image", type=Path, help="JPEG, PNG, WebP, AVIF or HEIC of one pedestrian")
    flags.add_argument("out", type=Path, metavar="OUT.html")
    for role in ("teacher", "student"):
        flags.add_argument(
            f"--{role}",
            metavar="CHECKPOINT",
            help="a name in checkpoints/, a folder or a Hub id; default: the shipped one",
        )
    flags.add_argument("--attribute", default="", help="whose maps and ledger it holds; default: that of the app")
    flags.add_argument("--threshold", type=float, default=THRESHOLD, help="of a decision (default: %(default)s)")
    flags.set_defaults(command=write_report)


def write_report(options: argparse.Namespace) -> None:
    """Raises SnnparError for an image, a checkpoint or an attribute that cannot be used."""
    from snnpar.checkpoint import read_checkpoint
    from snnpar.checkpoint.finding import find_checkpoint
    from snnpar.datasets.gallery import samples
    from snnpar.images.pixels import open_rgb
    from snnpar.inference import analyze, load, shared_attributes
    from snnpar.models import unnamed
    from snnpar.sharing.report import report
    from snnpar.views.image import InputImage
    from snnpar.views.reading import Reading

    if not 0 < options.threshold < 1:
        raise SnnparError(f"--threshold is a probability between 0 and 1; got {options.threshold:g}")
    known = {one.path: one for one in samples()}.get(options.image.resolve())
    title, truth = (known.title, frozenset(known.labels)) if known else (options.image.name, None)
    image = InputImage.of(title, open_rgb(options.image), truth)
    readings = {}
    for role, wanted in (("teacher", options.teacher), ("student", options.student)):
        model = load(read_checkpoint(find_checkpoint(wanted or unnamed(role))))
        if model.role != role:
            raise SnnparError(f"{model.checkpoint.name} is a {model.role}; give it as --{model.role}")
        readings[role] = Reading(model, analyze(model, image.image))
    names = shared_attributes(*(one.model.schema for one in readings.values()))
    if options.attribute and options.attribute not in names:
        raise SnnparError(f"no attribute is called {options.attribute!r}; there are: {', '.join(names)}")
    page = report(readings, image, attribute=options.attribute, threshold=options.threshold)
    write_text(options.out, page)
    print(f"{options.out}: {len(page.encode()) / 1e6:.1f} MB")
