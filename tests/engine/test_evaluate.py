"""Evaluation: numbers over all images at once, whatever the batch size, and the worst mistakes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo.engine.evaluate import Answers, evaluate_logits, predict_logits, worst_mistakes
from zoo.engine.execution import Execution
from zoo.engine.final import final_numbers
from zoo.errors import ContractError, TrainingError
from zoo.job.schema import MEASURED

PLAIN = Execution(torch.device("cpu"))
CLASSES = ["a", "b", "c"]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 3))


def data(count: int = 23) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 1, 4, 4, generator=generator), torch.randint(0, 3, (count,), generator=generator)


def soft_f1_like(logits: Tensor, targets: Tensor) -> Tensor:
    """A loss that is no mean over samples: of batches' values nothing right can be made."""
    return (logits.softmax(1).std() + targets.float().mean()).sqrt()


class LastLogit:
    """A metric that keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, Tensor]] = []

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.seen.append((logits, targets))

    def compute(self) -> Tensor:
        return torch.cat([logits for logits, _ in self.seen]).mean(0)

    def reset(self) -> None:
        self.seen = []


def evaluated(batch_size: int, loss: Any = cross_entropy) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    images, targets = data()
    batches = zip(images.split(batch_size), targets.split(batch_size), strict=True)
    logits, found = predict_logits(network(), batches, PLAIN)
    assert torch.equal(found, targets)
    names = [f"image {i}" for i in range(len(targets))]
    return evaluate_logits(logits, found, loss, CLASSES, {"last": LastLogit()}), worst_mistakes(
        logits, found, names, CLASSES
    )


@given(batch_size=st.integers(1, 30), loss=st.sampled_from([cross_entropy, soft_f1_like]))
@settings(deadline=None, max_examples=20)
def test_no_number_depends_on_the_batch_size(batch_size: int, loss: Any):
    (numbers, mistakes), (whole, worst) = evaluated(batch_size, loss), evaluated(23, loss)
    for key in ("loss", "accuracy", "f1_macro", "f1_micro", "last"):
        assert numbers[key] == pytest.approx(whole[key], rel=1e-5), key
    assert numbers["confusion_matrix"] == whole["confusion_matrix"]
    assert [m["name"] for m in mistakes] == [m["name"] for m in worst]


def test_the_model_is_in_evaluation_mode_and_its_batch_norm_stays_as_it_is():
    model = network().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    images, targets = data()
    first, _ = predict_logits(model, [(images, targets)], PLAIN)
    again, _ = predict_logits(model, [(images, targets)], PLAIN)
    assert torch.equal(first, again), "no dropout"
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not model.training
    assert not first.requires_grad


def test_logits_are_float32_in_any_precision():
    images, targets = data(4)
    logits, _ = predict_logits(network(), [(images, targets)], Execution(torch.device("cpu"), torch.bfloat16))
    assert logits.dtype == torch.float32
    exact, _ = predict_logits(network(), [(images, targets)], PLAIN)
    assert torch.allclose(logits, exact, atol=0.05)
    assert not torch.equal(logits, exact), "bfloat16 was used"


def test_each_batch_is_told():
    seen: list[int] = []
    images, targets = data(10)
    predict_logits(network(), zip(images.split(4), targets.split(4), strict=True), PLAIN, seen.append)
    assert seen == [4, 8, 10]


def test_no_images_are_told():
    with pytest.raises(ContractError, match="no images to evaluate"):
        predict_logits(network(), [], PLAIN)


def test_numbers_are_by_hand():
    logits = torch.tensor([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0], [4.0, 0.0, 0.0]])
    found = evaluate_logits(logits, torch.tensor([0, 1, 2, 1]), cross_entropy, CLASSES)
    assert found["accuracy"] == 0.75
    assert found["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert found["loss"] == pytest.approx(float(cross_entropy(logits, torch.tensor([0, 1, 2, 1]))))
    assert list(found["per_class"]) == CLASSES
    assert found["per_class"]["b"]["recall"] == 0.5


def test_metrics_are_reset_before_and_become_plain_values():
    metric = LastLogit()
    metric.update(torch.full((1, 3), 100.0), torch.tensor([0]))
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    found = evaluate_logits(logits, targets, cross_entropy, CLASSES, {"last": metric})
    assert found["last"] == pytest.approx(logits.mean(0).tolist())
    assert isinstance(found["last"], list)

    class Share(LastLogit):
        def compute(self) -> Any:
            return 0.5

    assert evaluate_logits(logits, targets, cross_entropy, CLASSES, {"share": Share()})["share"] == 0.5


@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_the_worst_mistakes_are_wrong_and_sorted_by_confidence(data: st.DataObject):
    count, most = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 10))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 1000)))
    logits = torch.randn(count, 3, generator=generator)
    targets = torch.randint(0, 3, (count,), generator=generator)
    found = worst_mistakes(logits, targets, [str(i) for i in range(count)], CLASSES, most)
    probs = logits.softmax(1)
    wrong = [i for i in range(count) if logits[i].argmax() != targets[i]]
    assert len(found) == min(most, len(wrong))
    confidences = [m["confidence"] for m in found]
    assert confidences == sorted(confidences, reverse=True)
    for mistake in found:
        i = int(mistake["name"])
        assert i in wrong
        assert mistake["true"] == CLASSES[int(targets[i])]
        assert mistake["predicted"] == CLASSES[int(logits[i].argmax())]
        assert mistake["confidence"] == pytest.approx(float(probs[i].max()))
    left_out = [float(probs[i].max()) for i in wrong if str(i) not in {m["name"] for m in found}]
    assert not left_out or max(left_out) <= min(confidences) + 1e-6


@pytest.mark.parametrize("several", [False, True])
def test_every_name_of_an_evaluation_is_one_that_no_metric_may_have(several: bool):
    targets = torch.arange(200) % 3
    logits = torch.randn(200, 3)
    if several:
        targets = torch.nn.functional.one_hot(targets, 3).float()
    loss = torch.nn.functional.binary_cross_entropy_with_logits if several else cross_entropy
    found = evaluate_logits(logits, targets, loss, list("abc"), thresholds=[0.5] * 3 if several else None)
    beside, _ = final_numbers(
        Answers(logits, targets), loss, [str(i) for i in range(200)], list("abc"), temperature=1.0
    )
    assert found.keys() | beside.keys() <= MEASURED


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("several", [False, True])
def test_an_answer_that_is_no_number_is_never_counted(several: bool, value: float):
    targets = torch.zeros(4, 3) if several else torch.zeros(4, dtype=torch.long)
    loss = torch.nn.functional.binary_cross_entropy_with_logits if several else cross_entropy
    logits = torch.zeros(4, 3)
    logits[1:, 0] = value
    if several and value == math.inf:  # a probability of 1
        assert evaluate_logits(logits, targets, loss, CLASSES)["accuracy"] == 0
        return
    with pytest.raises(TrainingError, match=r"predictions of 3 of 4 images are NaN.*evaluation_precision=fp32"):
        evaluate_logits(logits, targets, loss, CLASSES)


def test_a_class_that_a_network_rules_out_is_an_answer():
    logits = torch.tensor([[0.0, -math.inf, 1.0]])
    assert evaluate_logits(logits, torch.tensor([2]), cross_entropy, CLASSES)["accuracy"] == 1
