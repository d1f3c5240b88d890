"""Recipes of plugins: read, named, chosen, listed, recorded and checked; never changing what a job meant before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import JobError, UnknownName
from zoo.host.loader import components
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.registry.registry import Registry
from zoo.testing import checks, run_checks

MakePlugin = Callable[..., Path]
Typed = Callable[..., tuple[int, str, str]]
NET = "def net(num_classes, in_chans=3, width=8): ...\n"


def plugin(recipes: str, name: str = "acme") -> str:
    """A plugin with an architecture ``NAMEnet`` and recipes as Python."""
    head = "from zoo.plugin import *\n@hookimpl\ndef zoo_architectures():\n    "
    head += f"yield Architecture('{name}net', 'net_{name}:net')\n"
    return f"{head}@hookimpl\ndef zoo_recipes():\n    return {recipes}\n"


@pytest.fixture
def acme(make_plugin: MakePlugin) -> Callable[..., Registry]:
    """Install a plugin with these recipes, and open the registry."""

    def opened(recipes: str, name: str = "acme") -> Registry:
        make_plugin(name, plugin(recipes, name), **{f"net_{name}": NET})
        return components()

    return opened


def resolved(registry: Registry, recipe: str | None = None, architecture: str = "acmenet", **asked: object) -> Resolved:
    return resolve(make_request({"architecture": architecture, "dataset": "digits", **asked}, recipe=recipe), registry)


@pytest.mark.parametrize("name", ["acmenet+*", "acme/acmenet+*", "acme/acmenet+digits"])
def test_a_plugins_recipe_applies_to_its_own_components(acme: Callable[..., Registry], name: str):
    found = resolved(acme(f"{{{name!r}: {{'seed': 7, 'architecture': {{'width': 4}}}}}}"))
    assert (found.job.seed, found.job.architecture.params["width"]) == (7, 4)
    assert found.job.recipe == f"acme/{name.removeprefix('acme/')}"
    assert found.sources["seed"] == f"recipe {found.job.recipe}"


def test_a_plugins_recipe_with_conditions_applies_to_its_own_components_alone(acme: Callable[..., Registry]):
    registry = acme("{'tuned': {'when': {'trained': False}, 'seed': 7}}")
    assert resolved(registry).job.recipe == "acme/tuned"
    assert resolved(registry, architecture="simple_cnn").job.recipe == "simple_cnn+digits"


@pytest.mark.parametrize("name", ["simple_cnn+digits", "*+digits", "fine_tune"])
def test_installing_a_plugin_changes_no_job_without_its_components(acme: Callable[..., Registry], name: str):
    before = resolved(components(), architecture="simple_cnn").job
    registry = acme(f"{{{name!r}: {{'seed': 7}}}}")
    assert resolved(registry, architecture="simple_cnn").job == before
    if name != "*+digits":
        assert resolved(registry, name, "simple_cnn").job.recipe == name, "a short name means the zoo's own"
    assert resolved(registry, f"acme/{name}", "simple_cnn").job.seed == 7


def test_a_short_name_means_the_only_plugins_recipe(acme: Callable[..., Registry]):
    registry = acme("{'fast': {'seed': 7}}")
    assert resolved(registry, "fast", "simple_cnn").job.recipe == "acme/fast"
    assert resolved(registry, architecture="simple_cnn", set={"recipe": "fast"}).job.seed == 7


def test_a_short_name_of_two_plugins_is_an_error_that_lists_both(acme: Callable[..., Registry]):
    acme("{'fast': {'seed': 7}}")
    registry = acme("{'fast': {'seed': 8}}", "best")
    with pytest.raises(JobError) as raised:
        resolved(registry, "fast")
    assert str(raised.value) == (
        "Recipe 'fast' is provided by several plugins: acme/fast (zoo-acme) and best/fast (zoo-best). Use the full id."
    )
    assert resolved(registry, "best/fast").job.seed == 8


def test_the_users_file_precedes_a_plugin_which_precedes_the_shipped_file(acme: Callable[..., Registry]):
    source = "{'acmenet+*': {'seed': 7}, 'other': {'seed': 1}}"
    assert resolved(acme(source)).job.seed == 7
    Path("registry.yaml").write_text("recipes: {'*+digits': {seed: 9}, acme/other: {seed: 2}}")
    registry = components()
    assert resolved(registry).job.seed == 9
    assert resolved(registry, "acme/other").job.seed == 2, "one of the same id replaces the plugin's"
    assert registry.recipes.origin_of("acme/other").endswith("registry.yaml")
    assert registry.recipes.origin_of("acme/acmenet+*") == "plugin 'acme' (zoo-acme 1.2.3)"
    assert registry.recipes.origin_of("*+*") == "shipped"


def test_a_packaged_file_has_the_syntax_of_a_registry_yaml(make_plugin: MakePlugin):
    site = make_plugin("acme", plugin("'acme_data:recipes.yaml'"), net_acme=NET)
    (site / "acme_data").mkdir()
    (site / "acme_data" / "__init__.py").touch()
    (site / "acme_data" / "recipes.yaml").write_text("acmenet+*:\n  summary: As in the paper\n  train: {lr: 3.0e-4}\n")
    found = resolved(components())
    assert (found.job.train.lr, found.recipe["summary"]) == (3e-4, "As in the paper")


BROKEN = {
    "a list": ("['fast']", "zoo_recipes of plugin 'acme' gave ['fast'], not a mapping (name: recipe) or"),
    "no file": ("'acme_data'", "gave 'acme_data', not a mapping (name: recipe) or 'package:recipes.yaml'"),
    "a missing package": ("'acme_nothing:r.yaml'", "the package acme_nothing has no file r.yaml"),
    "no mapping": (
        "{'fast': 3}",
        "of plugin 'acme': recipes: fast must be a mapping (name: value), not 3.",
    ),
    "a condition": ("{'fast': {'when': {'archtecture': ['x']}}}", "Did you mean 'architecture'?"),
    "of every job": ("{'*+*': {'seed': 3}}", "'*+*' concerns every job; only a registry.yaml can define it"),
    "twice": ("{'fast': {}, 'acme/fast': {}}", "zoo_recipes gave two recipes with the id 'acme/fast'"),
}


@pytest.mark.parametrize(("recipes", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_plugin_with_a_malformed_recipe_is_set_aside(acme: Callable[..., Registry], recipes: str, problem: str):
    (found,) = (each for each in acme(recipes).plugins if each.name == "acme")
    assert (found.state, found.phase, found.recipes) == ("failed", "contribute", [])
    assert problem in str(found.problem)


def test_an_unknown_recipe_is_told_with_those_of_plugins(acme: Callable[..., Registry]):
    with pytest.raises(UnknownName, match="Did you mean 'acme/fast'"):
        acme("{'fast': {}}").recipes.find("acme/fats")


def test_the_list_shows_the_origin(acme: Callable[..., Registry], zoo: Typed):
    acme("{'fast': {'summary': 'In a minute'}}")
    code, out, _ = zoo("list", "recipes", "--search", "minute")
    assert code == 0
    assert "acme/fast  In a minute (plugin 'acme' (zoo-acme 1.2.3))" in out
    (row,) = json.loads(zoo("list", "recipes", "--search", "acme/", "--json")[1])
    assert row == {
        "kind": "recipe",
        "id": "acme/fast",
        "summary": "In a minute",
        "origin": "plugin 'acme' (zoo-acme 1.2.3)",
    }


def test_the_provenance_has_the_plugins_version(acme: Callable[..., Registry]):
    found = resolved(acme("{'acmenet+*': {}}"))
    expected = {"kind": "recipe", "id": "acme/acmenet+*", "distribution": "zoo-acme", "version": "1.2.3"}
    assert found.recipe_provenance() == {"recipe": expected}
    assert resolved(components(), "none").recipe_provenance() == {}


def test_the_check_of_a_plugin_finds_a_key_that_no_job_has(acme: Callable[..., Registry]):
    registry = acme("{'fast': {'train': {'learning_rat': 3}}}")
    owed = [check for check in checks("acme", registry=registry) if check.name == "recipes"]
    (outcome,) = run_checks(owed).outcomes
    assert outcome.outcome == "failed"
    assert "recipe acme/fast: unknown key 'train.learning_rat'" in str(outcome.message)
