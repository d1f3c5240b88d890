"""A real virtual environment with the plugin really installed, and with the zoo of the tests' own environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
# The unit tests import the package from here; what is installed is tested in the environment below.
sys.path.insert(0, str(PROJECT))

_OURS = ("tensorboard", "mlflow")
_UNSET = ("PYTHONPATH", "VIRTUAL_ENV", "ZOO_TRACKING", "MLFLOW_TRACKING_URI", "PYTHONSTARTUP")


@dataclass
class World:
    """An environment and a folder to work in; ``extra`` holds the trackers, for the commands that are to find them."""

    python: Path
    work: Path
    extra: Path

    def command(self, *words: object, trackers: bool = True, **variables: str) -> dict[str, Any]:
        """What subprocess needs to type a command in it."""
        env = {k: v for k, v in os.environ.items() if k not in _UNSET}
        own = {"ZOO_CACHE": str(self.work / "cache"), "XDG_CONFIG_HOME": str(self.work / "config"), "ZOO_OFFLINE": "1"}
        # A slow machine is no reason for the zoo to leave the plugin out of a run.
        own |= {"OMP_NUM_THREADS": "1", "COLUMNS": "100", "ZOO_HOOK_PATIENCE_S": "120"}
        if trackers:
            own["PYTHONPATH"] = str(self.extra)
        return {"args": [str(w) for w in (self.python, *words)], "cwd": self.work, "env": {**env, **own, **variables}}

    def type(self, *words: object, trackers: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """``type("-m", "zoo", "list")`` and what came of it."""
        return subprocess.run(
            **self.command(*words, trackers=trackers, **variables), capture_output=True, text=True, check=False
        )

    @staticmethod
    def job(name: str, epochs: int) -> list[str]:
        """The smallest network that the zoo has, on the smallest pictures."""
        size = ["--image-size", "8", "--set", "architecture.channels=[8]"]
        return ["-m", "zoo", "run", "simple_cnn", "digits", "--epochs", str(epochs), *size, "--name", name]

    def train(self, name: str, **options: Any) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        """Two quick epochs on the digits."""
        done = self.type(*self.job(name, 2), "--json", **options)
        assert done.returncode == 0, done.stderr
        return done, json.loads(done.stdout)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Libraries are lent by links and a .pth file, all but the trackers; the plugin is built and installed by pip."""
    home = tmp_path_factory.mktemp("world")
    lent_pip = find_spec("pip") is not None
    subprocess.run([sys.executable, "-m", "venv", *["--without-pip"][: int(lent_pip)], home / "venv"], check=True)
    python = home / "venv" / "bin" / "python"
    _lend(home, _site_packages(python))
    source = home / "source"  # a copy: building leaves nothing behind in the checkout
    shutil.copytree(PROJECT, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    pip = [sys.executable, "-m", "pip", "--python", python] if lent_pip else [python, "-m", "pip"]
    flags = ["-q", "--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir", "--disable-pip-version-check"]
    env = {k: v for k, v in os.environ.items() if k not in _UNSET}
    done = subprocess.run([*pip, "install", *flags, source], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    work = home / "work"
    work.mkdir()
    yield World(python, work, home / "extra")
    shutil.rmtree(home, ignore_errors=True)


def _site_packages(python: Path) -> Path:
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", show], capture_output=True, text=True, check=True).stdout.strip())


def _lend(home: Path, site: Path) -> None:
    """Everything that is installed here, as links; the trackers in a folder of their own."""
    (home / "lent").mkdir()
    (home / "extra").mkdir()
    for entry in (Path(p) for p in sys.path if Path(p).name == "site-packages"):
        for path in entry.iterdir():
            if path.suffix == ".pth" or path.name.startswith("zoo_tracking"):
                continue
            target = home / ("extra" if path.name.startswith(_OURS) else "lent") / path.name
            if not target.exists():
                target.symlink_to(path)
    # An editable zoo is in no site-packages, but on the path.
    checkouts = [p for p in sys.path if Path(p, "zoo", "plugin.py").is_file() or Path(p, "zoo_simple").is_dir()]
    lines = [str(home / "lent"), *(str(Path(p).absolute()) for p in checkouts if Path(p).name != "site-packages")]
    (site / "lent.pth").write_text("\n".join(lines) + "\n")
