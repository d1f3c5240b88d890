"""Numbers of images with multiple labels: scikit-learn says what each must be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch.nn.functional import binary_cross_entropy_with_logits

from zoo.engine.evaluate import evaluate_logits, worst_mistakes
from zoo.engine.multilabel import average_precisions, best_thresholds
from zoo.engine.task import MULTI_LABEL, SINGLE_LABEL, task_named, task_of
from zoo.engine.totals import Totals

CLASSES = ["bar", "circle", "square", "star"]
draws = given(count=st.integers(1, 40), classes=st.integers(1, 4), ties=st.booleans(), seed=st.integers(0, 2**31))


def drawn(count: int, classes: int, seed: int, *, ties: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and targets (N, K); with ties many logits are equal."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=generator)
    targets = (torch.rand(count, classes, generator=generator) < 0.4).float()
    return (logits.round() if ties else logits), targets


@settings(deadline=None, max_examples=60)
@draws
def test_every_number_is_scikit_learns(count, classes, ties, seed):
    logits, targets = drawn(count, classes, seed, ties=ties)
    names = CLASSES[:classes]
    found = evaluate_logits(logits, targets, binary_cross_entropy_with_logits, names)
    real, answers = targets.numpy().astype(int), (logits.sigmoid().numpy() >= 0.5).astype(int)
    assert found["accuracy"] == pytest.approx((real == answers).all(axis=1).mean())
    assert found["hamming_loss"] == pytest.approx((real != answers).mean())
    assert found["f1_micro"] == pytest.approx(sk.f1_score(real.ravel(), answers.ravel(), zero_division=0))
    assert found["loss"] == pytest.approx(float(binary_cross_entropy_with_logits(logits, targets)))
    matrices = [sk.confusion_matrix(real[:, k], answers[:, k], labels=[0, 1]) for k in range(classes)]
    assert np.array_equal(found["confusion_matrix"], matrices)
    for k, name in enumerate(names):
        row = found["per_class"][name]
        expected = sk.precision_recall_fscore_support(real[:, k], answers[:, k], average="binary", zero_division=0)
        assert [row[key] or 0.0 for key in ("precision", "recall", "f1")] == pytest.approx(expected[:3])
        assert (row["recall"] is None) == (not real[:, k].any())
        assert row["support"] == real[:, k].sum()
        if real[:, k].any():
            wanted = sk.average_precision_score(real[:, k], logits[:, k].numpy())
            assert row["average_precision"] == pytest.approx(wanted)
        else:
            assert math.isnan(row["average_precision"]), "a class without images has none"


def test_means_over_the_classes_are_scikit_learns():
    logits, targets = drawn(200, 4, 3)
    found = evaluate_logits(logits, targets, binary_cross_entropy_with_logits, CLASSES)
    real, answers = targets.numpy(), logits.numpy() >= 0
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(real, answers))
    assert found["hamming_loss"] == pytest.approx(sk.hamming_loss(real, answers))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(real, answers, average="macro"))
    assert found["f1_micro"] == pytest.approx(sk.f1_score(real, answers, average="micro"))
    assert found["mean_average_precision"] == pytest.approx(sk.average_precision_score(real, logits.numpy()))
    assert np.array_equal(found["confusion_matrix"], sk.multilabel_confusion_matrix(real, answers))


def test_a_class_that_is_neither_there_nor_given_has_no_part_in_the_mean():
    logits = torch.tensor([[3.0, -3.0], [-3.0, -3.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    found = evaluate_logits(logits, targets, binary_cross_entropy_with_logits, CLASSES[:2])
    assert found["f1_macro"] == 1.0
    assert found["mean_average_precision"] == 1.0


def test_nothing_there_and_nothing_given_is_no_error():
    logits, targets = torch.full((3, 2), -1.0), torch.zeros(3, 2)
    found = evaluate_logits(logits, targets, binary_cross_entropy_with_logits, CLASSES[:2])
    assert (found["accuracy"], found["f1_macro"], found["hamming_loss"]) == (1.0, 0.0, 0.0)
    assert math.isnan(found["mean_average_precision"])


# -- thresholds ---------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@draws
def test_no_threshold_has_a_better_f1_than_the_chosen_one(count, classes, ties, seed):
    logits, targets = drawn(count, classes, seed, ties=ties)
    probs, real = logits.sigmoid().double(), targets.bool()
    for k, threshold in enumerate(best_thresholds(probs, real)):
        assert 0 <= threshold <= 1
        if not real[:, k].any():
            assert threshold == 0.5
            continue
        _score = lambda limit, k=k: sk.f1_score(real[:, k].numpy(), (probs[:, k] >= limit).numpy(), zero_division=0)  # noqa: E731
        best = max(_score(float(limit)) for limit in probs[:, k])
        assert _score(threshold) == pytest.approx(best)


def test_a_threshold_lies_between_answers_and_stays_at_a_half_where_it_can():
    probs = torch.tensor([[0.9, 0.3], [0.4, 0.2], [0.1, 0.1]], dtype=torch.float64)
    real = torch.tensor([[True, True], [False, True], [False, False]])
    assert best_thresholds(probs, real) == pytest.approx([0.5, 0.15])


def test_numbers_at_thresholds_stand_beside_those_at_a_half():
    logits, targets = drawn(100, 4, 5)
    thresholds = MULTI_LABEL.thresholds(logits, targets)
    found = evaluate_logits(logits, targets, binary_cross_entropy_with_logits, CLASSES, thresholds=thresholds)
    answers = logits.sigmoid().numpy() >= np.array(thresholds)
    assert found["at_thresholds"]["f1_macro"] == pytest.approx(sk.f1_score(targets.numpy(), answers, average="macro"))
    assert found["at_thresholds"]["f1_macro"] > found["f1_macro"]
    assert "at_thresholds" not in evaluate_logits(logits, targets, binary_cross_entropy_with_logits, CLASSES)


# -- mistakes, totals, tasks --------------------------------------------------------------------------


def test_the_worst_mistake_is_the_surest_wrong_label_given_or_missed():
    logits = torch.tensor([[5.0, -5.0], [1.0, -9.0], [2.0, 2.0], [-1.0, -1.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    found = worst_mistakes(logits, targets, list("abcd"), ["cat", "dog"])
    assert [(m["name"], m["true"], m["predicted"], m["wrong"]) for m in found] == [
        ("b", ["cat", "dog"], ["cat"], "dog"),
        ("c", ["dog"], ["cat", "dog"], "cat"),
    ]
    assert found[0]["confidence"] == pytest.approx(1 - 1 / (1 + math.exp(9)))
    assert found[1]["confidence"] == pytest.approx(1 / (1 + math.exp(-2)))
    assert len(worst_mistakes(logits, targets, list("abcd"), ["cat", "dog"], most=1)) == 1


def test_totals_count_images_with_all_labels_right():
    logits, targets = drawn(50, 3, 7)
    totals = Totals(torch.device("cpu"), MULTI_LABEL)
    for part in (slice(0, 20), slice(20, 50)):
        totals.add(torch.tensor(1.0), logits[part], targets[part])
    assert totals.accuracy == pytest.approx(sk.accuracy_score(targets.numpy(), logits.numpy() >= 0))


def test_mixed_targets_count_as_what_most_of_them_is():
    totals = Totals(torch.device("cpu"), MULTI_LABEL)
    totals.add(torch.tensor(1.0), torch.tensor([[2.0, -2.0]]), torch.tensor([[0.8, 0.3]]))
    assert totals.accuracy == 1.0


def test_labels_and_bundles_say_which_task_it_is():
    assert task_of(np.zeros(3, np.int64)) is SINGLE_LABEL
    assert task_of(torch.zeros(3, 2)) is MULTI_LABEL
    assert task_named("multi-label") is MULTI_LABEL
    assert task_named("") is SINGLE_LABEL, "a bundle that names none was made before there were two"


def test_average_precision_depends_on_the_order_alone():
    logits, targets = drawn(60, 3, 11)
    by_logits = average_precisions(logits.double(), targets.bool())
    by_probs = average_precisions(logits.double().sigmoid(), targets.bool())
    assert torch.equal(by_logits, by_probs)
