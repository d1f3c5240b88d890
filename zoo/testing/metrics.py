"""Checks of metrics: independence of batches, and a complete reset."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo.plugin import Metric
from zoo.testing.checking import contract
from zoo.testing.outcome import fail, need, skip
from zoo.testing.outputs import class_names, score, takes_outputs
from zoo.testing.subject import CLASSES, Subject, first_line

KIND = "metric"
SEEDS = range(4)
COUNTS = (CLASSES, 2, 5)
"""Numbers of classes to test; two may be a special case. Unsupported numbers are reported by one check."""
CUTS = ([30], [15, 15], [1, 29], [7, 11, 12], [1] * 30)
"""Batch sizes into which 30 samples are split."""


@contract(KIND, "can be created", "Return an object with update(logits, targets), compute() and reset().")
def _can_be_made(subject: Subject) -> None:
    metric = subject.try_to_make(CLASSES, classes=class_names(CLASSES))
    missing = _missing(metric)
    need(not missing, f"its factory returns {type(metric).__name__}, which has no {' and no '.join(missing)}.")


@contract(KIND, "batch-split invariance", "Sum up in update and divide once in compute; don't average over batches.")
def _is_the_same_however_cut(subject: Subject) -> None:
    for k in _counts(subject):
        for seed in SEEDS:
            logits, targets = _batch(subject, 30, k, seed)
            whole = _value(_made(subject, k), logits, targets)
            for sizes in CUTS:
                parts = _value(_made(subject, k), logits, targets, sizes)
                close = torch.allclose(whole, parts, rtol=1e-5, atol=1e-8, equal_nan=True)
                need(close, f"30 samples in {len(sizes)} batches give {_shown(parts)}, in one batch {_shown(whole)}.")


@contract(KIND, "reset", "Reset everything that update() changes in reset().")
def _forgets(subject: Subject) -> None:
    for k in _counts(subject):
        metric = _made(subject, k)
        first = _value(metric, *_batch(subject, 30, k, 1))
        metric.reset()
        _value(metric, *_batch(subject, 20, k, 2))
        metric.reset()
        again = _value(metric, *_batch(subject, 30, k, 1))
        need(_same(first, again), f"after reset() the same samples give {_shown(again)}, not {_shown(first)}.")


@contract(KIND, "range", "Define the value without samples: 0 / 0 is NaN.")
def _is_finite(subject: Subject) -> None:
    for k in _counts(subject):
        for seed in SEEDS:
            value = _value(_made(subject, k), *_batch(subject, 30, k, seed))
            need(value.isfinite().all(), f"for random predictions its value is {_shown(value)}.")


@contract(KIND, "better is better", "Set the component's higher_is_better, or check the order of logits and targets.")
def _knows_better(subject: Subject) -> None:
    if takes_outputs(_made(subject).update):
        skip("it takes outputs of the network beside the logits, whose order is unknown.")
    higher = not isinstance(subject.component, Metric) or subject.component.higher_is_better
    for k in _counts(subject):
        targets, right, wrong = _answers(subject, k)
        best, worst = (_value(_made(subject, k), logits, targets) for logits in (right, wrong))
        if best.numel() != 1:
            skip("its value is not a single number, so it can't be compared.")
        in_order = bool(best >= worst if higher else best <= worst) or not (best - worst).isfinite()
        said = "higher" if higher else "lower"
        need(in_order, f"{said} is better, but right predictions give {_shown(best)} and wrong ones {_shown(worst)}.")


@contract(KIND, "repeated compute", "Do not change the state in compute().")
def _can_be_asked_twice(subject: Subject) -> None:
    metric = _made(subject)
    first = _value(metric, *_batch(subject, 30, CLASSES))
    second = _tensor(metric.compute())
    need(_same(first, second), f"compute() gives {_shown(first)}, and {_shown(second)} when called again.")


@contract(KIND, "holds no graph", "Detach the logits in update(), to free the graph.")
def _holds_no_graph(subject: Subject) -> None:
    logits, targets = _batch(subject, 30, CLASSES)
    metric = _made(subject)
    score(metric.update, logits.requires_grad_(), targets)
    need(not torch.as_tensor(metric.compute()).requires_grad, "its value keeps the graph of the logits.")


@contract(KIND, "two class counts", "Use num_classes, the factory's first parameter.")
def _works_for_other_counts(subject: Subject) -> None:
    _made(subject)
    for count in COUNTS[1:]:
        try:
            _value(subject.make(count, classes=class_names(count)), *_batch(subject, 30, count))
        except Exception as error:
            fail(f"with {count} classes it raises {first_line(error)}.")


def _counts(subject: Subject) -> list[int]:
    """Numbers of classes that the metric supports."""
    _made(subject)
    return subject.once("counts", lambda: [CLASSES, *(k for k in COUNTS[1:] if _takes(subject, k))])


def _takes(subject: Subject, count: int) -> bool:
    try:
        _value(subject.make(count, classes=class_names(count)), *_batch(subject, 30, count))
    except Exception:  # reported by another check
        return False
    return True


def _made(subject: Subject, count: int = CLASSES) -> Any:
    metric = subject.made(count, classes=class_names(count))
    return metric if not _missing(metric) else skip("it lacks methods of a metric.")


def _missing(metric: Any) -> list[str]:
    return [name for name in ("update", "compute", "reset") if not callable(getattr(metric, name, None))]


def _of_values(subject: Subject) -> bool:
    """Check for a metric of values."""
    return getattr(subject.component, "tasks", ()) == ("regression",)


def _batch(subject: Subject, n: int, k: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits and labels (n,), or predicted and true values (n, k)."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(n, k, generator=generator)
    if _of_values(subject):
        return outputs, torch.randn(n, k, generator=generator)
    return outputs, torch.randint(0, k, (n,), generator=generator)


def _answers(subject: Subject, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Targets, with right and wrong answers."""
    if _of_values(subject):
        targets = torch.linspace(1, 2, 20 * k).view(20, k)
        return targets, targets, targets.flip(0) + 0.1
    targets = torch.arange(20) % k
    right, wrong = (5 * one_hot((targets + shift) % k, k).float() for shift in (0, 1))
    return targets, right, wrong


def _value(metric: Any, logits: Tensor, targets: Tensor, sizes: list[int] | None = None) -> Tensor:
    sizes = sizes or [len(logits)]
    for part, labels in zip(torch.split(logits, sizes), torch.split(targets, sizes), strict=True):
        score(metric.update, part.clone(), labels.clone())
    return _tensor(metric.compute())


def _tensor(value: Any) -> Tensor:
    return torch.as_tensor(value).detach().double()


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _shown(value: Tensor) -> str:
    return f"{float(value):.4g}" if value.numel() == 1 else str(value.tolist())
