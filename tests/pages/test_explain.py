"""The Explain page: the ledger adds up, every map is shown and scored, one mask hides from both."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64decode
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from screen import component_data, components, said
from screen import shown as seen_as
from streamlit.testing.v1 import AppTest
from tiny import BY_ROLE, PA100K, STUDENT, TEACHER, first_image, write_checkpoint

from pages.ui.components import occluder
from pages.ui.explain.occlusion import flipped
from pages.ui.looking import CachedReading
from snnpar.explain import METHODS, Method, heatmap
from snnpar.explain.heat import SIGNED, UNSIGNED
from snnpar.explain.ledger import entering_spikes, spike_ledger
from snnpar.explain.probing import faithfulness, occlude
from snnpar.inference import analyze, load
from snnpar.schema.attributes import AttributeGroup, AttributeSchema

BAGS = AttributeSchema(
    "bags", ("Suitcase",), ("suitcase",), ("Suitcase",), (AttributeGroup("Bags", ("Suitcase",), none="No bag"),)
)
LABELS = [method.label for methods in BY_ROLE.values() for method in methods.values()]
SIGNED_MAPS = ("Spike ledger", "Text-patch cosine")
IMAGE = first_image()
ROWS, COLUMNS = STUDENT.token_grid
HEAD = np.arange(ROWS)[:, None].repeat(COLUMNS, 1) == 0


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CachedReading]:
    """What the pages' pair says of the first sample: equal configurations and seeds make equal weights."""
    root = tmp_path_factory.mktemp("pair")
    models = {
        role: load(write_checkpoint(root / role, config))
        for role, config in (("teacher", TEACHER), ("student", STUDENT))
    }
    return {role: CachedReading(model, analyze(model, IMAGE)) for role, model in models.items()}


def of(seen: dict[str, CachedReading], attribute: str):
    student = seen["student"]
    return spike_ledger(student.model.module, student.analysis.trace, PA100K.index(attribute))


def floats(text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), "<f4")


def test_the_sum_is_said_and_is_the_logit(app, pair: Path, seen: dict[str, CachedReading]) -> None:
    test = app(pair, "explain", attribute="Backpack")
    line = next(seen_as(one.value) for one in test.markdown if "the model's logit is" in one.value)
    numbers = [float(text.replace("−", "-")) for text in re.findall(r" ([+−]\d+\.\d{4})\b", line)]
    spikes, constants, bias, total, logit = numbers
    assert spikes + constants + bias == pytest.approx(total, abs=2e-4)
    assert total == pytest.approx(logit, abs=1e-4)
    assert logit == pytest.approx(seen["student"].analysis.prediction.logits[PA100K.index("Backpack")], abs=1e-4)
    assert "✓" in line and "tiny-student" in line and not test.error


def test_the_grid_has_every_term(app, pair: Path, seen: dict[str, CachedReading]) -> None:
    data = component_data(app(pair, "explain", attribute="Hat"), "ledger_grid")
    ledger = of(seen, "Hat")
    np.testing.assert_allclose(floats(data["spikes"]).reshape(ledger.spikes.shape), ledger.spikes, atol=1e-6)
    np.testing.assert_allclose(data["constants"], ledger.constants * STUDENT.timesteps * ROWS * COLUMNS, atol=1e-5)
    assert [one["label"] for one in data["branches"]] == [
        "tokenizer",
        "block 1, attention",
        "block 1, MLP",
        "block 2, attention",
        "block 2, MLP",
    ]
    assert data["geometry"] == asdict(seen["student"].model.geometry)
    assert (data["rows"], data["columns"]) == STUDENT.token_grid and data["cell"] == "all.all"
    assert data["raster"] is None


def test_a_cell_of_the_link_shows_its_spikes_and_channels(app, pair: Path, seen: dict[str, CachedReading]) -> None:
    test = app(pair, "explain", attribute="Hat", cell="2.block.1.mlp")
    raster = component_data(test, "ledger_grid")["raster"]
    student = seen["student"]
    spikes = entering_spikes(student.model.module, student.analysis.trace, "block.1.mlp")[1]
    bits = np.unpackbits(np.frombuffer(b64decode(raster["bits"]), np.uint8), count=spikes.size)
    assert np.array_equal(bits.reshape(spikes.shape), spikes) and raster["channels"] == len(spikes)
    ledger = of(seen, "Hat")
    total = f"{ledger.terms[:, ledger.branches.index('block.1.mlp')].sum():+.4f}".replace("-", "−")
    assert f"all bars together are {total} logit" in said(test.caption)
    assert "block 2, MLP, all t" in said(test.markdown)


@pytest.mark.parametrize("cell", ["9.tokenizer", "0.tokenizer", "x.tokenizer", "1.block.7.mlp", "1", "<b>.all"])
def test_a_cell_that_is_not_there_is_all_of_them(app, pair: Path, cell: str) -> None:
    test = app(pair, "explain", cell=cell)
    assert component_data(test, "ledger_grid")["cell"] == "all.all" and not test.error


def test_the_teacher_has_no_sum_and_it_is_said(app, pair: Path) -> None:
    test = app(pair, "explain")
    assert "no such exact sum" in said(test.caption) and "Softmax attention of the fusion block" in said(test.caption)


def test_every_method_of_both_is_in_the_gallery(app, pair: Path) -> None:
    test = app(pair, "explain", view="Heatmaps", attribute="Hat")
    titles = said(test.markdown)
    for role, methods in BY_ROLE.items():
        for key, method in methods.items():
            assert f"**{method.label}**" in titles, (role, key)
    assert len(test.get("plotly_chart")) == sum(map(len, BY_ROLE.values()))
    assert "it says" not in titles
    for sentence in (SIGNED, UNSIGNED, "0.47 of a cell above and left"):
        assert sentence in said(test.caption)


def test_scores_are_those_of_the_library_and_make_no_ranking(app, pair: Path, seen: dict[str, CachedReading]) -> None:
    test = app(pair, "explain", view="Heatmaps", attribute="Hat")
    test.button(key="score").click().run()
    assert not test.exception
    shown: dict[str, float] = {}
    texts, lists = [seen_as(one.value) for one in test.markdown], []
    for title, score in zip(texts, texts[1:], strict=False):
        if "it says" in title:
            lists.append([])
        found = re.match(r"score \*\*([+-][\d.]+)\*\*", score)
        if found:
            lists[-1].append(float(found[1]))
            shown.setdefault(title.strip("*"), float(found[1]))  # the teacher's come first
    assert [len(scores) for scores in lists] == [len(BY_ROLE["teacher"]), len(BY_ROLE["student"])]
    assert [title for title in texts if title.strip("*") in LABELS] == [f"**{label}**" for label in LABELS]
    for role, method in (("teacher", "attention"), ("student", "ledger")):
        heat = heatmap(method, seen[role].model, IMAGE, "Hat")
        expected = faithfulness(seen[role].model, IMAGE, heat, "Hat").score
        assert shown[heat.title] == pytest.approx(expected, abs=6e-4)
    test.button(key="unscore").click().run()
    assert "it says" not in said(test.markdown)


def test_maps_of_one_unit_can_share_a_scale(app, pair: Path) -> None:
    def bounds(test: AppTest) -> list[tuple]:
        figures = [json.loads(one.proto.spec) for one in test.get("plotly_chart")]
        heats = [figure["data"][0] for figure in figures]
        return [
            (heat["zmin"], heat["zmax"]) for heat in heats if heat["colorbar"]["title"]["text"] == "attention weight"
        ]

    own = bounds(app(pair, "explain", view="Heatmaps"))
    shared = bounds(app(pair, "explain", view="Heatmaps", scales="one scale per unit"))
    assert len(set(own)) == 2 and len(set(shared)) == 1
    assert shared[0] == (0, max(high for _, high in own))


def test_a_map_has_the_colours_that_it_has_on_compare(app, pair: Path) -> None:
    """Ledger and cosine are centred on both pages, all others begin at 0, on one scale each."""
    gallery = app(pair, "explain", view="Heatmaps").get("plotly_chart")
    charts = dict(zip(LABELS, (json.loads(one.proto.spec)["data"][0] for one in gallery), strict=False))
    for methods in (("attention", "ledger"), ("rollout", "cosine"), ("attention", "co_fire")):
        labels = {role: BY_ROLE[role][method].label for role, method in zip(BY_ROLE, methods, strict=True)}
        compared = app(pair, **{f"{role}_map": label for role, label in labels.items()})
        for one in component_data(compared, "time_bar")["maps"]:
            chart = charts[labels[one["role"]]]
            assert (chart["zmin"], chart["zmax"]) == pytest.approx((one["low"], one["high"]))
            assert (chart["zmin"] < 0) == (one["palette"] == "signed") == (one["title"] in SIGNED_MAPS)


def test_without_a_mask_it_says_what_to_do(app, pair: Path) -> None:
    test = app(pair, "explain", view="Occlusion")
    assert "Paint over the image" in said(test.info) and not test.dataframe
    assert component_data(test, "occluder")["hidden"] == ""


def test_one_mask_hides_from_both(app, pair: Path, seen: dict[str, CachedReading]) -> None:
    test = app(pair, "explain", view="Occlusion", hidden=occluder.pack(HEAD), attribute="Hat")
    after = {role: occlude(one.model, one.analysis, IMAGE, HEAD) for role, one in seen.items()}
    table = test.dataframe[0].value.set_index("attribute")
    assert len(table) == len(PA100K)
    for role, one in after.items():
        np.testing.assert_allclose(table.loc[list(PA100K.labels), f"{role}_logit"], one.logit_change, atol=1e-4)
    student = after["student"]
    assert f"spikes {student.before.trace.total_spikes:,} → {student.after.trace.total_spikes:,}" in said(test.markdown)
    assert "dense layers cost the same" in said(test.markdown) and "pJ per MAC" in said(test.caption)
    places = flipped(after, 0.45)
    for metric in test.metric:
        assert int(metric.value) == sum(place == metric.label for place in places.values())


def test_flips_are_sorted_by_who_changed(seen: dict[str, CachedReading]) -> None:
    after = {role: occlude(one.model, one.analysis, IMAGE, HEAD) for role, one in seen.items()}
    everywhere: set[str] = set()
    for threshold in np.linspace(0.05, 0.95, 19):
        sides = {role: set(one.flipped(threshold)) for role, one in after.items()}
        expected = {
            name: "in both"
            if name in sides["teacher"] & sides["student"]
            else "only in the student"
            if name in sides["student"]
            else "only in the teacher"
            for name in sides["teacher"] | sides["student"]
        }
        assert flipped(after, threshold) == expected
        everywhere |= set(expected.values())
        assert set(flipped({"student": after["student"]}, threshold)) == sides["student"]
    assert len(everywhere) >= 2  # some decision did change


@pytest.mark.parametrize("grid", [(4, 2), (3, 3), (16, 8)])
def test_a_mask_survives_the_link(grid: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = np.random.default_rng(0).random(grid) < 0.4
    monkeypatch.setattr(occluder.moment, "recall", lambda name: occluder.pack(hidden))
    assert np.array_equal(occluder.mask(grid), hidden)
    assert not occluder.mask((grid[0] + 8, grid[1])).any()  # made for another grid


@pytest.mark.parametrize("hidden", ["zz", "ff0", "ffffff", "<b>"])
def test_a_mask_that_is_none_hides_nothing(app, pair: Path, hidden: str) -> None:
    test = app(pair, "explain", view="Occlusion", hidden=hidden)
    assert "Paint over the image" in said(test.info) and not test.exception


@pytest.mark.parametrize(("view", "words"), [("Ledger", ""), ("Heatmaps", "Attention rollout"), ("Occlusion", "")])
def test_without_a_student_it_says_what_to_do(app, pair: Path, tmp_path: Path, view: str, words: str) -> None:
    shutil.copytree(pair / "tiny-teacher", tmp_path / "tiny-teacher")
    test = app(tmp_path, "explain", view=view, hidden=occluder.pack(HEAD))
    assert "no student yet" in said(test.info) and not test.exception and words in said(test.markdown)
    if view == "Occlusion":
        assert len(test.dataframe[0].value) == len(PA100K) and "student_logit" not in test.dataframe[0].value


def test_a_student_without_spikes_has_no_ledger_and_keeps_the_rest(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-teacher", tmp_path / "tiny-teacher")
    write_checkpoint(tmp_path / "vit", replace(STUDENT, architecture="vit"))
    test = app(tmp_path, "explain")
    assert "does not spike" in said(test.info) and not test.exception
    test = app(tmp_path, "explain", view="Heatmaps")
    shown = said(test.markdown)
    assert "**Grad-CAM**" in shown and "**Spike ledger**" not in shown and not test.exception


def test_models_without_a_common_attribute_are_stopped(app, pair: Path, tmp_path: Path) -> None:
    shutil.copytree(pair / "tiny-teacher", tmp_path / "tiny-teacher")
    write_checkpoint(tmp_path / "bags", STUDENT, BAGS)
    test = app(tmp_path, "explain")
    assert "share no attribute" in said(test.error) and not components(test)


def test_a_map_that_fails_leaves_the_page(app, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(METHODS, "broken", Method("A broken map", True, broken))
    test = app(pair, "explain", view="Heatmaps")
    assert not test.exception and "A broken map: A broken map of tiny" in said(test.info)
    assert len(test.get("plotly_chart")) == sum(map(len, BY_ROLE.values()))
