"""A recipe's rates under another optimizer, and another learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.host.loader import open_registry
from zoo.job.request import Request, make_request
from zoo.job.resolve import Resolved, resolve
from zoo.plugin import Optimizer

RECIPES = {
    "plain": {"train": {"optimizer": "adamw", "lr": 2e-3, "weight_decay": 0.1}},
    "by_muon": {"train": {"optimizer": "muon", "lr": 0.01, "weight_decay": 0.05}},
    "tuned": {"train": {"optimizer": "adamw", "lr": 5e-5, "head_lr": 5e-4, "weight_decay": 0.05, "layer_decay": 0.9}},
    "growing": {"train": {"image_size": 12, "start_size": 8, "size_fraction": 0.75}},
    "bare": {"train": {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.0}},
}
REGISTRY = open_registry()
AT_HOME = {
    entry.component.name: entry.component
    for entry in REGISTRY.entries("optimizer")
    if isinstance(entry.component, Optimizer) and entry.component.lr is not None
}


@pytest.fixture(autouse=True)
def _recipes() -> None:
    Path("registry.yaml").write_text(yaml.safe_dump({"recipes": RECIPES}))


def resolved(recipe: str, *sets: str, file: dict[str, Any] | None = None, **options: Any) -> Resolved:
    path = None
    if file is not None:
        path = Path("job.yaml")
        path.write_text(yaml.safe_dump(file))
    request = make_request({"architecture": "simple_cnn", "dataset": "digits", **options})
    return resolve(Request(request.options, sets, path, recipe, request.given), open_registry())


def rates(found: Resolved) -> tuple[Any, Any, Any]:
    train = found.job.train
    return train.lr, train.weight_decay, train.head_lr


@pytest.mark.parametrize(("words", "start"), [((), 8), (("train.size_fraction=0.5",), None), (("train.lr=1",), 8)])
def test_small_first_pictures_give_way_to_smaller_ones(words: tuple[str, ...], start: int | None):
    found = resolved("growing", *words)
    assert found.job.train.start_size == start
    assert found.sources["train.start_size"] == ("recipe growing" if start else "--set")


@pytest.mark.parametrize(("size", "share"), [(6, 1.0), (12, 0.75), (24, 0.75)])
def test_smaller_pictures_are_seen_whole(size: int, share: float):
    found = resolved("growing", image_size=size)
    assert found.job.train.size_fraction == share
    assert found.job.train.start_size == (None if size == 6 else 8)
    assert resolved("growing", "train.size_fraction=0.5", image_size=6).job.train.size_fraction == 0.5


def test_another_optimizer_has_rates_in_the_recipes_proportion_to_its_own():
    found = resolved("plain", "train.optimizer=sgd")  # twice what is usual, of both
    assert rates(found) == (0.2, 0.001, None)
    assert found.sources["train.lr"] == found.sources["train.weight_decay"] == "optimizer sgd"
    assert rates(resolved("by_muon", "train.optimizer=adam")) == (5e-4, 1e-4, None)
    assert rates(resolved("bare", "train.optimizer=sgd")) == (0.1, 0.0, None), "none is none of any optimizer's"


def test_a_last_layers_rate_keeps_its_proportion():
    assert rates(resolved("tuned", "train.optimizer=sgd")) == (5e-3, 5e-4, 5e-2)
    found = resolved("tuned", lr=1e-4)
    assert rates(found) == (1e-4, 0.05, 1e-3)
    assert found.sources["train.head_lr"] == "command line"
    assert rates(resolved("tuned", "train.head_lr=3e-3", lr=1e-4)) == (1e-4, 0.05, 3e-3)
    assert rates(resolved("tuned", lr="auto")) == ("auto", 0.05, 5e-4)


@pytest.mark.parametrize("words", [("train.optimizer=adamw",), ("train.optimizer={name: adamw, eps: 1e-7}",), ()])
def test_the_same_optimizer_keeps_the_recipes_rates(words: tuple[str, ...]):
    found = resolved("plain", *words)
    assert rates(found) == (2e-3, 0.1, None)
    assert found.sources["train.lr"] == "recipe plain"


def test_what_somebody_chose_is_kept():
    assert rates(resolved("plain", "train.optimizer=sgd", lr=0.3)) == (0.3, 0.001, None)
    assert rates(resolved("plain", "train.optimizer=sgd", "train.weight_decay=0.02")) == (0.2, 0.02, None)
    file = {"train": {"optimizer": "sgd", "lr": 0.4}}
    assert rates(resolved("plain", file=file)) == (0.4, 0.001, None)


def test_an_optimizer_that_is_at_home_nowhere_leaves_the_rates_alone():
    assert rates(resolved("plain", "train.optimizer=kron")) == (2e-3, 0.1, None)


def test_a_runs_own_job_is_as_it_was():
    job = resolved("tuned", "train.optimizer=sgd", "train.head_lr=0.7").job
    again = resolved("tuned", file=job.plain()).job
    assert again == job


def test_the_zoos_own_optimizers_are_all_at_home_somewhere():
    own = {e.component.name for e in REGISTRY.entries("optimizer") if e.origin.bundled and e.member is None}
    assert own <= set(AT_HOME)
    assert all(optimizer.weight_decay for optimizer in AT_HOME.values())
    assert {"lion", "sgdw", "nadamw"} <= set(AT_HOME)
