"""The plugin as it is here, for the unit tests; and really built and installed, for those that type commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
PHOTOS = Path(os.environ.get("ZOO_TEST_PHOTOS", PROJECT.parents[2] / "shared" / "data" / "cats_dogs"))
sys.path.insert(0, str(PROJECT))

Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras on torch, as the plugin imports it."""
    from zoo_keras.backend import load

    return load()


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """Two hundred real photographs of the validation split, cats and dogs."""
    if not PHOTOS.is_dir():
        pytest.skip(f"no photographs: set ZOO_TEST_PHOTOS to a folder with val/cats and val/dogs (looked in {PHOTOS})")
    return [path for name in ("cats", "dogs") for path in sorted((PHOTOS / "val" / name).glob("*.jpg"))[:100]]


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which commands are typed."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables under which the plugin is found as pip has installed it."""
    home = tmp_path_factory.mktemp("installed")
    source, site = home / "source", home / "site"
    shutil.copytree(PROJECT, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    flags = ["-q", "--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", *flags, "--target", site, source]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    here = [path for path in sys.path if Path(path, "zoo", "plugin.py").is_file() or Path(path, "zoo_simple").is_dir()]
    own = {"ZOO_CACHE": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config"), "ZOO_OFFLINE": "1"}
    own |= {"PYTHONPATH": os.pathsep.join([str(site), *here]), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"} | own


@pytest.fixture(scope="session")
def zoo(work: Path, installed: dict[str, str]) -> Typed:
    """Type a command where pip has installed the built plugin: ``zoo("list")``."""

    def typed(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zoo", *map(str, words)]
        return subprocess.run(
            command, cwd=work, env={**installed, **variables}, capture_output=True, text=True, check=False
        )

    return typed


@pytest.fixture
def kill_at_first_checkpoint(work: Path, installed: dict[str, str]) -> Callable[..., None]:
    """Start a run called ``killed``, and kill it by SIGKILL once it has written a checkpoint."""

    def start(*words: str) -> None:
        process = subprocess.Popen([sys.executable, "-m", "zoo", *words], cwd=work, env=installed)
        try:
            while not (work / "runs" / "killed" / "checkpoints" / "index.json").is_file():
                assert process.poll() is None, "it ended before"
                time.sleep(0.01)
        finally:
            process.kill()
            process.wait()

    return start
