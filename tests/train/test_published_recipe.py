"""The recipe `published-code` trains as the published code does, step by step, on its own vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snnpar.checkpoint import import_published
from snnpar.config.recipes import apply_recipe
from train.distill import Teacher, loss_terms
from train.optim import learning_rate, make_optimizer

COMBINATIONS = {"none": (False, False), "feats": (True, False), "logits": (False, True), "both": (True, True)}
# A bias before a batch norm has no gradient but round-off, so it cannot be compared relatively.
ROUND_OFF = ("proj_conv.bias", "mlp1_conv.bias", "mlp2_conv.bias")


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "arrays.npz")


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("mode", ["upstream", "teval"])
def test_steps_equal_the_published_code(golden, arrays, mode, combination):
    features, logits = COMBINATIONS[combination]
    config = apply_recipe(
        "published-code",
        {
            "feature_kd": features,
            "logit_kd": logits,
            "teacher": "given below",
            "teacher_mode": "train" if mode == "upstream" else "eval",
        },
    )
    models = import_published(
        golden / "model.safetensors", image_size=(64, 32), timesteps=4, student_heads=4, teacher_heads=4
    )
    student = models.student.train().requires_grad_(True)
    word_vectors, images, labels, ratio = (
        torch.from_numpy(arrays[f"in.{name}"]) for name in ("word_vectors", "images", "labels", "sample_weight")
    )
    teacher = Teacher(models.teacher.train(config.distillation.teacher_mode == "train"), word_vectors)
    optimizer = make_optimizer(student, config.optimisation)
    torch.manual_seed(int(arrays["train.torch_manual_seed"]))
    for step in range(1, 3 if combination == "both" else 2):
        expected = f"train.{mode}.{combination}.step{step}."
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config.optimisation, 0)
        taught, output = teacher(images), student(images)
        loss = torch.stack(list(loss_terms(output, labels, ratio.float(), taught, config).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        assert loss.item() == pytest.approx(arrays[expected + "loss"][3], rel=1e-6)
        check_gradients(student, arrays["train.param_names"], arrays[expected + "grad_norm"])
        optimizer.step()
        if combination == "both":
            assert learning_rate(config.optimisation, 0) == pytest.approx(float(arrays[expected + "lr"]), abs=1e-12)
            np.testing.assert_allclose(taught.logits, arrays[expected + "teacher_logits"], rtol=0, atol=2e-5)
            check_state(student, models.teacher, arrays, expected)


def check_gradients(student, names, norms) -> None:
    parameters = dict(student.named_parameters())
    compared = 0
    for name, norm in zip(names, norms, strict=True):
        own = name.removeprefix("snn_model.")
        if own == name or np.isnan(norm) or own.endswith(ROUND_OFF):
            continue
        assert parameters[own].grad.norm().item() == pytest.approx(norm, rel=1e-5), own
        compared += 1
    assert compared == len(parameters) - sum(name.endswith(ROUND_OFF) for name in parameters)


def check_state(student, teacher, arrays, expected) -> None:
    state = {f"snn_model.{k}": v for k, v in student.state_dict().items()} | teacher.state_dict()
    keys = [key for key in arrays.files if key.startswith((expected + "param.", expected + "buffer."))]
    assert len(keys) >= 3
    for key in keys:
        name = key.removeprefix(expected).split(".", 1)[1]
        # The first convolution runs once, not T times: the unbiased variance divides by n - 1 instead of T n - 1.
        rtol = 1e-4 if name.endswith("patch_embed.proj_bn.running_var") else 0
        np.testing.assert_allclose(state[name].numpy(), arrays[key], rtol=rtol, atol=2e-6, err_msg=key)


def test_learning_rates_equal_the_published_table(arrays):
    config = apply_recipe("published-code", {})
    table = arrays["sched.lr_epoch1_to_60"]
    found = [learning_rate(config.optimisation, epoch) for epoch in range(len(table))]
    np.testing.assert_allclose(found, table, rtol=0, atol=1e-9)
    assert learning_rate(config.optimisation, 7.9) == found[7]  # constant within an epoch
