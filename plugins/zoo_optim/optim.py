"""Optimizers: SGD with Nesterov momentum by default, and timm's by name.

Each takes parameters or parameter groups and the learning rate. ``weight_decay`` applies to groups without their own.
The choice of fused or multi-tensor kernels is left to torch.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

__all__ = [
    "TIMM_LISTED",
    "sgd",
    "timm_optimizer",
]

TIMM_LISTED = "1.0.31"  # the timm whose optimizers timm_optimizers.txt lists


def sgd(
    params: ParamsT, lr: float, momentum: float = 0.9, nesterov: bool = True, weight_decay: float = 0.0
) -> torch.optim.SGD:
    """Stochastic gradient descent.

    Args:
        params: parameters or parameter groups.
        lr: learning rate.
        momentum: momentum factor, at least 0.
        nesterov: Nesterov momentum (Sutskever et al. 2013); ignored without momentum.
        weight_decay: L2 penalty, at least 0.
    """
    return torch.optim.SGD(
        params, lr=lr, momentum=momentum, nesterov=nesterov and momentum > 0, weight_decay=weight_decay
    )


def timm_optimizer(
    name: str, params: ParamsT, lr: float, weight_decay: float = 0.0, **kwargs: Any
) -> torch.optim.Optimizer:
    """Create an optimizer of timm, with timm's defaults (momentum 0.9 where there is one).

    Args:
        name: one of ``timm.optim.list_optimizers()``.
        params: parameters or parameter groups.
        lr: learning rate.
        weight_decay: at least 0; L2 or decoupled, depending on the optimizer.
        **kwargs: parameters of the optimizer's class.

    Raises:
        ValueError: the name, or a parameter of the optimizer, is unknown.
    """
    import timm
    from timm.optim import create_optimizer_v2, get_optimizer_class, list_optimizers  # type: ignore[attr-defined]

    if name not in list_optimizers():
        raise ValueError(f"timm {timm.__version__} has no optimizer {name!r}; try a newer version: pip install -U timm")
    valid = inspect.signature(get_optimizer_class(name, bind_defaults=False)).parameters
    # create_optimizer_v2 ignores some unknown arguments.
    if unknown := [key for key in kwargs if key not in valid]:
        known = ", ".join(key for key in valid if key not in ("params", "lr", "weight_decay"))
        raise ValueError(f"optimizer {name!r} has no parameter {unknown[0]!r}; it has {known}")
    optimizer: torch.optim.Optimizer = create_optimizer_v2(params, opt=name, lr=lr, weight_decay=weight_decay, **kwargs)
    return optimizer
