"""Descriptions of parameters, as docstrings have them."""

from __future__ import annotations

import functools

import torch

from zoo.registry.docstrings import descriptions


def described(a: int, b: int, c: int, *args: int) -> None:
    """Do something.

    Not an entry: it comes before the section.

    Args:
        a: a *first* number, see
            :func:`~zoo.other.thing` and ``code``.
        b, c (int, optional): two numbers
            of a colon: like this (default: (1, 2))
        args:
            given on the next line.

    Raises:
        ValueError: a is negative.
        d: not a parameter.
    """


class Described:
    """A class.

    Args:
        a: of the class.
    """

    def __init__(self, a: int, b: int) -> None:
        """Create it.

        Args:
            a: of the constructor.
            b: only here.
        """


def test_entries_continue_and_name_several():
    assert descriptions(described) == {
        "a": "a *first* number, see zoo.other.thing and code.",
        "b": "two numbers of a colon: like this",
        "c": "two numbers of a colon: like this",
        "args": "given on the next line.",
    }


def test_a_class_goes_before_its_constructor_and_a_partial_is_its_function():
    assert descriptions(Described) == {"a": "of the class.", "b": "only here."}
    assert descriptions(functools.partial(described, 1)) == descriptions(described)


def test_nothing_without_a_section():
    def bare() -> None:
        """Only this: a sentence."""

    assert descriptions(bare) == descriptions(lambda: None) == {}


def test_a_long_text_is_its_first_sentence():
    found = descriptions(torch.optim.SGD)
    assert found["foreach"].startswith("whether foreach implementation of optimizer is used")
    assert all(len(text) <= 220 and "(default" not in text for text in found.values())
