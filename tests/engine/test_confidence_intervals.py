"""Intervals of every number, and what always giving one answer would have."""

from __future__ import annotations

from time import process_time

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from zoo.engine.confidence_intervals import uncertainty
from zoo.engine.evaluate import Answers, evaluate_logits
from zoo.engine.statistics import wilson_interval
from zoo.engine.task import SINGLE_LABEL

CLASSES = ["a", "b", "c"]


class Share:
    """A metric as plugins have it: the share of images whose class is among the two likeliest."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.hits = self.seen = 0

    def update(self, logits, targets):
        self.hits += int((logits.topk(2).indices == targets[:, None]).any(dim=1).sum())
        self.seen += len(targets)

    def compute(self):
        return torch.tensor(self.hits / self.seen)


class Several(Share):
    def compute(self):
        return torch.zeros(3)


def answers(images: int = 1000) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(0)
    targets = torch.randint(3, (images,), generator=made)
    logits = torch.randn(images, 3, generator=made) + 2 * torch.nn.functional.one_hot(targets, 3)
    return logits, targets


def test_every_number_of_an_evaluation_lies_in_its_interval():
    logits, targets = answers()
    metrics = {"top_2": Share(), "several": Several()}
    numbers = evaluate_logits(logits, targets, cross_entropy, CLASSES, metrics)
    started = process_time()
    found = uncertainty(Answers(logits, targets), cross_entropy, CLASSES, metrics)["intervals"]
    assert process_time() - started < 1
    assert found.keys() == {"accuracy", "f1_macro", "f1_micro", "loss", "top_2"}
    for name, (low, high) in found.items():
        assert low < numbers[name] < high
    assert found["accuracy"] == pytest.approx(wilson_interval(numbers["accuracy"] * 1000, 1000))
    assert found["f1_macro"] == pytest.approx(found["accuracy"], abs=0.005)
    assert found["top_2"] == pytest.approx(wilson_interval(numbers["top_2"] * 1000, 1000), abs=0.005)
    assert metrics["top_2"].seen == 0, "left as it was found"


def test_it_is_the_same_each_time_and_draws_nothing_from_torch():
    state = torch.get_rng_state()
    first, second = (uncertainty(Answers(*answers()), cross_entropy, CLASSES, {"top_2": Share()}) for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)


def test_a_metric_that_cannot_be_computed_has_no_interval():
    class Fails(Share):
        def update(self, logits, targets):
            raise ValueError("not on a Tuesday")

    found = uncertainty(Answers(*answers()), cross_entropy, CLASSES, {"fails": Fails()})["intervals"]
    assert "fails" not in found
    assert "loss" in found


def test_several_labels_have_intervals_too():
    made = torch.Generator().manual_seed(0)
    targets = (torch.rand(300, 3, generator=made) < 0.4).float()
    logits = torch.randn(300, 3, generator=made) + 3 * targets - 1.5
    numbers = evaluate_logits(logits, targets, binary_cross_entropy_with_logits, CLASSES)
    found = uncertainty(Answers(logits, targets), binary_cross_entropy_with_logits, CLASSES)
    names = {"accuracy", "f1_macro", "f1_micro", "hamming_loss", "mean_average_precision", "loss"}
    assert found["intervals"].keys() == names
    for name, (low, high) in found["intervals"].items():
        assert low < numbers[name] < high
    rows = [tuple(row) for row in targets.tolist()]
    commonest = max(set(rows), key=rows.count)
    assert found["baseline"]["accuracy"] == pytest.approx(rows.count(commonest) / 300)
    assert found["baseline"]["answer"] == [n for n, has in zip(CLASSES, commonest, strict=True) if has]


def test_the_baseline_is_the_evaluation_of_one_answer():
    targets = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    always = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(10, 1)
    numbers = evaluate_logits(always, targets, cross_entropy, [*CLASSES, "none"])
    found = SINGLE_LABEL.baseline(targets, [*CLASSES, "none"])
    assert found == {"answer": "a", "accuracy": 0.5, "f1_macro": pytest.approx(numbers["f1_macro"])}


def test_a_metric_of_torchmetrics_goes_on_afterwards():
    from zoo_metrics.metrics import top_k

    logits, targets = answers(200)
    metrics = {"top_2": top_k(3, 2)}
    before = evaluate_logits(logits, targets, cross_entropy, CLASSES, metrics)
    assert "top_2" in uncertainty(Answers(logits, targets), cross_entropy, CLASSES, metrics)["intervals"]
    metrics["top_2"].update(logits, targets)
    assert float(metrics["top_2"].compute()) == pytest.approx(before["top_2"])


@pytest.mark.parametrize("right", [True, False])
def test_what_all_images_agree_in_has_no_interval_without_a_width(right: bool):
    targets = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    logits = 5.0 * torch.nn.functional.one_hot((targets + (not right)) % 3, 3)
    numbers = evaluate_logits(logits, targets, cross_entropy, CLASSES)
    assert numbers["f1_macro"] == float(right)
    found = uncertainty(Answers(logits, targets), cross_entropy, CLASSES, {"top_2": Share()})["intervals"]
    assert all(low < high for low, high in found.values()), found
    low, high = found["f1_macro"]
    assert low <= numbers["f1_macro"] <= high
    assert high - low > found["accuracy"][1] - found["accuracy"][0], "the rare class counts as much as the others"
    several = torch.nn.functional.one_hot(targets, 3).float()
    found = uncertainty(Answers(10 * several - 5, several), binary_cross_entropy_with_logits, CLASSES)["intervals"]
    assert found.keys() - {"loss"} == {"accuracy"}
