"""The wheel: what is in it, and that it works by itself."""

from __future__ import annotations

import os
import subprocess
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_all_that_it_needs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "zoo/__main__.py",
        "zoo/registry/registry.yaml",
        "zoo/engine/train.py",
        "zoo_simple/cnn.py",
        "zoo_timm/models.txt",
        "zoo_torchvision/models.txt",
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
    assert "zoo = zoo.__main__:command" in entry_points
    for name in (path.name.removeprefix("zoo_") for path in (ROOT / "plugins").glob("zoo_*")):
        assert f"{name} = zoo_{name}.plugin" in entry_points


def test_the_wheels_zoo_runs_without_a_checkout(world):
    where = run_python(world, "import zoo; print(zoo.__file__)")
    assert Path(where.strip()).is_relative_to(world.python.parents[1]), "the wheel's zoo, not the checkout's"
    job = world.json("run", "simple_cnn", "digits", "--recipe", "article", "--dry-run")["job"]
    assert job["loss"]["name"] == "binary_cross_entropy", "the shipped registry.yaml is read"
    states = world.json("plugins", "list")
    assert {row["state"] for row in states} == {"enabled"}
    assert len(states) == 23


def run_python(world, code: str) -> str:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [world.python, "-c", code]
    return subprocess.run(command, cwd=world.folder, env=env, capture_output=True, text=True, check=True).stdout


def test_the_doctor_finds_nothing_wrong_with_it(world):
    """And the console script is the one that it says is on PATH; a shell's question is answered by it too."""
    path = f"{world.python.parent}:/usr/bin:/bin"
    document = world.json("doctor", PATH=path)
    said = {finding["topic"]: finding for finding in document["findings"]}
    assert not [finding for finding in document["findings"] if finding["state"] == "wrong"]
    assert said["zoo"]["state"] == "ok"
    assert ", installed from " in said["zoo"]["text"], "the wheel, a file"
    assert said["path"]["state"] == "ok"
    assert {"torch", "torchvision", "timm", "[export]", "[serve]", "[sweep]"} <= set(said)
    asked = {"_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": "zoo\ndoc", "COMP_CWORD": "1"}
    assert world.zoo(**asked).stdout == "plain,docs\nplain,doctor\n"
    assert world.zoo("--version").stdout.splitlines()[0] == "zoo " + document["zoo"]
