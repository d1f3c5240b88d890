"""``zoo verify-resume``: it proves what is so, and does not say so of what isn't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from zoo.runner.verify import equal

pytestmark = pytest.mark.slow


QUICK = ("digits", "--epochs", "2", "--kills", "1", "--set", "architecture.channels=[8]")
CHANCE = """
import os
from torch.nn.functional import cross_entropy

def loss():
    '''A loss with a random state that nobody knows of.'''
    def noisy(logits, targets):
        return cross_entropy(logits, targets) * (1 + os.urandom(1)[0] / 1000)
    return noisy
"""


def test_a_run_goes_on_to_the_same_end(zoo):
    code, out, err = zoo("verify-resume", "simple_cnn", *QUICK)
    assert code == 0, err
    assert [line.split()[:3] for line in out.splitlines()[:3]] == [
        [name, "the", "same"] for name in ("weights", "epochs", "state")
    ]
    assert "killed" in err
    assert not Path("runs").exists(), "no run is kept"


def test_what_cannot_be_repeated_is_not_called_the_same(zoo):
    Path("chance.py").write_text(CHANCE, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {noisy: {target: './chance.py:loss'}}}\n", "utf-8")
    code, out, err = zoo("verify-resume", "simple_cnn", *QUICK, "--set", "loss=noisy", "--json")
    assert code == 1
    assert json.loads(out)["same"]["weights"] is False
    assert "ended with other weights" in err
    assert "Traceback" not in err


def test_what_is_wrong_is_told_before_anything_is_trained(zoo):
    for words, said in (
        (("simple_cn", "digits"), "Did you mean 'simple_cnn'"),
        (("simple_cnn",), "zoo verify-resume"),
        (("simple_cnn", "digits", "--kills", "0"), "--kills"),
    ):
        code, _, err = zoo("verify-resume", *words)
        assert code == 2
        assert said in err


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": torch.tensor([1.0, float("nan")])}, {"a": torch.tensor([1.0, float("nan")])}, True),
        ({"a": torch.tensor([1.0])}, {"a": torch.tensor([1.0 + 1e-7])}, False),
        ({"a": torch.tensor([1.0])}, {"a": torch.tensor([1.0], dtype=torch.float64)}, False),
        ({"a": torch.tensor([float("nan")])}, {"a": torch.tensor([0.0])}, False),
        ({"a": torch.tensor([float("inf")])}, {"a": torch.tensor([torch.finfo(torch.float32).max])}, False),
        ([1, (2, None)], [1, (2, None)], True),
        ([1, (2, None)], [1, (2, 0)], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (float("nan"), float("nan"), True),
    ],
)
def test_states_are_compared_to_the_last_bit(one, other, same):
    assert equal(one, other) is same
