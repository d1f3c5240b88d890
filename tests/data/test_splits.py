"""Splits: classes by name, a stratified validation part, and how many bad images are too many."""

from __future__ import annotations

import hashlib
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo.data.item_names import ItemNames, names_of
from zoo.data.split import Split, _of_part
from zoo.data.splits import available, check_skipped, fixed_classes, fold_numbers, hold_out, hold_out_fold, label_map
from zoo.errors import DataError

some_labels = arrays(np.int64, st.integers(2, 80), elements=st.integers(0, 4)).filter(
    lambda labels: np.bincount(labels).max() >= 2
)
fractions = st.floats(0.01, 0.99)


def split(count: int = 10, **more: Any) -> Split:
    images = np.arange(count * 4, dtype=np.uint8).reshape(count, 2, 2, 1)
    return Split("train", images, np.arange(count, dtype=np.int64) % 3, [f"image {i}" for i in range(count)], **more)


# -- a validation part -------------------------------------------------------------------------------


@given(labels=some_labels, fraction=fractions, seed=st.integers(0, 2**63 - 1))
def test_held_out_and_kept_are_all_items_once_in_order(labels: np.ndarray, fraction: float, seed: int):
    kept, held = hold_out(labels, fraction, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    for part in (kept, held):
        assert np.array_equal(part, np.sort(part))


@given(labels=some_labels, fraction=fractions, seed=st.integers(0, 1000))
def test_each_class_gives_its_share_and_keeps_one(labels: np.ndarray, fraction: float, seed: int):
    _, held = hold_out(labels, fraction, seed)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        given_away = int((labels[held] == label).sum())
        if count == 1:
            assert given_away == 0, "a class with one image is trained on"
        else:
            assert 1 <= given_away <= count - 1
            assert abs(given_away - fraction * count) <= 1


@given(labels=some_labels, fraction=fractions, seed=st.integers(0, 1000))
def test_the_same_seed_holds_out_the_same(labels: np.ndarray, fraction: float, seed: int):
    first, again = hold_out(labels, fraction, seed), hold_out(labels.copy(), fraction, seed)
    assert np.array_equal(first[1], again[1])


def test_another_seed_holds_out_others():
    labels = np.repeat(np.arange(3), 50)
    held = [tuple(hold_out(labels, 0.2, seed)[1]) for seed in range(5)]
    assert len(set(held)) == 5


def test_classes_that_have_one_image_each_cannot_be_held_out():
    with pytest.raises(DataError, match=r"No class has two or more images.*a val folder"):
        hold_out(np.arange(4), 0.2, 0)
    with pytest.raises(DataError):
        hold_out(np.array([], np.int64), 0.2, 0)


# -- folds -------------------------------------------------------------------------------------------


@st.composite
def labels_for_folds(draw: st.DrawFn) -> tuple[np.ndarray, int, list[str]]:
    """Labels in any order, each class at least as often as there are folds."""
    folds = draw(st.integers(2, 7))
    counts = draw(st.lists(st.integers(folds, 3 * folds), min_size=1, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.array(draw(st.permutations(labels.tolist())), np.int64), folds, [f"c{i}" for i in range(len(counts))]


seeds = st.integers(0, 2**63 - 1)


@given(case=labels_for_folds(), seed=seeds)
def test_every_item_is_held_out_by_one_fold_and_kept_by_the_others(case: Any, seed: int):
    labels, folds, classes = case
    parts = [hold_out_fold(labels, folds, fold, seed, classes) for fold in range(1, folds + 1)]
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(len(labels)))
    for kept, held in parts:
        assert sorted([*kept, *held]) == list(range(len(labels)))
        assert np.array_equal(kept, np.sort(kept))
        assert np.array_equal(held, np.sort(held))


@given(case=labels_for_folds(), seed=seeds)
def test_folds_are_of_one_size_and_so_is_each_class_in_them(case: Any, seed: int):
    labels, folds, classes = case
    numbers = fold_numbers(labels, folds, seed, classes)
    assert numbers.dtype == np.int64
    sizes = np.bincount(numbers, minlength=folds + 1)[1:]
    assert sizes.max() - sizes.min() <= 1
    assert sizes.sum() == len(labels)
    for label in range(len(classes)):
        of_class = np.bincount(numbers[labels == label], minlength=folds + 1)[1:]
        assert of_class.min() >= 1, "each fold is validated with every class"
        assert of_class.max() - of_class.min() <= 1


@given(case=labels_for_folds(), seed=seeds)
def test_the_same_seed_makes_the_same_folds(case: Any, seed: int):
    labels, folds, classes = case
    first = fold_numbers(labels, folds, seed, classes)
    assert np.array_equal(first, fold_numbers(labels.copy(), folds, seed, classes))


def test_another_seed_makes_other_folds():
    labels = np.repeat(np.arange(3), 50)
    assert len({tuple(fold_numbers(labels, 5, seed, list("abc"))) for seed in range(5)}) == 5


@pytest.mark.parametrize(
    ("labels", "folds", "said"),
    [
        (
            [0, 0, 0, 1, 1],
            3,
            r"'b' \(the smallest class has 2 training images\)\. Take at most 2 folds",
        ),
        ([0, 0, 1], 2, r"'b' \(the smallest class has 1 training image\)\. Add images, or remove the class"),
        ([0, 0, 0], 2, r"'b' \(the smallest class has 0 training images\)"),
        ([0, 1, 0, 1], 5, r"Classes with fewer: 'a', 'b' \("),
    ],
)
def test_more_folds_than_a_class_has_images_are_refused_by_its_name(labels: list[int], folds: int, said: str):
    with pytest.raises(DataError, match=said):
        fold_numbers(np.array(labels), folds, 0, ["a", "b"])


# -- classes -----------------------------------------------------------------------------------------


def test_the_class_list_is_sorted_by_name():
    assert fixed_classes(SimpleNamespace(classes=["dog", "cat", 3])) == ["3", "cat", "dog"]


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        (["cat"], r"There is only one class \(cat\)"),
        ([], "There is only one class"),
        (["a", "b", "a"], "two classes with the same name"),
    ],
)
def test_a_class_list_that_no_classifier_can_have_is_told(classes: list[str], problem: str):
    with pytest.raises(DataError, match=problem):
        fixed_classes(SimpleNamespace(classes=classes))


@given(
    classes=st.lists(st.text("abc", min_size=1, max_size=3), min_size=2, max_size=6, unique=True),
    data=st.data(),
)
def test_labels_are_mapped_by_name(classes: list[str], data: st.DataObject):
    own = data.draw(st.lists(st.sampled_from(classes), unique=True))
    mapping = label_map(own, classes, "val")
    assert [classes[i] for i in mapping] == own
    assert mapping.dtype == np.int64


def test_a_class_that_training_has_not_is_told_with_what_is_near():
    with pytest.raises(DataError) as caught:
        label_map(["cat", "dogs"], ["cat", "dog"], "val")
    text = str(caught.value)
    assert "The val split has a class missing from training: 'dogs'. Did you mean 'dog'?" in text
    assert "Classes of training: cat, dog" in text
    with pytest.raises(DataError, match="classes missing from training: 'x', 'y'"):
        label_map(["x", "y"], ["cat", "dog"], "test")


# -- bad images --------------------------------------------------------------------------------------


def skipped(count: int) -> list[dict[str, str]]:
    return [{"name": f"photos/{i}.jpg", "reason": "truncated"} for i in range(count)]


@pytest.mark.parametrize(("bad", "total", "most"), [(0, 10, 0.0), (1, 100, 0.01), (5, 10, 0.5), (10, 10, 1.0)])
def test_few_bad_images_are_let_pass(bad: int, total: int, most: float):
    check_skipped(skipped(bad), total, "skip", most, "train")


@pytest.mark.parametrize(("bad", "total", "most"), [(2, 100, 0.01), (1, 99, 0.01), (1, 10, 0.0)])
def test_too_many_bad_images_are_told_by_name(bad: int, total: int, most: float):
    with pytest.raises(DataError) as caught:
        check_skipped(skipped(bad), total, "skip", most, "train")
    text = str(caught.value)
    assert f"{bad} of {total} train images can't be decoded: photos/0.jpg (truncated)" in text
    assert f"at most {most:.1%} may be skipped" in text
    assert "--set data.max_bad_fraction" in text


def test_the_first_three_of_many_are_named():
    with pytest.raises(DataError, match=r"photos/2\.jpg \(truncated\) and 4 more;"):
        check_skipped(skipped(7), 10, "skip", 0.01, "val")


def test_one_bad_image_is_too_many_where_the_job_says_so():
    check_skipped([], 10, "fail", 0.5, "train")
    with pytest.raises(DataError, match="--on-bad-image is fail"):
        check_skipped(skipped(1), 1000, "fail", 0.5, "train")


# -- the split itself --------------------------------------------------------------------------------


@given(data=st.data())
def test_a_part_of_a_part_has_its_own_images_labels_and_names(data: st.DataObject):
    whole = split(12)
    first = np.array(data.draw(st.lists(st.integers(0, 11), min_size=1, unique=True)))
    second = np.array(data.draw(st.lists(st.integers(0, len(first) - 1), min_size=1, unique=True)))
    part = whole.part("val", first).part("few", second)
    items = first[second]
    assert part.name == "few"
    assert len(part) == len(items)
    assert np.array_equal(part.gather(np.arange(len(part))), whole.images[items])
    assert np.array_equal(part.labels, whole.labels[items])
    assert list(part.names) == [f"image {i}" for i in items]
    assert part.images is whole.images, "the images stay where they are"


def test_names_are_a_sequence_and_made_when_they_are_asked_for():
    asked: list[int] = []
    names = ItemNames(lambda i: asked.append(i) or f"no. {i}", np.array([4, 2, 7]))
    assert len(names) == 3
    assert asked == []
    assert (names[1], names[-1], names[1:], list(names)) == ("no. 2", "no. 7", ["no. 2", "no. 7"], names[:])
    assert "no. 4" in names
    assert names.index("no. 7") == 2
    with pytest.raises(IndexError):
        names[3]


def test_a_dataset_that_has_no_names_for_its_images_is_let_go():
    class Nameless: ...

    class Named:
        def name_of(self, index: int) -> str:
            return f"my {index}"

    for kind, word in ((Nameless, "image 5"), (Named, "my 5")):
        dataset = kind()
        known = weakref.ref(dataset)
        names = names_of(dataset, np.array([5]))
        del dataset
        assert (known() is None) == (kind is Nameless)
        assert names[0] == word


@given(indices=st.lists(st.integers(0, 9_999), max_size=9_000), word=st.none() | st.text())
@settings(max_examples=20, deadline=None)
def test_a_parts_fingerprint_is_of_the_whole_and_of_its_indices(indices: list[int], word: str | None):
    """As it was when all of it was hashed at once: it is in results, and in the keys of caches."""
    found = _of_part(word, np.array(indices, np.int64))
    assert found == hashlib.sha256(f"{word} {indices}".encode()).hexdigest()


def test_a_parts_fingerprint_is_of_all_its_pieces():
    indices = np.arange(3 * 4096 + 1)
    assert _of_part("f", indices) == hashlib.sha256(f"f {indices.tolist()}".encode()).hexdigest()


def test_the_summary_counts_each_class_and_names_what_was_skipped():
    summary = split(10, skipped=skipped(1), fingerprint="f", source="here").summary(["a", "b", "c", "d"])
    assert summary == {
        "images": 10,
        "skipped": skipped(1),
        "fingerprint": "f",
        "source": "here",
        "per_class": {"a": 4, "b": 3, "c": 3, "d": 0},
    }


def test_a_factory_that_can_tell_its_splits_is_asked():
    def factory(root: str, split: str) -> None: ...

    assert available(factory, ("train", "val"), {"root": "x"}) == ("train", "val")
    factory.available_splits = lambda root: [f"of {root}"]  # type: ignore[attr-defined]
    assert available(factory, ("train", "val"), {"root": "x"}) == ("of x",)
