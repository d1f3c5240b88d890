"""Names that a script or notebook registers: found, replaced by the same file, refused from another."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.errors import RequestError, UnknownName
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.plugin import KINDS
from zoo.registry import registered


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    registered.clear()
    yield
    registered.clear()


def of_module(name: str) -> Any:
    """A loss as the module of this name defines it."""
    module = types.ModuleType(name)
    exec("def cost(logits, targets, weight: float = 1.0): return (logits.sum() - targets.sum()) * weight", vars(module))
    return module.cost


def test_a_registered_name_is_a_component_like_any_other():
    zoo.register.loss("mine", summary="Sum", aliases=("own",))(of_module("script"))
    registry = open_registry()
    entry = registry.find("loss", "mine")
    assert (entry.id, entry.component.summary, entry.describe_origin()) == ("python/mine", "Sum", "your Python code")
    assert registry.find("loss", "own") is registry.find("loss", "python/mine") is entry
    assert entry in registry.entries("loss")
    assert {"mine", "own", "python/mine"} <= set(registry.names("loss"))
    asked = {"architecture": "simple_cnn", "dataset": "digits", "set": {"loss": "mine", "loss.weight": 3}}
    found = resolve(make_request(asked), registry)
    assert (found.job.loss.name, found.job.loss.params) == ("python/mine", {"weight": 3.0})
    assert found.entry("loss").provenance()["target"] == "script:cost"


def test_a_decorator_without_parentheses_takes_the_name_and_the_first_line_of_the_docstring():
    @zoo.register.metric
    def agree(logits: Any, targets: Any) -> Any:
        """Share of hits.

        More.
        """

    entry = open_registry().find("metric", "agree")
    assert (entry.component.summary, agree.__name__) == ("Share of hits", "agree")


def test_every_kind_has_a_decorator():
    assert set(KINDS) <= set(dir(zoo.register))
    for kind in KINDS:
        assert callable(getattr(zoo.register, kind))
    with pytest.raises(AttributeError, match=r"no attribute 'lose'.*Kinds: analysis, architecture"):
        zoo.register.lose  # noqa: B018


def test_a_definition_from_the_same_module_replaces_the_one_before():
    for weight in (1, 2):
        cost = of_module("notebook")
        cost.__defaults__ = (weight,)
        zoo.register.loss("mine")(cost)
    assert registered.find("loss", "mine").of.__defaults__ == (2,)  # type: ignore[union-attr]


def test_a_definition_from_another_module_is_refused():
    zoo.register.loss("mine")(of_module("one"))
    with pytest.raises(RequestError, match=r"loss 'mine' is registered by module one, and again by module two.*mine_2"):
        zoo.register.loss("mine")(of_module("two"))
    zoo.register.metric("mine")(of_module("two"))  # another kind


def test_an_unknown_field_of_the_declaration_is_refused():
    with pytest.raises(RequestError, match=r"The declaration of a loss has no 'sumary'. Did you mean 'summary'"):
        zoo.register.loss("mine", sumary="x")(of_module("script"))
    with pytest.raises(RequestError, match="loss 'a b' can't be declared"):
        zoo.register.loss("a b")(of_module("script"))


def test_another_process_is_told_where_the_name_comes_from():
    with pytest.raises(UnknownName, match=r"python/mine' comes from Python code .*zoo.run\(…, metrics=…\)"):
        open_registry().find("metric", "python/mine")


def test_registering_imports_no_torch():
    code = (
        "import sys, zoo\n"
        "@zoo.register.loss('mine')\n"
        "def mine(logits, targets): ...\n"
        "@zoo.register.architecture\n"
        "class Net: ...\n"
        "print({'torch', 'numpy', 'pydantic'} & set(sys.modules), zoo.register.names('architecture'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() ['Net', 'python/Net']\n"


KIND = """
from zoo.plugin import Component, Kind, hookimpl

class Watcher(Component):
    kind = "watcher"

@hookimpl
def zoo_kinds():
    return [Kind(Watcher, path="watchers", option="--watch", given=("classes",), use="acme_parts:as_callback")]
"""


def test_a_kind_of_a_plugin_has_a_decorator_and_takes_objects(make_plugin: Callable[..., Path]):
    make_plugin("acme", KIND)

    @zoo.register.watcher("own")
    class Own:
        def __init__(self, every: int = 1):
            self.every = every

    registry, given = open_registry(), Own(3)
    asked = {"architecture": "simple_cnn", "dataset": "digits", "watchers": ["own", given]}
    found = resolve(make_request(asked), registry)
    assert [each.name for each in found.job.watchers] == ["python/own", "python/Own"]  # type: ignore[attr-defined]
    assert found.entry("watchers.0").factory() is Own
    assert found.entry("watchers.1").make() is given
    assert make_request({**asked, "watch": "own"}).options["watchers"] == ["own"]


class Pair:
    """Two images."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any: ...


@pytest.mark.parametrize(
    ("kind", "value", "declared"),
    [
        ("architecture", lambda num_classes, in_chans=3: None, {"mean": (0.5,)}),
        ("dataset", Pair(), {"classes": ["a", "b"], "symmetries": ()}),
        ("augmentation", lambda image: image, {}),
        ("optimizer", lambda params, lr: None, {"lr": 0.1}),
        ("schedule", lambda optimizer, total_steps: None, {}),
        ("sampler", lambda epoch: [0], {}),
        ("callback", Pair, {}),
        ("exporter", lambda bundle, path: None, {"suffix": ".txt"}),
    ],
)
def test_any_kind_is_registered_with_the_fields_of_its_declaration(kind: str, value: Any, declared: dict[str, Any]):
    assert getattr(zoo.register, kind)("own", **declared)(value) is value
    component = open_registry().find(kind, "python/own").component
    own = {name: each for name, each in declared.items() if name != "classes"}
    assert {name: getattr(component, name) for name in own} == own
