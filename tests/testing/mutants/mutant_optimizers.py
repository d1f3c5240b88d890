"""A good optimizer, and for each check one that breaks it."""

from typing import Any

import torch


class Good(torch.optim.SGD):
    """SGD with momentum."""

    def __init__(self, params: Any, lr: float, momentum: float = 0.5):
        super().__init__(params, lr=lr, momentum=momentum)


def no_optimizer(params: Any, lr: float) -> object:
    """An optimizer that is none."""
    return object()


def uphill(params: Any, lr: float) -> torch.optim.Optimizer:
    """It moves along the gradient."""
    return torch.optim.SGD(params, lr=lr, maximize=True)


def one_group(params: Any, lr: float) -> torch.optim.Optimizer:
    """All parameters in one group, with the first one's decay."""
    groups = list(params)
    return torch.optim.SGD([p for g in groups for p in g["params"]], lr=lr, weight_decay=groups[0]["weight_decay"])


class OwnRate(torch.optim.SGD):
    """It never looks at its groups' rate again."""

    def __init__(self, params: Any, lr: float):
        super().__init__(params, lr=lr)
        self.rate = lr

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= self.rate * parameter.grad


class Forgetful(torch.optim.SGD):
    """Its momentum is in no state."""

    def __init__(self, params: Any, lr: float):
        super().__init__(params, lr=lr)
        self.last: dict[int, torch.Tensor] = {}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                move = parameter.grad + 0.5 * self.last.get(id(parameter), torch.zeros(()))
                self.last[id(parameter)] = move
                parameter -= group["lr"] * move
