"""Paths among parameters: a job means the same files in every folder, and a missing one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.host.loader import open_registry
from zoo.job.layers import changes
from zoo.job.paths import same_path, takes_path
from zoo.job.request import Request, make_request
from zoo.job.resolve import resolve

Zoo = Callable[..., tuple[int, str, str]]

PLUGIN = """
from zoo.plugin import Architecture, Augmentation, hookimpl

@hookimpl
def zoo_architectures():
    yield Architecture("wired", "zoo_wired:wired", input_size=8)

@hookimpl
def zoo_augmentations():
    yield Augmentation("styled", "zoo_wired:styled")
"""
CODE = """
from __future__ import annotations
from pathlib import Path
from torch import nn

def wired(num_classes: int, in_chans: int = 3, config: Path | None = None, parts: list[Path] = [], note: str = "./a"):
    \"\"\"A network with a width from a file.\"\"\"
    width = int(config.read_text()) if config else 4
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(width), nn.ReLU(), nn.Linear(width, num_classes))

def styled(size: int, style: str | Path = ""):
    \"\"\"An augmentation with a file.\"\"\"
    return lambda images, targets: (images, targets)
"""


@pytest.fixture
def here(make_plugin: Callable[..., Path]) -> Path:
    make_plugin("acme", PLUGIN, zoo_wired=CODE)
    Path("net.txt").write_text("6")
    return Path.cwd()


def job(*sets: str, file: Path | None = None, architecture: str = "wired") -> dict[str, Any]:
    asked = {} if file else {"architecture": architecture, "dataset": "digits"}
    request = make_request(asked, file=file)
    return resolve(Request(request.options, sets, file), open_registry()).job.plain()


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (Path, True),
        (Path | None, True),
        (str | Path, True),
        (list[Path], True),
        (str, False),
        (Any, False),
    ],
)
def test_a_path_is_seen_in_an_annotation(annotation: Any, found: bool):
    assert takes_path(annotation) is found


def test_paths_in_parameters_are_absolute_and_other_texts_stay(here: Path):
    found = job("architecture.config=net.txt", "architecture.parts=[a, ../b]", "augment=[{name: styled, style: s.png}]")
    assert found["architecture"]["config"] == str(here / "net.txt")
    assert found["architecture"]["parts"] == [str(here / "a"), str(here.parent.resolve() / "b")]
    assert found["architecture"]["note"] == "./a"
    assert found["augment"][0]["style"] == str(here / "s.png")
    assert job("augment=[{name: styled, style: 'https://a.b/s.png'}]")["augment"][0]["style"] == "https://a.b/s.png"


def test_paths_in_a_job_file_are_relative_to_it_else_to_the_working_folder(here: Path, make_folder: Any):
    jobs = here / "jobs"
    jobs.mkdir()
    (jobs / "other.txt").write_text("5")
    make_folder({"a": 3, "b": 3}).rename(jobs / "photos")
    text = "architecture: {name: wired, config: %s}\ndataset: {name: image_folder, root: photos}\n"
    (jobs / "a.yaml").write_text(text % "other.txt")
    found = job(file=jobs / "a.yaml")
    assert found["architecture"]["config"] == str(jobs / "other.txt")
    assert found["dataset"]["root"] == str(jobs / "photos")
    (jobs / "b.yaml").write_text(text % "net.txt")
    assert job(file=Path("jobs/b.yaml"))["architecture"]["config"] == str(here / "net.txt")
    (jobs / "c.yaml").write_text("architecture: wired\ndataset: ./photos\n")
    assert job(file=jobs / "c.yaml")["dataset"]["root"] == str(jobs / "photos")


def test_paths_in_registry_yaml_are_relative_to_it(here: Path, monkeypatch: pytest.MonkeyPatch):
    import platformdirs

    home = platformdirs.user_config_path("visionzoo")
    home.mkdir(parents=True)
    (home / "mine.txt").write_text("5")
    (home / "registry.yaml").write_text("components: {architecture: {mine: {base: wired, params: {config: mine.txt}}}}")
    assert job(architecture="mine")["architecture"]["config"] == str(home.resolve() / "mine.txt")
    assert job("architecture.config=net.txt", architecture="mine")["architecture"]["config"] == str(here / "net.txt")


def test_a_trained_model_is_used_from_another_folder(here: Path, zoo: Zoo, tmp_path: Path, monkeypatch):
    words = (
        "run",
        "wired",
        "digits",
        "--set",
        "architecture.config=net.txt",
        "--epochs",
        "1",
        "--name",
        "a",
        "--quiet",
    )
    code, _, err = zoo(*words)
    assert code == 0, err
    monkeypatch.chdir(tmp_path)
    code, out, err = zoo("evaluate", here / "runs" / "a", "--json")
    assert code == 0, err
    (here / "net.txt").unlink()
    code, _, err = zoo("evaluate", here / "runs" / "a")
    assert code == 2
    assert str(here / "net.txt") in err
    assert "its parameter config" in err
    assert "zoo_wired.py" in err
    assert json.loads(out)["job"]["architecture"]["config"] == str(here / "net.txt")


def test_an_older_job_with_a_relative_path_is_unchanged(here: Path):
    request = make_request({"architecture": "wired", "dataset": "digits", "set": {"architecture.config": "net.txt"}})
    resolved = resolve(request, open_registry())
    old = resolved.job.plain()
    old["architecture"]["config"] = "net.txt"
    assert changes(old, resolved.job) == []
    old["architecture"]["config"] = "t.txt"
    assert len(changes(old, resolved.job)) == 1
    assert same_path("./a/b.txt", "/x/a/b.txt")
    assert not same_path("/a/b.txt", "/x/a/b.txt")
