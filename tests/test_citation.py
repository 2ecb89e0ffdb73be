"""CITATION.cff is read by machines: it must parse, and agree with the package."""

from __future__ import annotations

import yaml

from snnpar import ROOT, __version__


def test_the_citation_names_this_version_and_the_papers_behind_it() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == __version__ and cited["license"] == "Apache-2.0" and cited["authors"]
    identifiers = {one["value"] for paper in cited["references"] for one in paper.get("identifiers", [])}
    assert {"arXiv:2410.07857", "arXiv:2304.11954"} <= identifiers
    assert all(paper["title"] and paper["authors"] and paper["year"] for paper in cited["references"])
