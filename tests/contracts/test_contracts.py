"""What the zoo asks of its own components beyond what ``zoo.testing`` asks of anyone's, whatever their kind."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import click
import pytest

from zoo.host.loader import open_registry
from zoo.plugin import KINDS
from zoo.registry.entry import Entry
from zoo.registry.kinds import ALL
from zoo.registry.signature import check, open_ended, parameters

ENTRIES = [entry for entry in open_registry().entries() if entry.origin.bundled]


def one_of_each() -> list[Entry]:
    """Every component, and one member of each family: the others have the same factory.

    Functions for Python are left out: no job sets their parameters.
    """
    factories: dict[tuple[str, str, str | None], Entry] = {}
    for entry in (entry for entry in ENTRIES if entry.kind != "function"):
        member = None if entry.member else entry.id
        factories.setdefault((entry.kind, entry.component.target, member), entry)
    return list(factories.values())


every_component = pytest.mark.parametrize("entry", one_of_each(), ids=lambda entry: f"{entry.kind}:{entry.id}")


def test_ids_and_short_names_are_unique_among_the_bundled():
    registry = open_registry()
    for kind in KINDS:
        mine = [entry for entry in ENTRIES if entry.kind == kind]
        names = [name for entry in mine if not entry.gives_way for name in entry.names]
        assert len(names) == len(set(names)), kind
        for entry in mine:
            own = [name for name in entry.names if not entry.gives_way or name not in names]
            assert {registry.find(kind, name).id for name in (entry.id, *own)} == {entry.id}


def test_a_family_that_gives_way_leaves_a_short_name_its_meaning():
    registry = open_registry()
    assert registry.find("architecture", "resnet18").id == "timm/resnet18"
    assert registry.find("architecture", "torchvision/resnet18").id == "torchvision/resnet18"
    assert registry.find("architecture", "alexnet").id == "torchvision/alexnet", "timm has none"
    assert registry.clashes() == []


def test_every_summary_is_a_line_of_a_table():
    for entry in ENTRIES:
        assert 10 < len(entry.component.summary) <= 120, entry.id
        assert not entry.component.summary.endswith("."), f"{entry.id}: it is no sentence"


def test_describing_every_component_imports_nothing_heavy():
    """`zoo list` must not wait for torch."""
    code = (
        "import json, sys\n"
        "from zoo.host.loader import open_registry\n"
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
def test_only_what_stands_before_a_library_takes_any_keyword(entry: Entry):
    # click parses the words of its commands.
    assert isinstance(entry.factory(), click.Command) or open_ended(entry.factory()) == (entry.member is not None)


@every_component
def test_nothing_has_to_be_set(entry: Entry):
    required = {p.name for p in parameters(entry.kind, entry.factory()) if p.required}
    assert required <= set(entry.component.example if entry.kind == "callback" else ()), "stop_at has no usual value"


@every_component
def test_an_optimizer_can_be_given_a_decay(entry: Entry):
    assert entry.kind != "optimizer" or "weight_decay" in inspect.signature(entry.factory()).parameters


@every_component
def test_what_is_no_parameter_is_refused(entry: Entry):
    factory = entry.factory()
    refused = [*ALL[entry.kind].reserved, *([] if open_ended(factory) else ["no_such_parameter"])]
    for name in refused:
        _, problems = check(entry.kind, factory, {**entry.component.example, name: 1}, "here")
        assert len(problems) == 1, name
        assert problems[0].startswith((f"here has no parameter {name!r}", f"here.{name} is set elsewhere"))


@every_component
def test_a_result_can_say_where_it_comes_from(entry: Entry):
    found = entry.provenance()
    assert found["id"] == entry.id
    assert found["distribution"] == "visionzoo"
    assert found["version"]
    assert len(found["sha256"]) == 64


@every_component
def test_every_parameter_is_described(entry: Entry):
    if entry.kind != "command":
        missing = [p.name for p in parameters(entry.kind, entry.factory()) if not p.description]
        assert not missing, f"{entry.component.target}: describe them in Args of its docstring"
