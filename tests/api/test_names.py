"""The names of ``zoo`` in Python: its own, and the functions that plugins contribute."""

from __future__ import annotations

import subprocess
import sys

import pytest

import zoo

OWN = {"__version__", "load", "register", "run", "testing"}
CONTRIBUTED = {"compare", "evaluate", "extend", "result", "show_batch"}

LEAVES = """
from zoo.plugin import Function, hookimpl

def count(leaves: int = 3):
    return leaves

@hookimpl
def zoo_functions():
    return [Function("{name}", "zoo_{plugin}:count", summary="Count leaves")]
"""


def test_the_public_names_are_listed_and_no_others():
    assert set(dir(zoo)) == OWN | CONTRIBUTED


def test_each_listed_name_is_there_and_documented():
    for name in dir(zoo):
        assert name == "__version__" or getattr(zoo, name).__doc__


def test_listing_and_looking_up_import_nothing_heavy():
    code = (
        "import sys, zoo; dir(zoo); zoo.compare, zoo.show_batch, hasattr(zoo, 'nothing'); "
        "print({'torch', 'numpy', 'rich', 'IPython', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'show_btch'"):
        zoo.show_btch  # noqa: B018


def test_a_module_is_imported_by_from_zoo_import():
    code = "from zoo import errors, runs; print(errors.ZooError.__name__, runs.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ZooError zoo.runs\n"


def test_a_function_of_a_plugin_is_a_name_of_zoo(make_plugin):
    make_plugin("acme", LEAVES.format(name="count_leaves", plugin="acme"))
    assert "count_leaves" in dir(zoo)
    assert zoo.count_leaves() == 3


def test_a_plugin_does_not_replace_a_function_of_the_zoo(make_plugin):
    make_plugin("acme", LEAVES.format(name="compare", plugin="acme"))
    assert zoo.compare.__module__ == "zoo_notebook.functions"


def test_two_plugins_with_one_name_are_refused(make_plugin):
    from zoo.errors import RequestError

    for plugin in ("acme", "best"):
        make_plugin(plugin, LEAVES.format(name="count_leaves", plugin=plugin))
    with pytest.raises(RequestError, match=r"acme/count_leaves .* and best/count_leaves"):
        zoo.count_leaves  # noqa: B018
