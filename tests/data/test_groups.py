"""Images that belong together are held out together."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.groups import group_folds, held_groups
from zoo.errors import DataError


@settings(deadline=None)
@given(st.data())
def test_no_group_is_on_both_sides_and_every_image_is_held_out_once(data: st.DataObject):
    count = data.draw(st.integers(2, 12))
    groups = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=count, max_size=60))).astype(str)
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(groups), max_size=len(groups))))
    folds, there = data.draw(st.integers(2, 5)), len(np.unique(groups))
    if there < folds:
        with pytest.raises(DataError, match="fewer folds"):
            group_folds(labels, groups, folds, 0)
        return
    numbers = group_folds(labels, groups, folds, 0)
    assert set(numbers) <= set(range(1, folds + 1))
    assert all(len(set(numbers[groups == name])) == 1 for name in np.unique(groups))
    assert np.array_equal(numbers, group_folds(labels, groups, folds, 0))


@pytest.mark.parametrize("several", [False, True])
def test_about_the_share_and_of_every_class(several: bool):
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5).astype(str)
    labels = np.repeat(generator.integers(0, 3, 60), 5)
    given_labels = np.eye(3, dtype=np.float32)[labels] if several else labels
    held = held_groups(given_labels, groups, 0.2, 0)
    assert 0.1 < held.mean() < 0.3
    assert set(labels[held]) == {0, 1, 2}
    assert not set(groups[held]) & set(groups[~held])
    assert not np.array_equal(held, held_groups(given_labels, groups, 0.2, 1))


@settings(deadline=None)
@given(st.data())
def test_no_class_is_lost_to_validation(data: st.DataObject):
    count = data.draw(st.integers(2, 10))
    groups = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=4, max_size=60))).astype(str)
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(groups), max_size=len(groups))))
    try:
        held = held_groups(labels, groups, 0.2, data.draw(st.integers(0, 9)))
    except DataError:  # each group has the only images of some class
        alone = [label for label in np.unique(labels) if len(np.unique(groups[labels == label])) == 1]
        assert len(np.unique(groups)) == 1 or all(
            set(labels[groups == name]) & set(alone) for name in np.unique(groups)
        )
        return
    assert set(labels[~held]) == set(labels)
    assert not set(groups[held]) & set(groups[~held])


def listed(root: Path, rows: list[tuple[str, ...]], header: tuple[str, ...]) -> Path:
    with (root / "all.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return root / "all.csv"


def test_a_column_of_groups(zoo, read_result, make_folder):
    root = make_folder({"red": 24, "blue": 24})
    rows = [(f"{name}/{i:03}.png", name, f"{name} {i // 4}") for name in ("red", "blue") for i in range(24)]
    table = listed(root, rows, ("path", "label", "group"))
    tiny = ("--image-size", "16", "--epochs", "1", "--set", "architecture.channels=[8]", "--recipe", "none")
    code, _, err = zoo("run", "simple_cnn", str(table), *tiny, "--name", "grouped", "--quiet")
    assert code == 0, err
    result = read_result("runs/grouped")
    assert result["splits"]["train"]["groups"] + result["splits"]["val"]["groups"] == 12
    assert result["splits"]["val"]["images"] % 4 == 0
    code, _, err = zoo("run", "simple_cnn", str(table), *tiny, "--set", "dataset.group_column=patient")
    assert code == 2
    assert "no column 'patient'" in err


def test_groups_on_both_sides_of_a_split_of_ones_own_are_told(zoo, read_result, make_folder):
    root = make_folder({"red": 12, "blue": 12})
    rows = [
        (f"{name}/{i:03}.png", name, f"{name} {i % 3}", "val" if i > 8 else "train")
        for name in ("red", "blue")
        for i in range(12)
    ]
    table = listed(root, rows, ("path", "label", "group", "split"))
    tiny = ("--image-size", "16", "--epochs", "1", "--set", "architecture.channels=[8]", "--recipe", "none")
    code, _, err = zoo("run", "simple_cnn", str(table), *tiny, "--name", "leaky", "--quiet")
    assert code == 0, err
    assert any(
        "6 groups of the val images are also in the training images" in text
        for text in read_result("runs/leaky")["notices"]
    )
