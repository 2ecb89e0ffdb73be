"""Import of published files: equal to the published code on its own vectors, and closed to anything else."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from snnpar.__main__ import main
from snnpar.checkpoint import CheckpointError, import_published, read_checkpoint, read_phrases
from snnpar.inference import load
from snnpar.schema import load_schema
from snnpar.trace import record

SIZES = {"image_size": (64, 32), "timesteps": 4, "student_heads": 4, "teacher_heads": 4}
FILES = ("ckpt_upstream.pth", "model.safetensors")


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "arrays.npz")


@pytest.fixture
def state(golden):
    return load_file(golden / "model.safetensors")


def close(found: torch.Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", FILES)
def test_student_equals_the_published_code(golden, arrays, name):
    student = import_published(golden / name, **SIZES).student
    with torch.no_grad(), record(student) as trace:
        output = student(torch.from_numpy(arrays["in.images"]))
    close(output.logits, arrays["eval.student_logits"])
    close(output.features, arrays["eval.student_features"])
    close(output.logits_per_timestep.mean(0), output.logits.numpy())
    assert list(trace.names) == list(arrays["eval.lif_names"])
    for layer in trace.names:
        shape = tuple(arrays[f"eval.spikes_shape.{layer}"])
        expected = np.unpackbits(arrays[f"eval.spikes.{layer}"], count=int(np.prod(shape))).reshape(shape)
        assert trace.shape(layer) == shape
        assert (trace.spikes(layer) != expected).sum() == 0, layer


@pytest.mark.parametrize("name", FILES)
def test_teacher_equals_the_published_code(golden, arrays, name):
    teacher = import_published(golden / name, **SIZES).teacher
    output = teacher(torch.from_numpy(arrays["in.images"]), torch.from_numpy(arrays["in.word_vectors"]))
    close(output.logits, arrays["eval.teacher_logits"])
    close(output.features, arrays["eval.teacher_features"])
    close(output.text_features, arrays["eval.text_features"])


def test_it_says_what_no_model_uses(golden):
    dropped = import_published(golden / "model.safetensors", **SIZES).dropped
    assert sum("norm" in key for key in dropped) == 8  # two norms, weight and bias, in two student blocks
    assert {key for key in dropped if "norm" not in key} == {"vit.fc.weight", "vit.fc.bias"}


@pytest.mark.parametrize(("kept", "teacher", "student"), [
    (lambda key: not key.startswith("snn_model."), True, False),
    (lambda key: key.startswith("snn_model."), False, True),
    (lambda key: not key.startswith(("blocks.", "norm.")), True, True),
    (lambda key: not key.startswith(("vit.blocks.2.", "vit.norm.")), True, True),
], ids=["teacher only", "student only", "without aliases", "aliases only"])
def test_a_part_of_the_file_is_enough(state, tmp_path, arrays, kept, teacher, student):
    save_file({key: value for key, value in state.items() if kept(key)}, tmp_path / "part.safetensors")
    found = import_published(tmp_path / "part.safetensors", **SIZES)
    assert (found.teacher is not None, found.student is not None) == (teacher, student)
    if teacher:
        output = found.teacher(torch.from_numpy(arrays["in.images"]), torch.from_numpy(arrays["in.word_vectors"]))
        close(output.logits, arrays["eval.teacher_logits"])


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s.pop("snn_model.block.1.attn.q_bn.weight"), "missing block.1.attn.q_bn.weight"),
    (lambda s: s.pop("word_embed.bias"), "missing word_embed.bias"),
    (lambda s: s.pop("weight_layer.7.bias"), "missing weight_layer.7.bias"),
    (lambda s: s.update({"snn_model.extra": torch.zeros(1)}), "unknown extra"),
    (lambda s: s.update({"vis_embed": torch.zeros(1, 1, 8)}), r"vis_embed has shape \(1, 1, 8\), expected"),
    (lambda s: s["norm.weight"].add_(1), "two names of one tensor"),
])
def test_a_key_that_does_not_fit_is_named(state, tmp_path, change, message):
    change(state)
    save_file(state, tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match=message):
        import_published(tmp_path / "bad.safetensors", **SIZES)


def test_a_wrong_image_size_is_an_error_not_a_resize(golden):
    with pytest.raises(CheckpointError, match=r"vit.pos_embed has shape \(1, 9, 40\), expected \(1, 129, 40\)"):
        import_published(golden / "model.safetensors", **(SIZES | {"image_size": (256, 128)}))


class Hostile:
    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_a_hostile_file_does_not_execute(tmp_path, plain_pickle):
    marker, path = tmp_path / "executed", tmp_path / "hostile.pth"
    content = {"state_dicts": {"head.weight": torch.zeros(1)}, "metric": Hostile(marker)}
    if plain_pickle:
        path.write_bytes(pickle.dumps({"metric": Hostile(marker)}))
    else:
        torch.save(content, path)
    with pytest.raises(CheckpointError, match="hostile.pth"):
        import_published(path)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"not a checkpoint at all"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged.pth"):
        import_published(path)


@pytest.mark.parametrize("kind", ["npy", "pickle", "none"])
def test_the_command_writes_checkpoints_that_the_app_can_load(golden, arrays, tmp_path, capsys, kind):
    vectors, given = arrays["in.word_vectors"], []
    if kind == "npy":
        np.save(tmp_path / "vectors.npy", vectors)
        given = ["--phrases", str(tmp_path / "vectors.npy")]
    elif kind == "pickle":
        (tmp_path / "dataset.pkl").write_bytes(pickle.dumps({"attr_vectors": vectors}))
        given = ["--phrases", str(tmp_path / "dataset.pkl")]
    sizes = ["--image-size", "64", "32", "--timesteps", "4", "--student-heads", "4", "--teacher-heads", "4"]
    assert main(["import", str(golden / "ckpt_upstream.pth"), "--out", str(tmp_path / "out"), *sizes, *given]) == 0
    images = torch.from_numpy(arrays["in.images"])
    student = load(read_checkpoint(tmp_path / "out" / "student"))
    close(student.forward(images).logits, arrays["eval.student_logits"])
    if kind == "none":
        assert "no phrase vectors yet" in capsys.readouterr().out
    else:
        teacher = load(read_checkpoint(tmp_path / "out" / "teacher"))
        close(teacher.forward(images).logits, arrays["eval.teacher_logits"])


def test_given_vectors_have_the_published_words(tmp_path):
    """Row j is of what the authors' list says at j, whatever label j shows."""
    np.save(tmp_path / "all.npy", np.zeros((26, 768), np.float32))
    given = read_phrases(tmp_path / "all.npy", load_schema("pa100k"))
    words = dict(zip(given.names, given.text, strict=True))
    assert (words["UpperPlaid"], words["UpperSplice"]) == ("upper plaid", "upper splice")


def test_phrases_of_another_number_are_refused(tmp_path):
    np.save(tmp_path / "five.npy", np.zeros((5, 768), np.float32))
    with pytest.raises(CheckpointError, match=r"must hold \(26, width\) vectors; it has \(5, 768\)"):
        read_phrases(tmp_path / "five.npy", load_schema("pa100k"))
