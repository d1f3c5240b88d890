"""Which epoch is the best one, and when it is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.runner.observer import Observer

SAME = """
import torch

class Same:
    '''A metric that is always the same, as an accuracy of few images often is.'''
    def __init__(self, num_classes): pass
    def reset(self): pass
    def update(self, logits, targets): pass
    def compute(self): return torch.tensor(0.5)
"""


@pytest.fixture
def run() -> Any:
    """Train on digits, with a metric that never changes as what is monitored."""
    Path("same.py").write_text(SAME, "utf-8")
    Path("registry.yaml").write_text("components: {metric: {same: {target: './same.py:Same'}}}\n", "utf-8")
    same = {"architecture.channels": [8], "metrics": ["same"], "train.monitor": "val/same", "train.lr": 0.01}

    def trained(**more: Any) -> Any:
        sets = {**same, **more.pop("set", {})}
        return zoo.run("simple_cnn", "digits", epochs=3, observer=Observer(), device="cpu", set=sets, **more)

    return trained


def test_of_epochs_that_are_equal_the_one_with_the_lowest_loss_is_kept(run: Any):
    result = run()
    losses = [epoch["val"]["loss"] for epoch in result["epochs"]]
    assert min(losses) < losses[0], "else this test says nothing"
    assert result["best"]["epoch"] == 1 + losses.index(min(losses))
    assert result["metrics"]["val"]["loss"] == pytest.approx(min(losses))


@pytest.mark.slow
def test_a_lower_loss_alone_is_nothing_to_wait_for(run: Any):
    result = run(set={"train.patience": 1})
    losses = [epoch["val"]["loss"] for epoch in result["epochs"]]
    assert len(losses) == 2
    assert losses[1] < losses[0]
    assert result["best"]["epoch"] == 2
    assert result["stop_reason"] == "no improvement of val/same for 1 epoch"
