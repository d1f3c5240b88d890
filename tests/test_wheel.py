"""The wheel: what is in it, and that a stranger's plugin, from a wheel of its own, is a plugin like any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
ACME = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

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

    def __init__(self, root, split: str, count: int = 32):
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


def build(source: Path, out: Path) -> Path:
    """Build a project's wheel with what is installed, without a network."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zoo's own wheel, built from a copy: a checkout's leftovers are no part of it."""
    source = tmp_path_factory.mktemp("source") / "visionzoo"
    ignore = shutil.ignore_patterns(".*", "__pycache__", "runs", "dist", "build")
    shutil.copytree(ROOT, source, ignore=ignore)
    return build(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def acme_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third party's plugin as a wheel."""
    source = tmp_path_factory.mktemp("acme")
    for name, text in ACME.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    return build(source, tmp_path_factory.mktemp("acme-wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the zoo's wheel; its dependencies are those of the environment of the tests.

    A .pth file lends them. It is read before site-packages' own entry points are looked up, but comes after it on
    the path, so the wheel's zoo goes before an editable one, whose finder is switched off.
    """
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", home, cwd=home)
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


def test_the_wheel_has_all_that_it_needs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "zoo/__main__.py",
        "zoo/registry.yaml",
        "zoo/engine/train.py",
        "zoo_simple/cnn.py",
        "zoo_timm/models.txt",
        "zoo_optim/timm_optimizers.txt",
        "zoo_images/art/pets.py",
    ):
        assert needed in names
    packages = {"zoo", *(path.name for path in (ROOT / "plugins").glob("zoo_*"))}
    for package in packages:
        folder = ROOT / package if package == "zoo" else ROOT / "plugins" / package
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{package}/{path.relative_to(folder).as_posix()}" in names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages, "and nothing else"


def test_the_wheels_metadata(wheel):
    archive = zipfile.ZipFile(wheel)
    info = next(name for name in archive.namelist() if name.endswith("METADATA")).rpartition("/")[0]
    metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert metadata["Name"] == "visionzoo"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f"{info}/licenses/LICENSE" in archive.namelist()
    entry_points = archive.read(f"{info}/entry_points.txt").decode()
    assert "zoo = zoo.__main__:main" in entry_points
    for name in ("simple", "images", "losses", "metrics", "augment", "optim", "timm"):
        assert f"{name} = zoo_{name}.plugin" in entry_points


def test_a_plugin_from_a_wheel_comes_and_goes(python, acme_wheel, tmp_path):
    zoo = python.with_name("zoo")
    world = {"ZOO_CACHE": str(tmp_path / "cache"), "ZOO_OFFLINE": "1", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    where = run(python, "-c", "import zoo, torch; print(zoo.__file__)", cwd=tmp_path).stdout
    assert Path(where.strip()).is_relative_to(python.parents[1]), "the wheel's zoo, not the checkout's"

    assert run(zoo, "run", "acme_cnn", "acme_leaves", cwd=tmp_path, check=False, **world).returncode == 2
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", acme_wheel, cwd=tmp_path)
    rows = json.loads(run(zoo, "list", "--search", "acme", "--json", cwd=tmp_path, **world).stdout)
    assert {row["id"] for row in rows} == {"acme/acme_cnn", "acme/acme_leaves", "acme/poly1", "acme/acme_hits"}
    assert {(row["distribution"], row["version"]) for row in rows} == {("zoo-acme", "0.3.0")}

    words = (
        "--epochs",
        "12",
        "--lr",
        "0.03",
        "--set",
        "loss=poly1",
        "--set",
        "metrics=[acme_hits]",
        "--name",
        "leaves",
    )
    result = json.loads(run(zoo, "run", "acme_cnn", "acme_leaves", *words, "--json", cwd=tmp_path, **world).stdout)
    assert result["metrics"]["val"]["accuracy"] == 1.0
    assert result["metrics"]["val"]["acme_hits"] == 32
    assert result["provenance"]["architecture"]["distribution"] == "zoo-acme"
    assert result["provenance"]["train.optimizer"]["distribution"] == "visionzoo"
    assert (tmp_path / "runs/leaves/report.html").stat().st_size > 1000, "its template came with the wheel"

    run(python, "-m", "pip", "uninstall", "--yes", "zoo-acme", cwd=tmp_path)
    assert json.loads(run(zoo, "list", "--search", "acme", "--json", cwd=tmp_path, **world).stdout) == []
    gone = run(zoo, "evaluate", "leaves", cwd=tmp_path, check=False, **world)
    assert gone.returncode == 2
    assert "zoo-acme" in gone.stderr
    assert "pip install zoo-acme==0.3.0" in gone.stderr


def test_the_wheels_zoo_runs_without_a_checkout(python, tmp_path):
    zoo = python.with_name("zoo")
    world = {"ZOO_CACHE": str(tmp_path / "cache"), "ZOO_OFFLINE": "1", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    words = ("run", "simple_cnn", "digits", "--recipe", "article", "--dry-run", "--json")
    job = json.loads(run(zoo, *words, cwd=tmp_path, **world).stdout)["job"]
    assert job["loss"]["name"] == "binary_cross_entropy", "the shipped registry.yaml is read"
    states = json.loads(run(zoo, "plugins", "list", "--json", cwd=tmp_path, **world).stdout)
    assert {row["state"] for row in states} == {"enabled"}
    assert len(states) == 7
