"""The public surface: what plugins import is named, importable, shown by an example, and as light as it says."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
API = sorted(f"zoo.api.{path.stem}" for path in (ROOT / "zoo" / "api").glob("*.py") if path.stem != "__init__")
KIT = sorted(f"zoo.reports.kit.{p.stem}" for p in (ROOT / "zoo/reports/kit").glob("*.py") if p.stem != "__init__")
MODULES = (*API, *KIT, "zoo.runs", "zoo.storage")
LIGHT = (
    *("zoo.api.commands", "zoo.api.formats", "zoo.api.jobs", "zoo.api.manifests", "zoo.api.plugins"),
    *("zoo.reports.kit.text", "zoo.runs"),
)


@pytest.mark.parametrize("module", MODULES)
def test_every_name_is_there(module: str):
    found = importlib.import_module(module)
    assert found.__all__
    assert len(set(found.__all__)) == len(found.__all__)
    for name in found.__all__:
        assert getattr(found, name) is not None


@pytest.mark.parametrize("module", MODULES)
def test_the_docstring_has_an_example(module: str):
    text = inspect.getdoc(importlib.import_module(module)) or ""
    assert text.startswith("Public: ")
    example = text.partition("Example::\n")[2]
    assert example, f"{module} shows no use"
    ast.parse(inspect.cleandoc(example))


@pytest.mark.parametrize("module", [*LIGHT, "zoo.storage"])
def test_it_is_as_light_as_it_says(module: str):
    code = f"import sys, {module}; print({{'torch', 'numpy', 'rich'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_name_that_is_not_public_is_refused():
    storage = importlib.import_module("zoo.storage")
    with pytest.raises(AttributeError, match="no attribute 'sweep'"):
        storage.sweep  # noqa: B018


def test_the_old_name_of_downloads_works_and_says_its_new_one():
    sys.modules.pop("zoo.downloads", None)
    with pytest.warns(DeprecationWarning, match="zoo.downloads is now zoo.storage"):
        downloads = importlib.import_module("zoo.downloads")
    assert downloads.offline is importlib.import_module("zoo.storage").offline


def test_each_public_name_of_a_hook_has_an_example():
    from zoo.host import hookspecs

    for name in ("zoo_model_sources", "zoo_health_checks", "zoo_cache_kinds"):
        assert "Example::" in (inspect.getdoc(getattr(hookspecs, name)) or "")
