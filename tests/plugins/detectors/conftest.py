"""A trained run of digits, and pictures of other things."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of simple_cnn on digits, two epochs. Not to be changed: copy it."""
    import zoo

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_CACHE", str(session_cache))
        patch.setenv("ZOO_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("detectors"))
        result = zoo.run("simple_cnn", "digits", epochs=2, set={"architecture.channels": [8, 16]}, name="digits")
        return Path(result.dir).resolve()


@pytest.fixture
def run(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run in the working folder; fewer pictures are generated."""
    monkeypatch.setattr("zoo_detectors.foreign.DRAWN", 24)
    return Path(shutil.copytree(trained, "mine"))


@pytest.fixture
def foreign(tmp_path: Path) -> Callable[..., Path]:
    """A folder of generated pictures: ``foreign("noise", 30)``."""
    from zoo_detectors.generated import generated

    def write(kind: str, count: int) -> Path:
        folder = tmp_path / kind
        folder.mkdir()
        for number, picture in enumerate(generated(kind, count)):
            picture.resize((32, 32)).save(folder / f"{number}.png")
        return folder

    return write
