"""The evidence card: what a view shows, as an image for people and as JSON with every number and where it is from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from snnpar import __version__
from snnpar.checkpoint import WEIGHTS, Checkpoint
from snnpar.core import numbers
from snnpar.core.errors import SnnparError
from snnpar.core.hashing import file_sha256
from snnpar.core.provenance import commit
from snnpar.explain import Heatmap
from snnpar.figures import LOOKS, palette, span
from snnpar.inference import Analysis

HEIGHT, MARGIN, LINE = 384, 24, 22  # pixels of the card's images, border and text lines
INK, QUIET, PAPER = "#1c2430", "#5c6775", "#ffffff"


@dataclass(frozen=True, eq=False)
class ModelEvidence:
    """What one model says of the image, and the heatmap that was shown, if any."""

    analysis: Analysis
    heat: Heatmap | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """One view. `image` uint8 (H, W, 3); `link` names an image of one's own by its digest.

    `timestep` counts from 1 and concerns models with timesteps; `truth` names the attributes that are labelled so.
    """

    title: str
    image: np.ndarray
    attribute: str
    threshold: float
    findings: Mapping[str, ModelEvidence]
    timestep: int | None = None
    truth: frozenset[str] | None = None
    link: str = ""

    def __post_init__(self) -> None:
        unknown = [role for role in self.findings if role not in LOOKS]
        if unknown or not self.findings:
            raise SnnparError(f"findings must be of {', '.join(LOOKS)}; got {', '.join(unknown) or 'none'}")


def evidence_json(evidence: Evidence) -> str:
    """Everything but the pixels, which a hash stands for. Probabilities are shares, energies microjoules."""
    known = None if evidence.truth is None else sorted(evidence.truth)
    content = {
        "what": f"evidence card of SNN-PAR Explorer {__version__}, code {commit() or 'unknown'}",
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "image": {
            "title": evidence.title,
            "truth": known,
            "size": evidence.image.shape[:2],
            "sha256_of_pixels": hashlib.sha256(np.ascontiguousarray(evidence.image).tobytes()).hexdigest(),
        },
        "link": evidence.link or None,
        "attribute": evidence.attribute,
        "threshold": evidence.threshold,
        "timestep": evidence.timestep,
        "models": {role: _model_json(finding, evidence) for role, finding in evidence.findings.items()},
    }
    return json.dumps(content, indent=1) + "\n"


def _model_json(finding: ModelEvidence, evidence: Evidence) -> dict:
    analysis, heat = finding.analysis, finding.heat
    checkpoint, prediction, energy = analysis.checkpoint, analysis.prediction, analysis.energy
    content = {
        "checkpoint": checkpoint.name,
        "weights_sha256": weights_hash(checkpoint),
        "architecture": checkpoint.model.architecture,
        "trained_on": checkpoint.train.get("dataset"),
        "code": checkpoint.provenance.get("commit"),
        "probabilities": _named(prediction.attributes, prediction.probs),
        "energy": {
            "microjoules": round(energy.energy_uj, 4),
            "macs": energy.macs,
            "acs": energy.acs,
            "neuron_updates": energy.updates,
            "neuron_microjoules": round(energy.neuron_uj, 4),
            "convention": energy.convention,
            "leaves_out": energy.note,
            "kind": "estimate",
        },
    }
    if prediction.probs_per_timestep is not None and evidence.timestep:
        at_t = prediction.probs_per_timestep[evidence.timestep - 1]
        content["probabilities_at_timestep"] = _named(prediction.attributes, at_t)
    if heat is not None:
        content["heatmap"] = {
            "title": heat.title,
            "unit": heat.unit,
            "hooked": heat.hooked,
            "cell_edges": {
                side: np.round(getattr(heat.geometry, side).edges, 6).tolist() for side in ("rows", "columns")
            },
            "values": np.round(heat.values.astype(float), 6).tolist(),
        }
    return content


def _named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def weights_hash(checkpoint: Checkpoint) -> str:
    """sha256 of the weights, the revision of a checkpoint."""
    return file_sha256(checkpoint.path / WEIGHTS)


def evidence_png(evidence: Evidence) -> bytes:
    """The image and each model's map side by side, with the numbers of the chosen attribute below."""
    tiles = [_fit(Image.fromarray(evidence.image))]
    tiles += [overlaid(evidence.image, finding.heat) for finding in evidence.findings.values() if finding.heat]
    lines = _lines(evidence)
    font, small = ImageFont.load_default(16), ImageFont.load_default(13)
    wide = max(
        sum(tile.width for tile in tiles) + MARGIN * (len(tiles) - 1),
        *(round((font if i < 1 else small).getlength(line)) for i, line in enumerate(lines)),
    )
    card = Image.new("RGB", (wide + 2 * MARGIN, HEIGHT + LINE * len(lines) + 3 * MARGIN), PAPER)
    draw, x = ImageDraw.Draw(card), MARGIN
    for tile in tiles:
        card.paste(tile, (x, MARGIN))
        x += tile.width + MARGIN
    for i, line in enumerate(lines):
        place = (MARGIN, HEIGHT + 2 * MARGIN + LINE * i)
        draw.text(place, line, INK if i <= len(evidence.findings) else QUIET, font if i < 1 else small)
    file = BytesIO()
    card.save(file, "PNG", optimize=True)
    return file.getvalue()


def _fit(image: Image.Image) -> Image.Image:
    """As tall as the card's images, at most as wide as tall."""
    width = min(HEIGHT, max(1, round(image.width * HEIGHT / image.height)))
    return image.convert("RGB").resize((width, HEIGHT), Image.Resampling.LANCZOS)


def overlaid(image: np.ndarray, heat: Heatmap) -> Image.Image:
    """The map over the grey image uint8 (H, W, 3), on its own scale, cells where tokens lie; HEIGHT pixels tall."""
    base = _fit(Image.fromarray(image).convert("L"))
    low, high = span(heat.bound, signed=heat.signed)
    places = np.clip((heat.values - low) / (high - low) * 255, 0, 255).round().astype(int)
    cells = palette(signed=heat.signed)[places]
    colours = Image.fromarray(heat.cells.spread(cells, base.height, base.width))
    base.paste(colours, (0, 0), colours)
    return base


def _lines(evidence: Evidence) -> list[str]:
    known = "" if evidence.truth is None else f", truth {'yes' if evidence.attribute in evidence.truth else 'no'}"
    lines = [f"{evidence.title}: {evidence.attribute}{known}"]
    conventions = []
    for role, finding in evidence.findings.items():
        analysis, look = finding.analysis, LOOKS[role]
        prediction, energy = analysis.prediction, analysis.energy
        time, probs = "", prediction.probs
        if prediction.probs_per_timestep is not None and evidence.timestep:
            time = f" at t={evidence.timestep} of {len(prediction.probs_per_timestep)}"
            probs = prediction.probs_per_timestep[evidence.timestep - 1]
        prob = probs[prediction.attributes.index(evidence.attribute)]
        word = "yes" if prob > evidence.threshold else "no"
        lines.append(
            f"{look.name} {analysis.checkpoint.name}{time}: {100 * prob:.1f} %, {word} at "
            f"{evidence.threshold:g}; about {numbers.energy(energy.energy_uj)}".replace("µ", "u")
            + " in all"
            + (f", {energy.neuron_share}".replace("µ", "u") if energy.neurons else "")
        )
        conventions.append(energy.convention)
    lines += [
        f"{LOOKS[role].name} map: {finding.heat.title} ({finding.heat.unit}), own scale. {finding.heat.colours}"
        for role, finding in evidence.findings.items()
        if finding.heat
    ]
    lines.append(f"Energy is an estimate: {conventions[0]}.")
    return [*lines, f"SNN-PAR Explorer {__version__}. {evidence.link}".strip()]
