"""YAML that a stranger may have written: nothing that makes objects, none too large, none that grows as it is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import RequestError

__all__ = ["parse_typed", "parse_yaml", "read_mapping", "read_yaml"]

MOST_BYTES = 1 << 20
MOST_VALUES = 100_000
"""With what each alias stands for counted as often as it is used: nine lines can stand for a billion values."""
DEEPEST = 50
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's reads the zoo's own in a tenth of the time


class _CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, in which ``010`` is ten, ``no`` a word and ``16:9`` no number of base 60.

    Digits may be grouped by underscores besides, as in 300_000.
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
    """What a file of YAML says.

    Raises:
        yaml.YAMLError: it is none, or has more than any job has.
        UnicodeDecodeError: it is not UTF-8.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise yaml.YAMLError(f"it has more than {MOST_BYTES:,} bytes")
    return parse_yaml(content.decode("utf-8"))


def read_mapping(
    path: Path, wanted: str = "a job: it must be a mapping such as 'architecture: simple_cnn'"
) -> dict[str, Any]:
    """What a file of YAML says, under names.

    Args:
        wanted: what it should be, in words.

    Raises:
        RequestError: it can't be read, or has no names at its top.
    """
    try:
        content = read_yaml(path)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise RequestError(f"{path} can't be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path} is not {wanted}.")
    return content


def parse_typed(text: str) -> Any:
    """What was typed as a value, by YAML 1.2's core schema.

    Raises:
        yaml.YAMLError: it is no YAML, or has more than any job has.
    """
    return _parse(_CoreLoader(text))


def parse_yaml(text: str) -> Any:
    """What a text of YAML says.

    Raises:
        yaml.YAMLError: it is none, or has more than any job has.
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
        # A day that no month has, a number of five thousand digits, a merge of what is no mapping.
        raise yaml.YAMLError(f"a value can't be read: {error}") from error
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many values a node stands for; 0 in ``known`` is one that isn't counted to its end.

    Raises:
        yaml.YAMLError: they are too many, too deep, or never end.
    """
    if depth > DEEPEST:
        raise yaml.YAMLError(f"it is more than {DEEPEST} levels deep")
    if id(node) not in known:
        known[id(node)] = 0
        pairs = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for pair in pairs for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_count(part, known, depth + 1) for part in parts)
    if not 0 < known[id(node)] <= MOST_VALUES:
        what = f"it stands for more than {MOST_VALUES:,} values" if known[id(node)] else "it is a part of itself"
        raise yaml.YAMLError(what)
    return known[id(node)]
