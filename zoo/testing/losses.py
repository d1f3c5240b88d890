"""Checks of losses: finite scalar, gradient, and lower values for better predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.engine.batch_weights import declares_whole_batch, weight_of
from zoo.errors import ContractError
from zoo.registry.signature import accepts
from zoo.runner.losses import check_parameters, check_weight, loss_weights
from zoo.testing.checking import contract
from zoo.testing.loss_domains import Domain, OfValues, domain_of, own_link
from zoo.testing.loss_parts import difference_of_parts
from zoo.testing.outcome import fail, need, skip
from zoo.testing.outputs import WIDTH, class_names, score, takes_outputs
from zoo.testing.subject import CLASSES, Subject, first_line

KIND = "loss"
Loss = Callable[..., Tensor]
SEEDS, SCALES = range(5), (0.1, 1.0, 30.0)
COUNTS = (CLASSES, 2, 5)
"""Numbers of classes or values to test; two may be a special case. Unsupported numbers are reported by one check."""


@contract(KIND, "can be created", "Return a callable (logits, targets) -> scalar, with the default parameters.")
def _can_be_made(subject: Subject) -> None:
    loss = subject.try_to_make(**_given(subject, CLASSES))
    need(callable(loss), f"its factory returns {type(loss).__name__}, which is not callable.")
    try:
        check_parameters(subject.entry, loss)
    except ContractError as error:
        fail(str(error))


@contract(KIND, "trained weights", "Use each weight of the loss in its value, or call requires_grad_(False) on it.")
def _trains_its_weights(subject: Subject) -> None:
    loss = subject.made(**_given(subject, CLASSES))
    weights = loss_weights(loss)
    if weights:
        value = score(loss, *domain_of(subject).batch(8, CLASSES))
        need(value.requires_grad, "its value does not depend on its weights.")
        value.backward()
        unused = sum(p.grad is None for p in weights)
        need(not unused, f"{unused} of its {len(weights)} weights have no gradient.")


@contract(KIND, "a scalar", "Reduce over the batch to a scalar tensor, usually with .mean().")
def _is_a_scalar(subject: Subject) -> None:
    value = _made(subject)(*domain_of(subject).batch(8, CLASSES))
    need(isinstance(value, Tensor), f"it returns {type(value).__name__}, not a tensor.")
    need(value.ndim == 0, f"for 8 samples it returns {tuple(value.shape)}, not one number.")
    need(value.is_floating_point(), f"its value is {value.dtype}.")


@contract(KIND, "finite value", "Use log_softmax: the log of a softmax is -inf for confident predictions.")
def _is_finite(subject: Subject) -> None:
    for loss, logits, targets, scale in _batches(subject):
        value = _value(loss, logits, targets)
        need(value.isfinite(), f"its value for logits of about {scale} is {float(value)}.")


@contract(KIND, "finite gradient", "Check for square roots, divisions and powers at 0, and for detach().")
def _has_a_finite_gradient(subject: Subject) -> None:
    for loss, logits, targets, scale in _batches(subject):
        gradient = _gradient(loss, logits, targets)
        need(gradient is not None, "its value has no gradient with respect to the logits.")
        assert gradient is not None
        need(gradient.isfinite().all(), f"its gradient for logits of about {scale} is not finite.")


@contract(KIND, "gradient descends", "Check that the gradient belongs to the value, with the right sign.")
def _leads_down(subject: Subject) -> None:
    for loss, logits, targets in _eights(subject):
        gradient = _gradient(loss, logits, targets)
        if gradient is None or not gradient.isfinite().all():
            skip("its gradient is not finite.")
        if not gradient.any() and getattr(loss, "takes_outputs", False):
            continue  # a hinge on features, whose margin is kept
        need(gradient.any(), "its gradient is 0 for wrong predictions.")
        step = logits - 0.1 * gradient / gradient.norm()
        need(_value(loss, step, targets) < _value(loss, logits, targets), "a step against its gradient increases it.")


@contract(KIND, "right order", "Check the sign, and the dimension of softmax: columns are classes.")
def _has_the_right_order(subject: Subject) -> None:
    _skip_outputs(subject)
    for loss, logits, targets in _eights(subject):
        _need_order(domain_of(subject), loss, logits, targets)


def _need_order(domain: Domain, loss: Loss, logits: Tensor, targets: Tensor) -> None:
    for better in (0.5, 4.0):
        values = [_value(loss, domain.moved(logits, targets, by), targets) for by in (better, 0, -better)]
        shown = ", ".join(f"{float(value):.3g}" for value in values)
        in_order = bool(values[0] < values[1] < values[2])
        need(in_order, f"better, given and worse predictions have the losses {shown}, which must increase.")


@contract(
    KIND,
    "confident predictions",
    ("Compare with cross entropy: confident right predictions cost least, wrong ones most."),
)
def _ranks_certain_answers(subject: Subject) -> None:
    _skip_outputs(subject)
    for k, loss in _made_for_all(subject).items():
        targets, outputs = domain_of(subject).certain(k)
        values = [float(_value(loss, logits, targets)) for logits in outputs]
        shown = ", ".join(f"{value:.3g}" for value in values)
        in_order = values[0] < values[1] < values[2]
        need(in_order, f"right, unsure and wrong predictions have the losses {shown}, which must increase.")


@contract(KIND, "order of samples", "Do not depend on the position of a sample in the batch.")
def _knows_no_order(subject: Subject) -> None:
    for loss, logits, targets in _eights(subject):
        order = torch.tensor([3, 0, 7, 1, 6, 5, 2, 4])
        one, other = (_value(loss, logits, targets), _value(loss, logits[order], targets[order]))
        need(_close(one, other), f"with the samples permuted, its value is {other:.5g}, not {one:.5g}.")


@contract(KIND, "soft targets", "Accept targets (N, K) of class weights: one-hot rows are equivalent to labels.")
def _takes_soft_targets(subject: Subject) -> None:
    for k, loss in _made_for_all(subject).items():
        for seed in SEEDS:
            _need_soft(domain_of(subject), loss, k, seed)


def _need_soft(domain: Domain, loss: Loss, k: int, seed: int) -> None:
    for scale in SCALES:
        logits, targets = domain.batch(2 + seed, k, seed, scale)
        if (rows := domain.soft(targets, k)) is None:
            return
        hard = _value(loss, logits, targets)
        if not hard.isfinite():
            skip("its value is not finite.")
        try:
            soft = loss(logits.clone(), rows)
        except Exception as error:
            skip(f"it accepts labels only, so it can't be used with mixup or CutMix: {first_line(error)}.")
        soft = soft.detach() if isinstance(soft, Tensor) else torch.as_tensor(soft)
        need(_close(hard, soft), f"one-hot targets give {float(soft):.5g}, but labels {float(hard):.5g}.")


@contract(KIND, "multiple labels", "For multilabel=True, treat each column as an independent binary label.")
def _learns_several_labels(subject: Subject) -> None:
    _made(subject)
    if not accepts(subject.factory(), "multilabel"):
        return  # single-label only; refused for multi-label datasets
    for count in COUNTS:
        loss = _supplied(subject.made(**_given(subject, count), multilabel=True))
        logits, _ = Domain().batch(8, count)
        targets = (Domain().batch(8, count, 1)[0] > 0).float()
        targets[0], targets[1] = 0, 1  # none of the labels, and all of them
        gradient = _gradient(loss, logits, targets)
        finite = gradient is not None and bool(gradient.isfinite().all())
        need(finite, f"with {count} classes, its gradient for multi-label targets is not finite.")
        if getattr(loss, "takes_outputs", False):
            continue
        move = 4 * (2 * targets - 1)
        right, wrong = (_value(loss, logits + sign * move, targets) for sign in (1, -1))
        need(right < wrong, f"with {count} classes, right labels have the loss {right:.3g}, wrong ones {wrong:.3g}.")


@contract(KIND, "values", "For regression=True, take outputs and targets as values (N, K), and fall with the error.")
def _learns_values(subject: Subject) -> None:
    _made(subject)
    if not accepts(subject.factory(), "regression") or isinstance(domain_of(subject), OfValues):
        return  # of classes alone, or of values alone: checked with values throughout
    domain = OfValues(own_link(subject))
    for count in COUNTS:
        loss = _supplied(subject.made(**{**_given(subject, count), **domain.given}))
        logits, targets = domain.batch(24, count)
        gradient = _gradient(loss, logits, targets)
        finite = gradient is not None and bool(gradient.isfinite().all())
        need(finite, f"with {count} values, its gradient is not finite.")
        if not getattr(loss, "takes_outputs", False):
            _need_order(domain, loss, logits, targets)
        if not declares_whole_batch(loss) and (difference := difference_of_parts(loss, logits, targets)):
            fail(f"with {count} values, {difference}.")


@contract(
    KIND, "outputs of the network", 'Return {"kind": "quantiles", "levels": […]}, corn or cumulative from link().'
)
def _describes_its_outputs(subject: Subject) -> None:
    subject.factory()
    try:
        width = own_link(subject).width(CLASSES)
    except Exception as error:
        fail(f"its link describes no outputs: {first_line(error)}.")
    need(width >= 1, f"its link asks for {width} outputs for {CLASSES} classes or values.")


@contract(
    KIND,
    "weight of a batch",
    "Return the divisor of the value over the targets from weight_of(targets), or declare needs_whole_batch = True.",
)
def _weighs_a_batch(subject: Subject) -> None:
    for what, loss, logits, targets in _kinds_of_targets(subject):
        if declares_whole_batch(loss):
            continue
        try:
            check_weight(subject.entry, loss, targets)
        except ContractError as error:
            fail(str(error))
        slope = _gradient(loss, logits, targets)
        if slope is None or not slope.isfinite().all():
            skip("its gradient is not finite.")
        difference = difference_of_parts(loss, logits, targets)
        if difference and weight_of(loss, targets) is not None:
            fail(f"with {what}, {difference}.")
        if difference:
            skip(
                f"it needs the whole batch, so train.accumulate and several processes are refused: with {what}, "
                f"{difference}. If this is intended, declare needs_whole_batch = True."
            )


@contract(KIND, "two class counts", "Use the parameter num_classes, or the second dimension of the logits.")
def _works_for_other_counts(subject: Subject) -> None:
    _made(subject)
    for count in COUNTS[1:]:
        try:
            score(subject.make(**_given(subject, count)), *domain_of(subject).batch(8, count))
        except Exception as error:
            fail(f"with {count} classes it raises {first_line(error)}.")


@contract(KIND, "inputs untouched", "Work on copies: logits and targets are used after the loss.")
def _leaves_its_inputs(subject: Subject) -> None:
    logits, targets = domain_of(subject).batch(8, CLASSES)
    given = logits.clone(), targets.clone()
    _made(subject)(*given)
    need(torch.equal(given[0], logits), "it changes the logits in place.")
    need(torch.equal(given[1], targets), "it changes the targets in place.")


def _made(subject: Subject) -> Loss:
    loss = subject.made(**_given(subject, CLASSES))
    return _supplied(loss) if callable(loss) else skip("it is not callable.")


def _given(subject: Subject, count: int) -> Mapping[str, Any]:
    """What the runner gives to the factory of a loss."""
    own = domain_of(subject).given
    return {"num_classes": count, "num_features": WIDTH, "classes": class_names(count), **own}


def _supplied(loss: Any) -> Loss:
    """The loss with the outputs of a network that it requires, as a function of logits and targets."""
    if not takes_outputs(loss):
        return loss  # type: ignore[no-any-return]

    def supplied(logits: Tensor, targets: Tensor) -> Any:
        return score(loss, logits, targets)

    supplied.takes_outputs = True  # type: ignore[attr-defined]
    supplied.__wrapped__ = loss  # type: ignore[attr-defined]
    return supplied


def _kinds_of_targets(subject: Subject) -> Iterator[tuple[str, Loss, Tensor, Tensor]]:
    """Yield a description, the loss, logits (24, K) and targets: labels, soft and multi-label ones as it takes them."""
    domain = domain_of(subject)
    for count, loss in _made_for_all(subject).items():
        logits, labels = domain.batch(24, count)
        if isinstance(domain, OfValues):
            yield f"{count} values", loss, logits, labels
            continue
        labels = labels.sort().values  # so that each part has another mix of classes
        soft = Domain().batch(24, count, 1, 3.0)[0].softmax(1)
        yield f"{count} classes", loss, logits, labels
        if _accepts(loss, logits, soft):
            yield f"{count} classes and soft targets", loss, logits, soft
        if accepts(subject.factory(), "class_weights") and "class_weights" not in subject.params:
            weighted = _supplied(subject.made(**_given(subject, count), class_weights=[0.1, *range(1, count)]))
            yield f"{count} classes and class_weights", weighted, logits, labels
            if _accepts(weighted, logits, soft):
                yield f"{count} classes, class_weights and soft targets", weighted, logits, soft
        if accepts(subject.factory(), "multilabel"):
            several = _supplied(subject.made(**_given(subject, count), multilabel=True))
            yield f"{count} classes and multi-label targets", several, logits, (soft > 1 / count).float()


def _accepts(loss: Loss, logits: Tensor, targets: Tensor) -> bool:
    """Check that a loss takes such targets; the check of soft targets says if it does not."""
    try:
        return isinstance(loss(logits.clone(), targets.clone()), Tensor)
    except Exception:
        return False


def _skip_outputs(subject: Subject) -> None:
    if getattr(_made(subject), "takes_outputs", False):
        skip("it takes outputs of the network beside the logits, whose order is unknown.")


def _made_for_all(subject: Subject) -> dict[int, Loss]:
    """Create the loss for each number of classes that it supports."""
    found = {CLASSES: _made(subject)}
    for count in COUNTS[1:]:
        try:
            loss = _supplied(subject.make(**_given(subject, count)))
            loss(*domain_of(subject).batch(8, count))
        except Exception:  # reported by another check
            continue
        found[count] = loss
    return found


def _eights(subject: Subject) -> Iterator[tuple[Loss, Tensor, Tensor]]:
    """Yield the loss, logits (8, K) and labels (8,), several times."""
    for count, loss in _made_for_all(subject).items():
        for seed in SEEDS:
            yield loss, *domain_of(subject).batch(8, count, seed)


def _batches(subject: Subject) -> Iterator[tuple[Loss, Tensor, Tensor, float]]:
    """Yield the loss, logits (n, K), labels (n,) and the scale of the logits."""
    for count, loss in _made_for_all(subject).items():
        for seed in SEEDS:
            for scale in SCALES:
                yield loss, *domain_of(subject).batch(2 + seed, count, seed, scale), scale


def _value(loss: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    """Compute the loss of copies, since it may modify its inputs; skips values that are no scalar."""
    value = loss(logits.clone(), targets.clone())
    if not isinstance(value, Tensor) or value.ndim != 0:
        skip("it does not return a scalar.")
    return value.detach()


def _gradient(loss: Loss, logits: Tensor, targets: Tensor) -> Tensor | None:
    leaf = logits.clone().requires_grad_()
    value = loss(leaf, targets.clone())
    if not isinstance(value, Tensor) or value.ndim != 0 or not value.isfinite():
        skip("it does not return a finite scalar.")
    if not value.requires_grad:
        return None
    value.backward()  # type: ignore[no-untyped-call]
    return leaf.grad


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.float(), other.float(), rtol=1e-4, atol=1e-6, equal_nan=True)
