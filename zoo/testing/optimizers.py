"""Checks of optimizers: descent, weight decay by group, and a state for checkpoints."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.optimizers import has_two_weights, needs_closure, to_training_weights
from zoo.runner.checkpoint import load_checkpoint, save_checkpoint
from zoo.testing.checking import contract
from zoo.testing.outcome import need, skip
from zoo.testing.subject import Subject

KIND = "optimizer"
RATE, DECAY = 1e-3, 0.01
STEPS = 4


class Bowl:
    """Quadratic function with minimum 0, and its parameters (4, 3) and (3,)."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 3, generator=generator) + 2)
        self.bias = nn.Parameter(torch.randn(3, generator=generator) + 2)
        self.slopes = torch.linspace(0.5, 2, 12).reshape(4, 3)

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups as the runner creates them, without weight decay for vectors."""
        weights = {"params": [self.weight], "weight_decay": DECAY}
        return [weights, {"params": [self.bias], "weight_decay": 0.0}]

    def value(self) -> Tensor:
        return (self.slopes * self.weight**2).sum() + (self.bias**2).sum()

    def step(self, optimizer: torch.optim.Optimizer) -> float:
        """Run one step, and return the value before it."""
        value = self._gradients(optimizer)
        if needs_closure(optimizer):
            optimizer.step(lambda: self._gradients(optimizer))
        else:
            optimizer.step()
        return float(value)

    def _gradients(self, optimizer: torch.optim.Optimizer) -> Any:
        with torch.enable_grad():
            optimizer.zero_grad()
            value = self.value()
            value.backward()  # type: ignore[no-untyped-call]
        return value.detach()


@contract(KIND, "can be created", "Take parameter groups and lr, and return a torch.optim.Optimizer.")
def _can_be_made(subject: Subject) -> None:
    optimizer = subject.try_to_make(Bowl().groups(), RATE)
    kind = type(optimizer).__name__
    need(isinstance(optimizer, torch.optim.Optimizer), f"its factory returns {kind}, not a torch.optim.Optimizer.")


@contract(KIND, "descends", "Move against the gradient, at about the learning rate.")
def _goes_downhill(subject: Subject) -> None:
    bowl = Bowl()
    optimizer = _made(subject, bowl)
    values = [bowl.step(optimizer) for _ in range(STEPS)] + [float(bowl.value().detach())]
    shown = ", ".join(f"{value:.4f}" for value in values)
    # The first step may only initialise statistics (ADOPT, Taniguchi et al. 2024).
    falls = values[1] <= values[0] and all(b < a for a, b in pairwise(values[1:]))
    need(falls, f"on a quadratic at a rate of {RATE} the value goes {shown}.")


@contract(KIND, "parameter groups", "Keep the weight_decay of each group: it is 0 for biases and norms.")
def _keeps_groups(subject: Subject) -> None:
    bowl = Bowl()
    groups = _made(subject, bowl).param_groups
    for parameter, asked in ((bowl.weight, DECAY), (bowl.bias, 0.0)):
        found = {g.get("weight_decay") for g in groups if any(p is parameter for p in g["params"])}
        need(found == {asked}, f"a group with a weight_decay of {asked} has {sorted(map(str, found))} instead.")


@contract(KIND, "learning rate", "Read the learning rate from each param_group at each step, where schedules set it.")
def _obeys_the_rate(subject: Subject) -> None:
    bowl = Bowl()
    optimizer = _made(subject, bowl)
    rates = sorted({float(group["lr"]) for group in optimizer.param_groups})
    need(rates == [RATE], f"with a learning rate of {RATE}, its groups have {rates}.")
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = bowl.weight.detach().clone()
    bowl.step(optimizer)
    bowl.step(optimizer)
    moved = float((bowl.weight.detach() - before).abs().max())
    need(moved <= 1e-3, f"with a rate of 0 in its groups a weight moves by {moved:.2g}.")  # MADGRAD's epsilon


@contract(KIND, "a checkpoint keeps its state", "Keep everything that a step uses in self.state and the groups.")
def _comes_back(subject: Subject) -> None:
    straight, resumed = Bowl(), Bowl()
    optimizer = _made(subject, straight)
    for _ in range(3):
        straight.step(optimizer)
    state = through_a_checkpoint({"optimizer": optimizer.state_dict()})
    with torch.no_grad():
        resumed.weight.copy_(straight.weight)
        resumed.bias.copy_(straight.bias)
    restored = _made(subject, resumed)
    restored.load_state_dict(state["optimizer"])
    for bowl, used in ((straight, optimizer), (resumed, restored)):
        torch.manual_seed(1)
        for _ in range(2):
            bowl.step(used)
    apart = _apart(_weights(straight), _weights(resumed))
    need(apart <= 1e-7, f"two steps after resuming, a weight differs by {apart:.2g} from uninterrupted training.")


@contract(
    KIND, "two sets of weights", "Keep in the groups which weights are set, so that train() and eval() undo each other."
)
def _changes_its_weights(subject: Subject) -> None:
    bowl, other = Bowl(), Bowl()
    optimizer: Any = _made(subject, bowl)
    if not has_two_weights(optimizer):
        return
    for _ in range(3):
        bowl.step(optimizer)
    training = [weight.clone() for weight in _weights(bowl)]
    optimizer.eval()
    evaluation = [weight.clone() for weight in _weights(bowl)]
    optimizer.eval()
    need(_apart(_weights(bowl), evaluation) == 0, "eval() called twice changes the weights twice.")
    state = through_a_checkpoint({"optimizer": optimizer.state_dict()})
    restored: Any = _made(subject, other)
    with torch.no_grad():
        for weight, value in zip((other.weight, other.bias), evaluation, strict=True):
            weight.copy_(value)
    restored.load_state_dict(state["optimizer"])
    for each, made in ((bowl, optimizer), (other, restored)):
        made.train()
        made.train()
        apart = _apart(_weights(each), training)
        need(apart <= 1e-5, f"after eval() and train(), a weight differs by {apart:.2g} from the one before.")


def _apart(some: list[Tensor], others: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(some, others, strict=True))


def through_a_checkpoint(state: dict[str, Any]) -> dict[str, Any]:
    """Save the state to a checkpoint on the disk and load it again."""
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        save_checkpoint(Path(folder), state)
        found = load_checkpoint(Path(folder))
    assert found is not None
    return found


def _weights(bowl: Bowl) -> list[Tensor]:
    return [bowl.weight.detach(), bowl.bias.detach()]


def _made(subject: Subject, bowl: Bowl) -> torch.optim.Optimizer:
    optimizer = subject.made(bowl.groups(), RATE)
    if not isinstance(optimizer, torch.optim.Optimizer):
        skip("it is not a torch.optim.Optimizer.")
    to_training_weights(optimizer)
    return optimizer
