"""The contract of a single class, function or object, before it is registered or packaged."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.errors import RequestError
from zoo.job.given import entry_of
from zoo.job.given.datasets import is_splits
from zoo.job.given.factory import described, parameters_of, titled, torch_class
from zoo.registry.entry import Entry
from zoo.registry.kinds import KINDS
from zoo.registry.suggest import listing
from zoo.testing.checking import Check
from zoo.testing.collect import checks_of
from zoo.testing.outcome import CheckFailed
from zoo.testing.run import Outcome, Report, run_checks

_OF_A_PACKAGE = ("summary", "example", "docstring", "source", "typed parameters")
"""Checks of what is published, not of how it behaves."""
_OF_A_FACTORY = ("parameters from the runner", "valid defaults", "two class counts", "spawned workers")
"""Checks that have no meaning for an object, whose factory is made around it."""
_DECLARED = ("multiple labels",)
"""Checks of what the parameters of a class declare."""
_METHODS = ("update", "compute", "reset")
_LOGITS = ("logits", "input", "preds", "pred", "predictions", "outputs", "y_pred", "output")


def check(component: Any, kind: str | None = None, **params: Any) -> Report:
    """Check a class, a function or an object against the contract of its kind, and print the outcome.

    Example::

        zoo.testing.check(MyLoss)
        zoo.testing.check(lambda logits, targets: ..., "loss")
        zoo.testing.check(torch.optim.lr_scheduler.StepLR, step_size=2)

    Args:
        component: whatever ``zoo.run`` takes for the kind.
        kind: kind of the component, such as ``"loss"``; needed where the component could be of several kinds.
        params: parameters of the factory, for those without a default.

    Returns:
        The outcomes of all checks.

    Raises:
        CheckFailed: a check has failed; the message has each failure with its remedy.
        RequestError: the kind can't be guessed, or the component can't be one.
    """
    chosen = kind or guessed_kind(component)
    if chosen not in KINDS:
        raise RequestError(f"There is no kind {chosen!r}. Kinds: {listing(KINDS)}.")
    report = run_checks(_checks(component, chosen, params))
    failures = [
        f"{each.check.name}: {(each.message or '').rstrip('.')}. {each.check.mend}".strip() for each in report.failed
    ]
    title = f"{chosen} {described(component)}: {len(report.passed)} passed, {len(report.failed)} failed, "
    summary = f"{title}{len(report.skipped)} skipped"
    skipped = [f"skipped: {each.check.name}: {each.message}" for each in report.skipped]
    sys.stdout.write("\n".join([summary, *(f"  · {text}" for text in (*failures, *skipped))]) + "\n")
    if failures:
        raise CheckFailed("\n".join([summary, *failures]))
    return report


def _failure(outcome: Outcome) -> str:
    """Format a failure with its remedy."""
    message = (outcome.message or "").rstrip(".")
    return f"{outcome.check.name}: {message}. {outcome.check.mend}".strip()


def _checks(component: Any, kind: str, params: Mapping[str, Any]) -> Iterator[Check]:
    entry = dataclasses.replace(entry_of(kind, component), params=params)
    module = torch_class("nn.Module")
    if kind == "architecture" and module is not None and isinstance(component, module):
        from zoo.testing.given_networks import network_checks

        yield from network_checks(component, entry.component, entry.id)
        return
    if kind == "metric" and entry.form == "object":
        entry = _of_any_classes(entry, component)
    if kind == "sampler" and entry.form == "object":
        raise RequestError(f"{titled(kind, component)} has items of its own. Check the function that makes it instead.")
    left_out = {*_OF_A_PACKAGE, *(_OF_A_FACTORY if entry.form == "object" else ())}
    left_out |= set() if entry.form == "class" else {*_DECLARED}
    yield from (each for each in checks_of(entry) if each.name not in left_out)


def _of_any_classes(entry: Entry, metric: Any) -> Entry:
    """The entry of a metric's object, for fewer classes than its own: the others are never predicted."""
    own = getattr(metric, "num_classes", None)
    if not isinstance(own, int) or entry.given is None:
        return entry
    made = entry.given
    factory = lambda num_classes: _Padded(made(own), own)  # noqa: E731
    return dataclasses.replace(entry, given=factory)


class _Padded:
    """A metric of more classes than the logits have."""

    def __init__(self, metric: Any, classes: int):
        self.metric, self.classes = metric, classes
        self.compute, self.reset = metric.compute, metric.reset

    def update(self, logits: Any, targets: Any) -> None:
        """Add columns of low logits for the other classes."""
        import torch

        missing = self.classes - logits.shape[1]
        others = (
            logits.new_full((len(logits), missing), float(logits.detach().min()) - 1e3)
            if missing > 0
            else logits[:, :0]
        )
        self.metric.update(torch.cat([logits, others], dim=1), targets)


def guessed_kind(component: Any) -> str:
    """Guess the kind of a component by its class and its parameters.

    Raises:
        RequestError: it could be of several kinds, or of none.
    """
    found = _by_class(component) or _by_parameters(component)
    if found is None:
        raise RequestError(
            f"The kind of {described(component)} is not clear from its class and parameters. Name it: "
            f'zoo.testing.check(…, "loss"). Kinds: {listing(KINDS)}.'
        )
    return found


def _by_class(component: Any) -> str | None:
    cls = component if isinstance(component, type) else type(component)
    known = {
        "optimizer": torch_class("optim.Optimizer"),
        "schedule": torch_class("optim.lr_scheduler.LRScheduler"),
        "dataset": torch_class("utils.data.Dataset"),
        "sampler": torch_class("utils.data.Sampler"),
        "callback": getattr(sys.modules.get("zoo.runner.callbacks"), "Callback", None),
    }
    found = [kind for kind, base in known.items() if base is not None and issubclass(cls, base)]
    if found:
        return found[0]
    if all(callable(getattr(cls, name, None)) for name in _METHODS):
        return "metric"
    if is_splits(component) or (hasattr(cls, "__len__") and hasattr(cls, "__getitem__") and hasattr(cls, "classes")):
        return "dataset"
    if not isinstance(component, type) and hasattr(component, "classes") and hasattr(component, "__getitem__"):
        return "dataset"
    return None


def _by_parameters(component: Any) -> str | None:
    if not callable(component):
        return None
    names = [one.name for one in parameters_of(component) if one.kind is not inspect.Parameter.VAR_KEYWORD]
    first = tuple(names[:2])
    pairs = {("params", "lr"): "optimizer", ("optimizer", "total_steps"): "schedule", ("root", "split"): "dataset"}
    if first in pairs:
        return pairs[first]
    if "num_classes" in names[:1] and "in_chans" in names:
        return "architecture"
    module = torch_class("nn.Module")
    is_module = module is not None and issubclass(component if isinstance(component, type) else type(component), module)
    forward = _forward(component) if is_module else []
    if is_module and len(forward) == 2 and forward[0] in _LOGITS and forward[1].startswith("target"):
        return "loss"
    if is_module and not isinstance(component, type) and any(True for _ in component.parameters()):
        return "architecture"
    return "augmentation" if first[:1] in (("size",),) or first == ("images", "targets") else None


def _forward(component: Any) -> list[str]:
    """Names of the parameters of a module's ``forward``, without ``self``."""
    cls: Any = component if isinstance(component, type) else type(component)
    return [name for name in inspect.signature(cls.forward).parameters if name != "self"]
