from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from torch.nn import functional as F

from snnpar import explain
from snnpar.core.errors import SnnparError
from snnpar.explain import Heatmap, heatmap
from snnpar.explain.ledger import spike_ledger
from snnpar.images.geometry import Geometry
from snnpar.inference import LoadedModel, analyze, load
from snnpar.spikes.trace import record

IMAGE = tiny.random_image(3)
GRID = (4, 2)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("student"), tiny.STUDENT))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("teacher"), tiny.TEACHER))


@pytest.mark.parametrize(("role", "method"), [(role, name) for role in tiny.BY_ROLE for name in tiny.BY_ROLE[role]])
def test_every_method(role: str, method: str, student: LoadedModel, teacher: LoadedModel) -> None:
    model = {"student": student, "teacher": teacher}[role]
    before = model.forward(model.prepare(IMAGE)).logits
    maps = {name: heatmap(method, model, IMAGE, name, teacher=teacher) for name in ("Female", "Hat")}
    one = maps["Female"]
    assert one.values.shape == GRID and one.geometry == model.geometry
    assert one.signed == (method in ("ledger", "cosine")) and (one.signed or one.values.min() >= 0)
    assert one.values.dtype == np.float32 and np.isfinite(one.values).all()
    assert one.title == tiny.BY_ROLE[role][method].label and one.unit and one.hooked
    assert (not np.allclose(one.values, maps["Hat"].values)) == tiny.BY_ROLE[role][method].per_attribute
    if one.frames is not None:
        assert one.frames.shape == (3, *GRID) and one.frames.dtype == np.float32
        assert method == "cosine" or np.allclose(one.frames.sum(0), one.values)
    assert (one.frames is not None) == (method in ("cosine", "ledger", "co_fire"))
    assert tiny.hooks(model.module) == 0
    assert all(p.grad is None and not p.requires_grad for p in model.module.parameters())
    assert torch.equal(model.forward(model.prepare(IMAGE)).logits, before)


def test_attention_is_the_softmax_row_of_the_phrase(teacher: LoadedModel) -> None:
    """Rows of the softmax sum to 1 over phrases, class token and patches; the map is the patches' part."""
    block, seen = teacher.module.vit.blocks[-1], []
    handle = block.norm1.register_forward_hook(lambda _m, _i, out: seen.append(out))
    teacher.forward(teacher.prepare(IMAGE))
    handle.remove()
    attention = block.attn
    q, k, _ = attention.qkv(seen[0]).reshape(1, 35, 3, 2, 16).permute(2, 0, 3, 1, 4)
    rows = (q @ k.transpose(-1, -2) * 16**-0.5).softmax(-1)[0].mean(0)
    for name in ("Female", "boots"):
        values = heatmap("attention", teacher, IMAGE, name).values
        expected = rows[tiny.PA100K.index(name), 27:].reshape(GRID)
        np.testing.assert_allclose(values, expected, atol=1e-6)
        assert (values > 0).all() and values.sum() < 1


def test_rollout_follows_attention_back_to_the_patches(teacher: LoadedModel) -> None:
    """With one visual block: the phrase's row over class token and patches, times (attention + identity) / 2."""
    seen = []
    handles = [
        block.attn.attn_drop.register_forward_hook(lambda _m, _i, out: seen.append(out[0].mean(0).numpy()))
        for block in teacher.module.vit.blocks
    ]
    teacher.forward(teacher.prepare(IMAGE))
    for handle in handles:
        handle.remove()
    visual, fusion = seen
    row = fusion[tiny.PA100K.index("Hat"), 26:]
    expected = [sum(row[m] * (visual[m, n] + (m == n)) / 2 for m in range(9)) for n in range(1, 9)]
    np.testing.assert_allclose(heatmap("rollout", teacher, IMAGE, "Hat").values.ravel(), expected, atol=1e-6)


def test_rollout_goes_from_the_last_visual_block_to_the_first(
    teacher: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block 2 looks from token 1 at token 2 alone, block 1 from token 2 at token 3: the flow from 1 reaches 3.

    Each step keeps half of it where it was. In the other order nothing would get further than token 2.
    """
    row, first, second = torch.zeros(1, 35, 35), torch.eye(9)[None].clone(), torch.eye(9)[None].clone()
    row[0, tiny.PA100K.index("Hat"), 26 + 1] = 1
    for attention, looking, seen in ((second, 1, 2), (first, 2, 3)):
        attention[0, looking] = torch.eye(9)[seen]
    monkeypatch.setattr("snnpar.explain.attention._softmaxes", lambda *_: [first, second, row])
    values = heatmap("rollout", teacher, IMAGE, "Hat").values.ravel()
    assert values.tolist() == [0.5, 0.25, 0.25, 0, 0, 0, 0, 0]


def test_the_ledger_map_is_what_spikes_say_at_each_token(student: LoadedModel) -> None:
    with record(student.module) as trace:
        student.forward(student.prepare(IMAGE))
    expected = spike_ledger(student.module, trace, tiny.PA100K.index("Hat")).spikes.sum((0, 1))
    values = heatmap("ledger", student, IMAGE, "Hat").values
    np.testing.assert_allclose(values.ravel(), expected, atol=1e-6)
    assert values.min() < 0 < values.max()


def test_co_fire_counts_coincidences(student: LoadedModel) -> None:
    with record(student.module) as trace:
        student.forward(student.prepare(IMAGE))
    q, k = (trace.spikes(f"block.1.attn.{name}_lif")[:, 0] for name in "qk")
    expected = np.zeros(8)
    for t in range(3):
        for channel in range(32):
            for n in range(8):
                for m in range(8):
                    expected[n] += q[t, channel, n] and k[t, channel, m]
    values = heatmap("co_fire", student, IMAGE, "Hat").values
    assert np.array_equal(values, expected.reshape(GRID)) and values.max() > 0


@pytest.mark.parametrize("method", ["co_fire", "ledger"])
def test_a_known_trace_saves_the_forward(method: str, student: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, trace = heatmap(method, student, IMAGE, "Hat").values, analyze(student, IMAGE).trace
    monkeypatch.setattr(type(student), "forward", lambda *_: pytest.fail("there is no need for a forward"))
    assert np.array_equal(heatmap(method, student, IMAGE, "Hat", trace=trace).values, expected)


def test_cosine_compares_tokens_with_the_teachers_phrase(student: LoadedModel, teacher: LoadedModel) -> None:
    values = heatmap("cosine", student, IMAGE, "Hat", teacher=teacher).values
    assert np.abs(values).max() <= 1 and values.min() < values.max()
    text = teacher.module.word_embed(teacher.word_vectors) + teacher.module.tex_embed[0]
    tokens = student.forward(student.prepare(IMAGE)).features[0]
    expected = F.cosine_similarity(tokens, text[tiny.PA100K.index("Hat")][None], dim=-1)
    np.testing.assert_allclose(values, expected.reshape(GRID), atol=1e-5)


def test_cosine_without_a_fitting_teacher_says_what_to_do(student: LoadedModel, tmp_path: Path) -> None:
    wider = load(tiny.write_checkpoint(tmp_path, replace(tiny.TEACHER, dim=64)))
    for missing in (None, wider):
        with pytest.raises(SnnparError, match="teacher of the student's width"):
            heatmap("cosine", student, IMAGE, "Hat", teacher=missing)


def cam_by_hand(model: LoadedModel, attribute: int) -> np.ndarray:
    """Positive part of sum over channels of activation x mean gradient, on the token grid, 0 to 1."""
    blocks, seen = (model.module.block if model.role == "student" else model.module.vit.blocks), []
    layer = blocks[-1] if model.role == "student" else blocks[-2]
    handle = layer.register_forward_hook(lambda _m, _i, out: seen.append(out))
    with torch.enable_grad():
        logits = model.forward(model.prepare(IMAGE).requires_grad_()).logits
        (gradient,) = torch.autograd.grad(logits[0, attribute], seen[0])
    handle.remove()
    if model.role == "student":  # (T, 1, C, H, W): every channel of every timestep is one
        cam = (seen[0] * gradient.mean((3, 4), keepdim=True)).sum((0, 1, 2)).detach()
    else:  # (1, class token + N, D)
        cam = (seen[0][0, 1:] * gradient[0, 1:].mean(0)).sum(1).detach().reshape(GRID)
    cam = cam.clamp(min=0) - cam.clamp(min=0).min()
    return (cam / (cam.max() + 1e-7)).numpy()


@pytest.mark.parametrize("attribute", [0, 7])
def test_the_ledger_is_unrectified_grad_cam_plus_a_constant(student: LoadedModel, attribute: int) -> None:
    """The read-out is linear in the last block's output and its gradient the same at every token."""
    seen: list[torch.Tensor] = []
    handle = student.module.block[-1].register_forward_hook(lambda _m, _i, out: seen.append(out))
    with torch.enable_grad():
        logits = student.forward(student.prepare(IMAGE).requires_grad_()).logits
        (gradient,) = torch.autograd.grad(logits[0, attribute], seen[0])
    handle.remove()
    cam = (seen[0] * gradient.mean((3, 4), keepdim=True)).sum((0, 1, 2)).detach().numpy()
    values = heatmap("ledger", student, IMAGE, tiny.PA100K.attributes[attribute]).values
    assert np.ptp(cam) > 0.01 and np.corrcoef(cam.ravel(), values.ravel())[0, 1] > 0.99999
    np.testing.assert_allclose(cam - values, (cam - values).mean(), atol=1e-5)
    with record(student.module) as trace:
        student.forward(student.prepare(IMAGE))
    terms = spike_ledger(student.module, trace, attribute)
    assert (cam - values).mean() == pytest.approx(terms.constants.sum() * trace.timesteps, abs=1e-5)


def test_colours_are_the_maps_own_whatever_its_values() -> None:
    """A ledger without a negative value stays centred; a map of counts begins at 0 even if all of it is high."""
    values = np.array([[1.0, 2.0]], np.float32)
    assert Heatmap(values, "t", "u", "h", signed=True).bound == Heatmap(values, "t", "u", "h").bound == 2
    frames = np.array([[[3.0, 1.0]], [[-2.0, 1.0]]], np.float32)
    assert Heatmap(frames.sum(0), "t", "u", "h", frames, signed=True).bound == 3  # reached at t = 1


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_grad_cam_weighs_channels_by_their_gradient(role: str, student: LoadedModel, teacher: LoadedModel) -> None:
    model, positive = {"student": student, "teacher": teacher}[role], 0
    for attribute, name in enumerate(tiny.PA100K.attributes[:6]):
        values, small = heatmap("grad_cam", model, IMAGE, name).values, cam_by_hand(model, attribute)
        positive += small.max() > 0
        expected = (small - small.min()) / (np.ptp(small) + 1e-7)
        np.testing.assert_allclose(values, expected, atol=1e-3)
    assert positive > 1


def test_grad_cam_takes_gradients_under_inference_mode(tmp_path: Path, student: LoadedModel) -> None:
    expected = heatmap("grad_cam", student, IMAGE, "Hat").values
    folder = tiny.write_checkpoint(tmp_path, tiny.STUDENT)
    with torch.inference_mode():
        np.testing.assert_array_equal(heatmap("grad_cam", student, IMAGE, "Hat").values, expected)
        with pytest.raises(SnnparError, match="cannot give; load it outside"):
            heatmap("grad_cam", load(folder), IMAGE, "Hat")


def test_grad_cam_needs_a_visual_block(tmp_path: Path) -> None:
    model = load(tiny.write_checkpoint(tmp_path, replace(tiny.TEACHER, depth=1)))
    with pytest.raises(SnnparError, match="has no heatmap 'grad_cam', which needs cam; it has attention, rollout."):
        heatmap("grad_cam", model, IMAGE, "Hat")
    assert tiny.hooks(model.module) == 0


def test_unknown_names_list_the_options(student: LoadedModel, teacher: LoadedModel) -> None:
    with pytest.raises(
        SnnparError,
        match="no heatmap 'attention', which needs attention and text; it has ledger, cosine, co_fire, grad_cam",
    ):
        heatmap("attention", student, IMAGE, "Hat")
    with pytest.raises(SnnparError, match="no attribute 'Beard'; it has: .*Hat"):
        heatmap("attention", teacher, IMAGE, "Beard")


def test_a_failing_heatmap_leaves_no_hook_and_no_lock(teacher: LoadedModel) -> None:
    with pytest.raises(SnnparError):
        heatmap("attention", teacher, np.zeros((4, 4), np.uint8), "Hat")
    assert tiny.hooks(teacher.module) == 0 and teacher.lock.acquire(blocking=False)
    teacher.lock.release()


def test_heatmaps_are_flat() -> None:
    with pytest.raises(ValueError, match=r"\(rows, columns\); got \(8,\)"):
        Heatmap(np.zeros(8), "t", "u", "h")
    with pytest.raises(ValueError, match=r"frames must be \(T, 4, 2\); got \(3, 8\)"):
        Heatmap(np.zeros((4, 2)), "t", "u", "h", np.zeros((3, 8)))
    with pytest.raises(ValueError, match=r"\(8, 4\) cells; got \(4, 2\)"):
        Heatmap(np.zeros((4, 2)), "t", "u", "h", geometry=Geometry.even(8, 4))


def test_a_student_without_neurons(tmp_path: Path, teacher: LoadedModel) -> None:
    config = replace(tiny.STUDENT, architecture="vit")
    student = load(tiny.write_checkpoint(tmp_path, config))
    for method in ("cosine", "grad_cam"):
        assert np.isfinite(heatmap(method, student, IMAGE, "Hat", teacher=teacher).values).all()
    with pytest.raises(SnnparError, match="which needs co-fire; it has cosine, grad_cam"):
        heatmap("co_fire", student, IMAGE, "Hat")


def test_maps_that_add_up_accumulate_and_others_show_one_timestep() -> None:
    frames = np.array([[[1.0, 2.0]], [[3.0, -2.0]]])
    counts = Heatmap(frames.sum(0), "t", "u", "h", frames)
    assert counts.adds_up and counts.over_time().tolist() == [[[1, 2]], [[4, 0]]]
    means = Heatmap(frames.mean(0), "t", "u", "h", frames)
    assert not means.adds_up and means.over_time() is frames
    still = Heatmap(frames[0], "t", "u", "h")
    assert not still.adds_up and still.over_time().tolist() == [[[1, 2]]]


@pytest.mark.parametrize(("method", "adds_up"), [("cosine", False), ("ledger", True), ("co_fire", True)])
def test_which_maps_add_up(student: LoadedModel, teacher: LoadedModel, method: str, adds_up: bool) -> None:
    heat = heatmap(method, student, IMAGE, "Hat", teacher=teacher)
    assert heat.adds_up == adds_up and len(heat.over_time()) == 3


@pytest.mark.parametrize("fault", [ZeroDivisionError("x"), ValueError("(8,)"), RuntimeError("sizes must match")])
def test_a_method_that_fails_is_told_and_leaves_the_others(
    student: LoadedModel, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def broken(*_arguments: object) -> Heatmap:
        raise fault

    monkeypatch.setitem(explain.METHODS, "broken", explain.Method("A broken map", True, broken))
    with pytest.raises(SnnparError, match=rf"A broken map of .* failed \({type(fault).__name__}: .*not concerned"):
        heatmap("broken", student, IMAGE, "Hat")
    assert np.isfinite(heatmap("ledger", student, IMAGE, "Hat").values).all()
    assert student.lock.acquire(blocking=False)
    student.lock.release()
