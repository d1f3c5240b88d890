"""Running checks, telling of them, and the author's own test file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import UnknownName
from zoo.host.loader import open_registry
from zoo.plugin import Loss
from zoo.registry.entry import Entry, Origin
from zoo.reports.checks import report_lines
from zoo.testing import Check, CheckFailed, CheckSkipped, Outcome, Report, checks, checks_of, run_checks

PLUGIN = """
from zoo.plugin import Loss, Metric, hookimpl

@hookimpl
def zoo_losses():
    yield Loss("sure", "acme_losses:Sure", summary="Cross entropy, times a hundred")
    yield Loss("broken", "acme_losses:Broken", summary="Nothing")

@hookimpl
def zoo_metrics():
    yield Metric("hits", "acme_losses:Hits", summary="How many are right")
"""
LOSSES = '''
import sys
from torch.nn.functional import cross_entropy

class Sure:
    """Cross entropy."""
    def __init__(self, weight: float = 100.0):
        self.weight = weight
    def __call__(self, logits, targets):
        return self.weight * cross_entropy(logits, targets)

class Broken:
    """It leaves the process."""
    def __init__(self, weight: float = 1.0):
        pass
    def __call__(self, logits, targets):
        return self.inner(logits)
    def inner(self, logits):
        sys.exit(3) if len(logits) == 10 else logits.no_such_method()

class Hits:
    """How many are right."""
    def __init__(self, num_classes: int):
        self.reset()
    def reset(self):
        self.right = 0
    def update(self, logits, targets):
        self.right += int((logits.argmax(1) == targets).sum())
    def compute(self):
        return self.right
'''


@pytest.fixture
def acme(make_plugin: Callable[..., Path]) -> Path:
    return make_plugin("acme", PLUGIN, acme_losses=LOSSES)


def a_check(trial: Callable[[], None], name: str = "works", component: str = "acme/it") -> Check:
    return Check("loss", component, name, trial, mend="Mend it.")


def raising(error: BaseException) -> Callable[[], None]:
    def trial() -> None:
        raise error

    return trial


def test_checks_are_sorted_by_kind_and_component_and_those_of_the_plugin_come_first(acme: Path):
    found = checks("acme")
    order = list(dict.fromkeys((c.kind, c.component) for c in found))
    assert order == [("plugin", "acme"), ("loss", "acme/broken"), ("loss", "acme/sure"), ("metric", "acme/hits")]
    assert len({c.id for c in found}) == len(found)
    assert all(" " not in c.id and c.mend for c in found)


def test_the_registry_given_is_the_one_that_is_searched(acme: Path):
    registry = open_registry()
    registry.plugins = [plugin for plugin in registry.plugins if plugin.name != "acme"]
    assert checks("acme")
    with pytest.raises(UnknownName, match="acme"):
        checks("acme", registry=registry)


def test_an_unknown_plugin_is_an_error_that_says_what_is_near():
    with pytest.raises(UnknownName, match=r"no plugin 'losess'\. Did you mean 'losses'"):
        checks("losess")


def test_whatever_a_component_does_the_others_are_checked(acme: Path):
    told: list[Outcome] = []
    report = run_checks(checks("acme"), told.append)
    assert tuple(told) == report.outcomes
    assert {o.check.component for o in report.failed} == {"acme/broken"}
    messages = {o.check.name: str(o.message) for o in report.failed}
    place = f"{acme / 'acme_losses.py'}, in inner"
    assert messages["a scalar"].startswith("it raises AttributeError: 'Tensor' object has no attribute")
    assert place in messages["a scalar"]
    assert messages["confident predictions"].startswith("it raises SystemExit: 3 (line ")
    assert place in messages["confident predictions"]
    assert len(report.passed) + len(report.failed) + len(report.skipped) == len(report.outcomes)


def test_an_interruption_is_no_failure():
    with pytest.raises(KeyboardInterrupt):
        run_checks([a_check(raising(KeyboardInterrupt()))])


def test_a_check_raises_what_it_found():
    entry = Entry(Loss("gone", "no_such_module:Loss"), Origin("acme"))
    found = {check.name: check for check in checks_of(entry)}
    with pytest.raises(CheckFailed, match="no summary"):
        found["summary"]()
    with pytest.raises(AssertionError):
        found["target"].run()
    with pytest.raises(CheckSkipped, match="target can't be imported"):
        found["can be created"]()


def test_nothing_is_downloaded_while_a_check_is_tried(monkeypatch: pytest.MonkeyPatch):
    import os

    monkeypatch.delenv("ZOO_OFFLINE")
    seen: list[str | None] = []
    a_check(lambda: seen.append(os.environ.get("ZOO_OFFLINE")))()
    assert seen == ["1"]
    assert "ZOO_OFFLINE" not in os.environ


def test_a_disabled_plugin_is_skipped_with_a_word(acme: Path):
    Path("registry.yaml").write_text("version: 1\nplugins: {disable: [acme]}\n")
    report = run_checks(checks("acme"))
    assert [o.check.name for o in report.skipped] == ["loads"] == [o.check.name for o in report.outcomes]
    assert "zoo plugins enable acme" in str(report.skipped[0].message)


def test_a_family_without_samples_is_tried_by_the_first_that_it_lists(make_plugin: Callable[..., Path]):
    source = PLUGIN.replace('Loss("broken"', 'Family("loss"').replace("import Loss", "import Family, Loss")
    source = source.replace('"acme_losses:Broken", summary=', '"acme_losses:member", "zoo_acme:names.txt", summary=')
    member = '\ndef member(name: str, weight: float = 1.0):\n    """One of many."""\n    return Sure(weight)\n'
    site = make_plugin("acme", source, acme_losses=LOSSES + member)
    (site / "names.txt").write_text("c\na\nb\n")
    assert {c.component for c in checks("acme") if c.kind == "loss"} == {"acme/sure", "acme/c", "acme/a"}


@pytest.mark.slow
def test_an_authors_test_file_has_a_test_for_each_check(acme: Path, tmp_path: Path):
    """As pytest runs it: failures fail, and what can't be tried is skipped."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "pytest.ini").write_text("[pytest]\n")
    (own / "test_acme.py").write_text(
        "import sys\nimport zoo.testing\n"
        "assert 'torch' not in sys.modules\n\n"
        "@zoo.testing.parametrize('acme')\ndef test_contract(check):\n    check()\n"
    )
    code = f"import sys; sys.path.insert(0, {str(acme)!r}); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "-v", "-rs", "-p", "no:cacheprovider", str(own)], capture_output=True, text=True
    )
    report = run_checks(checks("acme"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{len(report.failed)} failed, {len(report.passed)} passed" in done.stdout
    assert "test_contract[loss:acme/sure:right-order] PASSED" in done.stdout
    assert "test_contract[loss:acme/broken:a-scalar] FAILED" in done.stdout


def test_importing_it_imports_neither_torch_nor_pytest():
    code = "import sys, zoo.testing; print(sorted({'torch', 'numpy', 'pytest', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- the words ---------------------------------------------------------------------------------------------


def plain(report: Report, width: int = 80) -> list[str]:
    import click

    return [click.unstyle(line) for line in report_lines(report, width)]


def test_the_report_has_a_line_a_component_and_says_what_to_do():
    report = run_checks(
        [
            a_check(lambda: None),
            a_check(raising(CheckFailed("its value is inf.")), "finite"),
            a_check(raising(CheckSkipped("it accepts labels only.")), "soft targets"),
            a_check(lambda: None, component="acme/other"),
        ]
    )
    lines = plain(report)
    assert lines[0].startswith("loss acme/it     1 passed, 1 failed, 1 skipped")
    assert lines[1:4] == [
        "  failed: finite: its value is inf.",
        "  → Mend it.",
        "  skipped: soft targets: it accepts labels only.",
    ]
    assert lines[4].startswith("loss acme/other  1 passed  ")
    assert lines[-1].startswith("4 checks: 2 passed, 1 failed, 1 skipped in ")


def test_what_skips_many_checks_is_said_once():
    reason = CheckSkipped("it can't be created.")
    report = run_checks([a_check(raising(reason), name) for name in ("one", "two", "three", "four")])
    assert [line for line in plain(report) if "created" in line] == [
        "  skipped: one, two, three … and 1 more: it can't be created."
    ]


def test_long_sentences_are_wrapped_and_nothing_in_them_reaches_the_terminal():
    report = run_checks([a_check(raising(CheckFailed("word " * 40 + "\x1b[31mred\x1b[0m\nnext")))])
    lines = plain(report, width=60)
    assert max(map(len, lines)) <= 60
    assert not any("\x1b" in line for line in lines)


def test_a_report_of_nothing_says_so():
    assert plain(run_checks([])) == ["", "There are no components to check."]


def test_a_report_is_plain_data_too():
    import json

    report = run_checks([a_check(lambda: None), a_check(raising(CheckFailed("its value is inf.")), "finite")])
    found = json.loads(json.dumps([outcome.as_dict() for outcome in report.outcomes]))
    assert [(f["outcome"], f["message"], f["mend"]) for f in found] == [
        ("passed", None, None),
        ("failed", "its value is inf.", "Mend it."),
    ]


# -- how a component says with what it can be tried ----------------------------------------------------------


def test_an_example_changes_neither_what_a_component_is_nor_what_is_listed():
    from zoo.commands.catalogue import describe

    bare, given = Loss("sure", "acme:Sure"), Loss("sure", "acme:Sure", example={"weight": [1.0]})
    assert bare == given
    assert hash(bare) == hash(given)
    assert describe(Entry(bare, Origin("acme"))) == describe(Entry(given, Origin("acme")))
    assert bare.example == {}


def test_presets_are_tried_with_the_example_on_top():
    from zoo.testing.subject import Subject

    component = Loss("sure", "acme:Sure", example={"weight": 1.0})
    entry = Entry(component, Origin("acme"), params={"weight": 2.0, "scale": 3.0})
    assert Subject(entry).params == {"weight": 1.0, "scale": 3.0}
