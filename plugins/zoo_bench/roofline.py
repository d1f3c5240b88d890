"""Roofline of a step: operations of its convolutions and matrix products, and their time when run alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from zoo.api.compute import Execution, now, pass_of

__all__ = ["Call", "Products", "products_of", "seconds_of"]

_LEAST, _MOST = 3, 10
"""Minimum and maximum number of timings per call, after one warm-up."""
_BUDGET_S = 2.0
"""Time budget in seconds for all calls together, beyond the minimum number of timings."""
_AT_ONCE = {"cuda": 10}
"""Calls per synchronisation on a GPU, which is not synchronised after each call in a real step either."""
_POOL = 2**16
"""Number of distinct random numbers, which are repeated, as drawing all of them would take longer than the step."""


@dataclass(frozen=True)
class Like:
    """The metadata of a tensor, without its values."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


@dataclass(frozen=True)
class Call:
    """A torch operation with its arguments, with :class:`Like` in place of tensors."""

    operation: Any
    args: tuple[Any, ...]
    kwargs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Products:
    """The convolutions and matrix products of a pass.

    Args:
        calls: distinct call -> number of occurrences.
        flops: floating-point operations of all calls; a multiply-add counts as two.
    """

    calls: Mapping[Call, int]
    flops: int


def products_of(
    model: nn.Module, images: Tensor, execution: Execution, frozen: Sequence[str] = (), *, train: bool = True
) -> Products:
    """Record the products of one pass on a copy of a network, without training it or advancing random states.

    Args:
        model: the network.
        images: (n, C, H, W) float32, on the network's device; at least two for training, as batch norm needs them.
        execution: device, precision and memory format.
        frozen: paths of the layers that stay in evaluation mode.
        train: forward and backward pass; otherwise a forward pass in evaluation mode.
    """
    step = pass_of(model, images, frozen, train=train)
    counter, recorder = FlopCounterMode(display=False, custom_mapping=_FORMULAS), _Recorder()
    with counter, recorder:
        step(replace(execution, compiled=False))  # compiled code hides the operations
    return Products(recorder.calls, int(counter.get_total_flops()))


def seconds_of(products: Products, execution: Execution) -> float:
    """Total seconds of the calls, each run alone on random tensors; only one call's tensors are in memory at a time."""
    share = _BUDGET_S / max(1, len(products.calls))
    with torch.no_grad():
        return sum(count * _seconds(call, share, execution) for call, count in products.calls.items())


def _seconds(call: Call, budget: float, execution: Execution) -> float:
    """Median time of a call within the budget; at least three timings limit the effect of interference."""
    run = partial(call.operation, *_made(call.args), **dict(_made(call.kwargs)))
    at_once = _AT_ONCE.get(execution.device.type, 1)
    _timed(run, 1, execution)  # selects the kernel, and allocates memory for the result
    times: list[float] = []
    while len(times) < _LEAST or (len(times) < _MOST and sum(times) < budget):
        times.append(_timed(run, at_once, execution))
    return median(times) / at_once


def _timed(run: Callable[[], object], count: int, execution: Execution) -> float:
    started = now(execution)
    for _ in range(count):
        run()
    return now(execution) - started


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the products that torch dispatches, below autograd and autocast."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: Counter[Call] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "overloadpacket", None) in _PRODUCTS:
            self.calls[Call(func, _form(args), _form(kwargs or {}))] += 1
        return func(*args, **(kwargs or {}))


def _form(value: Any) -> Any:
    """Replace tensors in an argument by their metadata, so that equal calls compare equal."""
    if isinstance(value, Tensor):
        return Like(tuple(value.shape), value.stride(), value.dtype, value.device)
    if isinstance(value, dict):
        return tuple((name, _form(v)) for name, v in value.items())
    return tuple(_form(v) for v in value) if isinstance(value, list | tuple) else value


def _made(form: Any) -> Any:
    """Create an argument from its metadata."""
    if isinstance(form, Like):
        return _tensor(form)
    return [_made(v) for v in form] if isinstance(form, tuple) else form


def _tensor(like: Like) -> Tensor:
    """Create a tensor of random numbers, or zeros for integers, with the original strides, including overlaps."""
    needed = max(1, 1 + sum((n - 1) * s for n, s in zip(like.shape, like.stride, strict=True)))
    if not like.dtype.is_floating_point:
        return torch.zeros(needed, dtype=like.dtype, device=like.device).as_strided(like.shape, like.stride)
    pool = torch.rand(_POOL, generator=torch.Generator().manual_seed(0)).to(like.device, like.dtype)
    return pool.repeat(-(-needed // _POOL)).as_strided(like.shape, like.stride)


def _convolution_back(grad: Sequence[int], given: Sequence[int], weight: Sequence[int], *rest: Any, **_: Any) -> int:
    """FLOPs of a convolution's backward pass: those of the forward pass for each requested gradient.

    torch's own formula ignores groups.
    """
    _bias, _stride, _padding, _dilation, transposed, _output_padding, _groups, wanted = rest
    return 2 * prod(given if transposed else grad) * prod(weight[1:]) * int(wanted[0] + wanted[1])


def _recurrent(given: Sequence[int], ins: Sequence[int], hidden: Sequence[int], *_: Any, **__: Any) -> int:
    """FLOPs of an LSTM layer: both weight matrices at every position of the sequence."""
    return 2 * prod(given[:-1]) * (prod(ins) + prod(hidden))


def _attention(q: Sequence[int], k: Sequence[int], v: Sequence[int], *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(q, k, v))  # type: ignore[no-untyped-call]


def _attention_back(
    grad: Sequence[int], q: Sequence[int], k: Sequence[int], v: Sequence[int], *_: Any, **__: Any
) -> int:
    return int(sdpa_backward_flop_count(grad, q, k, v))  # type: ignore[no-untyped-call]


_aten = torch.ops.aten
_FORMULAS: dict[Any, Callable[..., int]] = {
    _aten.convolution_backward: _convolution_back,
    # torch has no formulas for these, or only for their GPU versions.
    _aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_back,
    _aten.mkldnn_rnn_layer: _recurrent,
    _aten.mkldnn_rnn_layer_backward: lambda *given, **_: 2 * _recurrent(*given),
}
_PRODUCTS = {*flop_registry, *_FORMULAS}
