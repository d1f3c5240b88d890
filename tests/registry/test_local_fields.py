"""Local components have every field that a plugin's have, and are used as those are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.host.loader import open_registry
from zoo.plugin import AnalysisOption, Component
from zoo.registry.config import FILENAME, read_layer
from zoo.registry.kinds import KINDS

Zoo = Callable[..., tuple[int, str, str]]
VALUES = {
    "summary": "Mine",
    "tags": ["a"],
    "aliases": ["other"],
    "example": {"width": 4},
    "splits": ["train"],
    "in_chans": 1,
    "input_size": 8,
    "opens": [".mine"],
    "symmetries": ["rotate_90"],
    "recognises": "./mine.py:knows",
    "scheme": "mine",
    "mean": [0.5],
    "std": [1, 1, 1],
    "interpolation": "bicubic",
    "crop_pct": 0.9,
    "num_parameters": 5,
    "top1": 0.5,
    "license": "mit",
    "higher_is_better": False,
    "tasks": ["regression"],
    "lr": 1,
    "weight_decay": 0.1,
    "reader": "./mine.py:read",
    "suffix": ".mine",
    "suffixes": [".mine"],
    "group": "plugins",
    "heading": "Data",
    "options": [{"name": "--mine", "parameter": "width", "help": "Width of it.", "type": "int"}],
}
"""A value of each field, as in YAML, that isn't the default."""


def write(components: dict[str, dict[str, object]], code: str = "") -> None:
    Path(FILENAME).write_text(json.dumps({"version": 1, "components": components}), "utf-8")
    Path("mine.py").write_text(code, "utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_plugins_component_is_a_key(kind: str):
    fields = {each.name for each in dataclasses.fields(KINDS[kind].declaration)} - {"name", "target"}
    spec = {name: VALUES[name] for name in fields if name in VALUES}
    if kind == "architecture":
        spec["in_chans"] = [1, 3]
    assert fields - spec.keys() <= {"deprecated", "renamed"}, "a new field needs a value in this test"
    write({kind: {"mine": {"target": "./mine.py:make", **spec}}})
    component: Component = open_registry().find(kind, "other" if "aliases" in spec else "mine").component
    for name, value in spec.items():
        targets = {"reader": "mine:read", "recognises": "mine:knows"}
        wanted = targets[name] if name in targets else tuple(value) if isinstance(value, list) else value
        if name == "options":
            wanted = (AnalysisOption("--mine", "width", "Width of it.", type=int),)
        assert getattr(component, name) == wanted
        assert type(getattr(component, name)) is not list


def test_a_component_on_a_base_overrides_what_the_base_says():
    write({"architecture": {"small": {"base": "simple_cnn", "input_size": 16, "mean": [0.1, 0.2, 0.3]}}})
    registry = open_registry()
    base, own = registry.find("architecture", "simple_cnn").component, registry.find("architecture", "small").component
    assert (own.input_size, own.mean) == (16, (0.1, 0.2, 0.3))
    assert own.tags == base.tags
    assert own.aliases == ()


def test_info_shows_the_fields_of_a_local_component(zoo: Zoo):
    write({"metric": {"errors": {"base": "f1", "higher_is_better": False}}})
    assert json.loads(zoo("info", "errors", "--json")[1])["higher_is_better"] is False


@pytest.mark.slow
def test_a_local_command_is_typed_and_shadows_none(zoo: Zoo):
    target = {"target": "./mine.py:hello", "summary": "Greet", "heading": "Use"}
    code = "def hello(words):\n    print('hello', *words)\n    return 3\n"
    write({"command": dict.fromkeys(("hello", "bench", "run"), target)}, code)
    assert zoo("hello", "a", "--b") == (3, "hello a --b\n", "")
    assert zoo("local/bench", "a")[:2] == (3, "hello a\n")
    assert zoo("local/run")[:2] == (3, "hello\n")
    assert "hello" not in zoo("bench", "--help")[1]
    out = " ".join(zoo("--help")[1].split())
    assert "hello Greet." in out
    assert "local/bench (registry.yaml)" in out


def test_a_local_command_that_fails_names_file_and_line(zoo: Zoo):
    write({"command": {"hello": {"target": "./mine.py:hello"}}}, "def hello(words):\n    raise KeyError('nope')\n")
    code, _, err = zoo("hello")
    assert code == 1
    assert "registry.yaml: its command 'hello' failed: KeyError: 'nope' (mine.py:2)" in err


def test_a_local_path_opener_is_chosen_over_plugins_only_where_it_says_so(make_plugin):
    plugin = "from zoo.plugin import Dataset, hookimpl\n@hookimpl\ndef zoo_datasets():\n"
    make_plugin("acme", f"{plugin}    yield Dataset('table', 'zoo_acme:f', opens=('.csv',))\n")
    write({"dataset": {"mine": {"base": "csv"}}})
    with pytest.raises(Exception, match=r"images/image_csv \(visionzoo\) and acme/table \(zoo-acme\)"):
        open_registry().opener(".csv")
    write({"dataset": {"mine": {"base": "acme/table", "opens": [".csv"]}}})
    assert open_registry().opener(".csv").id == "local/mine"


EXPORTER = """
from zoo_export import weights_file

def save(bundle, path, network, half: bool = False):
    weights_file.export(bundle, path, network, half)

def read(path, build):
    return weights_file.read(path, build)

def bring(file, add: float = 0.0):
    from zoo.plugin import Imported
    import torch
    state = torch.load("state.pt")
    return Imported(architecture="simple/simple_cnn", num_classes=2, classes=("a", "b"), tensors=state,
                    preprocessing={"image_size": 32})
"""


def test_a_local_exporter_reads_its_files_and_has_its_preset_parameters(zoo: Zoo, digits_run: Path, tmp_path: Path):
    spec = {"target": "./mine.py:save", "reader": "./mine.py:read", "suffix": ".mine", "params": {"half": True}}
    write({"exporter": {"mine": spec}}, EXPORTER)
    code, out, err = zoo("export", digits_run, "mine", "--out", tmp_path / "m.mine", "--json")
    assert code == 0, err
    assert json.loads(out)["lossy"]["params"] == {"half": True}
    assert zoo("evaluate", tmp_path / "m.mine", "digits", "--json")[0] == 0


def test_a_local_importer_imports(zoo: Zoo, tmp_path: Path):
    import torch

    from zoo.model.build import build_model

    network = build_model(open_registry().find("architecture", "simple_cnn"), {}, 2, 3, 32)
    torch.save(network.state_dict(), "state.pt")
    (tmp_path / "net.mine").write_text("weights")
    write(
        {"importer": {"mine": {"target": "./mine.py:bring", "suffixes": [".mine"], "params": {"add": 1.0}}}}, EXPORTER
    )
    code, out, err = zoo("import", tmp_path / "net.mine", "--json")
    assert code == 0, err
    assert json.loads(out)["imported"]["importer"] == "local/mine"
    assert json.loads(out)["imported"]["params"] == {"add": 1.0}


def test_reading_registry_yaml_imports_nothing_heavy():
    import subprocess
    import sys

    write({"architecture": {"mine": {"target": "./mine.py:Net", "mean": [0.5]}}}, "raise SystemExit('imported')")
    code = "import sys; from zoo.registry.config import open_shelf; open_shelf()"
    code += "; print('torch' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert read_layer(Path(FILENAME)).path == Path(FILENAME)
