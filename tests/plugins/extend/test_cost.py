"""What new classes cost the old ones, counted by hand."""

from __future__ import annotations

import pytest
import torch

from zoo_extend.cost import cost_of, recalls

OLD = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])  # predicts 0, 0, 1, 0
NEW = torch.tensor([[2.0, 0.0, 1.0], [2.0, 0.0, 3.0], [0.0, 2.0, 1.0], [2.0, 0.0, 3.0]])  # predicts 0, new, 1, new
TARGETS = torch.tensor([0, 0, 1, 1])


def test_each_image_is_compared_with_itself():
    cost = cost_of(OLD, NEW, TARGETS)
    assert (cost.before, cost.after, cost.difference) == (0.75, 0.5, -0.25)
    assert (cost.only_before, cost.only_after, cost.taken) == (1, 0, 2)
    assert cost.p == 1.0
    assert not cost.significant
    assert cost.interval[0] < -0.25 < cost.interval[1]
    assert cost.document()["test"] == "exact McNemar"


def test_a_cost_that_is_not_chance_is_significant():
    cost = cost_of(OLD.repeat(20, 1), NEW.repeat(20, 1), TARGETS.repeat(20))
    assert cost.only_before == 20
    assert cost.significant
    assert cost.interval[1] < 0


def test_recall_of_each_new_class():
    logits = torch.tensor([[0.0, 0.0, 9.0, 1.0], [0.0, 9.0, 0.0, 1.0], [0.0, 0.0, 0.0, 9.0]])
    found = recalls(logits, torch.tensor([2, 2, 3]), ["cat", "dog", "bee", "owl"], 2)
    assert found["bee"].share == pytest.approx(0.5)
    assert (found["owl"].right, found["owl"].images) == (1, 1)
