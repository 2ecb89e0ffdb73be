"""Import of published files: equal to the published code on its own vectors, and closed to anything else."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from snnpar.__main__ import main
from snnpar.checkpoint import CheckpointError, import_published, read_checkpoint, read_phrases
from snnpar.inference import load
from snnpar.schema.attributes import load_schema
from snnpar.spikes.trace import record

SIZES = {"image_size": (64, 32), "timesteps": 4, "student_heads": 4, "teacher_heads": 4}
FLAGS = ["--image-size", "64", "32", "--timesteps", "4", "--student-heads", "4", "--teacher-heads", "4"]
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


@pytest.mark.parametrize(
    ("kept", "teacher", "student"),
    [
        (lambda key: not key.startswith("snn_model."), True, False),
        (lambda key: key.startswith("snn_model."), False, True),
        (lambda key: not key.startswith(("blocks.", "norm.")), True, True),
        (lambda key: not key.startswith(("vit.blocks.2.", "vit.norm.")), True, True),
    ],
    ids=["teacher only", "student only", "without aliases", "aliases only"],
)
def test_a_part_of_the_file_is_enough(state, tmp_path, arrays, kept, teacher, student):
    save_file({key: value for key, value in state.items() if kept(key)}, tmp_path / "part.safetensors")
    found = import_published(tmp_path / "part.safetensors", **SIZES)
    assert (found.teacher is not None, found.student is not None) == (teacher, student)
    if teacher:
        output = found.teacher(torch.from_numpy(arrays["in.images"]), torch.from_numpy(arrays["in.word_vectors"]))
        close(output.logits, arrays["eval.teacher_logits"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("snn_model.block.1.attn.q_bn.weight"), "missing block.1.attn.q_bn.weight"),
        (lambda s: s.pop("word_embed.bias"), "missing word_embed.bias"),
        (lambda s: s.pop("weight_layer.7.bias"), "missing weight_layer.7.bias"),
        (lambda s: s.update({"snn_model.extra": torch.zeros(1)}), "unknown extra"),
        (lambda s: s.update({"vis_embed": torch.zeros(1, 1, 8)}), r"vis_embed has shape \(1, 1, 8\), expected"),
        (lambda s: s["norm.weight"].add_(1), "two names of one tensor"),
    ],
)
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


WRAPPED = {
    "once": lambda key: f"module.{key}",
    "compiled": lambda key: f"_orig_mod.{key}",
    "several times": lambda key: f"module._orig_mod.module.{key}",
    "within": lambda key: key.replace("snn_model.", "snn_model._orig_mod.module."),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_wrappers_and_counters_of_others_do_no_harm(state, tmp_path, arrays, wrap):
    """thop counts operations into the state dict, AveragedModel its updates; old torch saved no batch counters."""
    wrapped = {wrap(key): value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    extra = {name: torch.zeros(1) for name in ("total_ops", "snn_model.block.0.total_params", "n_averaged")}
    save_file(wrapped | {wrap(key): value for key, value in extra.items()}, tmp_path / "wrapped.safetensors")
    found = import_published(tmp_path / "wrapped.safetensors", **SIZES)
    assert set(extra) <= set(found.dropped)
    close(found.student(torch.from_numpy(arrays["in.images"])).logits, arrays["eval.student_logits"])


FOREIGN = {
    "a ResNet": {"conv1.weight": torch.zeros(64, 3, 7, 7), "layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3)},
    "odd names": {"weight_layer.x.weight": torch.zeros(2, 2), "vit.blocks.last.norm.weight": torch.zeros(2)},
    "vectors": {
        "weight_layer.0.weight": torch.zeros(3),
        "weight_layer.0.bias": torch.zeros(1),
        "word_embed.weight": torch.zeros(2),
    },
    "a bare head": {"snn_model.head.weight": torch.zeros(5)},
    "empty": {"module": torch.zeros(1)},
    "8-bit floats": {"snn_model.head.weight": torch.zeros(5, 4).to(torch.float8_e4m3fn)},
    "two of one name": {"module.head.weight": torch.zeros(1, 1), "head.weight": torch.zeros(1, 1)},
}
TOLD = [
    "another network .2 tensors: conv1.weight .64, 3, 7, 7",
    "missing weight_layer.0.weight",
    "does not fit",
    "head.weight has shape .5,.",
    "another network",
    "head.weight is in 8-bit floats .torch.float8_e4m3fn",
    "twice",
]


@pytest.mark.parametrize(("state", "message"), zip(FOREIGN.values(), TOLD, strict=True), ids=FOREIGN)
def test_weights_of_another_network_are_told_from_ours(tmp_path, state, message):
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=message) as told:
        import_published(tmp_path / "other.safetensors")
    assert "torch.cat" not in str(told.value)


def write_35(golden, folder: Path) -> list[str]:
    """A teacher and student of 35 answers, and the order that its data had."""
    found = load_file(golden / "model.safetensors")
    rows = torch.arange(35) % 26
    state = {
        key: value[rows] if key.startswith(("bn.", "snn_model.head.")) and value.ndim else value
        for key, value in found.items()
        if not key.startswith("weight_layer.")
    }
    state |= {
        f"weight_layer.{j}.{part}": found[f"weight_layer.{j % 26}.{part}"]
        for j in range(35)
        for part in ("weight", "bias")
    }
    save_file({key: value.contiguous().clone() for key, value in state.items()}, folder / "peta.safetensors")
    names = list(load_schema("peta").attributes)
    return names[10:] + names[:10]


@pytest.mark.parametrize("given", ["pickle", "pickle with more columns", "lines", "json", "nothing"])
def test_answers_are_named_in_the_order_of_their_data(golden, tmp_path, caplog, given):
    order = write_35(golden, tmp_path)
    content = {"attr_name": order, "attr_vectors": np.zeros((35, 768), np.float32)}
    if given == "pickle with more columns":
        content |= {"attr_name": ["unused", *order], "label_idx": {"eval": list(range(1, 36))}}
    (tmp_path / "dataset.pkl").write_bytes(pickle.dumps(content))
    (tmp_path / "names.txt").write_text(json.dumps(order) if given == "json" else "\n".join(order) + "\n")
    flags = {
        "lines": ["--attributes", tmp_path / "names.txt"],
        "json": ["--attributes", tmp_path / "names.txt"],
        "nothing": [],
    }.get(given, ["--phrases", tmp_path / "dataset.pkl"])
    arguments = ["import", tmp_path / "peta.safetensors", "--out", tmp_path / "out", *FLAGS, *flags]
    assert main([str(one) for one in arguments]) == 0
    expected = load_schema("peta").attributes if given == "nothing" else tuple(order)
    for role in ("teacher", "student"):
        schema = read_checkpoint(tmp_path / "out" / role).schema
        assert (schema.name, schema.attributes) == ("peta", expected)
        assert dict(zip(schema.attributes, schema.phrases, strict=True)) == dict(
            zip(load_schema("peta").attributes, load_schema("peta").phrases, strict=True)
        )
    assert ("assumed is the order of peta: personalLess30" in caplog.text) == (given == "nothing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no attribute"),
        ("[1", "no list of attribute names"),
        ("a\nb\n", "answers 35 attributes, but 2 names"),
        ("a\na\n", "unique"),
        ("\0" * 5, "plain words"),
        ("x" * 2_000_000, "no list of attribute names"),
    ],
)
def test_an_unusable_list_of_names_is_told(golden, tmp_path, capsys, text, message):
    write_35(golden, tmp_path)
    (tmp_path / "names.txt").write_text(text)
    assert (
        main(
            [
                "import",
                str(tmp_path / "peta.safetensors"),
                "--out",
                str(tmp_path / "out"),
                *FLAGS,
                "--attributes",
                str(tmp_path / "names.txt"),
            ]
        )
        != 0
    )
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["npy", "pickle", "none"])
def test_the_command_writes_checkpoints_that_the_app_can_load(golden, arrays, tmp_path, capsys, kind):
    vectors, given = arrays["in.word_vectors"], []
    if kind == "npy":
        np.save(tmp_path / "vectors.npy", vectors)
        given = ["--phrases", str(tmp_path / "vectors.npy")]
    elif kind == "pickle":
        (tmp_path / "dataset.pkl").write_bytes(pickle.dumps({"attr_vectors": vectors}))
        given = ["--phrases", str(tmp_path / "dataset.pkl")]
    assert main(["import", str(golden / "ckpt_upstream.pth"), "--out", str(tmp_path / "out"), *FLAGS, *given]) == 0
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
