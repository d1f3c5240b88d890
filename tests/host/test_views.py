"""Read-only views: read and copied like the plain data they stand for, and refused loudly when written to."""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest
import yaml

from zoo.host.views import ReadOnlyError, calling, frozen

PLAIN = {"epoch": 3, "val": {"accuracy": 0.5}, "classes": ["cat", "dog"], "matrix": [[1, 2], [3, 4]], "none": None}
VIEW = frozen(PLAIN, "result")

WRITES: dict[str, Callable[[Any], Any]] = {
    "result['epoch']": lambda view: view.__setitem__("epoch", 4),
    "result['new']": lambda view: view.update(new=1),
    "result['val']['accuracy']": lambda view: view["val"].__setitem__("accuracy", 1.0),
    "result['val']['loss']": lambda view: view["val"].setdefault("loss", 1.0),
    "result['classes'][0]": lambda view: view["classes"].__setitem__(0, "cow"),
    "result['matrix'][1][0]": lambda view: view["matrix"][1].__setitem__(0, 5),
    "result['none']": lambda view: view.__delitem__("none"),
}
METHODS = [
    *(lambda view, name=name: getattr(view, name)() for name in ("clear", "popitem")),
    lambda view: view.pop("epoch"),
    lambda view: view.update({"epoch": 1}),
    lambda view: view.__ior__({"epoch": 1}),
    *(lambda view, name=name: getattr(view["classes"], name)() for name in ("clear", "pop", "reverse", "sort")),
    *(lambda view, name=name: getattr(view["classes"], name)("cat") for name in ("append", "remove", "extend")),
    lambda view: view["classes"].insert(0, "cow"),
    lambda view: view["classes"].__iadd__(["cow"]),
    lambda view: view["classes"].__imul__(2),
    lambda view: view["classes"].__delitem__(0),
    lambda view: view["classes"].__setitem__(slice(None), []),
]


@pytest.mark.parametrize("place", WRITES)
def test_a_write_names_its_place_its_hook_and_its_plugin(place: str):
    with pytest.raises(ReadOnlyError) as caught, calling("acme", "zoo_run_end"):
        WRITES[place](VIEW)
    said = f"zoo_run_end of plugin 'acme' writes to {place}: what a hook is given is read-only. Write to a copy: "
    assert str(caught.value) == f"{said}copy.deepcopy(result)"
    assert json.dumps(VIEW) == json.dumps(PLAIN), "unchanged"


@pytest.mark.parametrize("write", METHODS)
def test_every_way_to_write_is_refused(write: Callable[[Any], Any]):
    with pytest.raises(ReadOnlyError, match=r"read-only"):
        write(VIEW)
    assert VIEW == PLAIN


def test_outside_of_a_hook_nobody_is_named():
    with pytest.raises(ReadOnlyError, match=r"^Something writes to result\['epoch'\]"):
        VIEW["epoch"] = 1


def test_it_reads_like_plain_data():
    assert PLAIN == VIEW
    assert VIEW == PLAIN
    assert isinstance(VIEW, dict)
    assert isinstance(VIEW["classes"], list)
    assert VIEW["val"]["accuracy"] == VIEW.get("val").get("accuracy") == 0.5
    assert list(VIEW) == list(PLAIN)
    assert [*VIEW["classes"]] == VIEW["classes"][:] == ["cat", "dog"]
    assert repr(VIEW) == repr(PLAIN)
    assert frozen([1, {"a": [2]}], "x") == [1, {"a": [2]}]
    match VIEW:
        case {"val": {"accuracy": found}, "classes": [first, *_]}:
            assert (found, first) == (0.5, "cat")
        case _:
            pytest.fail("no match")


def test_it_is_serialised_like_plain_data():
    assert json.dumps(VIEW, indent=2) == json.dumps(PLAIN, indent=2)
    assert yaml.safe_dump(VIEW) == yaml.safe_dump(PLAIN)
    assert yaml.dump(VIEW) == yaml.dump(PLAIN)
    assert yaml.dump(VIEW, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)) == yaml.safe_dump(PLAIN)
    file = io.BytesIO()
    pickle.dump(VIEW, file)
    file.seek(0)
    assert type(pickle.load(file)) is dict


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda view: pickle.loads(pickle.dumps(view))])
def test_a_deep_copy_can_be_written_to(copied: Callable[[Any], Any]):
    found = copied(VIEW)
    assert found == PLAIN
    found["val"]["accuracy"] = 1.0
    found["matrix"][0].append(7)
    assert type(found) is type(found["val"]) is dict
    assert VIEW == PLAIN


@pytest.mark.parametrize(
    "copied", [copy.copy, dict, lambda view: {**view}, lambda view: view.copy(), lambda view: view | {}]
)
def test_so_can_the_first_level_of_a_shallow_one(copied: Callable[[Any], Any]):
    found = copied(VIEW)
    found["epoch"] = 4
    assert VIEW["epoch"] == 3
    with pytest.raises(ReadOnlyError):
        found["val"]["accuracy"] = 1.0


def test_a_list_is_copied_likewise():
    for copied in (copy.copy, copy.deepcopy, list, lambda view: view.copy(), lambda view: [*view]):
        found = copied(VIEW["classes"])
        found.append("cow")
        assert VIEW["classes"] == ["cat", "dog"]


def test_a_dataclass_that_holds_one_is_a_dict_too():
    @dataclass
    class Holder:
        result: Any

    assert asdict(Holder(VIEW)) == {"result": PLAIN}


def test_other_values_are_themselves():
    error = OSError(2, "gone")
    assert frozen(error, "error") is error
    assert frozen("r", "run") == "r"
    assert frozen(("a", ["b"]), "x") == ("a", ["b"])
    with pytest.raises(ReadOnlyError, match=r"x\[1\]\[0\]"):
        frozen(("a", ["b"]), "x")[1][0] = "c"
