"""Every page shows networks that say nothing of themselves but what the README asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys
from tiny import write_checkpoint

from snnpar.models import MODELS, PRESETS


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, cls in toys.TOYS.items():
        monkeypatch.setitem(MODELS, name, cls)
        monkeypatch.setitem(PRESETS, name, toys.SIZES[name])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each toy a folder of checkpoints with nothing else in it."""
    MODELS.update(toys.TOYS)
    try:
        found = {}
        for name, config in toys.SIZES.items():
            found[name] = tmp_path_factory.mktemp(name)
            write_checkpoint(found[name] / name, config)
        return found
    finally:
        for name in toys.TOYS:
            del MODELS[name]


@pytest.mark.parametrize("page", ["", "spikes", "explain", "energy", "checkpoints", "train"])
@pytest.mark.parametrize("name", toys.TOYS)
def test_a_page_shows_it(app, folders: dict[str, Path], name: str, page: str) -> None:
    test = app(folders[name], page)
    assert not test.exception and not test.error
    said = " ".join(one.value for one in (*test.markdown, *test.info, *test.caption))
    if name == "toy_teacher":
        assert "There is no student yet" in said or page in ("checkpoints", "train")
    elif page == "explain":
        assert ("does not spike" if name == "toy_ann" else "names no residual branches") in said
    elif page == "spikes" and name == "toy_ann":
        assert "no spiking neurons" in said
    elif page == "spikes":
        assert len(test.selectbox(key="layer").options) == {"toy_lif": 2, "toy_integer": 1, "toy_shared": 2}[name]
