"""What every registered component owes: a summary, a typed signature, defaults that are valid, a known source."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter

from zoo.entry import Entry
from zoo.plugin import KINDS
from zoo.registry import open_registry
from zoo.signature import GIVEN, check, open_ended, parameters, plain

ENTRIES = [entry for entry in open_registry().entries() if entry.origin.bundled]
# How many there are at the least: a list that comes up short must fail, or nothing below would be tested.
AT_LEAST = {
    "dataset": 4,
    "architecture": 1300,
    "loss": 5,
    "metric": 9,
    "augmentation": 7,
    "optimizer": 80,
    "schedule": 6,
    "exporter": 0,
    "command": 0,
}
# What a factory of each kind must name, so that the runner can give it.
ASKED = {
    "architecture": ("num_classes", "in_chans"),
    "dataset": ("root", "split"),
    "loss": (),
    "metric": ("num_classes",),
    "augmentation": ("size",),
    "optimizer": ("params", "lr", "weight_decay"),
    "schedule": ("optimizer", "total_steps"),
    "exporter": ("bundle", "path"),
    "command": (),
}


def one_of_each() -> list[Entry]:
    """Every component, and one member of each family: the others have the same factory."""
    factories: dict[tuple[str, str, str | None], Entry] = {}
    for entry in ENTRIES:
        member = None if entry.member else entry.id
        factories.setdefault((entry.kind, entry.component.target, member), entry)
    return list(factories.values())


every_component = pytest.mark.parametrize("entry", one_of_each(), ids=lambda entry: f"{entry.kind}:{entry.id}")


def test_no_component_is_missing():
    counts = {kind: sum(entry.kind == kind for entry in ENTRIES) for kind in KINDS}
    assert [kind for kind, least in AT_LEAST.items() if counts[kind] < least] == []
    assert AT_LEAST.keys() == KINDS.keys() == GIVEN.keys() == ASKED.keys()
    assert all(plugin.state == "enabled" for plugin in open_registry().plugins if plugin.origin.bundled)


def test_ids_and_short_names_are_unique_among_the_bundled():
    registry = open_registry()
    for kind in KINDS:
        mine = [entry for entry in ENTRIES if entry.kind == kind]
        names = [name for entry in mine for name in entry.names]
        assert len(names) == len(set(names)), kind
        for entry in mine:
            assert {registry.find(kind, name).id for name in (entry.id, *entry.names)} == {entry.id}


def test_every_component_has_a_summary_of_one_line():
    for entry in ENTRIES:
        summary = entry.component.summary
        assert 10 < len(summary) <= 120, entry.id
        assert "\n" not in summary
        assert not summary.endswith("."), f"{entry.id}: a line of a table is no sentence"


def test_describing_every_component_imports_nothing_heavy():
    """`zoo list` must not wait for torch."""
    code = (
        "import json, sys\n"
        "from zoo.registry import open_registry\n"
        "found = [(e.kind, e.id, e.component.summary, e.component.tags, e.names, e.describe_origin())"
        " for e in open_registry().entries()]\n"
        "heavy = {'torch', 'numpy', 'timm', 'torchvision', 'torchmetrics', 'sklearn', 'matplotlib', 'PIL'}\n"
        "print(json.dumps([len(found), sorted(heavy & set(sys.modules))]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, imported = json.loads(done.stdout)
    assert count == len(open_registry().entries())
    assert imported == []


@every_component
def test_the_factory_takes_what_the_runner_gives(entry: Entry):
    names = list(inspect.signature(entry.factory()).parameters)
    if entry.member:
        names = [name for name in names if name != "name"]
    asked = ASKED[entry.kind]
    assert set(asked) <= set(names)
    positional = [name for name in names if name in GIVEN[entry.kind]]
    assert names[: len(positional)] == positional or entry.kind in ("architecture", "loss", "optimizer", "dataset")
    assert names[:1] == list(asked[:1]) or not asked, "the first is given by position"


@every_component
def test_every_parameter_has_a_type_that_is_checked(entry: Entry):
    factory = entry.factory()
    for parameter in parameters(entry.kind, factory):
        assert parameter.annotation is not Any, f"{parameter.name} has no type"
        TypeAdapter(parameter.annotation, config=ConfigDict(arbitrary_types_allowed=True))
    assert open_ended(factory) == (entry.member is not None), "only what stands before a library takes any keyword"


@every_component
def test_nothing_has_to_be_set_and_every_default_is_of_its_own_type(entry: Entry):
    factory = entry.factory()
    assert [p.name for p in parameters(entry.kind, factory) if p.required] == []
    for parameter in parameters(entry.kind, factory):
        for value in (parameter.default, plain(parameter.default)):  # as it is, and as job.yaml has it
            values, problems = check(entry.kind, factory, {parameter.name: value}, "here")
            assert problems == []
            assert values[parameter.name] == parameter.default


@every_component
def test_what_is_no_parameter_is_refused(entry: Entry):
    factory = entry.factory()
    refused = [*GIVEN[entry.kind], *([] if open_ended(factory) else ["no_such_parameter"])]
    for name in refused:
        _, problems = check(entry.kind, factory, {name: 1}, "here")
        assert len(problems) == 1, name
        assert problems[0].startswith(f"here has no parameter {name!r}")


@every_component
def test_a_result_can_say_where_it_comes_from(entry: Entry):
    found = entry.provenance()
    assert found["id"] == entry.id
    assert found["distribution"] == "visionzoo"
    assert found["version"]
    assert len(found["sha256"]) == 64
    assert json.loads(json.dumps(found)) == found


@every_component
def test_the_factory_says_what_it_makes(entry: Entry):
    factory = entry.factory()
    assert inspect.getdoc(getattr(factory, "func", factory)), "zoo info shows it"
