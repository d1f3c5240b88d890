"""Optimizers without the import of torch's compiler, unless a step is compiled."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.optim import Optimizer

__all__ = ["defer_dynamo"]

_DYNAMO = "torch._dynamo"
_DISABLED = "_disable_dynamo.<locals>.inner"
_STEP = "_use_grad_for_differentiable.<locals>._use_grad"
"""Qualified names of torch's wrappers around an optimizer's methods."""


def defer_dynamo() -> None:
    """Defer the import of ``torch._dynamo`` from the creation of an optimizer to the first compilation.

    Their wrappers import it (1.1 s, as long as torch itself) to exclude code from tracing. While it is not imported,
    nothing is traced, and the methods are called directly; afterwards they go through torch's wrappers. In a version of
    torch whose wrappers have other names nothing changes, at the cost of the import.
    """
    if _DYNAMO in sys.modules:
        return
    for method in vars(Optimizer).values():
        if _code_name(method) == _DISABLED:
            _without_disabling(method)
    for kind in _kinds(Optimizer):
        if _code_name(step := vars(kind).get("step")) == _STEP:
            kind.step = _plain_step(step)


def _kinds(kind: type[Optimizer]) -> Iterator[Any]:
    """Iterate over all imported subclasses of an optimizer class."""
    for lower in kind.__subclasses__():
        yield lower
        yield from _kinds(lower)


def _code_name(method: object) -> str:
    return getattr(getattr(method, "__code__", None), "co_qualname", "") if hasattr(method, "__wrapped__") else ""


def _without_disabling(method: Any) -> None:
    """Replace torch's compiler-disabled variant of a method by the method itself until the compiler is imported."""
    inner = method.__wrapped__

    def call(*args: Any, **kwargs: Any) -> Any:
        if _DYNAMO not in sys.modules:
            return inner(*args, **kwargs)
        vars(inner).pop("__dynamo_disable", None)
        return method(*args, **kwargs)

    vars(inner).setdefault("__dynamo_disable", call)


def _plain_step(step: Any) -> Callable[..., Any]:
    """Wrap ``step`` as torch does, without graph breaks while no graph is traced."""

    @functools.wraps(step)
    def plain(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if _DYNAMO in sys.modules:
            return step(self, *args, **kwargs)
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step.__wrapped__(self, *args, **kwargs)

    return plain
