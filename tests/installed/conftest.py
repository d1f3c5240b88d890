"""A real environment: the zoo from its own wheel, a stranger's plugins from theirs, real processes, no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ACME = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build]
dev-mode-dirs = ["."]

[project]
name = "zoo-acme"
version = "0.3.0"
description = "Leaves for the zoo"
dependencies = ["visionzoo"]

[project.entry-points."zoo.plugins"]
acme = "zoo_acme.plugin"
""",
    "zoo_acme/__init__.py": '"""Leaves."""\n',
    "zoo_acme/plugin.py": """
from zoo.plugin import Architecture, Dataset, Loss, Metric, hookimpl


@hookimpl
def zoo_architectures():
    yield Architecture("acme_cnn", "zoo_acme.parts:AcmeCNN", summary="A small CNN for leaves", input_size=12)


@hookimpl
def zoo_datasets():
    yield Dataset("acme_leaves", "zoo_acme.parts:Leaves", summary="Leaves, drawn", in_chans=3)


@hookimpl
def zoo_losses():
    yield Loss("poly1", "zoo_acme.parts:Poly1", summary="Poly-1 cross entropy")


@hookimpl
def zoo_metrics():
    yield Metric("acme_hits", "zoo_acme.parts:Hits", summary="How many are right")
""",
    "zoo_acme/parts.py": '''
import torch
from torch import nn


class AcmeCNN(nn.Module):
    """One convolution and a mean."""

    def __init__(self, num_classes: int, in_chans: int = 3, *, width: int = 8):
        super().__init__()
        self.convolution = nn.Conv2d(in_chans, width, 3, padding=1)
        self.output = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.output(self.convolution(images).relu().mean((2, 3)))


class Leaves:
    """Green ones and brown ones."""

    classes = ("brown", "green")

    def __init__(self, root: str | None, split: str, count: int = 32):
        self.targets = [i % 2 for i in range(count)]
        self.fingerprint = f"{split} {count}"

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        colour = torch.tensor([[150, 90, 30], [30, 180, 40]][self.targets[i]], dtype=torch.uint8)
        return colour[:, None, None].expand(3, 12, 12).clone(), self.targets[i]


class Poly1:
    """Cross entropy + epsilon (1 - p_target), Leng et al. 2022."""

    def __init__(self, epsilon: float = 1.0):
        self.epsilon = epsilon

    def __call__(self, logits, targets):
        entropy = nn.functional.cross_entropy(logits, targets, reduction="none")
        return (entropy + self.epsilon * (1 - torch.exp(-entropy))).mean()


class Hits:
    """How many are right."""

    def __init__(self, num_classes: int):
        self.reset()

    def reset(self):
        self.count = 0

    def update(self, logits, targets):
        self.count += int((logits.argmax(1) == targets).sum())

    def compute(self):
        return self.count
''',
}


def run(*command: object, cwd: Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program, with nothing of this checkout on its path."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**env, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def build(source: Path, out: Path, what: str = "wheel", **environment: str) -> Path:
    """Build a project's wheel, or its sdist, with what is installed, without a network."""
    run(sys.executable, "-m", "build", f"--{what}", "--no-isolation", "--outdir", out, source, cwd=out, **environment)
    (built,) = out.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return built


@dataclass
class World:
    """An environment with the zoo installed, and a working folder, cache and configuration of a test's own."""

    python: Path
    folder: Path

    def zoo(self, *words: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Type a command."""
        own = {
            "ZOO_CACHE": str(self.folder / "cache"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "ZOO_OFFLINE": "1",
            "PIP_NO_INDEX": "1",
        }
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        return run(self.python.with_name("zoo"), *words, cwd=work, check=check, **own, **environment)

    def json(self, *words: object, **environment: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.zoo(*words, "--json", **environment).stdout)

    def python_says(self, code: str) -> str:
        """What a Python program writes to stderr."""
        return run(self.python, "-c", code, cwd=self.folder).stderr

    def pip(self, *words: object) -> None:
        run(self.python, "-m", "pip", *words, cwd=self.folder)

    def distributions(self) -> str:
        """All that is installed, with versions."""
        return run(self.python, "-m", "pip", "freeze", "--all", cwd=self.folder).stdout


@pytest.fixture(scope="session", name="build")
def building() -> Any:
    """Build a project's wheel or sdist."""
    return build


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository without a checkout's leftovers."""
    copy = tmp_path_factory.mktemp("source") / "visionzoo"
    leftovers = (".git", ".venv", ".*cache*", ".hypothesis", "__pycache__", "runs", "dist", "build", "site", "shared")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*leftovers))
    return copy


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zoo's own wheel."""
    return build(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def acme_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third party's plugin."""
    source = tmp_path_factory.mktemp("acme") / "acme"
    for name, text in ACME.items():
        (source / name).parent.mkdir(exist_ok=True, parents=True)
        (source / name).write_text(text)
    return source


@pytest.fixture(scope="session")
def acme_wheel(acme_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a wheel."""
    return build(acme_source, tmp_path_factory.mktemp("acme-wheel"))


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the zoo's wheel; its dependencies are those of the environment of the tests.

    A .pth file lends them. It is read before site-packages' own entry points are looked up, but comes after it on
    the path, so the wheel's zoo goes before an editable one, whose finder is switched off.
    """
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    interpreter = home / "bin" / "python"
    site = Path(
        run(interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).stdout.strip()
    )
    lent = home / "lent"
    lent.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.lower().startswith(("visionzoo", "_visionzoo", "__editable__")) and path.suffix != ".pth":
            (lent / path.name).symlink_to(path)
    (site / "lent.pth").write_text(f"{lent}\n")
    run(interpreter, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=home)
    return interpreter


@pytest.fixture
def world(python: Path, tmp_path: Path) -> World:
    return World(python, tmp_path)


@pytest.fixture
def make_wheel(tmp_path: Path) -> Any:
    """Write a wheel by hand, as a build tool would: the quickest way to a hundred of them."""
    return lambda *args, **kwargs: write_wheel(tmp_path, *args, **kwargs)


def write_wheel(
    folder: Path,
    distribution: str,
    source: str,
    *,
    version: str = "1.0",
    plugins: Iterable[str] | None = None,
    requires: Iterable[str] = (),
    **files: str,
) -> Path:
    """A wheel of one module, called as the distribution is, whose plugin is called as it is without ``zoo-``."""
    module = distribution.replace("-", "_")
    names = [distribution.removeprefix("zoo-")] if plugins is None else plugins
    info = f"{module}-{version}.dist-info"
    headers = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
    content = {
        f"{module}.py": source,
        **{f"{name}.py": text for name, text in files.items()},
        f"{info}/METADATA": "\n".join([*headers, *(f"Requires-Dist: {r}" for r in requires), ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[zoo.plugins]\n" + "".join(f"{name} = {module}\n" for name in names),
    }
    if not list(names):
        del content[f"{info}/entry_points.txt"]
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*content, f"{info}/RECORD"]))
    return path
