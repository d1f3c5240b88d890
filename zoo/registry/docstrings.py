"""Descriptions of parameters, read from Google-style docstrings."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

_ENTRY = re.compile(r"\s*(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))? ?:(?: +(.*))?")
_LONGEST = 160
"""Number of characters beyond which only the first sentence of a description is used."""
_SECTION = re.compile(r"(Args|Arguments|Parameters|Attributes|Returns|Yields|Raises|Examples?|Notes?|References?):\s*")


def descriptions(factory: Callable[..., Any]) -> dict[str, str]:
    """Read the ``Args`` section of a factory's docstring, and of the class and the constructor of a class.

    Returns:
        Description in one line by parameter, without the markup of code.
    """
    found: dict[str, str] = {}
    for text in _docstrings(factory):
        for names, words in _entries(text):
            for name in names.split(", "):
                found.setdefault(name.lstrip("*"), words)
    return found


def _docstrings(factory: Any) -> Iterator[str]:
    while isinstance(factory, functools.partial):
        factory = factory.func
    sources = (factory, factory.__init__) if inspect.isclass(factory) else (factory,)
    for source in sources:
        if source.__doc__:
            yield inspect.cleandoc(source.__doc__)


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Names and text of each entry of the ``Args`` section; continuation lines are indented deeper."""
    lines = iter(text.splitlines())
    if not any(re.fullmatch(r"(Args|Arguments|Parameters):\s*", line) for line in lines):
        return
    names, words, indent = "", "", 0
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if line.strip() and (depth == 0 or _SECTION.fullmatch(line)):
            break
        entry = _ENTRY.match(line)
        if entry and (not names or depth <= indent):
            if names:
                yield names, _plain(words)
            names, words, indent = entry[1], entry[2] or "", depth
        elif names:
            words += f" {line.strip()}"
    if names:
        yield names, _plain(words)


def _plain(text: str) -> str:
    """Strip markup and the default, which has a column of its own, and shorten long texts to the first sentence."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"\1", text)
    text = re.sub(r" *\(default: (?:\([^()]*\)|[^()])*\)", "", text)
    text = " ".join(re.sub(r"`+([^`]*)`+_*", r"\1", text).split())
    return text if len(text) <= _LONGEST else text.partition(". ")[0]
