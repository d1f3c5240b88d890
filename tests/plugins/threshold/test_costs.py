"""The costs of mistakes in a YAML file."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import RequestError
from zoo_threshold.costs import read_costs

CLASSES = ["cat", "dog"]


def test_costs_are_read_from_yaml(tmp_path: Path):
    path = tmp_path / "costs.yaml"
    path.write_text("not sure: 0.5\ncat: {dog: 10, not sure: 2}\n")
    assert read_costs(path, CLASSES).tolist() == [[0, 10, 2], [1, 0, 0.5]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("caat: {dog: 1}", "Did you mean 'cat'"),
        ("cat: {dgo: 1}", "Did you mean 'dog'"),
        ("cat: {dog: -1}", "not -1"),
        ("cat: 3", "not a class with its costs"),
        ("[1]", "is not costs: write not sure: 1"),
        ("cat: {", "can't be read"),
        ("not sure: yes", "not True"),
    ],
)
def test_costs_that_say_nothing_are_refused(tmp_path: Path, text: str, words: str):
    path = tmp_path / "costs.yaml"
    path.write_text(text)
    with pytest.raises(RequestError, match=words):
        read_costs(path, CLASSES)
