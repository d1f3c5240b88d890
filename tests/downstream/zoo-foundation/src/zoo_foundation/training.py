"""How the fnd family is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR


class Agreement(nn.Module):
    """Cross entropy minus a fraction of the entropy of the prediction.

    Args:
        beta: weight of the entropy, 0 or more.
    """

    def __init__(self, beta: float = 0.05) -> None:
        super().__init__()
        if beta < 0:
            raise ValueError(f"beta must be 0 or more, not {beta}")
        self.beta = beta

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        log_probs = F.log_softmax(logits.float(), dim=1)
        cost = F.cross_entropy(logits.float(), targets)
        return cost + self.beta * (log_probs.exp() * log_probs).sum(dim=1).mean()


def split_adam(
    params: Iterable[Any], lr: float, weight_decay: float = 0.05, *, betas: tuple[float, float] = (0.9, 0.95)
) -> torch.optim.Optimizer:
    """AdamW without weight decay of vectors: norms, biases and tokens.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        weight_decay: of matrices.
        betas: AdamW's.
    """
    groups = []
    for given in params:
        group = dict(given) if isinstance(given, Mapping) else {"params": [given]}
        members = group.pop("params")
        members = [members] if isinstance(members, Tensor) else list(members)
        matrices = [p for p in members if p.ndim > 1]
        vectors = [p for p in members if p.ndim <= 1]
        if matrices:
            groups.append({"weight_decay": weight_decay, **group, "params": matrices})
        if vectors:
            groups.append({**group, "params": vectors, "weight_decay": 0.0})
    return torch.optim.AdamW(groups, lr=lr, betas=betas)


def inverse_sqrt(optimizer: torch.optim.Optimizer, total_steps: int, warmup: float = 0.1) -> LambdaLR:
    """A linear warm-up, then the inverse square root of the step.

    Args:
        optimizer: its groups keep their ratios.
        total_steps: steps of the whole training.
        warmup: fraction of the steps, in 0..1.
    """
    rise = max(1, round(warmup * total_steps))
    return LambdaLR(optimizer, lambda step: min((step + 1) / rise, (rise / (step + 1)) ** 0.5))
