"""Third-party distributions built by pip into wheels, and commands typed where those wheels are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
DISTRIBUTIONS = sorted(path.name for path in HERE.glob("zoo-*"))
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
OFFLINE = ["--no-deps", "--no-index", "--no-cache-dir"]
collect_ignore_glob = ["zoo-*"]  # their own tests run where the wheels are installed

# One process imports torch once for all commands, each with its own stdout and stderr.
DRIVER = """
import json, os, sys, tempfile
from zoo.__main__ import main

answer, done = os.dup(1), []
for words in json.loads(sys.argv[1]):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
        code = main(words)
        sys.stdout.flush(), sys.stderr.flush()
        done.append([code, *(file.seek(0) or file.read() for file in (out, err))])
os.write(answer, json.dumps(done).encode())
"""


class Answer(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.out + self.err
        return json.loads(self.out)


@dataclass
class Installed:
    """Folders with installed distributions, and a working folder."""

    sites: list[Path]
    work: Path

    def zoo(self, *commands: str, **variables: object) -> list[Answer]:
        """Type commands one after the other, in one process."""
        done = self.python("-c", DRIVER, json.dumps([line.split() for line in commands]), **variables)
        assert done.stdout, done.stderr
        return [Answer(*found) for found in json.loads(done.stdout)]

    def python(self, *words: str, **variables: object) -> subprocess.CompletedProcess[str]:
        """Run Python where the distributions are installed, beside the zoo under test."""
        here = [path for path in sys.path if Path(path, "zoo/plugin.py").is_file() or Path(path, "zoo_simple").is_dir()]
        own = {"PYTHONPATH": os.pathsep.join(map(str, [*self.sites, *here])), "COLUMNS": "100"}
        own |= {"ZOO_HOOK_PATIENCE_S": "120", **{name: str(value) for name, value in variables.items()}}
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=self.work, env={**os.environ, **own}, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A wheel of each distribution, by name."""
    source, out = tmp_path_factory.mktemp("source") / "downstream", tmp_path_factory.mktemp("wheels")
    shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    projects = [source / name for name in DISTRIBUTIONS]
    _run([*PIP, "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", out, *projects])
    return {path.name.partition("-")[0].replace("_", "-"): path for path in out.glob("*.whl")}


@pytest.fixture(scope="session")
def together(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed all wheels."""
    site = tmp_path_factory.mktemp("together")
    _run([*PIP, "install", *OFFLINE, "--target", site, *wheels.values()])
    return site


@pytest.fixture
def alone(wheels: dict[str, Path], tmp_path: Path) -> Callable[[str], Installed]:
    """Unpack one distribution's wheel: ``alone("zoo-medical")``."""

    def install(name: str) -> Installed:
        with zipfile.ZipFile(wheels[name]) as archive:
            archive.extractall(tmp_path / name)
        (tmp_path / "work").mkdir()
        return Installed([tmp_path / name], tmp_path / "work")

    return install


@pytest.fixture
def world(together: Path, tmp_path: Path) -> Installed:
    """All distributions, and an empty folder to work in."""
    return Installed([together], tmp_path)


def _run(command: list[Any]) -> None:
    unset = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in command], env=unset, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
