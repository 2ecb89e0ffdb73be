from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny

from snnpar.core.errors import SnnparError
from snnpar.explain.membrane import record_membrane
from snnpar.inference import LoadedModel, analyze, load

IMAGE = tiny.random_image(seed=3)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load(tiny.write_checkpoint(tmp_path_factory.mktemp("membrane") / "student"))


def test_every_layer_spikes_exactly_where_its_potential_reaches_the_threshold(student: LoadedModel) -> None:
    trace = analyze(student, IMAGE).trace
    for name in trace.names:
        membrane = record_membrane(student, IMAGE, name)
        assert np.array_equal(membrane.spikes, trace.spikes(name)[:, 0]), name
        assert membrane.threshold == (0.5 if name.endswith("attn_lif") else 1.0) and membrane.tau == 2.0
    assert trace.total_spikes > 0 and tiny.hooks(student.module) == 0


def test_the_first_timestep_charges_from_rest(student: LoadedModel) -> None:
    """The image is the same at every timestep: h = x / 2, then x / 2 again after a spike, else 3 x / 4."""
    first, second = record_membrane(student, IMAGE, "patch_embed.proj1_lif").potential[:2]
    np.testing.assert_allclose(second, np.where(first >= 1, first, 1.5 * first), rtol=1e-5, atol=1e-6)


def test_an_unknown_layer_lists_the_known(student: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(SnnparError, match=r"'block\.9'; there are patch_embed\.proj1_lif"):
        record_membrane(student, IMAGE, "block.9")
    teacher = load(tiny.write_checkpoint(tmp_path / "teacher", tiny.TEACHER))
    with pytest.raises(SnnparError, match="there are none"):
        record_membrane(teacher, IMAGE, "block.0.attn.q_lif")
