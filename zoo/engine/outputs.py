"""Outputs of a network beyond its logits, and the losses and metrics that take them by name.

A network may return a mapping of tensors with the key ``logits``. A forward hook then returns the logits alone, so that
everything that calls the network gets a tensor; :func:`with_outputs` calls it for the whole mapping. The hook, unlike a
wrapper, leaves the network's class and the names of its weights as they are, and is copied with it.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import ContractError
from zoo.registry.suggest import listing

__all__ = [
    "LOGITS",
    "NO_OUTPUTS",
    "Outputs",
    "all_outputs",
    "call_scored",
    "give_logits",
    "loss_module",
    "mean_outputs",
    "outputs_of",
    "return_logits",
    "takes",
    "with_outputs",
]

LOGITS = "logits"
Outputs = Mapping[str, Tensor]
"""Outputs of a network beside its logits, by name: tensors (N, …)."""
NO_OUTPUTS: Outputs = MappingProxyType({})


class _LogitsAlone:
    """Forward hook that replaces a mapping by its logits.

    Args:
        examples: the other outputs for two images, as zeros.
    """

    def __init__(self, examples: Outputs):
        self.examples, self.whole = examples, False

    def __call__(self, module: nn.Module, given: Any, out: Any) -> Any:
        return out[LOGITS] if isinstance(out, Mapping) and LOGITS in out and not self.whole else out


def give_logits(model: nn.Module, out: Any) -> Any:
    """Make a network that returned a mapping return its logits, unless :func:`with_outputs` calls it.

    Args:
        out: what the network returned for two images.

    Returns:
        The logits; ``out`` itself where it is not a mapping.

    Raises:
        ContractError: the mapping has no logits.
    """
    if not isinstance(out, Mapping):
        return out
    if LOGITS not in out:
        raise ContractError(f"returns a mapping without {LOGITS!r}; it has: {listing(map(str, out)) or 'nothing'}")
    examples = {name: torch.zeros_like(value, device="cpu") for name, value in _tensors(out).items() if name != LOGITS}
    model.register_forward_hook(_LogitsAlone(examples))
    return out[LOGITS]


def return_logits(model: nn.Module) -> nn.Module:
    """Make a network return its logits alone; a mapping without logits stays what it is."""
    model.register_forward_hook(_LogitsAlone(NO_OUTPUTS))
    return model


def _hooks(model: nn.Module) -> list[_LogitsAlone]:
    found = (hook for module in model.modules() for hook in module._forward_hooks.values())
    return [hook for hook in found if isinstance(hook, _LogitsAlone)]


def outputs_of(model: nn.Module) -> Outputs:
    """Outputs that a network has beside its logits, as zeros for two images; empty where it returns a tensor."""
    return {name: value for hook in _hooks(model) for name, value in hook.examples.items()}


def with_outputs(model: nn.Module, *functions: Any) -> Callable[[Tensor], tuple[Tensor, Outputs]]:
    """Return a function that calls a network for its logits and those outputs that any of the functions takes.

    Args:
        functions: losses, and ``update`` of metrics.
    """
    hooks = _hooks(model)
    wanted = {name: needed for function in functions for name, needed in takes(function).items()} if hooks else {}
    if not wanted:
        return lambda images: (model(images), {})

    def call(images: Tensor) -> tuple[Tensor, Outputs]:
        with _whole(hooks):
            out = model(images)
        given = out if isinstance(out, Mapping) else {LOGITS: out}  # in training it may be another form than before
        if missing := [name for name, needed in wanted.items() if needed and name not in given]:
            state = "training" if model.training else "evaluation"
            raise ContractError(
                f"The network returns no {listing(map(repr, missing))} in {state}, which the loss or a metric takes."
            )
        return given[LOGITS], {name: given[name] for name in wanted if name in given}

    return call


def all_outputs(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Call a network for all of its outputs, the logits among them."""
    with _whole(_hooks(model)):
        out = model(images)
    return _tensors(out) if isinstance(out, Mapping) else {LOGITS: out}


def mean_outputs(each: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Mean of each output over several views of the images."""
    found = [_tensors(one) for one in each]
    return {name: torch.stack([one[name] for one in found]).mean(dim=0) for name in found[0]}


def _tensors(out: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in out.items() if isinstance(value, Tensor) and value.is_floating_point()}


@contextlib.contextmanager
def _whole(hooks: list[_LogitsAlone]) -> Iterator[None]:
    for hook in hooks:
        hook.whole = True
    try:
        yield
    finally:
        for hook in hooks:
            hook.whole = False


def takes(function: Any) -> dict[str, bool]:
    """Names of the outputs that a loss or an ``update`` takes after logits and targets, and whether each is required.

    A wrapper that names its function in ``__wrapped__`` takes the same.
    """
    call = _unwrapped(function)
    try:
        parameters = inspect.signature(call.forward if isinstance(call, nn.Module) else call).parameters.values()
    except (TypeError, ValueError):  # a function in C has no signature
        return {}
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [*by_place[2:], *(p for p in parameters if p.kind is p.KEYWORD_ONLY)]
    return {p.name: p.default is p.empty for p in named}


def call_scored(function: Any, logits: Tensor, targets: Tensor, outputs: Outputs) -> Any:
    """Call a loss or an ``update`` with logits, targets and those outputs that it takes."""
    if not outputs:
        return function(logits, targets)
    return function(logits, targets, **{name: outputs[name] for name in takes(function) if name in outputs})


def loss_module(function: Any) -> nn.Module | None:
    """The module behind a loss, which may have weights and a training mode; None where it is none."""
    found = _unwrapped(function)
    return found if isinstance(found, nn.Module) else None


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
