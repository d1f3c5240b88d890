"""Gradients of every bundled loss over whole and cut batches; ``test_loss_cuts.py`` runs this file as two processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.engine.distill import Distillation, soft_loss, value_loss
from zoo.engine.execution import Execution
from zoo.engine.gradient_sync import Together
from zoo.engine.links import link_of
from zoo.engine.ranks import ALONE, Ranks, join
from zoo.engine.step import StepConfig
from zoo.engine.train import EpochProgress, train_epoch
from zoo.host.loader import open_registry
from zoo.job.task_fit import supports
from zoo.model.build import build
from zoo.registry.entry import Entry
from zoo.registry.signature import accepts

CLASSES = 3
SIZES = (11, 5, 3)
"""Images of the batches; of the last one the second of two processes has none."""
LR = 0.1
OPTIONS: dict[str, Any] = {
    "class_weights": [0.1, 1.0, 7.0],
    "label_smoothing": 0.1,
    "alpha": [0.1, 1.0, 7.0],
    "delta": 0.4,
    "quantiles": [0.1, 0.9],
}
TARGETS = ("labels", "soft", "mixed", "several", "values")
LOSSES = [entry for entry in open_registry().entries("loss") if entry.origin.bundled]


@dataclass(frozen=True)
class Case:
    """A loss with some of its options, and the kind of its targets.

    Args:
        taught: with a teacher and a penalty on the weights.
    """

    entry: Entry
    options: tuple[str, ...]
    targets: str
    taught: bool

    def __str__(self) -> str:
        words = (self.entry.component.name, *self.options, self.targets, *(["taught"] if self.taught else []))
        return "-".join(words)

    def loss(self) -> Any:
        form = {"multilabel": self.targets == "several", "regression": self.targets == "values"}
        return build(self.entry, self.params, "loss", num_classes=CLASSES, **form)

    @property
    def params(self) -> dict[str, Any]:
        return {name: OPTIONS[name] for name in self.options}

    @property
    def width(self) -> int:
        """Number of outputs of the network."""
        link = getattr(self.entry.factory(), "link", None)
        return link_of(link(**self.params) if link else None).width(CLASSES)


def cases(entry: Entry) -> Iterator[Case]:
    """Every combination of the options that a loss has, with each kind of targets; taught with all options alone."""
    taken = [name for name in OPTIONS if accepts(entry.factory(), name)]
    for options in chain.from_iterable(combinations(taken, n) for n in range(len(taken) + 1)):
        for targets in filter(partial(takes, entry), TARGETS):
            yield from (Case(entry, options, targets, taught) for taught in {False, len(options) == len(taken)})


def takes(entry: Entry, targets: str) -> bool:
    """Check that a loss is for targets of a kind."""
    task = {"several": "multi-label", "values": "regression"}.get(targets, "ordinal")
    return supports(entry, entry.factory(), task)


def batches(targets: str) -> list[tuple[Tensor, Tensor]]:
    """Images (n, 4) and targets, of other classes in each part of a batch."""
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(sum(SIZES), 4, generator=generator)
    labels = torch.randint(CLASSES, (sum(SIZES),), generator=generator)
    rows = nn.functional.one_hot(labels, CLASSES).float()
    made = {
        "labels": labels,
        "soft": (3 * torch.randn(len(rows), CLASSES, generator=generator)).softmax(1),
        "mixed": 0.7 * rows + 0.3 * rows.flip(0),
        "several": (torch.rand(len(rows), CLASSES, generator=generator) > 0.6).float(),
        "values": torch.randn(len(rows), CLASSES, generator=generator),
    }[targets]
    return list(zip(images.split(SIZES), made.split(SIZES), strict=True))


def network(case: Case, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, case.width))


def objective(case: Case, model: nn.Module) -> dict[str, Any]:
    """A teacher and a penalty, as options of a step."""
    if not case.taught:
        return {}
    teacher = network(case, 1).requires_grad_(False)
    soft = value_loss if case.targets == "values" else partial(soft_loss, multilabel=case.targets == "several")
    distill = Distillation(teacher, 0.3, 2.0, soft)
    return {"distill": distill, "penalty": lambda: 0.01 * sum(p.square().sum() for p in model.parameters())}


def gradient(model: nn.Module) -> list[float]:
    return torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None]).tolist()


def whole(case: Case) -> list[list[float]]:
    """Gradients of the steps with whole batches, by a plain loop."""
    model, loss, found = network(case), case.loss(), []
    more = objective(case, model)
    for images, targets in batches(case.targets):
        model.zero_grad()
        logits = model(images)
        value = loss(logits, targets)
        if more:
            value = more["distill"](value, logits, images) + more["penalty"]()
        value.backward()
        found.append(gradient(model))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= LR * parameter.grad
    return found


def cut(case: Case, pieces: int, ranks: Ranks = ALONE) -> list[list[float]]:
    """Gradients of the steps of training, with each batch in so many pieces in each process."""
    model, found = network(case), []
    shares = [ranks.share(np.arange(size)) for size in SIZES]
    own = [(x[part], y[part]) for (x, y), (part, _) in zip(batches(case.targets), shares, strict=True)]
    weights = iter([weight for _, weight in shares])

    def stepped(seen: int, totals: Any) -> None:
        found.append(gradient(model))

    train_epoch(
        model,
        own,
        case.loss(),
        torch.optim.SGD(model.parameters(), lr=LR),
        Execution(torch.device("cpu")),
        StepConfig(accumulate=pieces, **objective(case, model)),
        EpochProgress(on_step=stepped),
        Together(ranks, weigh=lambda: next(weights)),
    )
    return found


if __name__ == "__main__":
    ranks = join(torch.device("cpu"))
    made = (case for entry in LOSSES for case in cases(entry))
    told = {str(case): {n: cut(case, n, ranks) for n in ((2,) if case.taught else (1, 2))} for case in made}
    Path(sys.argv[1], f"{ranks.rank}.json").write_text(json.dumps(told), "utf-8")
