"""The loss and the metrics of a run fit its job, or the job is refused with a command that works."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.engine.task import SINGLE_LABEL
from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.registry.registry import Registry
from zoo.runner.scoring import Scoring, scoring_of

CPU = torch.device("cpu")


class Ranked(nn.Module):
    """A loss of the whole batch: the mean over all pairs of images."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits[:, None, 0] - logits[None, :, 0]).square().mean() + logits.square().mean()


@pytest.fixture(scope="module")
def registry() -> Registry:
    return open_registry()


def scoring(registry: Registry, counts: tuple[int, ...] = (9, 1), **options: Any) -> Scoring:
    asked = {"architecture": "simple_cnn", "dataset": "digits", **options}
    return scoring_of(resolve(make_request(asked), registry), SINGLE_LABEL, CPU, counts)


def test_classes_are_weighted_where_the_job_asks_for_it(registry: Registry):
    logits, targets = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    plain = scoring(registry).loss_fn(logits, targets)
    weighted = scoring(registry, set={"train.class_weights": "balanced"}).loss_fn(logits, targets)
    assert weighted > plain, "the rare class is the one that is wrong"


def test_an_unknown_monitor_is_refused_with_those_that_there_are(registry: Registry):
    scoring(registry, set={"train.monitor": "val/accuracy"}).check_monitor()
    with pytest.raises(RequestError, match=r"'val/acuracy' is not measured\..*val/accuracy"):
        scoring(registry, set={"train.monitor": "val/acuracy"}).check_monitor()


def test_a_loss_of_the_whole_batch_is_not_accumulated(registry: Registry):
    asked = {"batch_size": 32, "set": {"train.accumulate": 4}}
    scoring(registry, **asked).check_pieces()
    whole = scoring(registry, **asked, loss=Ranked)
    assert whole.is_of_whole_batch()
    with pytest.raises(RequestError, match=r"--batch-size 8 --set train.accumulate=1"):
        whole.check_pieces()


def test_scalars_and_metrics_have_a_direction(registry: Registry):
    found = scoring(registry, set={"metrics": ["f1", "hamming"]})
    directions = {name: found.higher_is_better(name) for name in ("loss", "accuracy", "f1", "hamming")}
    assert directions == {"loss": False, "accuracy": True, "f1": True, "hamming": False}
