"""The ordinal task: single-label classification with errors in ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score
from torch.nn.functional import one_hot

from zoo.engine.evaluate import evaluate_logits
from zoo.engine.task import new_task, task_of_card

CLASSES = ["0", "1", "2", "3"]


def test_kappa_and_ranks_are_those_of_the_predictions():
    made = np.random.default_rng(0)
    real = made.integers(0, 4, 300)
    given = np.clip(real + made.integers(-1, 2, 300), 0, 3)
    logits = one_hot(torch.from_numpy(given), 4).float()
    found = evaluate_logits(logits, torch.from_numpy(real), None, CLASSES, task=new_task("ordinal"))
    assert found["qwk"] == pytest.approx(cohen_kappa_score(real, given, weights="quadratic"))
    assert found["mae_ranks"] == pytest.approx(np.abs(real - given).mean())
    assert found["accuracy"] == pytest.approx((real == given).mean())


def test_the_same_answer_always_has_no_kappa():
    logits = torch.zeros(4, 4)
    found = new_task("ordinal").numbers(logits, torch.zeros(4, dtype=torch.int64), CLASSES)
    assert found["qwk"] == 0.0


def test_a_bundle_keeps_the_link():
    task = new_task("ordinal", {"kind": "corn"})
    again = task_of_card({"task": "ordinal", "outputs": task.card()})
    outputs = torch.randn(3, 3)
    assert torch.equal(again.read(outputs), task.read(outputs))
    assert again.width(4) == 3
    assert again.batch_sum(outputs, torch.tensor([0, 1, 2])) == (task.read(outputs).argmax(1) == torch.arange(3)).sum()


def test_the_baseline_answers_with_the_median_rank():
    found = new_task("ordinal").baseline(torch.tensor([0, 0, 1, 3, 3, 3, 3]), CLASSES)
    assert found["answer"] == "3"
    assert found["mae_ranks"] == pytest.approx((3 + 3 + 2) / 7)
