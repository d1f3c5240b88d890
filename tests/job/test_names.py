"""A run's job.yaml names components by full ids, which mean the same as short names everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.host.loader import open_registry
from zoo.job.layers import changes
from zoo.job.names import identify_in
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.job.schema import Choice

Zoo = Callable[..., tuple[int, str, str]]

PLUGIN = """
from zoo.plugin import Architecture, Loss, Metric, hookimpl

@hookimpl
def zoo_losses():
    yield Loss("hinge", "zoo_NAME:Hinge", aliases=("svm",))
    yield Loss("focal", "zoo_NAME:Hinge")

@hookimpl
def zoo_metrics():
    yield Metric("misses", "zoo_NAME:Misses", higher_is_better=False)
    yield Metric("accuracy", "zoo_NAME:Misses", higher_is_better=False)

class Hinge:
    def __init__(self, margin: float = 1.0):
        self.margin = margin

    def __call__(self, logits, targets):
        from torch.nn.functional import multi_margin_loss
        return multi_margin_loss(logits, targets, margin=self.margin)

class Misses:
    def __init__(self, num_classes: int):
        self.reset()

    def reset(self):
        self.count = 0

    def update(self, logits, targets):
        self.count += int((logits.argmax(1) != targets).sum())

    def compute(self):
        return self.count
"""


@pytest.fixture
def acme(make_plugin: Callable[..., Path]) -> Callable[[], None]:
    make_plugin("acme", PLUGIN.replace("NAME", "acme"))

    def rival() -> None:
        make_plugin("best", PLUGIN.replace("NAME", "best"))

    return rival


def resolved(file: Path | None = None, **asked: Any) -> Resolved:
    wanted = asked if file else {"architecture": "simple_cnn", "dataset": "digits", **asked}
    return resolve(make_request(wanted, file=file), open_registry())


def typed(zoo: Zoo, *words: object) -> str:
    code, out, err = zoo(*words)
    assert code == 0, err
    return out


def test_the_job_of_a_run_has_full_ids_and_its_reports_short_names(acme, zoo: Zoo, read_result):
    words = ("simple_cnn", "digits", "--epochs", "1", "--quiet", "--set", "loss=svm", "--set", "metrics=[misses]")
    typed(zoo, "run", *words, "--set", "train.monitor=val/misses", "--name", "a")
    job = yaml.safe_load(Path("runs/a/job.yaml").read_text("utf-8"))
    assert job["loss"] == {"name": "acme/svm", "margin": 1.0}
    assert (job["architecture"]["name"], job["dataset"]["name"]) == ("simple/simple_cnn", "images/digits")
    assert [each["name"] for each in job["metrics"]] == ["acme/misses"]
    assert all("/" in job["train"][key]["name"] for key in ("optimizer", "schedule", "sampler"))
    assert all("/" in each["name"] for each in job["augment"])
    result = read_result("runs/a")
    assert (result["job"]["loss"]["name"], result["job"]["architecture"]["name"]) == ("svm", "simple_cnn")

    acme()  # another plugin with the same names is installed
    with pytest.raises(Exception, match="acme/hinge"):
        resolved(loss="hinge")
    again = typed(zoo, "run", "runs/a/job.yaml", "--name", "b", "--json")
    found = json.loads(again)
    assert found["epochs"][0]["val"]["misses"] == result["epochs"][0]["val"]["misses"]
    assert found["epochs"][0]["train"]["loss"] == result["epochs"][0]["train"]["loss"]
    assert found["job"]["architecture"]["name"] == "simple_cnn"
    assert found["job"]["loss"]["name"] == "acme/svm", "the short name means two plugins' now"
    typed(zoo, "run", "--resume", "a", "--epochs", "2", "--quiet")
    assert len(read_result("runs/a")["epochs"]) == 2
    assert "misses" in read_result("runs/a")["epochs"][1]["val"]
    assert yaml.safe_load(Path("runs/a/job.yaml").read_text("utf-8"))["loss"]["name"] == "acme/svm"
    assert json.loads(typed(zoo, "evaluate", "a", "--json"))["job"]["architecture"]["name"] == "simple_cnn"


def test_full_ids_and_short_names_are_one_job(acme):
    short = resolved(loss="hinge", metrics=["misses"], set={"train.monitor": "val/misses"})
    full = resolved(
        architecture="simple/simple_cnn",
        dataset="images/digits",
        loss="acme/hinge",
        metrics=["acme/misses"],
        set={"train.monitor": "val/acme/misses"},
    )
    identify = identify_in(short.registry)
    assert changes(short.job.plain(), full.job, identify) == []
    assert changes(full.job.plain(), short.job, identify) == []
    assert changes(short.job.plain(), resolved(loss="focal").job, identify)[0].startswith("loss.name: 'hinge' before")
    assert full.job.train.monitor == "val/misses"
    assert full.recipe == short.recipe
    assert full.job.recipe == short.job.recipe


def test_a_recipe_is_the_same_for_a_full_id(acme):
    Path("registry.yaml").write_text(
        "recipes:\n  mine: {when: {architecture: [simple_cnn], dataset: [digits]}, seed: 5}\n"
        "  other: {when: {architecture: [simple/*], dataset: [digits]}, seed: 6}\n"
    )
    seeds = {resolved(architecture=name).job.seed for name in ("simple_cnn", "simple/simple_cnn")}
    assert seeds == {5}


@pytest.mark.parametrize(
    ("name", "label"),
    [("f1", "f1"), ("metrics/f1", "f1"), ("acme/misses", "misses"), ("acme/accuracy", "acme/accuracy")],
)
def test_a_metric_is_called_the_same_however_it_is_named(name: str, label: str):
    assert Choice(name=name).label == label


def test_a_metric_of_a_reserved_name_keeps_its_full_id(acme):
    found = resolved(metrics=["acme/accuracy", "acme/misses", "metrics/f1"])
    assert [each.name for each in found.job.metrics][:2] == ["acme/accuracy", "misses"]


def test_a_job_file_with_short_names_stays_readable(acme, tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text("architecture: simple_cnn\ndataset: images/digits\nloss: {name: acme/hinge, margin: 2}\n")
    found = resolved(file)
    names = (found.job.architecture.name, found.job.dataset.name, found.job.loss.name)
    assert names == ("simple_cnn", "images/digits", "acme/hinge"), "as they were written"
    assert found.entry("loss").id == "acme/hinge"
    assert found.job.loss.params == {"margin": 2.0}
