"""Packaged tables of a family: fields of its members that only listings show, see ``zoo.plugin.Family``."""

from __future__ import annotations

import functools
import pkgutil
from collections.abc import Mapping

from zoo.registry.family import Fields, read_fields


@functools.cache
def table(kind: str, resource: str) -> Mapping[str, Fields]:
    """Read the table at ``"package:file.tsv"``: fields by name; empty values are left out.

    Raises:
        FileNotFoundError: the package has no such file.
        ValueError: a column or a value is malformed, or a name is listed twice.
    """
    package, _, filename = resource.partition(":")
    text = pkgutil.get_data(package, filename)
    if text is None:
        raise FileNotFoundError(f"{package} has no file {filename}")
    header, *lines = text.decode().splitlines()
    columns = header.split("\t")[1:]
    found: dict[str, Fields] = {}
    for line in lines:
        name, *values = line.split("\t")
        if name in found:
            raise ValueError(f"{name!r} is listed twice in {filename}")
        found[name] = read_fields(
            kind, {c: v for c, v in zip(columns, values, strict=True) if v}, f"the table {filename}"
        )
    return found
