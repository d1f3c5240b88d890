"""Groups of parameters for an optimizer, and a penalty on their size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.layer_groups import Block

__all__ = ["parameter_groups", "weight_penalty"]


def parameter_groups(
    blocks: Sequence[Block],
    lr: float,
    weight_decay: float,
    *,
    head_lr: float | None = None,
    layer_decay: float = 1.0,
    exempt: Collection[int] = (),
    loss: Sequence[nn.Parameter] = (),
) -> list[dict[str, Any]]:
    """Parameters in groups of one learning rate each: weights that decay; norms and biases that don't.

    Args:
        blocks: of the network, its head last.
        lr: the head's, unless it has its own, and its neighbour's.
        layer_decay: factor from each block to the one before it (Clark et al. 2020, arXiv:2003.10555, section 3).
        exempt: ids of further parameters that don't decay.
        loss: weights of the loss, which get groups of their own at the rate ``lr``.

    Source: parameters of one dimension are scales and biases, whose decay has no regularising sense
    (Goyal et al. 2017, section 3; timm does the same).
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for i, block in enumerate(blocks):
        rate = lr * layer_decay ** (len(blocks) - 1 - i)
        if head_lr is not None and i == len(blocks) - 1:
            rate = head_lr
        for parameter in block.parameters:
            decays = parameter.ndim > 1 and id(parameter) not in exempt
            groups.setdefault((rate, decays), []).append(parameter)
    ordered = sorted(groups.items(), key=lambda item: (-item[0][0], not item[0][1]))
    beside = [((lr, decays), [p for p in loss if (p.ndim > 1) is decays]) for decays in (True, False)]
    ordered += [item for item in beside if item[1]]
    return [
        {"params": parameters, "lr": rate, "weight_decay": weight_decay if decays else 0.0}
        for (rate, decays), parameters in ordered
    ]


def weight_penalty(parameters: Iterable[nn.Parameter], l1: float, l2: float) -> Callable[[], Tensor]:
    """``l1 * sum |w| + l2 / 2 * sum w^2`` over the weights that learn and have more than one dimension."""
    weights = [p for p in parameters if p.ndim > 1]

    def penalty() -> Tensor:
        learning = [w for w in weights if w.requires_grad]
        terms = [l1 * w.abs().sum() + l2 / 2 * w.square().sum() for w in learning]
        return torch.stack(terms).sum() if terms else torch.zeros((), requires_grad=True)

    return penalty
