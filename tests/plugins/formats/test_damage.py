"""However a file is damaged, a dataset reads it or refuses it with an error of the zoo; nothing else comes out."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import ZooError
from zoo.host.loader import open_registry
from zoo.registry.registry import recognises
from zoo.testing.pictures import write_folder

pytest.importorskip("globox", reason="globox writes the annotations: pip install globox")
pytest.importorskip("pyarrow", reason="Parquet is an extra: pip install 'visionzoo[parquet]'")

spec = importlib.util.spec_from_file_location("contract", Path(__file__).with_name("test_contract.py"))
assert spec is not None
assert spec.loader is not None
contract = importlib.util.module_from_spec(spec)
spec.loader.exec_module(contract)

TRIES = 60
# The file to damage, where the path is a folder or describes others.
INNER = {"voc": "Annotations/red000.xml", "yolo": "labels/red000.txt"}
WORDS = [b"null", b"-1", b"1e999", b"nan", b'""', b"[]", b"{}", b"true", b"\xff\xfe", b"\0", b"../", b"9" * 30, b"<x>"]


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Bytes of a file with a piece cut out, doubled, or replaced by a word that means something elsewhere."""
    begin = draw.randrange(len(data))
    end = min(len(data), begin + draw.choice([1, 2, 4, 16, 200]))
    kind = draw.randrange(4)
    if kind == 0:
        return data[:begin]
    if kind == 1:
        return data[:begin] + data[end:]
    middle = draw.choice(WORDS) if kind == 2 else data[begin:end] * 2
    return data[:begin] + middle + data[end:]


VALUES = [None, -1, 0, 1e308, float("nan"), float("inf"), "", "x", [], {}, True, [1], {"a": 1}, "../x", 10**30, [None]]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def with_another_value(document: Any, draw: random.Random) -> Any:
    """A document with one of its values replaced by one of another kind, or removed."""
    *outer, last = draw.choice([path for path in places(document) if path])
    found = changed = json.loads(json.dumps(document))
    for key in outer:
        found = found[key]
    if draw.random() < 0.2:
        del found[last]
    else:
        found[last] = draw.choice(VALUES)
    return changed


def use(entry: Any, path: Path, crops: bool) -> None:
    """Recognise a path, and read what a job would."""
    recognises(entry, path)
    factory, more = entry.factory(), {"crops": "boxes"} if crops else {}
    if hasattr(factory, "peek"):
        factory.peek(root=path, **more)
    for split in factory.available_splits(root=path, **more):
        data = factory(root=path, split=split, **more)
        for index in range(min(2, len(data))):
            with contextlib.suppress(OSError):
                data[index]
            data.name_of(index)


def check(entry: Any, path: Path, crops: bool, what: str) -> None:
    """Use a path, and allow no other errors than the zoo's."""
    try:
        with contextlib.suppress(ZooError):
            use(entry, path, crops)
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("name", contract.WRITERS)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path):
    path = contract.WRITERS[name](write_folder(tmp_path / "data"))
    file = tmp_path / "data" / INNER[name] if name in INNER else path
    entry, whole = open_registry().find("dataset", f"formats/{name}"), file.read_bytes()
    draw = random.Random(name)
    for number in range(TRIES):
        file.write_bytes(damaged(whole, draw))
        check(entry, path, name in ("coco", "cvat", "voc", "yolo") and number % 2 == 0, f"try {number}")


@pytest.mark.parametrize("name", ["coco", "label_studio"])
def test_a_json_file_with_a_value_of_another_kind_is_read_or_refused(name: str, tmp_path: Path):
    path = contract.WRITERS[name](write_folder(tmp_path / "data"))
    entry, whole = open_registry().find("dataset", f"formats/{name}"), json.loads(path.read_text("utf-8"))
    draw = random.Random(name)
    for number in range(5 * TRIES):
        path.write_text(json.dumps(with_another_value(whole, draw)), "utf-8")
        check(entry, path, number % 2 == 0, f"try {number}")
