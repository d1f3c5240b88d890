"""The loss and the metrics of a run fit its job, or the job is refused with a command that works."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.engine.task import SINGLE_LABEL
from zoo.errors import ContractError, RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.plugin import Metric
from zoo.registry.entry import Origin
from zoo.registry.registry import Registry
from zoo.runner.losses import Scored, check_outputs
from zoo.runner.scoring import Scoring, scoring_of

CPU = torch.device("cpu")


class Ranked(nn.Module):
    """A loss of the whole batch: the mean over all pairs of images."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits[:, None, 0] - logits[None, :, 0]).square().mean() + logits.square().mean()


@pytest.fixture(scope="module")
def registry() -> Registry:
    return open_registry()


def scoring(
    registry: Registry, counts: tuple[int, ...] = (9, 1), outputs: dict[str, Tensor] | None = None, **options: Any
) -> Scoring:
    asked = {"architecture": "simple_cnn", "dataset": "digits", **options}
    scored = Scored([str(i) for i in range(len(counts))], outputs=outputs or {})
    return scoring_of(resolve(make_request(asked), registry), scored, SINGLE_LABEL, CPU, counts)


def test_classes_are_weighted_where_the_job_asks_for_it(registry: Registry):
    logits, targets = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    plain = scoring(registry).loss_fn(logits, targets)
    weighted = scoring(registry, set={"train.class_weights": "balanced"}).loss_fn(logits, targets)
    assert weighted > plain, "the rare class is the one that is wrong"


def test_an_unknown_monitor_is_refused_with_those_that_there_are(registry: Registry):
    scoring(registry, set={"train.monitor": "val/accuracy"}).check_monitor()
    with pytest.raises(RequestError, match=r"'val/acuracy' is not measured\..*val/accuracy"):
        scoring(registry, set={"train.monitor": "val/acuracy"}).check_monitor()


def test_a_batch_is_not_cut_for_a_loss_of_the_whole_batch(registry: Registry):
    asked: dict[str, Any] = {"batch_size": 32, "set": {"train.accumulate": 4}}
    scoring(registry, **asked).check_cuts(2)
    scoring(registry, batch_size=32, loss=Ranked).check_cuts(1)
    trial = r"\(in a trial, the loss of a batch is [\d.]+, and that of its parts [\d.]+\)"
    title = rf"loss '.*/Ranked' .*is not a mean over images {trial}, but "
    for options, processes, cut, typed in (
        (asked, 1, r"with train\.accumulate=4 each batch is cut into 4 parts", "8 --set train.accumulate=1"),
        ({"batch_size": 32}, 2, "with 2 processes each batch is cut into 2 parts", "16 --nproc 1"),
        (asked, 2, "with 2 processes and train.accumulate=4 .* 8 parts", "4 --nproc 1 --set train.accumulate=1"),
    ):
        words = rf"{title}{cut}\. Type: --batch-size {typed}, or choose another loss: zoo list loss"
        with pytest.raises(RequestError, match=words):
            scoring(registry, **options, loss=Ranked).check_cuts(processes)


def test_a_batch_too_large_for_the_memory_is_not_cut_either(registry: Registry):
    assert scoring(registry, batch_size=32).out_of_memory(2) is None
    words = str(scoring(registry, batch_size=32, loss="soft_f1").out_of_memory(2))
    assert words == (
        "Out of memory with a batch of 32, and loss 'losses/soft_f1' needs the whole batch. Type: --batch-size 16, or "
        "choose another loss: zoo list loss"
    )


class Vector(nn.CrossEntropyLoss):
    """Returns the weight of each image instead of their sum."""

    def weight_of(self, targets: Tensor) -> Tensor:
        return torch.ones(len(targets))


def test_a_weight_that_is_not_one_number_is_a_fault_of_the_loss(registry: Registry):
    with pytest.raises(ContractError, match=r"weight_of\(\) of loss '.*/Vector'.* returned \(2,\) values"):
        scoring(registry, loss=Vector)


def test_scalars_and_metrics_have_a_direction(registry: Registry):
    found = scoring(registry, set={"metrics": ["f1", "hamming"]})
    directions = {name: found.higher_is_better(name) for name in ("loss", "accuracy", "f1", "hamming")}
    assert directions == {"loss": False, "accuracy": True, "f1": True, "hamming": False}


class OnFeatures(nn.Module):
    """A loss of features, with a weight that has their width."""

    def __init__(self, num_features: int, classes: list[str]):
        super().__init__()
        self.classes, self.weight = classes, nn.Parameter(torch.ones(num_features))

    def forward(self, logits: Tensor, targets: Tensor, features: Tensor) -> Tensor:
        return (features * self.weight).square().mean() + logits.square().mean()


class Spread:
    """A metric of features."""

    def __init__(self, num_classes: int):
        self.reset()

    def reset(self) -> None:
        self.parts: list[Tensor] = []

    def update(self, logits: Tensor, targets: Tensor, features: Tensor) -> None:
        self.parts.append(features)

    def compute(self) -> Tensor:
        return torch.cat(self.parts).std()


def test_a_loss_gets_the_width_of_the_features_and_the_names_of_the_classes(registry: Registry):
    found = scoring(registry, outputs={"features": torch.zeros(2, 5)}, loss=OnFeatures)
    assert found.loss_fn.weight.shape == (5,)  # type: ignore[attr-defined]
    assert found.loss_fn.classes == ["0", "1"]  # type: ignore[attr-defined]
    assert found.takes_outputs()
    assert found.reason_against_cuts() is None


def test_what_takes_an_output_that_the_network_lacks_is_refused_by_name(registry: Registry):
    def bare(**options: Any) -> nn.Module:
        return OnFeatures(5, [])

    for loss, name in ((OnFeatures, "num_features"), (bare, "features")):
        with pytest.raises(
            RequestError, match=rf"loss '.*/{loss.__name__}' takes '{name}', but architecture 'simple/.*'"
        ):
            scoring(registry, loss=loss)
    found = scoring(registry)
    entry = replace(found.resolved.entry("loss"), component=Metric("spread", "m:Spread"), origin=Origin("acme"))
    with pytest.raises(RequestError, match=r"metric 'acme/spread' takes 'features', .* mapping with logits, embedding"):
        check_outputs(found.resolved, entry, Spread(2).update, {"embedding": torch.zeros(2, 5)})
    check_outputs(found.resolved, entry, Spread(2).update, {"features": torch.zeros(2, 5)})
    with pytest.raises(RequestError, match=r"an exported file returns logits alone\. Type: zoo evaluate RUN"):
        check_outputs(found.resolved, entry, Spread(2).update, {}, file=True)
