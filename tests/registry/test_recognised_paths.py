"""Which dataset opens a path that several formats share, and an address with a scheme."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from zoo.errors import ContractError, RequestError
from zoo.host.loader import open_registry
from zoo.plugin import Component, Dataset
from zoo.registry.config import FILENAME, Layer, RegistryConfig
from zoo.registry.entry import DISTRIBUTION, Entry, Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.registry import Registry


@pytest.fixture(autouse=True)
def _recognisers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module whose functions look at the first character of a file, or fail."""
    module = ModuleType("recognisers")
    for name, first in (("braces", "{"), ("brackets", "["), ("both", "{[")):
        setattr(module, name, lambda path, first=first: path.read_text("utf-8")[:1] in first)
    module.fails = lambda path: path.no_such_attribute  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "recognisers", module)


def dataset(name: str, recognises: str | None = None, form: str = ".json", **more: object) -> Dataset:
    target = None if recognises is None else f"recognisers:{recognises}"
    return Dataset(name, "m:f", opens=(form,), recognises=target, **more)  # type: ignore[arg-type]


def registry(*plugins: tuple[str, Component], local: dict[str, object] | None = None) -> Registry:
    loaded = []
    for name, component in plugins:
        origin = Origin(name, DISTRIBUTION if name in ("images", "formats") else f"zoo-{name}", "1.0")
        loaded.append(LoadedPlugin(origin, f"zoo_{name}", "enabled", entries=[Entry(component, origin)]))
    sections = {} if local is None else {"components": {"dataset": local}}
    return Registry(loaded, RegistryConfig([Layer(Path("here/registry.yaml"), sections)]))


def opener(found: Registry, path: Path) -> str | None:
    entry = found.opener(path.suffix, path)
    return None if entry is None else entry.id


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    texts = {"map": "{}", "list": "[]", "other": "3"}
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text, "utf-8")
    return {name: tmp_path / f"{name}.json" for name in texts}


def test_the_dataset_that_recognises_a_path_opens_it(files: dict[str, Path]):
    found = registry(("formats", dataset("one", "braces")), ("formats", dataset("two", "brackets")))
    assert opener(found, files["map"]) == "formats/one"
    assert opener(found, files["list"]) == "formats/two"


def test_it_goes_before_one_that_opens_every_path_of_the_form(files: dict[str, Path]):
    found = registry(("images", dataset("any")), ("formats", dataset("one", "braces")))
    assert opener(found, files["map"]) == "formats/one"
    assert opener(found, files["list"]) == "images/any"
    plain = found.opener(".json")
    assert plain is not None
    assert plain.id == "images/any", "without a path nothing can be recognised"


def test_a_path_that_none_recognises_is_an_error_that_names_them(files: dict[str, Path]):
    found = registry(("formats", dataset("one", "braces")), ("acme", dataset("two", "brackets")))
    with pytest.raises(RequestError, match=r"other\.json is not recognised by the datasets for \.json: ") as caught:
        opener(found, files["other"])
    assert "acme/two" in str(caught.value)
    assert "formats/one" in str(caught.value)


def test_a_path_that_two_recognise_is_an_error_that_lists_both(files: dict[str, Path]):
    found = registry(("formats", dataset("one", "braces")), ("formats", dataset("two", "both")))
    with pytest.raises(RequestError, match=r"several datasets: formats/one \(visionzoo\) and formats/two"):
        opener(found, files["map"])
    assert opener(found, files["list"]) == "formats/two"


def test_what_registry_yaml_says_goes_first(files: dict[str, Path]):
    plugins = (("formats", dataset("one", "braces")), ("formats", dataset("two", "both")))
    own: dict[str, object] = {"base": "formats/two", "opens": [".json"]}
    assert opener(registry(*plugins, local={"mine": own}), files["map"]) == "local/mine"
    assert opener(registry(plugins[0], local={"mine": {"base": "formats/one"}}), files["map"]) == "formats/one"


def test_an_unreadable_path_is_not_recognised_and_a_defect_is_named(tmp_path: Path, files: dict[str, Path]):
    found = registry(("images", dataset("any")), ("formats", dataset("one", "braces")))
    assert opener(found, tmp_path / "gone.json") == "images/any"
    with pytest.raises(ContractError, match=r"'acme/two' \(zoo-acme 1\.0\) fails to recognise .*: AttributeError"):
        opener(registry(("acme", dataset("two", "fails"))), files["map"])


def test_an_address_is_opened_by_the_dataset_of_its_scheme():
    hub = Dataset("hub", "m:f", scheme="hf")
    found = registry(("acme", hub))
    entry = found.by_scheme("hf:owner/name@main")
    assert entry is not None
    assert entry.id == "acme/hub"
    assert found.by_scheme("owner/name") is None
    assert found.by_scheme("s3:name") is None
    with pytest.raises(RequestError, match="The scheme 'hf' is opened by several datasets: acme/hub"):
        registry(("acme", hub), ("best", hub)).by_scheme("hf:owner/name")


@pytest.mark.parametrize("field", [{"recognises": "no target"}, {"scheme": "a b"}])
def test_a_malformed_field_is_refused(field: dict[str, str]):
    with pytest.raises(ValueError, match=r"no target|a b"):
        Dataset("one", "m:f", **field)  # type: ignore[arg-type]


def test_a_recogniser_of_a_local_component_is_in_its_file():
    Path("mine.py").write_text("def make(root, split): ...\ndef knows(path): return path.name == 'a.json'\n", "utf-8")
    Path(FILENAME).write_text(
        "components:\n  dataset:\n    mine: {target: './mine.py:make', opens: [.json], recognises: ./mine.py:knows}\n",
        "utf-8",
    )
    Path("a.json").write_text("{", "utf-8")
    entry = open_registry().opener(".json", Path("a.json"))
    assert entry is not None
    assert entry.id == "local/mine"
