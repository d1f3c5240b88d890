"""Components of other forms train and resume: features, losses with weights, closures, and two sets of weights.

They are those of docs/register-your-own.md.
"""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import zoo
from zoo.engine.batch_weights import compare_parts
from zoo.engine.execution import Execution
from zoo.engine.layer_groups import Block
from zoo.errors import Interrupted, RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.checkpoint import load_checkpoint
from zoo.runner.components import RunComponents
from zoo.runner.observer import Observer
from zoo.testing import checks_of, run_checks

PAGE = Path(__file__).parents[2] / "docs" / "register-your-own.md"
CHOSEN = {
    "arcface": ("embedding", {"loss": "arcface"}),
    "triplet": ("embedding", {"loss": "triplet"}),
    "sam": ("simple_cnn", {"train.optimizer": "sam", "train.lr": 0.05, "train.clip_norm": 1.0, "train.l2": 1e-5}),
    "free": ("simple_cnn", {"train.optimizer": "free", "train.lr": 0.1, "train.schedule": "constant"}),
    "lbfgs": ("simple_cnn", {"train.optimizer": "lbfgs", "train.lr": 0.1}),
}
SMALL = {"architecture.channels": [8], "architecture.batch_norm": True}
REGISTRY = """
version: 1
components:
  architecture:
    embedding: {target: "./my_metric_learning.py:Embedding"}
  loss:
    arcface: {target: "./my_metric_learning.py:ArcFace"}
    triplet: {target: "./my_metric_learning.py:Triplet"}
  metric:
    spread: {target: "./my_others.py:Spread"}
  optimizer:
    sam: {target: "./my_optimizers.py:SAM"}
    free: {target: "./my_optimizers.py:ScheduleFree"}
    lbfgs: {target: "./my_others.py:lbfgs"}
"""
OTHERS = '''
import torch


class Spread:
    """The standard deviation of the features."""

    def __init__(self, num_classes: int, classes: list):
        assert len(classes) == num_classes
        self.reset()

    def reset(self):
        self.parts = []

    def update(self, logits, targets, features):
        self.parts.append(features)

    def compute(self):
        return torch.cat(self.parts).std()


def lbfgs(params, lr: float, weight_decay: float = 0.0):
    """LBFGS, which takes no groups."""
    return torch.optim.LBFGS([p for group in params for p in group["params"]], lr, max_iter=2)
'''

SCHEDULEFREE = """

def adamfree(params, lr: float, weight_decay: float = 0.0):
    import schedulefree

    return schedulefree.AdamWScheduleFree(params, lr=lr, weight_decay=weight_decay)
"""


class Stops(Observer):
    """Is interrupted at a step of an epoch."""

    def __init__(self, epoch: int, step: int):
        self.at, self.now = (epoch, step), (0, 0)

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        self.now = (epoch, 0)

    def step(self, seen: int, totals: Any) -> None:
        self.now = (self.now[0], self.now[1] + 1)
        if self.now == self.at:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def components(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for code, name in re.findall(r"```python\n(# (my_\w+\.py)\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        Path(name).write_text(code, "utf-8")
    Path("my_others.py").write_text(OTHERS, "utf-8")
    Path("registry.yaml").write_text(REGISTRY, "utf-8")


def run(form: str, name: str, observer: Observer | None = None, **more: Any) -> Any:
    architecture, sets = CHOSEN[form]
    sets = {**(SMALL if architecture == "simple_cnn" else {}), **sets, **more.pop("set", {})}
    fixed = {"epochs": 2, "precision": "fp32", "device": "cpu", "batch_size": 128}
    dataset = more.pop("dataset", "digits")
    return zoo.run(architecture, dataset, name=name, observer=observer, set=sets, **{**fixed, **more})


def weights_of(name: str) -> bytes:
    return Path("runs", name, "model", "model.safetensors").read_bytes()


def losses_of(name: str) -> list[Any]:
    epochs = json.loads(Path("runs", name, "result.json").read_text("utf-8"))["epochs"]
    return [(epoch["train"], epoch["val"]) for epoch in epochs]


def checkpoint_of(name: str) -> dict[str, Any]:
    found = load_checkpoint(Path("runs", name, "checkpoints"))
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("form", CHOSEN)
def test_a_run_that_is_resumed_ends_like_one_that_was_not(form: str):
    run(form, "whole")
    before, after = losses_of("whole")
    assert after[0]["loss"] < before[0]["loss"]
    with pytest.raises(Interrupted):
        run(form, "parted", Stops(2, 4))
    run(form, "parted", resume=True)
    assert losses_of("parted") == losses_of("whole")
    assert weights_of("parted") == weights_of("whole")


@pytest.mark.slow
def test_the_weights_of_a_loss_are_trained_counted_and_kept():
    result = run("arcface", "arc", metrics=["spread"], set={"train.clip_norm": 1.0, "train.ema_decay": 0.9})
    document = json.loads(Path("runs", "arc", "result.json").read_text("utf-8"))
    assert document["model"]["loss_parameters"] == 320
    kept = checkpoint_of("arc")
    assert kept["parts"]["loss"]["weight"].shape == (10, 32)
    run("arcface", "short", epochs=1)
    assert not torch.equal(checkpoint_of("short")["parts"]["loss"]["weight"], kept["parts"]["loss"]["weight"])
    names = load_file(Path("runs", "arc", "model", "model.safetensors"))
    assert all(name.startswith(("body.", "output.")) for name in names), "the loss is no part of the model"
    assert result.metrics["val"]["spread"] > 0
    assert "spread" in result.metrics["val"]["intervals"]
    found = zoo.evaluate("arc")
    assert found.metrics["val"].get("loss") is None
    assert found.metrics["val"]["spread"] == pytest.approx(result.metrics["val"]["spread"], rel=1e-4)
    assert any("trained weights" in notice for notice in found["notices"])


def test_the_best_epoch_is_measured_with_its_own_weights_of_the_loss():
    result = run("arcface", "arc", epochs=3, set={"train.monitor": "train/loss", "train.min_delta": 100.0})
    assert result.record.best_epoch == 1
    assert result.metrics["val"]["loss"] == pytest.approx(losses_of("arc")[0][1]["loss"], rel=1e-6)


def test_features_are_averaged_over_views_and_computed_with_a_frozen_backbone():
    views = run("triplet", "views", epochs=1, tta="flip", metrics=["spread"])
    assert views.metrics["val"]["spread"] > 0
    frozen = run("triplet", "frozen", epochs=1, freeze="backbone", augment=[])
    assert frozen.metrics["val"]["loss"] > 0


def test_a_loss_of_features_needs_a_network_that_has_them():
    with pytest.raises(
        RequestError, match=r"'local/arcface' takes 'num_features', but architecture 'simple/simple_cnn'"
    ):
        zoo.run("simple_cnn", "digits", set={"loss": "arcface"}, name="refused")
    assert not Path("runs", "refused").exists()


@pytest.mark.parametrize("declared", [True, False])
def test_a_batch_is_not_cut_for_a_triplet_loss(declared: bool):
    if not declared:  # then the trial finds it
        page = Path("my_metric_learning.py")
        page.write_text(page.read_text("utf-8").replace("    needs_whole_batch = True\n", ""), "utf-8")
    reason = "needs the whole batch" if declared else "is not a mean over images"
    with pytest.raises(RequestError, match=rf"'local/triplet' {reason}.*--batch-size 64 --set train.accumulate=1"):
        run("triplet", "cut", set={"train.accumulate": 2})
    assert not Path("runs").exists()


def test_a_batch_is_cut_for_a_loss_with_weights_and_for_a_weighted_mean():
    assert run("arcface", "cut", epochs=1, set={"train.accumulate": 2}).metrics["val"]["loss"] > 0
    loss = runpy.run_path("my_weighted_loss.py")["Weighted"]([0.1, 1.0, 7.0])
    logits = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    for targets in (torch.arange(24) // 8, logits.flip(0).softmax(1)):
        assert compare_parts(loss, logits, targets).agree


def test_a_closure_is_refused_with_float16():
    block = Block("all", tuple(torch.nn.Linear(2, 2).parameters()))
    asked = make_request({"architecture": "simple_cnn", "dataset": "digits", "set": {"train.optimizer": "sam"}})
    parts: Any = SimpleNamespace(
        resolved=resolve(asked, open_registry()),
        learner=SimpleNamespace(learning=lambda: [block]),
        model=torch.nn.Linear(2, 2),
        loss_fn=torch.nn.CrossEntropyLoss(),
        execution=Execution(torch.device("cpu"), torch.float16),
    )
    with pytest.raises(RequestError, match=r"optimizer 'local/sam' needs a closure, which fp16 .*--precision fp32"):
        RunComponents.new_optimizer(parts)


@pytest.mark.parametrize(
    "name", ["optimizer/sam", "optimizer/free", "loss/arcface", "loss/triplet", "architecture/embedding"]
)
def test_they_pass_the_checks_of_their_kind(name: str):
    kind, _, word = name.partition("/")
    report = run_checks(checks_of(open_registry().find(kind, word)))
    general = ("summary", "docstring", "typed parameters")
    assert [(o.check.name, o.message) for o in report.failed if o.check.name not in general] == []


def test_schedulefree_trains(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("schedulefree")
    Path("my_others.py").write_text(OTHERS + SCHEDULEFREE, "utf-8")
    Path("registry.yaml").write_text(REGISTRY + '    adamfree: {target: "./my_others.py:adamfree"}\n', "utf-8")
    sets = {"train.optimizer": "adamfree", "train.lr": 0.01, "train.schedule": "constant"}
    result = zoo.run("simple_cnn", "digits", epochs=2, set=sets, precision="fp32", device="cpu")
    assert result.metrics["val"]["accuracy"] > 0.5


@pytest.mark.slow
def test_a_predicting_model_gives_logits_alone():
    run("triplet", "net", epochs=1)
    assert len(zoo.load("net").predict(torch.zeros(2, 1, 8, 8))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("form", ["arcface", "triplet"])
def test_metric_learning_trains_on_photos(form: str, photos: Path):
    result = run(form, "photos", dataset="image_folder", data=photos, epochs=6, image_size=48, batch_size=32, lr=0.003)
    first, *_, last = losses_of("photos")
    assert last[0]["loss"] < first[0]["loss"]
    assert result.metrics["val"]["accuracy"] > 0.5
