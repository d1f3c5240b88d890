"""Optimizers: torch's by explicit functions, timm's by name.

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
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "nadam",
    "radam",
    "rmsprop",
    "sgd",
    "timm_optimizer",
]

TIMM_LISTED = "1.0.31"  # the timm whose optimizers timm_optimizers.txt lists

Betas = tuple[float, float]


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


def adam(
    params: ParamsT,
    lr: float,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980).

    Args:
        betas: decay of the running averages of gradient and squared gradient, each in 0..1.
        eps: added to the denominator.
        weight_decay: L2 penalty, at least 0; ``adamw`` has the decoupled kind.
        amsgrad: keep the largest denominator (Reddi et al. 2018).
    """
    return torch.optim.Adam(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)


def adamw(
    params: ParamsT,
    lr: float,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
) -> torch.optim.AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2017, arXiv:1711.05101).

    Args:
        betas: decay of the running averages of gradient and squared gradient, each in 0..1.
        eps: added to the denominator.
        weight_decay: share of a weight that each step takes away, times lr; at least 0.
        amsgrad: keep the largest denominator (Reddi et al. 2018).
    """
    return torch.optim.AdamW(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)


def nadam(
    params: ParamsT,
    lr: float,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
) -> torch.optim.NAdam:
    """Adam with Nesterov momentum (Dozat 2016).

    Args:
        betas: decay of the running averages of gradient and squared gradient, each in 0..1.
        eps: added to the denominator.
        weight_decay: at least 0; an L2 penalty unless ``decoupled_weight_decay``.
        momentum_decay: how fast the momentum reaches its full value.
        decoupled_weight_decay: decay as AdamW does.
    """
    return torch.optim.NAdam(
        params,
        lr=lr,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
        momentum_decay=momentum_decay,
        decoupled_weight_decay=decoupled_weight_decay,
    )


def radam(
    params: ParamsT,
    lr: float,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
) -> torch.optim.RAdam:
    """Rectified Adam: Adam that warms up by itself (Liu et al. 2019, arXiv:1908.03265).

    Args:
        betas: decay of the running averages of gradient and squared gradient, each in 0..1.
        eps: added to the denominator.
        weight_decay: at least 0; an L2 penalty unless ``decoupled_weight_decay``.
        decoupled_weight_decay: decay as AdamW does.
    """
    return torch.optim.RAdam(
        params,
        lr=lr,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled_weight_decay,
    )


def rmsprop(
    params: ParamsT,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> torch.optim.RMSprop:
    """Gradients divided by a running root mean square (Hinton 2012).

    Args:
        alpha: decay of the running average of squares, in 0..1 (Keras's rho, there 0.9).
        eps: added to the denominator.
        weight_decay: L2 penalty, at least 0.
        momentum: at least 0.
        centered: divide by the standard deviation instead.
    """
    return torch.optim.RMSprop(
        params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
    )


def adagrad(
    params: ParamsT,
    lr: float,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
) -> torch.optim.Adagrad:
    """Gradients divided by the root of all their squares so far (Duchi et al. 2011).

    Args:
        lr_decay: at least 0; lr is divided by 1 + steps * lr_decay.
        weight_decay: L2 penalty, at least 0.
        initial_accumulator_value: what the sum of squares starts with, at least 0.
        eps: added to the denominator.
    """
    return torch.optim.Adagrad(
        params,
        lr=lr,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=initial_accumulator_value,
        eps=eps,
    )


def adadelta(
    params: ParamsT, lr: float, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0
) -> torch.optim.Adadelta:
    """Step sizes from running averages of gradients and steps (Zeiler 2012, arXiv:1212.5701).

    Args:
        rho: decay of the running averages, in 0..1.
        eps: added to the denominator.
        weight_decay: L2 penalty, at least 0.
    """
    return torch.optim.Adadelta(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)


def adamax(
    params: ParamsT, lr: float, betas: Betas = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0
) -> torch.optim.Adamax:
    """Adam with the infinity norm (Kingma & Ba 2014, arXiv:1412.6980, section 7).

    Args:
        betas: decay of the running average and of the running maximum, each in 0..1.
        eps: added to the denominator.
        weight_decay: L2 penalty, at least 0.
    """
    return torch.optim.Adamax(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


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
