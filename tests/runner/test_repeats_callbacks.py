"""Components of a plugin's kind that act on repeated runs as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.registry import kinds
from zoo.storage.safe_yaml import read_mapping

Zoo = Callable[..., tuple[int, str, str]]
PLUGIN = """
from zoo.plugin import Component, Kind, hookimpl

class Digest(Component):
    kind = "digest"

@hookimpl
def zoo_kinds():
    return [Kind(Digest, path="digest", choose="optional", option="--digest", repeats="acme_parts:Digests")]

@hookimpl
def zoo_components():
    yield Digest("mean", "acme_parts:mean")
"""
PARTS = """
from zoo.api.running import RepeatsCallback
from zoo.errors import RequestError

def mean(digits: int = 1):
    return digits

class Digests(RepeatsCallback):
    def __init__(self, digits):
        self.digits = digits[0]
    def repeats_start(self, resolved, by, folder, *, new):
        if by == "fold":
            raise RequestError("No digest of folds.")
        self.started = (by, folder.name, new, resolved.job.seed)
    def repeats_end(self, summary, resolved):
        if self.digits == 9:
            raise RequestError("Nine digits are too many.")
        accuracy = summary.metrics["val"]["accuracy"].mean
        return [f"{self.started}: {accuracy:.{self.digits}f} of {len(summary.members)}"]
"""
RUN = (
    *("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture={channels: [4], global_pool: avg}"),
    *("--set", "train.images_per_epoch=64", "--name", "r", "--quiet"),
)


@pytest.fixture(autouse=True)
def acme(make_plugin: Callable[..., Path], request: pytest.FixtureRequest):
    kinds.keep_only()
    make_plugin("acme", PLUGIN, acme_parts=getattr(request, "param", PARTS))
    yield
    kinds.keep_only()


def notices() -> list[str]:
    return json.loads(Path("runs/r/summary.json").read_text("utf-8"))["notices"]


@pytest.mark.slow
def test_it_is_called_before_the_first_and_after_the_last_run(zoo: Zoo):
    assert zoo(*RUN, "--seeds", "2", "--seed", "5", "--digest", "mean", "--set", "digest.digits=2")[0] == 0
    (said,) = [text for text in notices() if text.endswith("of 2")]
    assert said.startswith("('seed', 'r', True, 5): 0.")
    assert "digest" not in read_mapping(Path("runs/r-seed5/job.yaml"))
    result = json.loads(Path("runs/r-seed5/result.json").read_text("utf-8"))
    assert "digest" not in result["job"]
    assert "digest" not in result["provenance"]


def test_it_can_refuse_the_job_before_any_run(zoo: Zoo):
    code, _, error = zoo(*RUN, "--folds", "2", "--digest", "mean")
    assert code == 2
    assert "No digest of folds." in error
    assert not Path("runs").exists()


@pytest.mark.slow
def test_its_failure_keeps_the_runs_and_resuming_repeats_it(zoo: Zoo):
    code, _, error = zoo(*RUN, "--seeds", "2", "--digest", "mean", "--set", "digest.digits=9")
    assert code == 1
    assert "Failed after all 2 runs, which are kept. Resume with: zoo run --resume runs/r" in " ".join(error.split())
    assert "Nine digits are too many." in error
    job = Path("runs/r/repeated.yaml")
    job.write_text(job.read_text().replace("digits: 9", "digits: 3"))
    before = Path("runs/r-seed0/result.json").stat().st_mtime_ns
    assert zoo("run", "--resume", "r", "--quiet")[0] == 0
    assert Path("runs/r-seed0/result.json").stat().st_mtime_ns == before
    assert any("('seed', 'r', False, 0)" in text for text in notices())


def test_a_single_run_is_refused(zoo: Zoo):
    code, _, error = zoo(*RUN, "--digest", "mean")
    assert code == 2
    assert "--digest mean needs repeated runs. Add --seeds N or --folds N, or leave it out." in " ".join(error.split())
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("acme", "word"),
    [
        ("mean = Digests = lambda *_: 3", "not a RepeatsCallback"),
        ("def mean(): return 1", "has no attribute 'Digests'"),
    ],
    indirect=["acme"],
)
def test_code_that_can_not_be_used_is_named(zoo: Zoo, acme: None, word: str):
    code, _, error = zoo(*RUN, "--seeds", "2", "--digest", "mean")
    assert code != 0
    assert word in error
