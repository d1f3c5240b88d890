"""Parameters of exporters and importers: read from ``--set``, checked, and written for people and in file names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from zoo.api.jobs import Entry, check, parameters, plain
from zoo.errors import RequestError
from zoo.storage import parse_typed

__all__ = ["check_params", "name_words", "option_of", "parse_params", "record_of", "required_of"]

_OPTIONS = ("quantize", "half")
"""Parameters that have an option of their own."""


def parse_params(words: Sequence[str]) -> dict[str, Any]:
    """Parse words such as ``half=true`` to parameters, with YAML 1.2 values.

    Raises:
        RequestError: a word has another form, or a parameter is given twice.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals or not name:
            raise RequestError(f"--set {word!r} is not of the form NAME=VALUE, as in --set half=true.")
        if name in found:
            raise RequestError(f"--set {name}=… is given twice. Give it once.")
        try:
            found[name] = parse_typed(text)
        except yaml.YAMLError:
            found[name] = text
    return found


def check_params(entry: Entry, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the parameters of a component to its types; values that equal the defaults are left out.

    Raises:
        RequestError: a parameter is unknown, missing or has another type.
    """
    values, problems = check(entry.kind, entry.factory(), {**entry.params, **given}, entry.component.name)
    if problems:
        prefix = f"--set {entry.component.name}."
        raise RequestError(" ".join(text.replace(prefix, "--set ") for text in problems))
    known = {each.name: each for each in parameters(entry.kind, entry.factory())}
    return {k: v for k, v in values.items() if k not in known or known[k].required or v != known[k].default}


def required_of(entry: Entry, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the parameters without which the component can't be used."""
    needed = {each.name for each in parameters(entry.kind, entry.factory()) if each.required}
    return {name: value for name, value in values.items() if name in needed}


def record_of(entry: Entry, values: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a component and all of its parameters, defaults included, as plain data for a model's card."""
    known = {each.name: each.default for each in parameters(entry.kind, entry.factory())}
    return {"exporter": entry.provenance(), "params": plain({**known, **values})}


def option_of(name: str) -> str:
    """Option that sets a parameter: ``--half``, or ``--set NAME``."""
    return f"--{name}" if name in _OPTIONS else f"--set {name}"


def name_words(params: Mapping[str, Any]) -> list[str]:
    """Words for a file name: ``half``, ``int8`` and, for other parameters, ``opset-17``."""
    words = (
        name if value is True else str(value) if name in _OPTIONS else f"{name}-{value}"
        for name, value in params.items()
    )
    return [re.sub(r"[^\w.\-]+", "-", word)[:50] for word in words]
