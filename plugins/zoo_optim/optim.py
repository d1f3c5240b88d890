"""Optimizers that aren't torch's as they are: SGD with momentum by default, and timm's by name.

Each takes parameters or parameter groups and the learning rate. ``weight_decay`` is for groups that don't bring their
own. Whether torch's fused or multi-tensor kernels are used is left to torch.
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
        momentum: at least 0.
        nesterov: look ahead along the momentum (Sutskever et al. 2013); without momentum there is nothing to look
            along, and it is ignored.
        weight_decay: L2 penalty, at least 0.
    """
    return torch.optim.SGD(
        params, lr=lr, momentum=momentum, nesterov=nesterov and momentum > 0, weight_decay=weight_decay
    )


def timm_optimizer(
    name: str, params: ParamsT, lr: float, weight_decay: float = 0.0, **kwargs: Any
) -> torch.optim.Optimizer:
    """An optimizer of timm, with timm's defaults for it (momentum 0.9 where there is one).

    Args:
        name: one of ``timm.optim.list_optimizers()``.
        weight_decay: at least 0; L2 or decoupled, as the optimizer has it.
        **kwargs: parameters of the optimizer's class.

    Raises:
        ValueError: timm doesn't know the name, or the optimizer not a parameter.
    """
    import timm
    from timm.optim import create_optimizer_v2, get_optimizer_class, list_optimizers  # type: ignore[attr-defined]

    if name not in list_optimizers():
        raise ValueError(f"timm {timm.__version__} has no optimizer {name!r}; a newer one may: pip install -U timm")
    valid = inspect.signature(get_optimizer_class(name, bind_defaults=False)).parameters
    # create_optimizer_v2 swallows some of the arguments that an optimizer doesn't have.
    if unknown := [key for key in kwargs if key not in valid]:
        known = ", ".join(key for key in valid if key not in ("params", "lr", "weight_decay"))
        raise ValueError(f"optimizer {name!r} has no parameter {unknown[0]!r}; it has {known}")
    optimizer: torch.optim.Optimizer = create_optimizer_v2(params, opt=name, lr=lr, weight_decay=weight_decay, **kwargs)
    return optimizer
