"""YAML from untrusted sources: no object construction, and limits on size, depth and aliases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import RequestError

__all__ = ["parse_typed", "parse_yaml", "read_mapping", "read_yaml"]

MOST_BYTES = 1 << 20
MOST_VALUES = 100_000
"""Maximum number of values, aliases counted on each use, since aliases can expand exponentially."""
DEEPEST = 50
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster


class _CoreLoader(yaml.SafeLoader):
    """Loader of YAML 1.2's core schema, in which ``010`` is ten, ``no`` a string and ``16:9`` no sexagesimal number.

    As an extension, underscores may group digits, as in 300_000.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012

    def whole(self, node: yaml.ScalarNode) -> int:
        return int(node.value, 0 if re.match(r"0[ox]", node.value) else 10)


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?\d+(?:_\d+)*|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.\d+|\d+(?:_\d+)*(?:\.\d*)?)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z", re.ASCII), _first)
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _CoreLoader.whole)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        yaml.YAMLError: the file is not valid YAML, or exceeds the limits.
        UnicodeDecodeError: the file is not UTF-8.
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise yaml.YAMLError(f"it exceeds {MOST_BYTES:,} bytes")
    return parse_yaml(content.decode("utf-8"))


def read_mapping(
    path: Path, wanted: str = "a job: it must be a mapping such as 'architecture: simple_cnn'"
) -> dict[str, Any]:
    """Read a YAML file with a mapping at the top.

    Args:
        path: the file.
        wanted: description of the expected content, for the message.

    Raises:
        RequestError: the file can't be read, or is not a mapping.
    """
    try:
        content = read_yaml(path)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise RequestError(f"{path} can't be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path} is not {wanted}.")
    return content


def parse_typed(text: str) -> Any:
    """Parse a value from the command line by YAML 1.2's core schema.

    Raises:
        yaml.YAMLError: the text is not valid YAML, or exceeds the limits.
    """
    return _parse(_CoreLoader(text))


def parse_yaml(text: str) -> Any:
    """Parse a YAML text.

    Raises:
        yaml.YAMLError: the text is not valid YAML, or exceeds the limits.
    """
    return _parse(_Loader(text))


def _parse(loader: Any) -> Any:
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {}, 1)
        return loader.construct_document(node)
    except (ValueError, OverflowError, RecursionError, AttributeError, TypeError) as error:
        # Such as an invalid date, a number of five thousand digits, or a merge of a non-mapping.
        raise yaml.YAMLError(f"a value can't be read: {error}") from error
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """Count the values of a node, aliases expanded; 0 in ``known`` marks a node in progress.

    Raises:
        yaml.YAMLError: there are too many values, they are nested too deeply, or a node contains itself.
    """
    if depth > DEEPEST:
        raise yaml.YAMLError(f"it is nested deeper than {DEEPEST} levels")
    if id(node) not in known:
        known[id(node)] = 0
        pairs = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for pair in pairs for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_count(part, known, depth + 1) for part in parts)
    if not 0 < known[id(node)] <= MOST_VALUES:
        what = f"it expands to more than {MOST_VALUES:,} values" if known[id(node)] else "it contains itself"
        raise yaml.YAMLError(what)
    return known[id(node)]
