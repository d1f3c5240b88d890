"""The pytest plugin: ``pytest --zoo acme`` and the fixture ``zoo_check``."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import RequestError
from zoo.plugin import Loss
from zoo.registry.kinds import ALL
from zoo.testing import CheckFailed, pytest_plugin
from zoo.testing.checking import EVERY, contracts
from zoo.testing.things import require

LOADED = [contracts(kind) for kind in (EVERY, *ALL)]  # pytester forgets modules that are imported first in its pytest
pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]
PLUGIN = """
from zoo.plugin import Loss, hookimpl

@hookimpl
def zoo_losses():
    yield Loss("good", "acme_parts:Good", summary="Cross entropy")
    yield Loss("odd", "acme_parts:Odd", summary="Cross entropy of every image")
"""
PARTS = '''
from torch.nn.functional import cross_entropy

class Good:
    """Cross entropy."""
    def __call__(self, logits, targets):
        return cross_entropy(logits, targets)

class Odd:
    """Cross entropy, not reduced."""
    def __call__(self, logits, targets):
        return cross_entropy(logits, targets, reduction="none")
'''
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, make_plugin: Callable[..., Path]) -> Run:
    """Run pytest in this process, with the plugin and an installed plugin ``acme`` of the zoo."""
    make_plugin("acme", PLUGIN, acme_parts=PARTS)

    def typed(*words: str) -> pytest.RunResult:
        given = ("-p", "no:zoo", "-p", "no:cacheprovider")  # the entry point is of the installed zoo, not of this one
        return pytester.runpytest_inprocess(*given, *words, plugins=[pytest_plugin])

    return typed


def test_the_checks_of_a_plugin_are_tests_with_the_remedy_in_the_failure(run: Run):
    done = run("--zoo", "acme", "-v")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(
        [
            "zoo::plugin:acme:loads PASSED*",
            "zoo::loss:acme/good:a-scalar PASSED*",
            "zoo::loss:acme/odd:a-scalar FAILED*",
            "loss acme/odd: for 8 samples it returns (8,), not one number.",
            "→ Reduce over the batch to a scalar tensor, usually with .mean().",
            "FAILED zoo::loss:acme/odd:a-scalar*",
        ]
    )


def test_one_component_beside_the_tests_of_a_file(run: Run, pytester: pytest.Pytester):
    pytester.makepyfile("def test_own(): pass")
    done = run("--zoo", "acme/good", "-q")
    passed = done.parseoutcomes()["passed"]
    assert (done.ret, set(done.parseoutcomes())) == (0, {"passed"})
    assert run("--zoo", "acme/good", "-m", "zoo").parseoutcomes() == {"passed": passed - 1, "deselected": 1}
    assert run("--zoo", "acme/good", "-k", "scalar").parseoutcomes() == {"passed": 1, "deselected": passed - 1}
    assert run().parseoutcomes() == {"passed": 1}, "without the option nothing is added"


def test_checks_that_cannot_be_run_are_skipped(run: Run):
    Path("registry.yaml").write_text("version: 1\nplugins: {disable: [acme]}\n")
    done = run("--zoo", "acme", "-rs")
    assert done.parseoutcomes() == {"skipped": 1}
    done.stdout.fnmatch_lines(["SKIPPED*it is disabled; enable it: zoo plugins enable acme"])


def test_an_unknown_name_ends_pytest_with_what_is_near(run: Run):
    done = run("--zoo", "acm")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: There is no plugin 'acm'. Did you mean 'acme'?*"])


def test_the_fixture_and_the_mark_fail_with_the_remedy(run: Run, pytester: pytest.Pytester):
    pytester.makepyfile(
        "import zoo.testing\n"
        "from zoo.plugin import Loss\n"
        "def test_good(zoo_check):\n    assert len(zoo_check('acme/good').passed) > 10\n"
        "def test_declared(zoo_check):\n    zoo_check(Loss('mine', 'acme_parts:Good', summary='Cross entropy'))\n"
        "def test_odd(zoo_check):\n    zoo_check('acme/odd')\n"
        "@zoo.testing.parametrize('acme')\ndef test_contract(check):\n    check()\n"
    )
    done = run("-k", "test_good or test_declared or test_odd or a-scalar")
    assert {**done.parseoutcomes(), "deselected": 0} == {"passed": 3, "failed": 2, "deselected": 0}
    done.stdout.fnmatch_lines(
        [
            "*CheckFailed: * checks failed:",
            "E*  acme/odd: a scalar: for 8 samples it returns (8,), not one number.",
            "E*    → Reduce over the batch to a scalar tensor, usually with .mean().",
            "*_ test_contract[[]loss:acme/odd:a-scalar[]] _*",
            "E*CheckFailed: for 8 samples it returns (8,), not one number.",
            "E*→ Reduce over the batch to a scalar tensor, usually with .mean().",
        ]
    )


def test_things_that_can_and_cannot_be_checked(make_plugin: Callable[..., Path]):
    make_plugin("acme", PLUGIN, acme_parts=PARTS)
    assert not require("acme/good").failed
    with pytest.raises(CheckFailed, match=r"acme/odd: a scalar: .*\n    → Reduce"):
        require("acme/odd")
    with pytest.raises(CheckFailed, match="it has no summary"):
        require(Loss("mine", "acme_parts:Good"))
    import acme_parts

    assert not require(acme_parts.Good, "loss").failed
    with pytest.raises(CheckFailed, match="a scalar: "):
        require(acme_parts.Odd, "loss")
    with pytest.raises(RequestError, match="The kind of 3 is not clear"):
        require(3)


def test_it_is_an_entry_point_of_pytest():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"zoo": pytest_plugin.__name__}


def test_it_imports_nothing_in_projects_that_do_not_use_it():
    code = (
        "import json, sys, pathlib, typing, pytest; before = set(sys.modules); import zoo.testing.pytest_plugin; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["zoo", "zoo.testing", "zoo.testing.pytest_plugin", "zoo.version"]
