"""A page to keep: the views of one image with frozen answers, as one file that asks nobody for anything."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from snnpar import __version__
from snnpar.core import numbers
from snnpar.energy import CONVENTIONS, estimate_energy
from snnpar.explain import METHODS, heatmap, methods_of
from snnpar.explain.ledger import entering_spikes, spike_ledger
from snnpar.figures import LOOKS
from snnpar.inference import shared_attributes
from snnpar.metrics.defaults import THRESHOLD, first_attribute
from snnpar.models.network import BRANCHES
from snnpar.sharing.evidence import Evidence, ModelEvidence, evidence_json
from snnpar.spikes import raster
from snnpar.views.image import InputImage
from snnpar.views.ledger.payload import behind
from snnpar.views.ledger.payload import payload as ledger_payload
from snnpar.views.linking import HERE, body, linked, markup, style
from snnpar.views.raster.choice import Choice
from snnpar.views.raster.payload import payload as raster_payload
from snnpar.views.reading import Maps, Reading
from snnpar.views.time_bar.payload import payload as time_bar_payload

VIEWS = ("time_bar", "raster", "ledger")
MOST_BYTES = 3_000_000  # of a report of the shipped pair
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'"
APP = "this page holds what was asked when it was made; the app, `snnpar app`, answers the rest."


def report(
    readings: Mapping[str, Reading],
    image: InputImage,
    *,
    attribute: str = "",
    threshold: float = THRESHOLD,
    maps: Maps | None = None,
) -> str:
    """The HTML of what models, by role, say about an image. Raises SnnparError when they share no attribute.

    attribute: whose maps and ledger it holds; the one that the app begins with, if none is named that they share.
    maps: of that attribute; the first one that each model offers, if none are given.
    """
    names = shared_attributes(*(one.model.schema for one in readings.values()))
    attribute = attribute if attribute in names else first_attribute(names)
    maps = maps or _maps(readings, image, attribute)
    student = readings.get("student")
    views = [_compare(readings, image, maps, attribute, threshold)]
    if student and student.analysis.trace.names:
        views.append(_spikes(student, image))
    if student and BRANCHES in student.model.capabilities:
        views.append(_ledger(student, image, attribute))
    evidence = Evidence(
        title=image.title,
        image=image.image,
        attribute=attribute,
        threshold=threshold,
        truth=image.truth,
        findings={role: ModelEvidence(one.analysis, maps.heats.get(role)) for role, one in readings.items()},
    )
    parts = {name: {"markup": markup(name), "style": style(name)} for name in VIEWS}
    used = {view["name"]: parts[view["name"]] for view in views}
    return _page(image, readings, attribute, {"views": views, "parts": used}, evidence_json(evidence))


def _maps(readings: Mapping[str, Reading], image: InputImage, attribute: str) -> Maps:
    """The first map that each model offers."""
    methods = {role: next(iter(methods_of(one.model)), None) for role, one in readings.items()}
    teacher = readings["teacher"].model if "teacher" in readings else None
    heats = {
        role: heatmap(
            method,
            readings[role].model,
            image.image,
            attribute,
            teacher=teacher,
            trace=readings[role].analysis.trace,
        )
        for role, method in methods.items()
        if method
    }
    return Maps(heats, frozenset(role for role in heats if not METHODS[str(methods[role])].per_attribute), False)


def _compare(
    readings: Mapping[str, Reading], image: InputImage, maps: Maps, attribute: str, threshold: float
) -> dict[str, Any]:
    first = time_bar_payload(image, readings, maps, attribute=attribute, threshold=threshold)
    told = {"picked": f"Maps are kept of one attribute: {APP}"}
    first |= {"t": first["timesteps"], "show": ""}
    return {"name": "time_bar", "into": "compare-view", "first": first, "answers": {}, "told": told}


def _spikes(student: Reading, image: InputImage) -> dict[str, Any]:
    """Every layer's raster; boxes and neurons are for the app."""
    trace = student.analysis.trace
    counts = raster.counts_by_token(trace, student.model.token_grid)
    whole = {name: raster_payload(student, image, Choice(name), counts, None) for name in trace.names}
    first = whole[trace.names[0]] | {"t": trace.timesteps}
    layers = {  # what differs from the first one
        name: {key: value for key, value in one.items() if value != first.get(key)} for name, one in whole.items()
    }
    told = dict.fromkeys(("boxed", "picked", "side", "page"), f"Boxes, channels and neurons: {APP}")
    return {
        "name": "raster",
        "into": "spikes-view",
        "first": first,
        "answers": {"layer": layers},
        "told": told,
    }


def _ledger(student: Reading, image: InputImage, attribute: str) -> dict[str, Any]:
    """The ledger, and for each cell the spikes behind it."""
    model, trace = student.model, student.analysis.trace
    index = model.schema.index(attribute)
    found = spike_ledger(model.module, trace, index)
    title = f"Spike ledger of {model.checkpoint.name} for {model.schema.labels[index]}"
    first = ledger_payload(found, image.small, model.geometry, title)
    cells = {
        f"{t}.{name}": {"cell": f"{t}.{name}", "raster": behind(spikes)}
        for name in found.branches
        for t, spikes in enumerate(entering_spikes(model.module, trace, name), 1)
    }
    return {
        "name": "ledger",
        "into": "explain-view",
        "first": first,
        "answers": {"cell": cells},
        "told": {},
        "words": f"{model.checkpoint.name}, “{model.schema.labels[index]}”: {found}",
    }


def _energy(readings: Mapping[str, Reading]) -> str:
    """A table of every convention, as HTML."""
    heads = "".join(f'<th scope="col">{escape(LOOKS[role].name)}</th>' for role in readings)
    rows = []
    for key, assumptions in CONVENTIONS.items():
        reports = [estimate_energy(one.analysis.trace, assumptions) for one in readings.values()]
        cells = "".join(f"<td>{escape(numbers.energy(one.energy_uj))}</td>" for one in reports)
        lacks = [f"{LOOKS[role].name}: {one.lacks}." for role, one in zip(readings, reports, strict=True) if one.lacks]
        name, note = escape(assumptions.name), escape(" ".join([assumptions.note, *lacks]))
        rows.append(
            f'<tr><th scope="row">{escape(key)}<small>{name}</small></th>{cells}<td class="words">{note}</td></tr>'
        )
    head = f'<tr><th scope="col">Convention</th>{heads}<th scope="col" class="words">What it leaves out</th></tr>'
    table = f'<table class="plain"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<h2>Energy of this image, estimated</h2><div class="wide">{table}</div>'


def _sections(readings: Mapping[str, Reading], views: list[dict[str, Any]], evidence: str) -> dict[str, str]:
    """What stands under each tab, as HTML."""
    titles = {"compare-view": "Compare", "spikes-view": "Spikes", "explain-view": "Explain"}
    shown = {
        titles[view["into"]]: f'<p>{escape(view.get("words", ""))}</p><div id="{view["into"]}"></div>' for view in views
    }
    return shown | {
        "Energy": _energy(readings),
        "About": f"<h2>Numbers and provenance</h2><pre>{escape(evidence)}</pre>",
    }


def _page(
    image: InputImage, readings: Mapping[str, Reading], attribute: str, data: dict[str, Any], evidence: str
) -> str:
    """The template filled in; whatever others may have named is text."""
    script = "\n" + linked(*VIEWS) + body(HERE / "page" / "page.js") + "\n"
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sections = _sections(readings, data["views"], evidence)
    schema = next(iter(readings.values())).model.schema
    template = Template((HERE / "page" / "page.html").read_text("utf-8"))
    return template.substitute(
        policy=POLICY.format(digest),
        title=escape(f"{image.title}: what the networks see"),
        style=(HERE / "page" / "page.css").read_text("utf-8"),
        models=_models(readings),
        attribute=escape(schema.labels[schema.index(attribute)]),
        version=escape(__version__),
        buttons="".join(
            f'<button type="button" role="tab" id="tab-{name.lower()}" aria-controls="{name.lower()}">{name}</button>'
            for name in sections
        ),
        sections="\n".join(
            f'<section id="{name.lower()}" role="tabpanel" aria-labelledby="tab-{name.lower()}">{content}</section>'
            for name, content in sections.items()
        ),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        script=script,
    )


def _models(readings: Mapping[str, Reading]) -> str:
    kinds = {True: "a spiking network", False: "a conventional network"}
    parts = [
        f"{LOOKS[role].name}: {one.model.checkpoint.name}, {kinds[bool(one.model.timesteps)]}"
        for role, one in readings.items()
    ]
    return escape("; ".join(parts) + ".")
