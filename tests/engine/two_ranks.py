"""What two processes find of one network, each function by itself; ``test_ranks.py`` runs this file in both."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from zoo.engine.evaluate import Answers, evaluate_logits
from zoo.engine.execution import Execution
from zoo.engine.final import final_numbers
from zoo.engine.gradient_sync import Together
from zoo.engine.outputs import give_logits
from zoo.engine.ranks import ALONE, Ranks, join
from zoo.engine.step import StepConfig
from zoo.engine.train import train_epoch

PLAIN = Execution(torch.device("cpu"))
LOGITS = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3


class Counting:
    """A metric that adds up with whatever processes torch knows of, as torchmetrics does.

    It counts those of the first class, so that a bootstrap's draws differ.
    """

    def reset(self) -> None:
        self.count = torch.zeros((), dtype=torch.int64)

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.count += (targets == 0).sum()

    def compute(self) -> Tensor:
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(self.count)
        return self.count


def metrics(ranks: Ranks) -> dict[str, Any]:
    from zoo_metrics.metrics import confusion_matrix

    given = {"table": confusion_matrix(3), "images": Counting()}
    found = evaluate_logits(LOGITS, LABELS, nn.functional.cross_entropy, ["a", "b", "c"], given)
    names = [str(i) for i in range(12)]
    beside, _ = final_numbers(Answers(LOGITS, LABELS), nn.functional.cross_entropy, names, ["a", "b", "c"], given)
    sums = [int(torch.tensor(found["table"]).sum()), found["images"]]
    return {"sums": sums, "interval": beside["intervals"]["images"], "others": len(ranks.all(None))}


def step(
    loss: Any, ranks: Ranks, pieces: int = 1, model: nn.Module | None = None, count: int = 11, steps: int = 1
) -> dict[str, Any]:
    """The loss that is told and the weights after steps with a batch of so many, by all processes together."""
    torch.manual_seed(0)
    model = model or nn.Linear(4, 3)
    images = torch.randn(11, 4, generator=torch.Generator().manual_seed(1))
    mine, weight = ranks.share(np.arange(count))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    batches = [(images[mine], LABELS[:11].sort().values[mine])] * steps
    together = Together(ranks, weigh=lambda: weight)
    totals = train_epoch(model, batches, loss, optimizer, PLAIN, StepConfig(accumulate=pieces), together=together)
    return {"loss": totals.loss, "weights": nn.utils.parameters_to_vector(model.parameters()).tolist()}


def weighted(ranks: Ranks) -> list[Any]:
    from zoo_losses.losses import CrossEntropy

    loss = CrossEntropy(class_weights=[0.1, 1.0, 7.0])
    return [step(loss, ALONE), step(loss, ranks), step(loss, ranks, pieces=2)]


class Skipping(nn.Module):
    """A layer that one image alone needs, and so one process alone."""

    def __init__(self) -> None:
        super().__init__()
        self.common, self.rare = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.common(images)
        rare = images[:, 0] > 1.0
        return logits + rare.float()[:, None] * self.rare(images) if rare.any() else logits


def normed(ranks: Ranks) -> list[Any]:
    """With a batch that leaves one image for the second process, were it dealt evenly."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    return [step(nn.CrossEntropyLoss(), who, model=copy.deepcopy(model), count=3) for who in (ALONE, ranks)]


def skipped(ranks: Ranks) -> list[Any]:
    """In three pieces, the first may use a layer that the last, whose gradients are sent early, does not."""
    torch.manual_seed(2)
    model, loss = Skipping(), nn.CrossEntropyLoss()
    ways = ((ALONE, 1), (ranks, 1), (ranks, 3))
    return [step(loss, who, pieces, copy.deepcopy(model), steps=4) for who, pieces in ways]


class Short:
    """A loss whose memory was too small in some calls of the second process."""

    def __init__(self, rank: int, calls: tuple[int, ...]):
        self.calls = calls if rank == 1 else ()
        self.called = 0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        self.called += 1
        if self.called in self.calls:
            raise torch.OutOfMemoryError("no room")
        return nn.functional.cross_entropy(logits, targets)


def short(ranks: Ranks) -> list[Any]:
    """The first step is repeated in two pieces by one process, and the third, whose forward pass fails, in four."""
    torch.manual_seed(6)
    model = nn.Linear(4, 3)
    ways: tuple[tuple[Ranks, tuple[int, ...]], ...] = ((ALONE, ()), (ranks, (1, 6)))
    return [step(Short(who.rank, calls), who, model=copy.deepcopy(model), steps=4) for who, calls in ways]


class Featured(nn.Module):
    """A network with features beside its logits, and a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm, self.head = nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.body(images)
        self.norm(features)  # its statistics are each process's own, so that the logits do without it
        return {"logits": self.head(features), "features": features}


class Angles(nn.Module):
    """A loss with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 5))

    def forward(self, logits: Tensor, targets: Tensor, features: Tensor) -> Tensor:
        cosines = nn.functional.normalize(features) @ nn.functional.normalize(self.weight).T
        return nn.functional.cross_entropy(logits, targets) + nn.functional.cross_entropy(cosines, targets)


class Sharp(torch.optim.SGD):
    """The gradient at the weights a step further, which a closure computes."""

    needs_closure = True
    told: Tensor

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        weights = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        before = [p.clone() for p in weights]
        for parameter in weights:
            parameter += 0.1 * parameter.grad
        self.told = closure()
        for parameter, old in zip(weights, before, strict=True):
            parameter.copy_(old)
        super().step()


def featured(ranks: Ranks, pieces: int = 1) -> list[Any]:
    found = []
    for who in (ALONE, ranks):
        torch.manual_seed(4)
        model, loss = Featured(), Angles()
        images = torch.randn(11, 4)
        give_logits(model, model.eval()(images[:2]))
        optimizer = Sharp([*model.parameters(), *loss.parameters()], lr=0.5)
        mine, weight = who.share(np.arange(11))
        batch = [(images[mine], LABELS[:11].sort().values[mine])] * 3
        together, config = (
            Together(who, weigh=lambda weight=weight: weight),
            StepConfig(clip_norm=0.5, accumulate=pieces),
        )
        train_epoch(model, batch, loss, optimizer, PLAIN, config, together=together)
        weights = nn.utils.parameters_to_vector([*model.parameters(), *loss.parameters()]).tolist()
        found.append(
            {"weights": weights, "told": float(optimizer.told), "batches": int(model.norm.num_batches_tracked)}
        )
    return found


FOUND: dict[str, Callable[[Ranks], Any]] = {
    "metrics": metrics,
    "weighted": weighted,
    "skipped": skipped,
    "short": short,
    "normed": normed,
    "featured": featured,
}


if __name__ == "__main__":
    ranks = join(torch.device("cpu"))
    found = {name: find(ranks) for name, find in FOUND.items()}
    Path(sys.argv[1], f"{ranks.rank}.json").write_text(json.dumps(found), "utf-8")
