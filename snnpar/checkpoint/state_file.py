"""State dicts out of other people's files, without running anything in them.

The published .pth is a pickle {'state_dicts', 'epoch', 'metric'} whose metric is an EasyDict of numpy values; it goes
through torch's restricted unpickler with just those types allowed.
"""

from __future__ import annotations

import argparse
import codecs
import logging
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from snnpar.checkpoint.files import CheckpointError

log = logging.getLogger(__name__)
PTH = (b"PK\x03\x04", b"\x80\x02\x8a\n")  # how torch's files begin: a zip since 1.6, a pickled number before
CONTAINERS = ("state_dicts", "state_dict", "model")  # where SNN-PAR and VTB, Spikingformer, and DeiT keep the weights
WRAPPERS = ("module", "_orig_mod")  # what DataParallel, AveragedModel and torch.compile put before a name, or into it
LEFTOVERS = ("total_ops", "total_params", "n_averaged")  # counters of thop and AveragedModel, no weights


def read_state(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict of a .pth or .safetensors file, decided by content, and the keys in it that are no weights.

    The names of wrappers are stripped, however many. Raises CheckpointError naming the file.
    """
    return _weights(_plain(path), path)


def _weights(state: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The weights under their own names, and the keys of what is none."""
    weights, leftovers = {}, []
    for key, value in state.items():
        name = ".".join(part for part in str(key).split(".") if part not in WRAPPERS)
        if name.rpartition(".")[2] in LEFTOVERS:
            leftovers.append(name)
        elif name in weights:
            raise CheckpointError(f"{path} holds {name} twice, with and without {' or '.join(WRAPPERS)}; keep one")
        elif value.is_floating_point() and value.dtype.itemsize < 2:
            raise CheckpointError(
                f"{path}: {name} is in 8-bit floats ({value.dtype}), which need the scales that they "
                "were made with; save the weights in fp32, fp16 or bf16 and import those"
            )
        else:
            weights[name] = value
    if leftovers:
        log.info("%s: %d keys that are no weights are ignored: %s", path.name, len(leftovers), ", ".join(leftovers[:4]))
    return weights, tuple(leftovers)


def _plain(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist; give a .pth of the published code, or its .safetensors")
    with open(path, "rb") as file:
        head = file.read(4)
    try:
        if head not in PTH:
            return load_file(path)
        with torch.serialization.safe_globals(_allowed_types()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).partition("WeightsUnpickler error:")[2].strip().partition("\n")[0] or "a damaged pickle"
        raise CheckpointError(f"{path} holds more than weights and metrics, and was not opened: {reason}") from error
    except (SafetensorError, RuntimeError, OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged, or neither a .pth nor .safetensors: {error}") from error
    state = content
    if isinstance(content, Mapping):
        state = next((content[name] for name in CONTAINERS if isinstance(content.get(name), Mapping)), content)
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{path} holds no state dict, neither plain nor under {', '.join(CONTAINERS)}")
    return state


def _allowed_types() -> list:
    """What the published files hold beside tensors: an EasyDict of numpy values; Spikingformer's, their flags."""
    multiarray = np._core.multiarray  # pyright: ignore[reportAttributeAccessIssue]  a name in pickles
    aliases = [
        (function, f"numpy.{module}.multiarray.{name}")
        for module in ("core", "_core")
        for name, function in (("_reconstruct", multiarray._reconstruct), ("scalar", multiarray.scalar))
    ]
    kinds = [type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "uint8", "bool")]
    easydict = (OrderedDict, "easydict.EasyDict")
    return [easydict, argparse.Namespace, (codecs.encode, "_codecs.encode"), *aliases, np.ndarray, np.dtype, *kinds]
