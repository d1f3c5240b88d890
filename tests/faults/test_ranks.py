"""Two processes that train one network: what they find is what one finds, and one that dies costs nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from zoo.runner.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow


# Neither chance nor batch norms, whose statistics are each process's own: then only the order of additions differs.
STEADY = ("--set", "architecture.channels=[8,16]", "--set", "architecture.dropout=0", "--recipe", "none", "--quiet")
STEADY += ("--precision", "fp32", "--device", "cpu")


@pytest.fixture
def ragged(make_folder) -> Path:
    """67 training and 23 validation pictures: batches of 16 leave three, and an odd number for two."""
    return make_folder({"train/red": 40, "train/blue": 27, "val/red": 10, "val/blue": 13})


def run(shell: Any, folder: Path | str, name: str, *more: str, slow: float = 0.0) -> None:
    words = ("run", "simple_cnn", folder, *STEADY, "--image-size", "16", "--batch-size", "16", "--epochs", "3")
    code, out, err = shell.ended(shell.start(*words, "--name", name, *more, slow=slow))
    assert code == 0, (out, err)


def test_two_processes_learn_what_one_learns_and_measure_the_same(shell, zoo, ragged: Path, read_result):
    run(shell, ragged, "one")
    run(shell, ragged, "two", "--nproc", "2")
    one, two = read_result("runs/one"), read_result("runs/two")
    for mine, theirs in zip(one["epochs"], two["epochs"], strict=True):
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=1e-4)
        assert mine["train"]["accuracy"] == pytest.approx(theirs["train"]["accuracy"], abs=0.02)
        assert mine["val"]["loss"] == pytest.approx(theirs["val"]["loss"], rel=1e-3)
    # The weights that two have made, measured by one: every number is the same, to the last digit.
    again = json.loads(zoo("evaluate", "runs/two", "--json", "--device", "cpu")[1])
    assert again["metrics"]["val"] == two["metrics"]["val"]
    assert again["mistakes"]["val"] == two["mistakes"]["val"]


def test_two_processes_weigh_classes_as_one_does(shell, ragged: Path, read_result):
    """Each has other classes in its part of a batch, and both divide by the whole batch's weight."""
    more = ("--set", "loss.class_weights=[0.2,5]")
    run(shell, ragged, "one", *more)
    run(shell, ragged, "two", "--nproc", "2", *more)
    for mine, theirs in zip(*(read_result(f"runs/{name}")["epochs"] for name in ("one", "two")), strict=True):
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=1e-4)
        assert mine["val"]["loss"] == pytest.approx(theirs["val"]["loss"], rel=1e-3)


CALLBACK = """
from zoo.api.running import Callback

class Slower(Callback):
    'Halve the learning rate, and stop in the middle of an epoch.'
    def step_end(self, state):
        if state.global_step == 2:
            state.lr = state.lr / 2
        if state.global_step == 8:
            state.stop("eight steps")
"""


def test_a_callback_changes_and_stops_all_processes(shell, ragged: Path, read_result):
    Path("slower.py").write_text(CALLBACK)
    Path("registry.yaml").write_text("components:\n  callback:\n    slower: {target: './slower.py:Slower'}\n")
    run(shell, ragged, "one", "--set", "callbacks=slower")
    run(shell, ragged, "two", "--nproc", "2", "--set", "callbacks=slower")
    one, two = read_result("runs/one"), read_result("runs/two")
    assert (one["status"], one["stop_reason"]) == (two["status"], two["stop_reason"]) == ("stopped", "eight steps")
    assert len(one["epochs"]) == len(two["epochs"]) == 2
    assert two["epochs"][0]["train"]["loss"] == pytest.approx(one["epochs"][0]["train"]["loss"], rel=1e-4)
    assert [epoch["lr"] for epoch in two["epochs"]] == [epoch["lr"] for epoch in one["epochs"]]


def test_a_loss_of_whole_batches_is_refused_before_the_run(shell, ragged: Path):
    words = ("run", "simple_cnn", ragged, *STEADY, "--image-size", "16", "--batch-size", "16", "--set", "loss=soft_f1")
    code, _, err = shell.ended(shell.start(*words, "--name", "two", "--nproc", "2"))
    assert code == 2
    assert "loss 'losses/soft_f1' needs the whole batch, but with 2 processes each batch is cut into 2 parts" in err
    assert "Type: --batch-size 8 --nproc 1, or choose another loss" in err
    assert err.count("zoo: ") == 1, err
    assert not Path("runs").exists()


def test_two_processes_that_divide_the_weights_learn_the_same_and_go_on_the_same(
    shell, zoo, ragged: Path, read_result, numbers
):
    """FSDP: bit for bit what it was once resumed, and but for rounding what two whole copies find."""
    divided = ("--nproc", "2", "--set", "train.fsdp=true", "--set", "loss=slow", "--set", "train.checkpoint_s=0.1")
    run(shell, ragged, "whole", "--nproc", "2")
    run(shell, ragged, "divided", *divided)
    whole, parts = read_result("runs/whole"), read_result("runs/divided")
    for mine, theirs in zip(whole["epochs"], parts["epochs"], strict=True):
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=1e-4)
        assert mine["val"]["loss"] == pytest.approx(theirs["val"]["loss"], rel=1e-3)
    again = json.loads(zoo("evaluate", "runs/divided", "--json", "--device", "cpu")[1])
    assert again["metrics"]["val"] == parts["metrics"]["val"]
    words = ("run", "simple_cnn", ragged, *STEADY, "--image-size", "16", "--batch-size", "16", "--epochs", "3")
    process = shell.start(*words, "--name", "stopped", *divided, slow=0.3)
    shell.wait_for(Path("runs/stopped/checkpoints/index.json").is_file, process)
    process.send_signal(signal.SIGTERM)
    assert shell.ended(process)[0] == 130
    assert shell.ended(shell.start("run", "--resume", "runs/stopped", "--nproc", "2", "--quiet"))[0] == 0
    assert numbers(read_result("runs/stopped")) == numbers(parts)


OWN_METRIC = """
import torch
from torchmetrics import Metric
from torchmetrics.classification import MulticlassF1Score, MulticlassStatScores


class Sure(Metric):
    '''Number of confident answers, in a state that torchmetrics adds up over processes.'''

    def __init__(self, num_classes: int):
        super().__init__()
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits, targets):
        self.count += (logits.softmax(1).amax(1) > 0.6).sum()

    def compute(self):
        return self.count


def f1(num_classes: int):
    return MulticlassF1Score(num_classes, average="macro")


def seen(num_classes: int):
    return MulticlassStatScores(num_classes, average=None)
"""


def settings(*values: str) -> tuple[str, ...]:
    return tuple(word for value in values for word in ("--set", value))


RANDOM = settings(
    "architecture.channels=[8,16]",
    "architecture.batch_norm=true",
    "augment=[flip,mixup]",
    "train.accumulate=2",
    "train.ema_decay=0.9",
    "train.l2=0.001",
    "loss.class_weights=[0.2,5]",
    "loss.label_smoothing=0.1",
    "metrics=[accuracy,f1,confusion_matrix,local/sure,local/f1_score,local/seen]",
)
RANDOM += ("--recipe", "none", "--quiet", "--nproc", "2", "--device", "cpu", "--precision", "fp32")
RANDOM += ("--image-size", "16", "--batch-size", "16", "--epochs", "3")
"""Dropout, batch norms, mixup, an average of the weights, class weights, a penalty, steps in pieces, own metrics."""


@pytest.fixture
def own_metrics() -> None:
    Path("own.py").write_text(OWN_METRIC, "utf-8")
    metrics = "sure: {target: './own.py:Sure'}, f1_score: {target: './own.py:f1'}, seen: {target: './own.py:seen'}"
    loss = "slow: {target: './parts.py:slow_weighted'}"
    Path("parts.py").write_text(Path("parts.py").read_text("utf-8") + SLOW_WEIGHTED, "utf-8")
    Path("registry.yaml").write_text(f"components: {{metric: {{{metrics}}}, loss: {{{loss}}}}}\n", "utf-8")


SLOW_WEIGHTED = """

from zoo_losses.losses import CrossEntropy

class SlowWeighted(CrossEntropy):
    def forward(self, logits, targets):
        if logits.requires_grad:
            time.sleep(float(os.environ.get("SLOW", "0")))
        return super().forward(logits, targets)

def slow_weighted(class_weights: list[float] | None = None, label_smoothing: float = 0.0):
    return SlowWeighted(class_weights=class_weights, label_smoothing=label_smoothing)
"""


def test_what_is_random_goes_on_bit_for_bit_after_a_signal_to_one_process(
    shell, zoo, ragged: Path, read_result, numbers, own_metrics
):
    words = ("run", "simple_cnn", ragged, *RANDOM, "--set", "loss=slow")
    code, _, err = shell.ended(shell.start(*words, "--name", "whole"))
    assert code == 0, err
    process = shell.start(*words, "--name", "stopped", slow=0.2)
    shell.wait_for(lambda: Path("runs/stopped/metrics.jsonl").is_file(), process)
    os.kill(shell.rank(process, 1), signal.SIGTERM)
    code, _, err = shell.ended(process)
    assert code != 0, err
    assert shell.ended(shell.start("run", "--resume", "runs/stopped", "--nproc", "2", "--quiet"))[0] == 0
    whole, stopped = read_result("runs/whole"), read_result("runs/stopped")
    assert numbers(stopped) == numbers(whole)
    weights = [Path("runs", name, "model", "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]
    again = json.loads(zoo("evaluate", "runs/whole", "--json", "--device", "cpu")[1])
    assert again["metrics"]["val"] == whole["metrics"]["val"]
    assert again["mistakes"]["val"] == whole["mistakes"]["val"]
    assert {"sure", "f1_score", "seen", "confusion_matrix"} <= set(whole["metrics"]["val"])


@pytest.mark.parametrize(
    "more",
    [
        ("--set", "train.accumulate=3"),
        ("--set", "train.l1=0.001", "--set", "train.l2=0.001", "--set", "train.clip_norm=0.5"),
        ("--set", "train.ema_decay=0.9"),
        ("--freeze", "1", "--set", "train.freeze_epochs=1"),
        ("--set", "compile=on"),
        ("--set", "loss=slow", "--set", "loss.class_weights=[0.2,5]", "--set", "loss.label_smoothing=0.1"),
    ],
    ids=["pieces", "penalties", "average", "thawed", "compiled", "weighted"],
)
def test_two_processes_take_the_steps_of_one(shell, ragged: Path, read_result, own_metrics, more):
    run(shell, ragged, "one", *more)
    run(shell, ragged, "two", "--nproc", "2", *more)
    one, two = read_result("runs/one"), read_result("runs/two")
    for mine, theirs in zip(one["epochs"], two["epochs"], strict=True):
        assert mine["train"]["loss"] == pytest.approx(theirs["train"]["loss"], rel=1e-3)
        assert mine["val"]["loss"] == pytest.approx(theirs["val"]["loss"], rel=2e-3)


FAULTY = """
import os
from torch.nn.functional import cross_entropy

def faulty(fault: str):
    '''Cross entropy, but for what the second process does in training.'''
    steps = []
    def loss(logits, targets):
        begun = os.path.exists("runs/faulty/job.yaml")  # the loss is tried before
        if begun and logits.requires_grad and os.environ.get("RANK") == "1":
            steps.append(1)
            if fault == "nan" and len(steps) == 3:
                return cross_entropy(logits * float("nan"), targets)
        return cross_entropy(logits, targets)
    return loss
"""


@pytest.fixture
def faulty(shell, ragged: Path) -> Any:
    """Run with a fault in the second process: exit code, stdout, stderr."""
    Path("faulty.py").write_text(FAULTY, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {faulty: {target: './faulty.py:faulty'}}}\n", "utf-8")
    words = ("run", "simple_cnn", ragged, *STEADY, "--image-size", "16", "--batch-size", "16", "--epochs", "1")
    how = ("--nproc", "2", "--set", "loss=faulty", "--name", "faulty")
    return lambda fault, *more: shell.ended(shell.start(*words, *how, "--set", f"loss.fault={fault}", *more))


def test_a_nan_of_one_process_ends_both_and_is_not_saved(faulty):
    code, _, err = faulty("nan", "--set", "train.checkpoint_s=0.001")
    assert code == 1
    assert err.count("The loss became nan at step") == 1, err
    kept = load_checkpoint(Path("runs/faulty/checkpoints"))
    assert kept is not None
    assert all(weight.isfinite().all() for weight in kept["parts"]["model"].values())
