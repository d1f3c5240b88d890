"""The metrics against scikit-learn, over uneven batches."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from zoo.engine.task import MULTI_LABEL
from zoo_metrics import metrics as zoo_metrics
from zoo_metrics import plugin

COMPONENTS = list(plugin.METRICS)
"""Those of classes; ``test_value_metrics.py`` has the others."""
FACTORIES: dict[str, Callable[..., Any]] = {
    c.name: getattr(importlib.import_module(c.target.split(":")[0]), c.target.split(":")[1]) for c in COMPONENTS
}


def sample(n: int, k: int, seed: int) -> tuple[Tensor, Tensor]:
    """Logits that know something of the labels; small ones too, which all lie in 0..1 in some batches."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, k, (n,), generator=generator)
    logits = torch.rand(n, k, generator=generator) * 4 - 1
    logits[torch.arange(n), labels] += 0.5
    return logits, labels


def measure(metric: Any, logits: Tensor, labels: Tensor, cuts: list[int] | None = None) -> Tensor:
    edges = [0, *sorted(cuts or []), len(labels)]
    for start, stop in pairwise(edges):
        if stop > start:
            metric.update(logits[start:stop], labels[start:stop])
    return metric.compute()


def reference(name: str, logits: Tensor, labels: Tensor, **params: Any) -> Any:
    from sklearn import metrics

    true, guess, k = labels.numpy(), logits.argmax(1).numpy(), logits.shape[1]
    probs = logits.double().softmax(1).numpy()
    if name in ("precision", "recall", "f1"):
        function = getattr(metrics, f"{name}_score")
        return function(true, guess, average=params.get("average", "macro"), zero_division=0)
    return {
        "accuracy": lambda: metrics.accuracy_score(true, guess),
        "top_k": lambda: np.mean(
            [t in row for t, row in zip(true, np.argsort(-probs)[:, : params.get("k", 5)], strict=True)]
        ),
        "f1_macro": lambda: metrics.f1_score(true, guess, average="macro"),
        "f1_micro": lambda: metrics.f1_score(true, guess, average="micro"),
        "auroc": lambda: metrics.roc_auc_score(true, probs[:, 1] if k == 2 else probs, multi_class="ovr"),
        "confusion_matrix": lambda: metrics.confusion_matrix(true, guess, labels=range(k)),
        "hamming": lambda: metrics.hamming_loss(true, guess),
        "mean_average_precision": lambda: metrics.average_precision_score(np.eye(k)[true], probs),
    }[name]()


CASES = [
    *((name, {}) for name in FACTORIES),
    *((name, {"average": average}) for name in ("precision", "recall", "f1") for average in ("micro", "weighted")),
    ("top_k", {"k": 2}),
]


def test_the_plugin_brings_exactly_these_metrics():
    names = {"accuracy", "top_k", "precision", "recall", "f1", "f1_macro", "f1_micro", "auroc", "confusion_matrix"}
    assert set(FACTORIES) == {*names, "hamming", "mean_average_precision"}
    assert [c.name for c in COMPONENTS if not c.higher_is_better] == ["hamming"]


@pytest.mark.parametrize(("name", "params"), CASES, ids=str)
@pytest.mark.parametrize("k", [2, 7])
def test_metric_is_scikit_learns_over_ragged_batches(name: str, params: dict[str, Any], k: int):
    logits, labels = sample(203, k, seed=k)
    value = measure(FACTORIES[name](k, **params), logits, labels, cuts=[1, 40, 41, 200])
    np.testing.assert_allclose(value.numpy(), reference(name, logits, labels, **params), rtol=1e-5)


@pytest.mark.parametrize(("name", "params"), CASES, ids=str)
@given(n=st.integers(2, 40), k=st.integers(2, 5), seed=st.integers(0, 2**20), data=st.data())
@settings(max_examples=10, deadline=None)
def test_value_does_not_depend_on_how_the_samples_are_batched(
    name: str, params: dict[str, Any], n: int, k: int, seed: int, data: st.DataObject
):
    logits, labels = sample(n, k, seed)
    cuts = data.draw(st.lists(st.integers(1, n - 1), max_size=6, unique=True))
    whole = measure(FACTORIES[name](k, **params), logits, labels)
    parts = measure(FACTORIES[name](k, **params), logits, labels, cuts)
    torch.testing.assert_close(parts, whole, equal_nan=True)


@pytest.mark.parametrize("name", FACTORIES)
def test_reset_forgets(name: str):
    metric = FACTORIES[name](3)
    measure(metric, *sample(30, 3, seed=1))
    metric.reset()
    again, fresh = measure(metric, *sample(31, 3, seed=2)), measure(FACTORIES[name](3), *sample(31, 3, seed=2))
    torch.testing.assert_close(again, fresh)


SEVERAL = [c.name for c in COMPONENTS if "multi-label" in c.tags]


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_labels_are_scored_as_scikit_learn_does(name: str, k: int, average: str):
    from sklearn import metrics

    logits, _ = sample(150, k, seed=3 + k)
    truth = (torch.rand(150, k, generator=torch.Generator().manual_seed(k)) + logits / 8 > 0.6).float()
    params = {"average": average} if name in ("precision", "recall", "f1") else {}
    value = measure(FACTORIES[name](k, multilabel=True, **params), logits, truth, cuts=[1, 40, 41])
    true, guess, probs = truth.numpy(), (logits.sigmoid() >= 0.5).numpy(), logits.double().sigmoid().numpy()
    if name in ("precision", "recall", "f1"):
        wanted = getattr(metrics, f"{name}_score")(true, guess, average=average, zero_division=0)
    else:
        wanted = {
            "f1_macro": lambda: metrics.f1_score(true, guess, average="macro"),
            "f1_micro": lambda: metrics.f1_score(true, guess, average="micro"),
            "hamming": lambda: metrics.hamming_loss(true, guess),
            "mean_average_precision": lambda: metrics.average_precision_score(true, probs),
        }[name]()
    assert float(value) == pytest.approx(wanted, rel=1e-5)


def test_what_takes_several_labels_says_so_in_its_tags_and_its_signature():
    import inspect

    assert set(SEVERAL) == {n for n, make in FACTORIES.items() if "multilabel" in inspect.signature(make).parameters}


def test_several_labels_of_another_shape_are_told():
    with pytest.raises(ValueError, match=r"valid are \(N, 3\) and \(N, 3\)"):
        FACTORIES["f1"](3, multilabel=True).update(torch.zeros(4, 3), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize("name", sorted(set(FACTORIES) - {"confusion_matrix", "hamming"}))
def test_perfect_predictions_score_one(name: str):
    labels = torch.arange(12) % 3
    value = measure(FACTORIES[name](3), torch.eye(3)[labels] * 5, labels)
    assert value.shape == ()
    assert float(value) == pytest.approx(1)


def test_confusion_matrix_has_a_row_a_true_class():
    labels, predicted = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 1, 1])
    value = measure(zoo_metrics.confusion_matrix(3), torch.eye(3)[predicted], labels)
    assert value.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]


def test_macro_f1_leaves_out_classes_that_do_not_occur():
    logits, labels = sample(50, 3, seed=3)
    wide = torch.cat([logits, torch.full((50, 4), -9.0)], 1)
    torch.testing.assert_close(
        measure(zoo_metrics.f1(7), wide, labels), measure(zoo_metrics.f1(3), logits, labels), rtol=1e-6, atol=0
    )


def test_top_k_is_cut_to_the_number_of_classes():
    assert float(measure(zoo_metrics.top_k(2, k=5), *sample(20, 2, seed=0))) == 1.0


def test_auroc_leaves_out_classes_without_a_curve():
    from sklearn.metrics import roc_auc_score

    logits, labels = sample(60, 4, seed=5)
    labels[labels == 3] = 0
    probs = logits.double().softmax(1).numpy()
    expected = np.mean([roc_auc_score(labels.numpy() == k, probs[:, k]) for k in range(3)])
    assert float(measure(zoo_metrics.auroc(4), logits, labels)) == pytest.approx(expected, abs=1e-6)


def test_auroc_of_a_single_class_is_nan():
    assert math.isnan(measure(zoo_metrics.auroc(2), torch.rand(5, 2), torch.ones(5, dtype=torch.int64)))


def test_auroc_orders_samples_that_float32_probabilities_cannot_tell_apart():
    z = torch.tensor([20.0, 21.0, 22.0, 23.0])  # every sigmoid is 1.0 in float32
    logits = torch.stack([torch.zeros(4), z], 1)
    assert float(measure(zoo_metrics.auroc(2), logits, torch.tensor([0, 0, 1, 1]))) == 1.0


def test_logits_inside_0_to_1_are_still_logits():
    # In the first batch all lie in 0..1, so a metric that guesses would take them for probabilities.
    logits, labels = torch.tensor([[0.1, 0.9], [0.2, 0.3], [3.0, 3.3], [0.0, 0.15]]), torch.tensor([1, 0, 1, 0])
    one_by_one = measure(zoo_metrics.auroc(2), logits, labels, cuts=[1, 2, 3])
    assert float(one_by_one) == pytest.approx(reference("auroc", logits, labels))


def test_wrong_shapes_and_values_are_refused():
    with pytest.raises(ValueError, match="k is 0"):
        zoo_metrics.top_k(3, k=0)
    with pytest.raises(ValueError, match="average is 'mean'"):
        zoo_metrics.f1(3, average="mean")
    for factory in FACTORIES.values():
        with pytest.raises(ValueError, match=r"\(2, 4\).*\(N, 3\)"):
            factory(3).update(torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64))
        with pytest.raises(ValueError, match=r"\(5,\).*\(N, 3\)"):
            factory(3).update(torch.zeros(2, 3), torch.zeros(5, dtype=torch.int64))


def test_metrics_take_logits_with_a_gradient_and_in_half_precision():
    logits, labels = sample(20, 3, seed=4)
    for name, factory in FACTORIES.items():
        value = measure(factory(3), logits.bfloat16().requires_grad_(), labels)
        expected = measure(factory(3), logits.bfloat16().float(), labels)
        assert not value.requires_grad, name
        torch.testing.assert_close(value, expected)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", FACTORIES)
def test_metric_follows_the_logits_to_cuda(name: str):
    logits, labels = sample(50, 3, seed=6)
    value = measure(FACTORIES[name](3), logits.cuda(), labels.cuda(), cuts=[7])
    torch.testing.assert_close(value.cpu(), measure(FACTORIES[name](3), logits, labels))


@pytest.mark.parametrize(("name", "core"), [("f1", "f1_macro"), ("f1_micro", "f1_micro"), ("hamming", "hamming_loss")])
def test_of_several_labels_a_class_is_given_from_a_half_on_as_the_cores_own_numbers_have_it(name: str, core: str):
    logits = torch.tensor([[0.0, -1.0], [2.0, 0.0], [-1.0, 1.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    value = measure(FACTORIES[name](2, multilabel=True), logits, targets)
    own = MULTI_LABEL.numbers(logits, targets, ["a", "b"])
    assert float(value) == pytest.approx(own[core])
    assert own["accuracy"] == 1.0
