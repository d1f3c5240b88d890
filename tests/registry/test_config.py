"""registry.yaml: its layers, its local components, and what is said of a file that is not as it should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from zoo.errors import RegistryFileError
from zoo.registry.config import FILENAME, Local, RegistryConfig, open_shelf, read_layer, shipped_path
from zoo.registry.entry import LOCAL

Write = Callable[[str], Path]


@pytest.fixture
def write() -> Write:
    """Write the working folder's registry.yaml."""

    def written(text: str, folder: Path | None = None) -> Path:
        path = (folder or Path.cwd()) / FILENAME
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return written


def users_folder() -> Path:
    return platformdirs.user_config_path("visionzoo")


def one_local(shelf: RegistryConfig, name: str) -> Local:
    (item,) = (item for item in shelf.locals if item.name == name)
    return item


def test_the_shipped_file_reads_and_has_the_recipe_that_every_job_stands_on():
    shelf = open_shelf()
    assert [layer.path for layer in shelf.layers] == [shipped_path().resolve()]
    assert {"loss", "train"} <= set(shelf.recipes["*+*"])
    assert {"epochs", "batch_size", "optimizer", "lr", "weight_decay", "schedule"} <= set(shelf.recipes["*+*"]["train"])


def test_the_working_folder_goes_before_the_user_who_goes_before_the_shipped_file(write: Write):
    write("recipes: {a: {seed: 1}, b: {seed: 1}}\naliases: {loss: {l: focal, m: mse}}", users_folder())
    write("recipes: {b: {seed: 2}, '*+*': {seed: 3}}\naliases: {loss: {m: focal}, dataset: {d: digits}}")
    shelf = open_shelf()
    assert len(shelf.layers) == 3
    assert [shelf.recipes[name] for name in ("a", "b", "*+*")] == [{"seed": 1}, {"seed": 2}, {"seed": 3}]
    assert shelf.aliases["loss"] == {"l": "focal", "m": "focal"}
    assert shelf.aliases["dataset"] == {"d": "digits"}


def test_plugins_are_disabled_by_any_layer(write: Write):
    write("plugins: {disable: [timm]}", users_folder())
    write("plugins: {disable: [optim, acme]}")
    assert open_shelf().disabled == {"timm", "optim", "acme"}


@pytest.mark.parametrize("name", ["keras", "Keras", "zoo-keras", "zoo_keras"])
def test_a_working_folder_replaces_no_plugin_of_the_catalogue(write: Write, name: str):
    write(f"catalogue: {{{name}: {{package: evil}}, ours: {{package: zoo-ours}}}}")
    shelf = open_shelf()
    packages = {found: item["package"] for found, item in shelf.catalogue.items()}
    assert packages == {"keras": "zoo-keras", "ray": "zoo-ray", "ours": "zoo-ours"}
    assert [name in said for said in shelf.refused] == [True]


def test_a_working_folder_replaces_no_plugin_of_the_users_catalogue_either(write: Write):
    write("catalogue: {leaves: {package: zoo-leaves}, keras: {package: my-keras}}", users_folder())
    write("catalogue: {leaves: {package: evil}}")
    packages = {name: item["package"] for name, item in open_shelf().catalogue.items()}
    assert packages["leaves"] == "zoo-leaves"
    assert packages["keras"] == "my-keras", "the user's own file replaces what it likes"


def test_of_two_local_components_of_one_name_the_higher_layers_counts(write: Write):
    write("components: {loss: {mine: {base: focal}, other: {base: mse}}}", users_folder())
    write("components: {loss: {mine: {base: mse}}}")
    shelf = open_shelf()
    assert one_local(shelf, "mine").spec == {"base": "mse"}
    assert one_local(shelf, "other").layer.parent == users_folder()


def test_a_folder_that_is_the_users_own_is_read_once(write: Write, monkeypatch: pytest.MonkeyPatch):
    write("recipes: {a: {seed: 1}}", users_folder())
    monkeypatch.chdir(users_folder())
    assert len(open_shelf().layers) == 2


def test_an_empty_file_is_fine(write: Write):
    write("")
    assert open_shelf().locals == []
    write("recipes:\naliases:\n  loss:\ncomponents:\nplugins:\ncatalogue:\n")
    assert open_shelf().aliases["loss"] == {}


def test_reading_executes_nothing(write: Write):
    write("components: {loss: {mine: {target: './boom.py:Loss'}}}")
    Path("boom.py").write_text("raise RuntimeError('imported')")
    assert one_local(open_shelf(), "mine").entry().id == "local/mine"
    write("recipes: {a: !!python/object/apply:os.mkdir [made]}")
    with pytest.raises(RegistryFileError):
        open_shelf()
    assert not Path("made").exists()


def test_a_local_component_has_a_file_params_and_names(write: Write):
    write(
        "components:\n  architecture:\n    tiny:\n      target: ./my_models.py:TinyNet\n"
        "      params: {width: 16}\n      summary: Tiny\n      tags: [small]\n      aliases: [t]\n"
    )
    entry = one_local(open_shelf(), "tiny").entry()
    assert (entry.id, entry.origin.plugin, entry.names) == ("local/tiny", LOCAL, ("tiny", "t"))
    assert entry.file == Path.cwd() / "my_models.py"
    assert entry.params == {"width": 16}
    assert (entry.component.summary, entry.component.tags) == ("Tiny", ("small",))
    assert entry.component.target == "my_models:TinyNet"


@pytest.mark.parametrize("name", ["my-models.py", "2nd try.py", "my.models.py"])
def test_a_local_file_may_have_any_name(write: Write, name: str):
    write(f"components: {{architecture: {{tiny: {{target: './{name}:Net'}}}}}}")
    Path(name).write_text("def Net(num_classes): return num_classes\n")
    assert one_local(open_shelf(), "tiny").entry().factory()(3) == 3


def test_a_local_component_can_be_of_a_module(write: Write):
    write("components: {loss: {mine: {target: 'json.decoder:JSONDecoder'}}}")
    entry = one_local(open_shelf(), "mine").entry()
    assert entry.file is None
    assert entry.factory().__name__ == "JSONDecoder"


def test_a_relative_root_and_file_are_relative_to_the_file_that_says_so(write: Write):
    text = (
        "components:\n  dataset:\n"
        "    flowers: {target: './mine.py:Flowers', params: {root: ./data/flowers}}\n"
        "    far: {base: image_folder, params: {root: /data/far}}\n"
        "    home: {base: image_folder, params: {root: ~/photos}}\n"
        "  loss:\n    l: {base: focal, params: {root: ./kept}}\n"
    )
    write(text, users_folder())
    shelf = open_shelf()
    flowers = one_local(shelf, "flowers")
    assert flowers.params == {"root": str(users_folder() / "data" / "flowers")}
    assert flowers.entry().file == users_folder() / "mine.py"
    assert one_local(shelf, "far").params == {"root": "/data/far"}
    assert one_local(shelf, "home").params == {"root": str(Path.home() / "photos")}
    assert one_local(shelf, "l").params == {"root": "./kept"}, "only a dataset's root is a folder"


WRONG = {
    "no yaml": ("recipes: {a: [", "can't be read as YAML"),
    "not text": ("\x00", "can't be read as YAML"),
    "a list": ("- recipes", "the file must be a mapping"),
    "unknown section": ("recipe: {}", "unknown section 'recipe'. Did you mean 'recipes'?"),
    "newer version": ("version: 2", "version 2 is not supported; this zoo reads version 1"),
    "section of another type": ("recipes: [a]", "recipes must be a mapping"),
    "unknown kind": ("aliases: {architectures: {}}", "unknown kind under aliases 'architectures'"),
    "unknown kind of component": ("components: {model: {}}", "unknown kind under components 'model'"),
    "aliases of another type": ("aliases: {loss: focal}", "aliases: loss must be a mapping"),
    "recipe of another type": ("recipes: {mine: 5}", "recipes: mine must be a mapping"),
    "catalogue of another type": ("catalogue: {keras: zoo-keras}", "catalogue: keras must be a mapping"),
    "component of another type": (
        "components: {loss: {mine: focal}}",
        "components: loss: mine must be a mapping",
    ),
    "unknown key": (
        "components: {loss: {mine: {base: focal, parms: {}}}}",
        "unknown key of components: loss: mine 'parms'. Did you mean 'params'?",
    ),
    "params of another type": (
        "components: {loss: {mine: {base: focal, params: [1]}}}",
        "components: loss: mine: params must be a mapping",
    ),
    "a parameter called name": (
        "components: {loss: {mine: {base: focal, params: {name: a}}}}",
        "components: loss: mine: params: 'name' is reserved for the name",
    ),
    "a word of another kind": (
        "components: {loss: {mine: {base: focal, higher_is_better: false}}}",
        "components: loss: mine: higher_is_better is only valid for a metric",
    ),
    "neither yes nor no": (
        "components: {metric: {mine: {base: f1, higher_is_better: down}}}",
        "components: metric: mine: higher_is_better must be true or false, not 'down'",
    ),
    "neither target nor base": ("components: {loss: {mine: {params: {}}}}", "give either target"),
    "target and base": ("components: {loss: {mine: {target: 'a:b', base: focal}}}", "give either target"),
    "one plugin without a list": ("plugins: {disable: timm}", "plugins: disable must be a list"),
    "a number that is a word": (
        "components: {architecture: {mine: {target: 'm:f', input_size: large}}}",
        "components: architecture: mine: input_size must be a whole number, not 'large'",
    ),
    "a yes instead of a number": (
        "components: {architecture: {mine: {target: 'm:f', input_size: true}}}",
        "mine: input_size must be a whole number, not True",
    ),
    "one number instead of a list": (
        "components: {architecture: {mine: {target: 'm:f', mean: 0.5}}}",
        "mine: mean must be a list of numbers, such as [0.5, 0.5], not 0.5",
    ),
    "a value that the kind refuses": (
        "components: {architecture: {mine: {target: 'm:f', crop_pct: 2}}}",
        "components: architecture: mine: crop_pct 2.0 must be above 0 and at most 1",
    ),
    "a field of two other kinds": (
        "components: {loss: {mine: {target: 'm:f', input_size: 8}}}",
        "input_size is only valid for an architecture and a dataset",
    ),
    "an importer without suffixes": ("components: {importer: {mine: {target: 'm:f'}}}", "importer: mine: suffixes ()"),
    "a malformed target": ("components: {loss: {mine: {target: focal}}}", "components: loss: mine: target"),
    "a reader in another file": (
        "components: {exporter: {mine: {target: './a.py:f', reader: './b.py:r'}}}",
        "exporter: mine: reader './b.py:r' must be in the file of the target",
    ),
    "parameters of a command": (
        "components: {command: {hello: {target: './a.py:f', params: {a: 1}}}}",
        "components: command: hello: params is not valid for a command",
    ),
    "unknown key of plugins": (
        "plugins: {disabled: [timm]}",
        "plugins: disabled must be a mapping with the settings of a plugin, not ['timm']. Did you mean 'disable'?",
    ),
    "tags of another type": ("components: {loss: {mine: {base: focal, tags: 5}}}", "loss: mine: tags must be a list"),
    "aliases without a list": ("components: {loss: {mine: {base: focal, aliases: f}}}", "aliases must be a list"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told_with_its_path_and_key(case: str, write: Write):
    text, problem = WRONG[case]
    path = write(text)
    with pytest.raises(RegistryFileError) as caught:
        open_shelf().check_kinds()
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text_are_told_with_their_path(write: Write):
    path = write("")
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(RegistryFileError, match="can't be read as YAML"):
        read_layer(path)


@pytest.mark.parametrize(
    ("name", "spec", "problem"),
    [
        ("a b", {"target": "m:X"}, "'a b' is not a name"),
        ("mine", {"target": "no colon"}, "is not of the form"),
        ("mine", {"target": "./mine.py"}, "is not of the form"),
        ("mine", {"target": "./mine.py:"}, "is not of the form"),
    ],
)
def test_a_malformed_name_or_target_is_told_with_file_and_key(name: str, spec: dict[str, Any], problem: str):
    with pytest.raises(RegistryFileError) as caught:
        Local("loss", name, Path("here/registry.yaml"), spec).entry()
    assert problem in str(caught.value)
    assert f"here/registry.yaml: components: loss: {name}:" in str(caught.value)
