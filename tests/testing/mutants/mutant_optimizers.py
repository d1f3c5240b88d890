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


class Sharp(torch.optim.SGD):
    """Good, too: the gradient at other weights nearby, which a closure computes."""

    def __init__(self, params: Any, lr: float):
        super().__init__(params, lr=lr)

    @torch.no_grad()
    def step(self, closure: Any) -> Any:
        weights = [p for group in self.param_groups for p in group["params"]]
        before = [p.clone() for p in weights]
        for parameter in weights:
            parameter += 1e-3 * parameter.grad
        loss = closure()
        for parameter, old in zip(weights, before, strict=True):
            parameter.copy_(old)
        super().step()
        return loss


class TwoWeights(torch.optim.SGD):
    """Good, too: its evaluation weights lie between the last and the first ones."""

    def __init__(self, params: Any, lr: float):
        super().__init__(params, lr=lr)
        for group in self.param_groups:
            group["training"] = True

    def train(self) -> None:
        self._set(True)

    def eval(self) -> None:
        self._set(False)

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter].setdefault("first", parameter.detach().clone())
        return super().step(closure)

    @torch.no_grad()
    def _set(self, training: bool) -> None:
        for group in self.param_groups:
            if group["training"] is not training:
                group["training"] = training
                for parameter in group["params"]:
                    if "first" in self.state[parameter]:
                        parameter.lerp_(self.state[parameter]["first"], -1.0 if training else 0.5)


class LosesItsMode(TwoWeights):
    """Which weights are set stands in no group."""

    def __init__(self, params: Any, lr: float):
        super().__init__(params, lr)
        self.training = True

    @torch.no_grad()
    def _set(self, training: bool) -> None:
        for group in self.param_groups:
            group["training"] = self.training
        super()._set(training)
        self.training = training
        for group in self.param_groups:
            group["training"] = True
