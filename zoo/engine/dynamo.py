"""Optimizers without torch's compiler: it isn't imported for a step that it doesn't compile."""

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
"""What wraps an optimizer's methods in torch, by the names of its code."""


def defer_dynamo() -> None:
    """Let torch's optimizers import ``torch._dynamo`` when something is compiled, not when they are made.

    Their wrappers import it (1.1 s, as long as torch itself) to tell the compiler what not to trace. Where it is not
    imported nothing is being traced, and the methods are called as they are; once it is, they go through torch's own
    wrappers. In a torch whose wrappers have other names nothing changes, and the import is paid for.
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
    """The optimizers that are imported."""
    for lower in kind.__subclasses__():
        yield lower
        yield from _kinds(lower)


def _code_name(method: object) -> str:
    return getattr(getattr(method, "__code__", None), "co_qualname", "") if hasattr(method, "__wrapped__") else ""


def _without_disabling(method: Any) -> None:
    """Put the method itself where torch keeps the one that the compiler doesn't trace, until there is a compiler."""
    inner = method.__wrapped__

    def call(*args: Any, **kwargs: Any) -> Any:
        if _DYNAMO not in sys.modules:
            return inner(*args, **kwargs)
        vars(inner).pop("__dynamo_disable", None)
        return method(*args, **kwargs)

    vars(inner).setdefault("__dynamo_disable", call)


def _plain_step(step: Any) -> Callable[..., Any]:
    """The step as torch wraps it, less the graph breaks where no graph is traced."""

    @functools.wraps(step)
    def plain(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if _DYNAMO in sys.modules:
            return step(self, *args, **kwargs)
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step.__wrapped__(self, *args, **kwargs)

    return plain
