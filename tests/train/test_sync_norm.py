"""Two processes on the halves of a batch are one process on the whole of it: loss, gradients, running statistics."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
import tiny
import torch
from ranks import in_two_processes
from torch import Tensor, nn

from snnpar.config import ModelConfig, TrainConfig
from snnpar.models import build_model, preset
from train import parallel
from train.distill import Teacher, loss_terms
from train.memory import save_memory
from train.parallel import World
from train.sync_norm import share_statistics

ATTRIBUTES = len(tiny.PA100K)
TEACHER = ModelConfig("vtb", image_size=(128, 64), dim=64, depth=2, heads=4, stem="conv")
STUDENT = preset("spikingformer_1_64")
DISTIL = TrainConfig.of(
    batch_size=8,
    accumulate=2,
    device="cpu",
    teacher="t",
    teacher_mode="train",
    feature_kd=True,
    logit_kd=True,
    timestep_weight=1.0,
    recompute=True,
)
NORMS = {
    "1d": (nn.BatchNorm1d(3), (8, 3), torch.float64, 1e-9),
    "1d of tokens": (nn.BatchNorm1d(3, momentum=None), (8, 3, 5), torch.float64, 1e-9),
    "2d": (nn.BatchNorm2d(3), (8, 3, 4, 2), torch.float32, 1e-4),
    "2d, half": (nn.BatchNorm2d(3), (8, 3, 4, 2), torch.bfloat16, 2e-2),
}


@dataclass
class Step:
    """Loss, gradients and buffers after the backward pass of one batch."""

    loss: float
    gradients: dict[str, Tensor]
    buffers: dict[str, Tensor]


def everything() -> dict[str, Step | dict[str, Tensor]]:
    """All that the tests below compare, from one process of two."""
    world = parallel.start(DISTIL)
    found = {"student": student_step(world), "teacher": teacher_step(world)}
    found |= {name: normalised(name, world) for name in NORMS}
    parallel.finish(world)
    return found


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    return in_two_processes(everything, tmp_path_factory.mktemp("ranks"))


def student_step(world: World) -> Step:
    """Of spikingformer_1_64, distilled in every way, in two parts; the teacher's drifting buffers count, too."""
    vectors = torch.randn(ATTRIBUTES, TEACHER.text_dim, generator=torch.Generator().manual_seed(2)).double()
    teacher = Teacher(tiny.lively(TEACHER, ATTRIBUTES, seed=1).double().train(), vectors)
    for norm in teacher.model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            norm.momentum = 0.1
    return step_of(STUDENT, teacher, DISTIL, world)


def teacher_step(world: World) -> Step:
    return step_of(TEACHER, None, TrainConfig.of(role="teacher", batch_size=8, device="cpu"), world)


def step_of(size: ModelConfig, teacher: Teacher | None, config: TrainConfig, world: World) -> Step:
    """One step in float64 on this process's share of a batch."""
    torch.manual_seed(0)
    model = build_model(size, ATTRIBUTES).double().train()
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.constant_(norm.weight, 2.0)  # untrained neurons would hardly fire
    save_memory(model, config)
    wrapped = parallel.wrap(model, world)
    if teacher:
        share_statistics(teacher.model, world.size)
    loss = backward(wrapped, teacher, config, world)
    buffers = dict(model.named_buffers()) | (
        {f"teacher.{name}": buffer for name, buffer in teacher.model.named_buffers()} if teacher else {}
    )
    return Step(loss, {name: parameter.grad for name, parameter in model.named_parameters()}, buffers)


def backward(wrapped: nn.Module, teacher: Teacher | None, config: TrainConfig, world: World) -> float:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(8, 3, 128, 64, generator=generator).double()
    labels = torch.randint(0, 2, (8, ATTRIBUTES), generator=generator).double()
    extra = () if teacher else (torch.randn(ATTRIBUTES, TEACHER.text_dim, generator=generator).double(),)
    ratio, losses = torch.full((ATTRIBUTES,), 0.3).double(), []
    shares = parallel.shard(torch.arange(8).numpy(), world, config.runtime.accumulate)
    for number, share in enumerate(shares, start=1):
        with parallel.keep_gradients(*([wrapped] if number < len(shares) else [])):
            terms = loss_terms(
                wrapped(images[share], *extra),
                labels[share],
                ratio,
                teacher(images[share]) if teacher else None,
                config,
            )
            loss = torch.stack(list(terms.values())).sum() / len(shares)
            loss.backward()
        losses.append(parallel.mean_of({"loss": loss}, world)["loss"])
    return sum(losses)


@pytest.mark.parametrize(("name", "work"), [("student", student_step), ("teacher", teacher_step)])
def test_two_processes_are_one(halves: list[dict], name: str, work) -> None:
    expected = work(World())
    longest = max(gradient.abs().max().item() for gradient in expected.gradients.values())
    for step in (half[name] for half in halves):
        assert step.loss == pytest.approx(expected.loss, rel=1e-9)
        assert list(step.gradients) == list(expected.gradients) and list(step.buffers) == list(expected.buffers)
        for key, gradient in expected.gradients.items():
            assert gradient.dtype == torch.float64
            # absolute, too: a bias before a norm has no gradient but rounding
            torch.testing.assert_close(step.gradients[key], gradient, rtol=1e-6, atol=1e-9 * longest)
        for key, buffer in expected.buffers.items():
            torch.testing.assert_close(step.buffers[key], buffer, rtol=1e-6, atol=1e-12)


def test_half_a_batch_alone_is_something_else() -> None:
    """The tests above would pass trivially if a half had the statistics of the whole."""
    norm, x, _ = norm_and_data("1d")
    assert (norm(x)[:4] - norm(x[:4])).abs().max() > 0.1


def norm_and_data(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A norm, a batch with a mean far from 0, and a gradient of the output."""
    norm, shape, dtype, _ = NORMS[name]
    norm, generator = copy.deepcopy(norm), torch.Generator().manual_seed(4)
    nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
    if dtype != torch.bfloat16:  # whose weights stay float32
        norm.to(dtype)
    return (
        norm,
        (100 + torch.randn(shape, generator=generator)).to(dtype),
        torch.randn(shape, generator=generator).to(dtype),
    )


def normalised(name: str, world: World) -> dict[str, Tensor]:
    """Output, gradients and buffers of a norm on this process's rows; then in eval mode, itself and a copy."""
    norm, x, upstream = norm_and_data(name)
    share_statistics(norm, world.size)
    share = parallel.shard(torch.arange(len(x)).numpy(), world)[0]
    own = x[share].clone().requires_grad_()
    y = norm(own)
    y.backward(upstream[share])
    norm.eval()
    return {
        "y": y.detach(),
        "x": own.grad,
        "slope": norm.weight.grad,
        "shift": norm.bias.grad,
        **norm.state_dict(),
        "evaluated": norm(x).detach(),
        "copied": copy.deepcopy(norm)(x).detach(),
    }


@pytest.mark.parametrize("name", NORMS)
def test_a_shared_norm_is_torchs_on_the_whole_batch(halves: list[dict], name: str) -> None:
    expected, tolerance = normalised(name, World()), NORMS[name][3]
    first, second = (half[name] for half in halves)
    joined = {key: torch.cat([first[key], second[key]]) for key in ("y", "x")}
    joined |= {key: first[key] + second[key] for key in ("slope", "shift")}  # DDP averages, as it does the losses
    for key, value in joined.items():
        torch.testing.assert_close(value, expected[key], rtol=tolerance, atol=tolerance)
    for key in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(first[key], expected[key], rtol=tolerance, atol=0)
        assert torch.equal(first[key], second[key])
    for key in ("evaluated", "copied"):
        torch.testing.assert_close(first[key], expected[key], rtol=tolerance, atol=tolerance)


def test_alone_nothing_changes() -> None:
    model = tiny.lively(tiny.STUDENT)
    assert parallel.wrap(model, World()) is model
    assert not any("forward" in vars(module) for module in model.modules())
