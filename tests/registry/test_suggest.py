"""Did you mean: what is offered for a word that doesn't exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.registry.suggest import did_you_mean, listing, near

LOSSES = ["cross_entropy", "binary_cross_entropy", "mse", "focal", "soft_f1"]
words = st.text("abcdef_-/.", max_size=8)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("focl", "focal"), ("FOCAL", "focal"), ("cross-entropy", "cross_entropy"), ("soft", "soft_f1")],
)
def test_the_nearest_name_comes_first(typed: str, meant: str):
    assert near(typed, LOSSES)[0] == meant


def test_a_part_of_a_name_finds_the_whole():
    assert near("entropy", LOSSES) == ["cross_entropy", "binary_cross_entropy"]
    assert near("resnet18", ["timm/vgg11", "timm/resnet18"]) == ["timm/resnet18"]


def test_two_letters_are_no_part_of_a_name():
    assert near("cr", LOSSES) == []


def test_nothing_is_offered_for_a_word_that_is_near_to_none():
    assert did_you_mean("zebra", LOSSES) == ""
    assert did_you_mean("", LOSSES) == ""


def test_the_sentence_quotes_each_name():
    assert did_you_mean("focl", LOSSES) == " Did you mean 'focal'?"
    assert did_you_mean("entropy", LOSSES) == " Did you mean 'cross_entropy' or 'binary_cross_entropy'?"


@given(word=words, known=st.lists(words, max_size=8), most=st.integers(1, 4))
def test_only_known_names_are_offered_each_once_and_few(word: str, known: list[str], most: int):
    found = near(word, known, most=most)
    assert set(found) <= set(known)
    assert len(found) == len(set(found)) <= most
    if word in known and word and not any(k != word and k.lower() == word.lower() for k in known):
        assert found[0] == word


@given(names=st.lists(st.text("abc", min_size=1), max_size=40), most=st.integers(1, 20))
def test_a_listing_is_cut_and_says_how_many_are_left_out(names: list[str], most: int):
    text = listing(names, most=most)
    shown = text.partition(" … and ")[0]
    assert shown == ", ".join(names[:most])
    assert text.endswith(f" … and {len(names) - most} more") == (len(names) > most)


def test_a_listing_takes_any_iterable():
    assert listing({"a": 1, "b": 2}) == "a, b"
    assert listing(map(repr, ["x"])) == "'x'"
