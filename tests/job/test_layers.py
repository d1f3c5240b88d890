"""Layers of a job: dotted paths, what goes over what, and where each value came from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.job.layers import Layers, changes, flatten, parse_sets
from zoo.job.schema import Choice, Job, field_paths
from zoo.registry.kinds import CHOICE_LISTS, CHOICES

leaves = st.integers() | st.text("ab", max_size=3) | st.none() | st.lists(st.integers(), max_size=2)
plain_paths = [p for p in field_paths() if p not in (*CHOICES, *CHOICE_LISTS)]
jobs = st.dictionaries(st.sampled_from(plain_paths), leaves) | st.dictionaries(
    st.sampled_from([*plain_paths, "loss.name", "loss.gamma", "architecture.width", "train.optimizer.eps"]), leaves
)


def layered(**layers: dict[str, Any]) -> Layers:
    merged = Layers()
    for source, given_values in layers.items():
        merged.put(source, flatten(given_values))
    return merged


def test_every_leaf_of_a_job_has_a_path():
    paths = field_paths()
    assert {"architecture", "loss", "metrics", "train.epochs", "train.optimizer", "data.mean", "seed"} <= set(paths)
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("job", "flat"),
    [
        ({"loss": "focal"}, {"loss.name": "focal"}),
        ({"loss": {"name": "focal", "gamma": 2}}, {"loss.name": "focal", "loss.gamma": 2}),
        ({"loss": {"gamma": 2}}, {"loss.gamma": 2}),
        ({"train": {"lr": 1, "optimizer": "sgd"}}, {"train.lr": 1, "train.optimizer.name": "sgd"}),
        (
            {"train": {"optimizer": {"name": "sgd", "eps": 1}}},
            {"train.optimizer.name": "sgd", "train.optimizer.eps": 1},
        ),
        ({"metrics": ["top_k", {"name": "f1"}]}, {"metrics": ["top_k", {"name": "f1"}]}),
        ({"metrics": "top_k"}, {"metrics": ["top_k"]}),
        ({"augment": {"name": "flip", "p": 1}}, {"augment": [{"name": "flip", "p": 1}]}),
        ({"architecture": {"block": {"a": 1}}}, {"architecture.block": {"a": 1}}),
        ({"data": {"mean": [0.5]}, "seed": 3}, {"data.mean": [0.5], "seed": 3}),
    ],
)
def test_a_nested_job_is_dotted_paths(job: dict[str, Any], flat: dict[str, Any]):
    assert flatten(job) == flat


@given(flat=jobs)
def test_dotted_paths_are_a_nested_job_again(flat: dict[str, Any]):
    merged = Layers()
    merged.put("file", flat)
    assert merged.problems == []
    assert flatten(merged.nested()) == flat


@given(low=jobs, high=jobs)
def test_the_higher_layer_wins_and_every_value_has_its_source(low: dict[str, Any], high: dict[str, Any]):
    merged = Layers()
    merged.put("low", low)
    merged.put("high", high)
    assert merged.values.keys() == merged.sources.keys()
    assert all(merged.values[path] == value and merged.sources[path] == "high" for path, value in high.items())
    assert all(merged.values[p] == low[p] for p, source in merged.sources.items() if source == "low")


def test_another_component_drops_the_lower_layers_parameters():
    merged = layered(low={"loss": {"name": "focal", "gamma": 2}, "seed": 1}, high={"loss": "mse"})
    assert merged.values == {"seed": 1, "loss.name": "mse"}
    assert merged.sources == {"seed": "low", "loss.name": "high"}


def test_another_component_with_parameters_keeps_its_own():
    merged = layered(low={"loss": {"name": "focal", "gamma": 2}}, high={"loss": {"smoothing": 0.1, "name": "ce"}})
    assert merged.params("loss") == {"smoothing": 0.1}


def test_the_same_component_keeps_the_lower_layers_parameters():
    merged = layered(
        low={"loss": {"name": "focal", "gamma": 2, "alpha": 1}}, high={"loss": {"name": "focal", "gamma": 3}}
    )
    assert merged.params("loss") == {"gamma": 3, "alpha": 1}
    assert merged.sources["loss.alpha"] == "low"


def test_parameters_may_come_before_the_name_of_their_component():
    merged = layered(low={"train": {"optimizer": {"momentum": 0}}}, high={"train": {"optimizer": "sgd"}})
    assert merged.params("train.optimizer") == {"momentum": 0}


def test_filling_never_replaces():
    merged = layered(low={"seed": 1})
    merged.fill("default", {"seed": 2, "device": "cpu"})
    assert merged.values == {"seed": 1, "device": "cpu"}
    assert merged.sources == {"seed": "low", "device": "default"}


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("lr", "file: unknown key 'lr'. Did you mean 'train.lr'?"),
        ("train.epoch", "file: unknown key 'train.epoch'. Did you mean 'train.epochs'"),
        ("trian.lr", "file: unknown key 'trian.lr'. Did you mean 'train.lr'?"),
        ("sed", "file: unknown key 'sed'. Did you mean 'seed'?"),
        ("train", "file: unknown key 'train'."),
        ("zebra", "file: unknown key 'zebra'. See every key: zoo run ARCHITECTURE DATASET --dry-run"),
    ],
)
def test_an_unknown_key_is_told_with_its_layer_and_what_is_near(key: str, problem: str):
    merged = Layers()
    merged.put("file", {key: 1, "seed": 5})
    assert len(merged.problems) == 1
    assert merged.problems[0].startswith(problem)
    assert merged.values == {"seed": 5}


@pytest.mark.parametrize(
    ("word", "flat"),
    [
        ("train.lr=0.01", {"train.lr": 0.01}),
        ("train.lr=1e-3", {"train.lr": 0.001}),
        ("train.optimizer.eps=-2.5E+1", {"train.optimizer.eps": -25.0}),
        ("loss=focal", {"loss.name": "focal"}),
        ("loss={name: focal, gamma: 2}", {"loss.name": "focal", "loss.gamma": 2}),
        ("loss.gamma=2", {"loss.gamma": 2}),
        ("metrics=[top_k, f1]", {"metrics": ["top_k", "f1"]}),
        ("metrics=top_k", {"metrics": ["top_k"]}),
        ("train={lr: 1, epochs: 2}", {"train.lr": 1, "train.epochs": 2}),
        ("train.patience=null", {"train.patience": None}),
        ("architecture.norm=", {"architecture.norm": None}),
        ("architecture.pretrained=true", {"architecture.pretrained": True}),
        ("dataset.root=/a=b", {"dataset.root": "/a=b"}),
        (" seed = 3 ", {"seed": 3}),
        ("architecture.name=e10", {"architecture.name": "e10"}),
        ("dataset.root=[", {"dataset.root": "["}),
        ("train.epochs=010", {"train.epochs": 10}),
        ("train.epochs=0o10", {"train.epochs": 8}),
        ("train={epochs: 010, lr: 1e-3}", {"train.epochs": 10, "train.lr": 0.001}),
        ("architecture.ratio=16:9", {"architecture.ratio": "16:9"}),
        ("dataset.source=no", {"dataset.source": "no"}),
        ("dataset.since=2026-11-29", {"dataset.since": "2026-11-29"}),
        ("train.epochs={images_seen: 300_000}", {"train.epochs": {"images_seen": 300_000}}),
        ("train.clip_norm=.inf", {"train.clip_norm": float("inf")}),
        ("lr=0.01", {"train.lr": 0.01}),
        ("freeze=3", {"train.freeze": 3}),
        ("data={in_chans: 1}", {"data.in_chans": 1}),
    ],
)
def test_a_set_word_is_a_path_and_a_value_as_yaml_has_it(word: str, flat: dict[str, Any]):
    problems: list[str] = []
    assert parse_sets([word], problems) == flat
    assert problems == []
    assert {k: type(v) for k, v in parse_sets([word], []).items()} == {k: type(v) for k, v in flat.items()}


@pytest.mark.parametrize("word", ["train.lr", "=3", ""])
def test_a_set_word_of_another_form_is_told(word: str):
    problems: list[str] = []
    assert parse_sets([word, "seed=1"], problems) == {"seed": 1}
    assert problems == [f"--set {word!r} is not of the form path=value, as in --set train.lr=0.01."]


def test_a_component_from_python_has_its_name_in_older_job_files():
    component = {"name": "python/Net", "width": 2}
    job = Job.model_construct(architecture=Choice.model_validate(component))
    assert changes({"architecture": {"name": "Net", "width": 2}}, job) == []
    assert changes({"architecture": {"name": "Other", "width": 2}}, job) == [
        "architecture.name: 'Other' before, 'Net' now"
    ]
