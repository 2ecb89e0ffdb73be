"""The contract: what a network says of itself, so that nothing else has to know its modules.

A network derives from `Network` and has a forward; everything else has an answer. What its `anatomy` leaves out is
either told from its modules or a view that is not offered: without branches no ledger, without a layer for it no
Grad-CAM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from snnpar.config import ConfigError, ModelConfig
from snnpar.images.geometry import KernelWindow
from snnpar.models.pretrained import Pretrained
from snnpar.models.topology import Layer, derived, find

# What a network may offer, and what the rest makes of it.
TIMESTEPS = "timesteps"  # an answer after each timestep: rasters, curves over time, the energy budget
TEXT = "text"  # it reads the phrases of the attributes
ATTENTION = "attention"  # softmax attention from phrases to patches
TOKENS = "tokens"  # features that lie on a grid of the image
BRANCHES = "branches"  # a linear read-out of a residual stream: the exact ledger
CO_FIRE = "co-fire"  # queries and keys that are spikes
CAM = "cam"  # a layer on a grid, for the Grad-CAM family


@dataclass(frozen=True)
class Branch:
    """What adds to a residual stream: neurons, the convolution that reads their spikes, the batch norm after it.

    All are names of modules. `label`: in words. `pool`: what stands between neurons and convolution, if anything.
    """

    name: str
    label: str
    neurons: str
    conv: str
    norm: str
    pool: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class CamTarget:
    """Where the Grad-CAM family looks: a module, its output as (B, channels, rows, columns), and what that is."""

    module: nn.Module
    reshape: Callable[[Tensor], Tensor]
    hooked: str


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The parts of a network that others use; empty where it has none.

    `layers`: its topology, told from its modules if empty. `branches` add up to the residual stream whose mean token
    `readout` turns into logits. `stream`: the module whose output (T, B, D, H, W) is that stream after the last block.
    `co_fire`: the names of the neurons of queries and of keys in the last block, (T, B, C, N) each. `softmaxes`:
    modules whose outputs are softmax attention (B, heads, N, N), in order; in the last, phrases come first. `blocks`:
    modules of one input that training may compute again in the backward pass. `backbone`: the part that weights
    trained on other answers can start.
    """

    layers: tuple[Layer, ...] = ()
    branches: tuple[Branch, ...] = ()
    readout: nn.Linear | None = None
    stream: nn.Module | None = None
    co_fire: tuple[str, str] | None = None
    softmaxes: tuple[nn.Module, ...] = ()
    cam: CamTarget | None = None
    blocks: tuple[nn.Module, ...] = ()
    backbone: nn.Module | None = None

    def layer(self, name: str) -> Layer:
        """The layer of an entry of a trace."""
        return find(self.layers, name)


class Network(Pretrained, nn.Module):
    """images (B, 3, H, W) to ModelOutput; with `takes_text` also word_vectors (A, text_dim).

    A subclass sets `role` and `title`, and where they apply `spiking` (it has neurons and answers after each of
    config.timesteps), `takes_text` and `event_input` (its images are spikes themselves, as frames of events are).
    `constant_inputs` names modules that read the same for every image; `undecayed` are last parts of the names of
    parameters that weight decay leaves alone, beside vectors and scalars.
    """

    role: ClassVar[str] = "student"
    title: ClassVar[str] = ""
    spiking: ClassVar[bool] = False
    takes_text: ClassVar[bool] = False
    event_input: ClassVar[bool] = False
    constant_inputs: ClassVar[tuple[str, ...]] = ()
    undecayed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: ModelConfig, num_attributes: int) -> None:
        super().__init__()
        self.config, self.outputs = config, num_attributes

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        """Raise ConfigError, saying what would do, for a config that this architecture cannot have."""

    @classmethod
    def timesteps_of(cls, config: ModelConfig) -> int:
        """T of a network with this config; 0 without neurons."""
        return config.timesteps if cls.spiking else 0

    @classmethod
    def unused_parameters(cls, config: ModelConfig) -> int:
        """Parameters that the published file of this network holds and never applies."""
        return 0

    @classmethod
    def is_unused(cls, key: str) -> bool:
        """Is a key of a published file one that this network never applies?"""
        return False

    @property
    def timesteps(self) -> int:
        """T; 0 without neurons."""
        return self.timesteps_of(self.config)

    @property
    def prior_bias(self) -> nn.Parameter:
        """(A,) the last bias added to the logits, which training may start at the log odds of the attributes."""
        raise ConfigError(f"{type(self).__name__} names no prior_bias: define it, or switch the setting prior_bias off")

    @property
    def token_grid(self) -> tuple[int, int]:
        """Rows and columns of the N tokens of ModelOutput.features."""
        return self.config.token_grid

    @property
    def windows(self) -> tuple[KernelWindow, ...]:
        """Convolutions and poolings from image to tokens, which decide where tokens lie; none: they lie evenly."""
        return ()

    def describe(self) -> Anatomy:
        """Its parts; for subclasses to say. See `anatomy`."""
        return Anatomy()

    def anatomy(self) -> Anatomy:
        """What `describe` says, with layers told from the modules where it says none."""
        said = self.describe()
        return said if said.layers else replace(said, layers=tuple(derived(self)))

    def capabilities(self) -> frozenset[str]:
        """What it offers, of the names above."""
        parts = self.describe()
        said = {
            TIMESTEPS: self.spiking,
            TEXT: self.takes_text,
            TOKENS: True,
            BRANCHES: parts.branches,
            CO_FIRE: parts.co_fire,
            CAM: parts.cam,
            ATTENTION: parts.softmaxes,
        }
        return frozenset(name for name, offered in said.items() if offered)
