"""The Muon optimizer: orthogonalised momentum for matrices, AdamW for all other parameters.

torch's version doesn't support convolutions, and torch's and timm's compute in bfloat16, whose emulation on a CPU is
ten times slower than float32; this version computes in float32 there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

__all__ = ["Muon", "muon", "orthogonal"]

_QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: steep at 0, within 0.7..1.2 after five steps
_NARROW = 4


def muon(
    params: ParamsT,
    lr: float,
    momentum: float = 0.95,
    steps: int = 5,
    adamw_scale: float = 0.15,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
) -> Muon:
    """Muon: orthogonalised momentum for convolutions and matrices (Jordan et al.

    2024, kellerjordan.github.io/posts/muon).

    Biases, norms, and matrices with a side of 4 or less (the first convolution's input channels, the output of a few
    classes) are trained by AdamW at ``lr * adamw_scale``.

    Args:
        params: parameters or parameter groups.
        lr: learning rate of the matrices; 0.02 is usual.
        momentum: Nesterov momentum in 0..1.
        steps: number of Newton-Schulz iterations, at least 1.
        adamw_scale: ratio of AdamW's learning rate to lr.
        betas: coefficients of AdamW.
        weight_decay: decoupled weight decay, at least 0.

    Raises:
        ValueError: a value is out of range.
    """
    if lr <= 0 or not 0 <= momentum < 1 or steps < 1:
        raise ValueError(f"muon needs lr > 0, momentum in 0..1 and steps >= 1, not {lr}, {momentum}, {steps}")
    defaults = {
        "lr": lr,
        "momentum": momentum,
        "steps": steps,
        "adamw_scale": adamw_scale,
        "betas": betas,
        "weight_decay": weight_decay,
    }
    return Muon(params, defaults)


class Muon(torch.optim.Optimizer):
    """Optimizer of :func:`muon`."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Run one step: update every parameter with a gradient by Muon or by AdamW."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    move = _muon_step if is_matrix(parameter) else _adamw_step
                    move(parameter, self.state[parameter], group)
        return loss


def is_matrix(parameter: Tensor) -> bool:
    """Check that Muon updates the parameter: at least two dimensions, neither of the first two narrow."""
    return parameter.ndim > 1 and min(parameter.shape[:2]) > _NARROW


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Approximate the nearest matrix with orthonormal rows or columns, by the Newton-Schulz iteration.

    Args:
        matrix: (rows, columns) float.
        steps: number of iterations; 5 move the singular values of a matrix of norm 1 into about 0.7..1.2.
    """
    tall = matrix.size(0) > matrix.size(1)
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    x = _by_gram(x, steps) if x.dtype is torch.float32 and x.size(1) > 2 * x.size(0) else _by_matrix(x, steps)
    return x.T if tall else x


def _by_matrix(x: Tensor, steps: int) -> Tensor:
    a, b, c = _QUINTIC
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def _by_gram(x: Tensor, steps: int) -> Tensor:
    """Newton-Schulz iteration for wide matrices, where all but two products are of the small Gram matrix.

    Each step multiplies x by a polynomial q of its Gram matrix, and so that matrix by q^2. In float32 the small
    singular values, whose squares are lost in the square's rounding, only need q near 0, which is constant.
    """
    a, b, c = _QUINTIC
    gram = x @ x.T
    unit = torch.eye(len(gram), dtype=x.dtype, device=x.device)
    whole = unit
    for step in range(steps):
        q = a * unit + b * gram + c * gram @ gram
        whole = q @ whole
        if step < steps - 1:
            gram = q @ gram @ q
    return whole @ x


def _muon_step(parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if not state:
        state["momentum"] = torch.zeros_like(parameter)
    gradient, momentum = parameter.grad, state["momentum"]
    assert gradient is not None
    momentum.lerp_(gradient, 1 - group["momentum"])
    ahead = gradient.lerp(momentum, group["momentum"]).flatten(1)  # (out, in * h * w)
    update = orthogonal(_computable(ahead), group["steps"]).to(parameter.dtype)
    scale = max(1.0, update.size(0) / update.size(1)) ** 0.5  # a tall update moves its outputs as far as a wide one
    parameter.mul_(1 - group["lr"] * group["weight_decay"])
    parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * scale)


def _computable(matrix: Tensor) -> Tensor:
    return matrix.bfloat16() if matrix.is_cuda else matrix.float()


def _adamw_step(parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if not state:
        state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
    state["step"] += 1
    (beta1, beta2), lr = group["betas"], group["lr"] * group["adamw_scale"]
    assert parameter.grad is not None
    state["mean"].lerp_(parameter.grad, 1 - beta1)
    state["square"].lerp_(parameter.grad.square(), 1 - beta2)
    mean = state["mean"] / (1 - beta1 ** state["step"])
    root = (state["square"] / (1 - beta2 ** state["step"])).sqrt() + 1e-8
    parameter.mul_(1 - lr * group["weight_decay"])
    parameter.addcdiv_(mean, root, value=-lr)
