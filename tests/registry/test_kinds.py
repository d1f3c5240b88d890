"""Kinds that plugins declare: contributed, listed, set, recorded, used in a run and checked like those of the zoo."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import PluginError, RegistryFileError, RequestError
from zoo.host.loader import discover, open_registry
from zoo.job.layers import Layers
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.job.schema import Job
from zoo.plugin import Component, Kind
from zoo.registry import kinds
from zoo.registry.registry import Registry
from zoo.storage.safe_yaml import read_mapping
from zoo.testing import checks, run_checks

Zoo = Callable[..., tuple[int, str, str]]
PLUGIN = """
from zoo.plugin import Component, Family, Kind, hookimpl

class Watcher(Component):
    kind = "watcher"

@hookimpl
def zoo_kinds():
    return [Kind(Watcher, summary="Watches a run", path="watchers", option="--watch", given=("classes",),
                 use="acme_parts:as_callback", checks="acme_checks")]

@hookimpl
def zoo_components():
    yield Watcher("counter", "acme_parts:Counter", summary="Count the steps of a run")
"""
PARTS = """
from zoo.api.running import Callback

class Counter:
    'Count steps.'

    def __init__(self, classes: list[str], unit: str = "steps"):
        self.classes, self.unit, self.count = classes, unit, 0

class Counting(Callback):
    def __init__(self, counters):
        self.counters = counters
    def step_end(self, state):
        for counter in self.counters:
            counter.count += 1
    def report_sections(self, run, result):
        return [("Watched", f"{c.count} {c.unit} of {len(c.classes)} classes") for c in self.counters]

def as_callback(counters):
    return Counting(counters)
"""
CHECKS = """
from zoo.testing import contract

@contract("watcher", "counts from zero", "Start at 0.")
def starts(subject):
    assert subject.made(classes=["a", "b"]).count == 0
"""

SETTINGS = """

from dataclasses import dataclass, field

@dataclass
class Settings:
    every: int = field(default=1, metadata={"option": "--every", "help": "Steps between two counts."})

@hookimpl
def zoo_settings():
    return Settings
"""


@pytest.fixture
def acme(make_plugin: Callable[..., Path]) -> Path:
    """A plugin with a kind of its own."""
    return make_plugin("acme", PLUGIN, acme_parts=PARTS, acme_checks=CHECKS)


@pytest.fixture(autouse=True)
def _only_ours():
    kinds.keep_only()  # a test of another file may have discovered the plugins
    yield
    kinds.keep_only()


def resolved(registry: Registry, **asked: Any):
    return resolve(make_request({"architecture": "simple_cnn", "dataset": "digits", **asked}), registry)


def test_the_kinds_of_the_zoo_are_declared_like_those_of_plugins():
    core = {kind.name for kind in kinds.ALL.values()}
    assert {"dataset", "architecture", "loss", "metric", "augmentation", "optimizer", "schedule"} <= core
    assert {"sampler", "callback", "exporter", "importer", "command"} <= core
    assert kinds.CHOICES["train.sampler"] == "sampler"
    assert kinds.CHOICE_LISTS == {"metrics": "metric", "augment": "augmentation", "callbacks": "callback"}


def test_the_keys_of_a_job_that_are_no_components_are_known():
    of_kinds = {path.partition(".")[0] for path in (*kinds.CHOICES, *kinds.CHOICE_LISTS)} - {"train"}
    assert set(Job.model_fields) - of_kinds <= kinds.JOB_FIELDS


def test_a_kind_of_a_plugin_is_listed_and_described(acme: Path, zoo: Zoo):
    code, out, _ = zoo("list", "watchers", "--json")
    assert code == 0
    assert [row["id"] for row in json.loads(out)] == ["acme/counter"]
    assert "unit" in zoo("info", "acme/counter")[1]
    assert "--watch" in zoo("run", "--help")[1]
    assert "--watch" not in zoo("evaluate", "--help")[1]


def test_a_job_takes_such_a_component_and_records_it(acme: Path, zoo: Zoo, tmp_path: Path):
    words = ("run", "simple_cnn", "digits", "--epochs", "1", "--name", "a", "--out", str(tmp_path), "--json")
    code, out, err = zoo(*words, "--watch", "counter")
    assert code == 0, err
    result = json.loads(out)
    assert result["sections"] == [["Watched", "23 steps of 10 classes"]]
    assert result["provenance"]["watchers.0"]["id"] == "acme/counter"
    assert result["provenance"]["watchers.0"]["distribution"] == "zoo-acme"
    assert read_mapping(tmp_path / "a" / "job.yaml")["watchers"] == [{"name": "acme/counter", "unit": "steps"}]


def test_its_parameters_are_checked(acme: Path):
    registry = open_registry()
    found = resolved(registry, set={"watchers": [{"name": "counter", "unit": "batches"}]})
    assert found.job.plain()["watchers"] == [{"name": "counter", "unit": "batches"}]
    with pytest.raises(RequestError, match=r"watchers.counter has no parameter 'units'. Did you mean 'unit'\?"):
        resolved(registry, set={"watchers": [{"name": "counter", "units": "batches"}]})
    with pytest.raises(RequestError, match=r"Unknown watcher 'conter'. Did you mean 'counter'\?"):
        resolved(registry, set={"watchers": "conter"})


def test_a_job_without_such_components_does_not_need_the_plugin(acme: Path):
    assert "watchers" not in resolved(open_registry()).job.plain()


def test_a_job_with_one_says_what_is_missing_without_the_plugin():
    with pytest.raises(RequestError, match=r"unknown key 'watchers'.*zoo plugins list"):
        resolved(open_registry(), set={"watchers": ["counter"]})


def test_another_plugin_contributes_to_the_kind(acme: Path, make_plugin: Callable[..., Path]):
    make_plugin(
        "aaa",
        "from zoo.plugin import hookimpl\n\n@hookimpl\ndef zoo_components():\n    from zoo_acme import Watcher\n"
        "    return [Watcher('other', 'acme_parts:Counter', summary='Another')]\n",
    )
    assert [e.id for e in open_registry().entries("watcher")] == ["aaa/other", "acme/counter"]


def test_components_of_a_kind_that_nobody_declares_set_the_plugin_aside(make_plugin: Callable[..., Path]):
    make_plugin(
        "lost",
        "from zoo.plugin import Component, hookimpl\n\nclass Watchr(Component):\n    kind = 'watchr'\n\n"
        "@hookimpl\ndef zoo_components():\n    return [Watchr('a', 'b:c')]\n",
    )
    lost = next(plugin for plugin in discover() if plugin.name == "lost")
    assert lost.state == "failed"
    assert "not of a kind that a plugin has declared" in str(lost.problem)


def test_registry_yaml_names_components_and_aliases_of_the_kind(acme: Path, tmp_path: Path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "registry.yaml").write_text(
        "components:\n  watcher:\n    daily: {base: counter, params: {unit: days}}\naliases:\n  watcher: {c: counter}\n"
    )
    registry = open_registry()
    assert registry.find("watcher", "daily").params == {"unit": "days"}
    assert registry.find("watcher", "c").id == "acme/counter"


def test_registry_yaml_with_an_unknown_kind_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.yaml").write_text("components:\n  sampler: {a: {base: shuffle}}\n  samplr: {}\n")
    with pytest.raises(RegistryFileError, match=r"unknown kind under components 'samplr'. Did you mean 'sampler'\?"):
        open_registry()


def test_zoo_plugins_check_runs_the_checks_of_the_kind(acme: Path):
    found = [check for check in checks("acme") if check.kind == "watcher"]
    assert "counts from zero" in {check.name for check in found}
    assert "summary" in {check.name for check in found}
    report = run_checks(found)
    assert not [outcome for outcome in report.outcomes if outcome.outcome == "failed"]


class Gadget(Component):
    kind = "gadget"


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"path": "gadgets"}, "nothing uses its components"),
        ({"path": "train", "use": "a:b"}, "the path 'train' belongs to the kind 'job'"),
        ({"path": "loss", "use": "a:b"}, "the path 'loss' belongs to the kind 'loss'"),
        ({"path": "train.gadget", "use": "a:b"}, "is not a lower-case word"),
        ({"path": "gadgets", "use": "a:b", "default": "x"}, "a default has no effect with choose='many'"),
        ({"path": "gadget", "use": "a:b", "choose": "one"}, "choose='one' needs a default"),
        ({"path": "gadgets", "use": "a:b", "given": ("labels",)}, "given 'labels' is not one of folder, classes"),
        ({"path": "gadgets", "use": "a:b", "option": "gadget"}, "is not of the form '--word'"),
        ({"option": "--gadget"}, "have no effect without a path"),
        ({"repeats": "a:b"}, "have no effect without a path"),
    ],
)
def test_a_declaration_that_nothing_could_use_is_refused(declared: dict[str, Any], problem: str):
    with pytest.raises(PluginError, match=problem):
        kinds.declare(Kind(Gadget, **declared), "acme")
    assert "gadget" not in kinds.ALL


def test_a_kind_belongs_to_one_plugin():
    kinds.declare(Kind(Gadget), "acme")
    kinds.declare(Kind(Gadget), "acme")
    with pytest.raises(PluginError, match="already declared by plugin 'acme'"):
        kinds.declare(Kind(Gadget), "other")

    class Mine(Component):
        kind = "loss"

    with pytest.raises(PluginError, match="already declared by the zoo"):
        kinds.declare(Kind(Mine), "acme")


@pytest.mark.parametrize("wrong", [{"choose": "two"}, {"use": "no target"}, {"repeats": "no target"}])
def test_a_malformed_declaration_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match="is not"):
        Kind(Gadget, **wrong)
    with pytest.raises(ValueError, match="not a subclass of Component"):
        Kind(Component)


def test_one_component_of_a_kind_has_a_default_or_is_left_out():
    kinds.declare(Kind(Gadget, path="gadget", choose="optional", use="a:b"), "acme")
    merged = Layers()
    merged.put("job.yaml", {"gadget.name": "x", "gadget.size": 2})
    assert merged.problems == []
    assert merged.nested() == {"gadget": {"name": "x", "size": 2}}


def test_help_has_the_options_of_a_kind_and_of_settings_under_one_heading(
    zoo: Zoo, make_plugin: Callable[..., Path]
) -> None:
    make_plugin("acme", PLUGIN + SETTINGS, acme_parts=PARTS, acme_checks=CHECKS)
    out = zoo("run", "--help")[1]
    options = out[out.index("Plugin acme:") :].split("\n\n")[0]
    assert " ".join(options.split()) == (
        "Plugin acme: --watch NAME Watches a run; see zoo list watchers. [env var: ZOO_WATCH] "
        "--every INT Steps between two counts. [default: 1]"
    )
    assert "\nPlugins:" not in out


def test_an_option_of_settings_that_a_kind_has_is_told(zoo: Zoo, make_plugin: Callable[..., Path]) -> None:
    make_plugin("acme", PLUGIN + SETTINGS.replace("--every", "--watch"), acme_parts=PARTS, acme_checks=CHECKS)
    said = zoo("plugins", "list")[1]
    assert "The option --watch of plugin 'acme' is left out: zoo run has one. Use --set plugins.acme.every" in said


def test_a_kind_of_a_bundled_plugin_stays_that_of_the_bundled_plugin(make_plugin: Callable[..., Path]):
    make_plugin(
        "aaa",
        "from zoo.plugin import Component, Kind, hookimpl\n\nclass Tracker(Component):\n    kind = 'tracker'\n\n"
        "@hookimpl\ndef zoo_kinds():\n    return [Kind(Tracker)]\n",
    )
    states = {plugin.name: (plugin.state, plugin.problem) for plugin in discover()}
    assert states["track"] == ("enabled", None)
    assert states["aaa"] == ("failed", "the kind 'tracker' is already declared by plugin 'track': use another name")
