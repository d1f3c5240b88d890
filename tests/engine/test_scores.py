"""The numbers of a result against scikit-learn's."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.engine.scores import confusion_matrix, scores

answers = st.integers(1, 6).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=60)
    )
)


@given(case=answers)
@settings(deadline=None, max_examples=80)
def test_every_number_is_scikit_learns(case: tuple[int, list[tuple[int, int]]]):
    from sklearn import metrics

    k, pairs = case
    true, guessed = (np.array(side) for side in zip(*pairs, strict=True))
    matrix = confusion_matrix(torch.from_numpy(true), torch.from_numpy(guessed), k)
    names = [f"class {i}" for i in range(k)]
    found = scores(matrix, names)
    everything = list(range(k))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["confusion_matrix"] == metrics.confusion_matrix(true, guessed, labels=everything).tolist()
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, guessed))
        assert found["f1_macro"] == pytest.approx(metrics.f1_score(true, guessed, average="macro", zero_division=0))
        assert found["f1_micro"] == pytest.approx(metrics.f1_score(true, guessed, average="micro"))
        wanted = metrics.precision_recall_fscore_support(true, guessed, labels=everything, zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "support"), wanted, strict=True):
        assert [found["per_class"][name][key] or 0.0 for name in names] == pytest.approx(values.tolist())
    for i, name in enumerate(names):
        figures = found["per_class"][name]
        assert (figures["recall"] is None) == (i not in true), "nothing of nothing is no number"
        nowhere = i not in true and i not in guessed
        assert [figures[key] is None for key in ("f1", "precision")] == [nowhere] * 2


@given(case=answers)
@settings(deadline=None)
def test_a_matrix_counts_each_answer_once_in_the_row_of_its_true_class(case: tuple[int, list[tuple[int, int]]]):
    k, pairs = case
    true, guessed = (torch.tensor(side) for side in zip(*pairs, strict=True))
    matrix = confusion_matrix(true, guessed, k)
    assert matrix.shape == (k, k)
    assert matrix.sum() == len(pairs)
    assert matrix.sum(1).tolist() == torch.bincount(true, minlength=k).tolist()


def test_a_class_that_does_not_occur_has_no_part_in_the_macro_mean():
    matrix = torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    found = scores(matrix, ["a", "b", "c"])
    assert found["f1_macro"] == pytest.approx((6 / 7 + 8 / 9) / 2)
    assert found["per_class"]["c"] == {"precision": None, "recall": None, "f1": None, "support": 0}


def test_a_class_without_images_that_is_answered_has_a_precision_and_a_part_in_the_macro_mean():
    found = scores(torch.tensor([[3, 0, 1], [0, 4, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert found["per_class"]["c"] == {"precision": 0.0, "recall": None, "f1": 0.0, "support": 0}
    assert found["f1_macro"] == pytest.approx((6 / 7 + 1 + 0) / 3)


def test_numbers_are_plain_ones_that_json_has():
    found = scores(torch.tensor([[1, 0], [2, 3]]), ["a", "b"])
    assert json.loads(json.dumps(found)) == found
    assert all(math.isfinite(found[key]) for key in ("accuracy", "f1_macro", "f1_micro"))
