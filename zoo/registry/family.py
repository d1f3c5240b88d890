"""Packaged name list of a family: headings, members and variants, see ``zoo.plugin.Family``."""

from __future__ import annotations

import functools
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from zoo.plugin import Family, check_name
from zoo.registry.kinds import ALL

Fields = Mapping[str, Any]
"""Fields of a component that a heading and its family set for all names below."""


class FamilyMember(NamedTuple):
    """A name of the list that is not a variant, with the fields of its variants by suffix."""

    name: str
    fields: Fields
    variants: Mapping[str, Fields]
    default: str | None


def members(family: Family) -> list[FamilyMember]:
    """Parse a family's list into members with their variants.

    Raises:
        FileNotFoundError: the package has no such list.
        ValueError: a heading is malformed, a name is listed twice, or a variant is malformed or one of a variant.
    """
    listed = _listed(family)
    bases: list[str] = []
    variants: defaultdict[str, dict[str, Fields]] = defaultdict(dict)
    defaults: dict[str, str] = {}
    above, tried = "", None
    for name, own in listed.items():
        base, _, word = name.rpartition(".") if "." in name else ("", "", "")
        if base not in listed:
            bases.append(name)
        else:
            variants[base][word] = own
            if above == base:
                defaults[base] = word
            if own is not tried and own is not listed[base]:
                ALL[family.kind].declaration(name, family.target, **own)  # validates the fields now instead of on use
                tried = own
        above = name
    _check(variants)
    return [FamilyMember(name, listed[name], variants.get(name) or {}, defaults.get(name)) for name in bases]


def _check(variants: Mapping[str, Iterable[str]]) -> None:
    """Raise ValueError for variants with an invalid name, or of a variant."""
    for base, words in variants.items():
        if "." in base and base.rpartition(".")[0] in variants:
            raise ValueError(f"{base}.{next(iter(words))} would be a variant of {base!r}, which is itself a variant")
    try:
        check_name("x".join(word for words in variants.values() for word in words) or "x")
    except ValueError:  # thousands of names are checked at once, and individually only to find the invalid one
        for base, words in variants.items():
            for word in words:
                check_name(f"{base}.{word}")


def _listed(family: Family) -> dict[str, Fields]:
    """Parse every name of the list with its fields, shared below each heading."""
    package, _, filename = family.names.partition(":")
    text = pkgutil.get_data(package, filename)  # importlib.resources takes 10 ms to import
    if text is None:
        raise FileNotFoundError(f"{package} has no file {filename}")
    shared: Fields = {"summary": family.summary, "tags": family.tags, **family.attributes}
    own = shared
    listed: dict[str, Fields] = {}
    for line in text.decode().splitlines():
        if line.startswith("#"):
            own = {**shared, **_heading(line, family.kind)}
            continue
        for name in line.split():
            if name in listed:
                raise ValueError(f"{name!r} is listed twice")
            listed[name] = own
    return listed


# Parsers of a heading's values, by the annotation of the component's field.
_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda word: {"true": True, "false": False}[word],
    "tuple[str, ...]": lambda words: tuple(words.split(",")),
    "tuple[int, ...]": lambda words: tuple(map(int, words.split(","))),
    "tuple[float, ...]": lambda words: tuple(map(float, words.split(","))),
}
_OF_ONE = ("name", "target", "aliases")  # fields that differ for each component


def _heading(line: str, kind: str) -> Fields:
    """Parse the fields that a heading sets for the names below it."""
    words = dict(word.partition("=")[::2] for word in line[1:].split())
    return read_fields(kind, words, f"the heading {line!r}")


def read_fields(kind: str, texts: Mapping[str, str], where: str) -> Fields:
    """Convert fields that a list gives as text to their types.

    Raises:
        ValueError: a key is not a field that can be shared, or a value is malformed.
    """
    types = _field_types(kind)
    values = {}
    for key, text in texts.items():
        word = f"{key}={text}" if text else key
        if key not in types:
            raise ValueError(f"{word!r} in {where}: it takes key=value words of {', '.join(types)}")
        try:
            values[key] = _READERS[types[key]](text)
        except (ValueError, KeyError):
            raise ValueError(f"{word!r} in {where}: {key} is of type {types[key]}") from None
    return values


@functools.cache
def _field_types(kind: str) -> dict[str, str]:
    """Types of the fields that a heading can set for a kind of component, as annotated."""
    types = {
        f.name: str(f.type).removesuffix(" | None") for f in fields(ALL[kind].declaration) if f.name not in _OF_ONE
    }
    return {name: type_ for name, type_ in types.items() if type_ in _READERS}
