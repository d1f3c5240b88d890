"""Deprecated components and renamed parameters: old jobs, recipes, registry.yaml and bundles work, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import JobError, ZooDeprecationWarning
from zoo.host import hookspecs
from zoo.host.hook_calls import hooks_of, new_manager
from zoo.host.loader import components
from zoo.job.layers import changes
from zoo.job.names import identify_in
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.plugin import Loss, hookimpl
from zoo.reports.notices import deprecations_shown
from zoo.testing import checks, run_checks

MakePlugin = Callable[..., Path]
Typed = Callable[..., tuple[int, str, str]]
HEAD = "from zoo.plugin import *\n"
PLUGIN = HEAD + (
    "@hookimpl\ndef zoo_losses():\n"
    "    yield Loss('old', 'zoo_acme_parts:make', deprecated='use acme/new')\n"
    "    yield Loss('new', 'zoo_acme_parts:make', renamed={'width': 'channels'})\n"
    "@hookimpl\ndef zoo_metrics():\n"
    "    yield Metric('m', 'zoo_acme_parts:metric', renamed={'top': 'k'})\n"
)
PARTS = (
    "def make(channels: int = 3):\n    '''A loss.'''\n"
    "    from torch.nn.functional import cross_entropy\n    return cross_entropy\n"
    "def metric(num_classes, k: int = 1): ...\n"
)


@pytest.fixture(autouse=True)
def acme(make_plugin: MakePlugin) -> None:
    make_plugin("acme", PLUGIN, zoo_acme_parts=PARTS)


def resolved(*sets: str, file: Path | None = None, recipe: str | None = None, **asked: Any) -> Resolved:
    names = {"architecture": "simple_cnn", "dataset": "digits"}
    request = make_request({**names, **asked, "set": dict(word.split("=") for word in sets)}, file=file, recipe=recipe)
    return resolve(request, components())


def test_a_deprecated_component_warns_with_the_replacement():
    with pytest.warns(ZooDeprecationWarning, match=r"loss 'acme/old' .*is deprecated: use acme/new$"):
        assert resolved("loss=acme/old").job.loss.name == "acme/old"


def test_a_current_component_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert resolved("loss=acme/new", "loss.channels=4").job.loss.params == {"channels": 4}


def test_an_old_parameter_name_works_with_a_warning():
    with pytest.warns(ZooDeprecationWarning, match=r"loss\.width is deprecated: .* Use loss\.channels$"):
        found = resolved("loss=acme/new", "loss.width=4")
    assert found.job.loss.params == {"channels": 4}
    assert found.sources["loss.channels"] == "command line"


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooDeprecationWarning")
@pytest.mark.parametrize("channels", ["channels", "width"])
def test_a_higher_layer_wins_whatever_name_it_uses(channels: str):
    old = "width" if channels == "channels" else "channels"
    Path("job.yaml").write_text(f"loss: {{name: acme/new, {old}: 4}}")
    assert resolved(f"loss.{channels}=5", file=Path("job.yaml")).job.loss.params == {"channels": 5}


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooDeprecationWarning")
def test_both_names_in_one_layer_are_an_error():
    with pytest.raises(JobError, match=r"loss.width and loss.channels are both set; .* Remove loss.width."):
        resolved("loss=acme/new", "loss.width=4", "loss.channels=5")
    Path("registry.yaml").write_text("recipes: {r: {metrics: [{name: acme/m, top: 2, k: 3}]}}")
    with pytest.raises(JobError, match=r"metrics\.acme/m\.top and metrics\.acme/m\.k are both set"):
        resolved(recipe="r")


@pytest.mark.parametrize("rule", ["4", "{by: images, up_to: {1000000: 4}, above: 5}"])
def test_old_recipes_with_old_names_work(rule: str):
    Path("registry.yaml").write_text(
        f"recipes: {{r: {{loss: {{name: acme/new, width: {rule}}}, metrics: [{{name: acme/m, top: 2}}]}}}}"
    )
    with pytest.warns(ZooDeprecationWarning):
        found = resolved(recipe="r")
    assert found.job.loss.params == {"channels": 4}
    assert found.job.metrics[0].params == {"k": 2}
    assert ("loss.channels" in found.reasons) is rule.startswith("{")


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooDeprecationWarning")
def test_presets_of_a_registry_yaml_work():
    Path("registry.yaml").write_text("components: {loss: {mine: {base: acme/new, params: {width: 4}}}}")
    assert resolved("loss=mine").job.loss.params == {"channels": 4}
    assert resolved("loss=mine", "loss.channels=5").job.loss.params == {"channels": 5}
    assert resolved("loss=mine", "loss.width=6").job.loss.params == {"channels": 6}


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooDeprecationWarning")
def test_a_run_with_old_names_is_the_same_job_when_it_is_resumed():
    found = resolved("loss=acme/new", "loss.channels=4", metrics=["acme/m"])
    before = found.job.plain()
    before["loss"] = {"name": "acme/new", "width": 4}
    before["metrics"] = [{"name": "acme/m", "top": 1}]
    now = resolved("loss=acme/new", "loss.channels=4", metrics=[{"name": "acme/m"}])
    how = identify_in(now.registry), now.renamed
    assert changes(before, now.job, *how) == []
    wider = {**before, "loss": {"name": "acme/new", "width": 5}}
    assert changes(wider, now.job, *how) == ["loss.channels: 5 before, 4 now"]


def test_a_bundle_with_old_names_is_built():
    from zoo.model.build import build

    entry = components().find("loss", "acme/new")
    with pytest.warns(ZooDeprecationWarning, match="width"):
        build(entry, {"width": 4}, "loss")
    with pytest.warns(ZooDeprecationWarning), pytest.raises(JobError, match="both set"):
        build(entry, {"width": 4, "channels": 5}, "loss")


def test_a_user_of_the_console_sees_one_line_once(zoo: Typed):
    words = ("run", "simple_cnn", "digits", "--set", "loss=acme/new", "--set", "loss.width=4", "--dry-run")
    code, out, err = zoo(*words)
    assert code == 0
    assert "channels" in out
    (line,) = (line for line in err.splitlines() if "deprecated" in line)
    assert line == (
        "zoo: loss.width is deprecated: loss 'acme/new' of plugin 'acme' (zoo-acme 1.2.3) has renamed the parameter. "
        "Use loss.channels"
    )


def test_an_error_by_request(zoo: Typed, monkeypatch: pytest.MonkeyPatch):
    option = "error::zoo.errors.ZooDeprecationWarning"
    monkeypatch.setattr(sys, "warnoptions", [option])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=ZooDeprecationWarning)
        code, _, err = zoo("run", "simple_cnn", "digits", "--set", "loss=acme/old", "--dry-run")
    assert (code, err) == (2, "zoo: loss 'acme/old' of plugin 'acme' (zoo-acme 1.2.3) is deprecated: use acme/new\n")


@pytest.mark.parametrize(
    ("options", "shown"),
    [([], True), (["ignore"], False), (["ignore::DeprecationWarning"], False), (["ignore::UserWarning"], True)],
)
def test_options_of_python_are_obeyed(
    options: list[str], shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "warnoptions", options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with deprecations_shown():
            for _ in range(2):
                warnings.warn("x is deprecated", ZooDeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == ("zoo: x is deprecated\n" if shown else "")


@pytest.mark.slow
def test_info_shows_the_deprecation(zoo: Typed):
    assert "deprecated  use acme/new" in zoo("info", "acme/old")[1]
    assert "renamed" in zoo("info", "acme/new")[1]


@pytest.mark.parametrize("renamed", [{"a": 3}, ["a"], {"a": "b", "b": "c"}, {"a": "not a name"}])
def test_a_malformed_renaming_is_refused(renamed: Any):
    with pytest.raises(ValueError, match="is not of the form"):
        Loss("x", "m:X", renamed=renamed)


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ("{'width': 'chanels'}", "renames 'width' to 'chanels', which is not one of its parameters; it has channels."),
        ("{'channels': 'width'}", "renames 'channels' to 'width', which is not one of its parameters"),
        ("{'width': 'channels'}", None),
    ],
)
def test_the_check_of_a_plugin_finds_a_renaming_to_nothing(make_plugin: MakePlugin, renamed: str, message: str | None):
    source = f"@hookimpl\ndef zoo_losses():\n    yield Loss('x', 'zoo_acme_parts:make', renamed={renamed})\n"
    make_plugin("best", HEAD + source)
    owed = [check for check in checks("best") if check.name == "renamed parameters"]
    (outcome,) = run_checks(owed).outcomes
    assert outcome.outcome == ("passed" if message is None else "failed")
    assert (message or "") in str(outcome.message or "")


def test_a_hook_argument_that_is_deprecated_warns_at_the_implementation(monkeypatch: pytest.MonkeyPatch):
    warning = ZooDeprecationWarning("zoo_run_end: the argument result is deprecated: use run.result")

    @hookspecs.hookspec(warn_on_impl_args={"result": warning})
    def zoo_run_end(run: Any, result: Any) -> None: ...

    monkeypatch.setattr(hookspecs, "zoo_run_end", zoo_run_end)

    class Old:
        @hookimpl
        def zoo_run_end(self, result: Any) -> None: ...

    class New:
        @hookimpl
        def zoo_run_end(self, run: Any) -> None: ...

    with pytest.warns(ZooDeprecationWarning, match="use run.result") as caught:
        hooks_of("old", Old(), new_manager())
    assert caught[0].filename == __file__, "the line of the plugin's hook, not one of the zoo"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hooks_of("new", New(), new_manager())
