"""Entries: how a factory is reached, what is said when it can't be, and what a result records of it."""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.entry import DISTRIBUTION, LOCAL, Entry, Origin, family_entries, load_file
from zoo.errors import RequestError
from zoo.plugin import Architecture, Family, Loss

OTHER = Origin("acme", "zoo-acme", "1.2.3")


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Write a Python file of a user's; what importing it leaves behind is taken away."""
    modules, paths = set(sys.modules), list(sys.path)

    def written(source: str, name: str = "my_models.py") -> Path:
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        return path

    yield written
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def local(file: Path, attribute: str) -> Entry:
    return Entry(Architecture("mine", f"{file.stem}:{attribute}"), Origin(LOCAL), file=file)


def test_id_kind_and_names_are_the_components():
    entry = Entry(Loss("poly", "zoo_acme.losses:Poly", aliases=("poly1",)), OTHER)
    assert (entry.id, entry.kind, entry.names) == ("acme/poly", "loss", ("poly", "poly1"))
    assert not OTHER.bundled
    assert Origin("simple", DISTRIBUTION, "0.1").bundled


def test_the_factory_is_imported_when_it_is_asked_for():
    assert Entry(Loss("join", "posixpath:join"), OTHER).factory() is __import__("posixpath").join


def test_a_nested_attribute_is_found():
    import json

    assert Entry(Loss("d", "json:JSONDecoder.decode"), OTHER).factory() is json.JSONDecoder.decode


def test_a_given_factory_is_used_as_it_is():
    assert Entry(Loss("d", "nowhere:nothing"), OTHER, given=dict).factory() is dict


def test_a_family_members_name_comes_first():
    entry = Entry(Loss("b", "builtins:dict"), OTHER, member="b")
    assert entry.factory().args == ("b",)


def test_a_missing_module_is_told_with_its_owner():
    with pytest.raises(RequestError) as caught:
        Entry(Loss("poly", "zoo_nowhere.losses:Poly"), OTHER).factory()
    text = str(caught.value)
    assert "loss 'acme/poly' of plugin 'acme' (zoo-acme 1.2.3) can't be imported from zoo_nowhere.losses" in text
    assert "ModuleNotFoundError" in text
    assert "zoo list loss" in text


def test_a_missing_attribute_is_told_with_what_is_near():
    with pytest.raises(RequestError, match=r"there is no 'JSONDecodr' in json\. Did you mean 'JSONDecoder'"):
        Entry(Loss("d", "json:JSONDecodr"), OTHER).factory()


def test_a_local_file_is_imported_and_its_neighbours_too(write: Callable[..., Path]):
    write("WIDTH = 7\n", "zoo_test_neighbour.py")
    file = write("from zoo_test_neighbour import WIDTH\ndef net(): return WIDTH\n")
    assert local(file, "net").factory()() == 7


def test_a_local_file_is_imported_once(write: Callable[..., Path]):
    file = write("class Net: pass\n")
    assert load_file(file).Net is load_file(file).Net


def test_two_files_of_one_name_are_two_modules(write: Callable[..., Path], tmp_path: Path):
    first = write("def net(): return 1\n")
    (tmp_path / "other").mkdir()
    second = tmp_path / "other" / first.name
    second.write_text("def net(): return 2\n")
    assert [load_file(path).net() for path in (first, second)] == [1, 2]


def test_a_class_of_a_local_file_can_be_pickled(write: Callable[..., Path]):
    net = load_file(write("class Net:\n    width = 3\n")).Net()
    assert pickle.loads(pickle.dumps(net)).width == 3


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("def net(: pass", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_local_file_that_fails_is_named_and_not_kept(write: Callable[..., Path], source: str, reason: str):
    file = write(source)
    for _ in range(2):  # a half-run module must not pass for a loaded one
        with pytest.raises(RequestError, match=reason) as caught:
            local(file, "net").factory()
        assert f"'local/mine' of registry.yaml can't be imported from {file}" in str(caught.value)
    file.write_text("def net(): return 'mended'\n")
    assert local(file, "net").factory()() == "mended"


def test_a_missing_local_file_is_named(tmp_path: Path):
    with pytest.raises(RequestError, match="no such Python file"):
        local(tmp_path / "gone.py", "net").factory()


def test_provenance_has_id_distribution_version_target_and_the_files_hash():
    import json.decoder

    entry = Entry(Loss("d", "json.decoder:JSONDecoder"), OTHER)
    source = Path(json.decoder.__file__)
    assert entry.source_file() == source
    assert entry.provenance() == {
        "kind": "loss",
        "id": "acme/d",
        "distribution": "zoo-acme",
        "version": "1.2.3",
        "target": "json.decoder:JSONDecoder",
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }


def test_provenance_of_a_local_component_names_its_file(write: Callable[..., Path]):
    file = write("class Net: pass\n")
    found = local(file, "Net").provenance()
    assert (found["id"], found["target"], found["distribution"]) == ("local/mine", f"{file}:Net", None)
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_provenance_of_what_has_no_source_has_no_hash():
    assert Entry(Loss("d", "builtins:dict"), OTHER).provenance()["sha256"] is None
    assert Entry(Loss("d", "builtins:len"), OTHER).provenance()["sha256"] is None


def test_a_family_has_an_entry_for_each_name_and_gives_it_its_attributes():
    family = Family(
        "architecture", "zoo_timm.models:create", "zoo_timm:models.txt", tags=("t",), attributes={"input_size": 96}
    )
    entries = family_entries(family, OTHER)
    assert len(entries) > 1000
    assert all(e.member == e.component.name and e.component.input_size == 96 for e in entries)  # type: ignore[attr-defined]
    assert {e.component.tags for e in entries} == {("t",)}
