"""The options that decide a job, for each command that has one."""

from __future__ import annotations

import json

import pytest

from zoo.job.layers import OPTIONS
from zoo.job.options import _OPTIONS
from zoo.job.request import make_request

TYPED = {
    "epochs": 3,
    "batch_size": 5,
    "lr": 0.5,
    "image_size": 24,
    "pretrained": True,
    "weights": "some.pth",
    "teacher": "other",
    "freeze": "backbone",
    "seed": 7,
    "device": "cpu",
    "precision": "fp32",
    "tta": "flip",
    "task": "single-label",
    "on_bad_image": "fail",
}


def inner(document, path):
    """What is at a dotted path."""
    for name in path.split("."):
        document = document[name]
    return document


@pytest.mark.parametrize("left_out", ["pretrained", "weights"])
def test_every_option_is_a_value_of_the_job(zoo, colours, left_out):
    assert {*TYPED, "data", "recipe", "set", "offline", "budget"} == set(_OPTIONS)
    typed = {name: value for name, value in {**TYPED, "data": str(colours)}.items() if name != left_out}
    words = [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in typed.items()]
    code, out, err = zoo("run", "simple_cnn", "image_folder", *words, "--recipe", "none", "--dry-run", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    for name, value in typed.items():
        assert inner(document["job"], OPTIONS[name]) == value
        assert "command line" in document["sources"][OPTIONS[name]]


def test_none_may_be_typed_as_a_dry_run_prints_it(zoo):
    words = ("run", "simple_cnn", "digits", "--dry-run", "--json")
    sets = ("train.start_size=none", "train.freeze=none", "architecture.hidden=none", "train.class_weights=none")
    code, out, err = zoo(*words, *(part for each in sets for part in ("--set", each)))
    assert code == 0, err
    assert json.loads(out)["job"]["train"]["start_size"] is None
    assert json.loads(out)["job"]["train"]["class_weights"] == "none"
    assert json.loads(out)["job"]["architecture"]["hidden"] is None


def test_a_set_word_may_be_an_options_name_in_python_too():
    request = make_request({"architecture": "simple_cnn", "dataset": "digits", "set": {"lr": 0.5, "data.in_chans": 1}})
    assert request.options["train"] == {"lr": 0.5}
    assert request.options["data"] == {"in_chans": 1}
