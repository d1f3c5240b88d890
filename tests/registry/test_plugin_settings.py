"""Settings of plugins: declared as a dataclass, set in six places, typed, shown, recorded, and read by the plugin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import yaml

from zoo.api.plugins import settings_of
from zoo.errors import JobError, RegistryFileError, RequestError
from zoo.host.loader import components
from zoo.job.layers import changes
from zoo.job.plugin_values import setting_changes
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.testing import checks, run_checks

MakePlugin = Callable[..., Path]
Typed = Callable[..., tuple[int, str, str]]
HEAD = "from dataclasses import dataclass, field\nfrom zoo.plugin import *\n"
MEDICAL = (
    HEAD
    + """
@dataclass
class Settings:
    stop_at: float = field(default=1.0, metadata={"option": "--stop-at", "help": "Accuracy to stop at."})
    labels: list[str] = field(default_factory=list)
    title: str = "scan"
    strict: bool = field(default=False, metadata={"option": "--strict"})

    def __post_init__(self):
        if self.stop_at > 1:
            raise ValueError("stop_at is a fraction in 0..1")

@hookimpl
def zoo_settings():
    return Settings

@hookimpl
def zoo_epoch_end(run, epoch):
    if epoch["val"]["accuracy"] >= run.settings.stop_at:
        return f"{run.settings.title}: accurate enough"
"""
)


@pytest.fixture
def medical(make_plugin: MakePlugin) -> None:
    make_plugin("medical", MEDICAL)


def resolved(file: str | None = None, **sets: Any) -> Resolved:
    path = None
    if file is not None:
        path = Path("job.yaml")
        path.write_text(file)
    asked = {"architecture": "simple_cnn", "dataset": "digits"}
    request = make_request(
        {**asked, "set": {f"plugins.medical.{name}": value for name, value in sets.items()}}, file=path
    )
    return resolve(request, components())


def write(text: str, folder: Path | None = None) -> None:
    folder = folder or Path.cwd()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "registry.yaml").write_text(text)


@pytest.mark.usefixtures("medical")
def test_each_layer_precedes_the_one_below(monkeypatch: pytest.MonkeyPatch):
    def stop_at(**how: Any) -> tuple[float, str]:
        found = resolved(**how)
        source = found.sources["plugins.medical.stop_at"]
        return found.job.plugins["medical"]["stop_at"], source.rpartition("/")[2]

    assert stop_at() == (1.0, "default")
    write("plugins: {medical: {stop_at: 0.1}}", platformdirs.user_config_path("visionzoo"))
    assert stop_at() == (0.1, "registry.yaml")
    write("plugins: {medical: {stop_at: 0.2, title: ours}}")
    assert stop_at() == (0.2, "registry.yaml")
    job = "plugins: {medical: {stop_at: 0.3}}"
    assert stop_at(file=job) == (0.3, "job.yaml")
    monkeypatch.setenv("ZOO_MEDICAL_STOP_AT", "0.4")
    assert stop_at(file=job) == (0.4, "ZOO_MEDICAL_STOP_AT")
    assert stop_at(file=job, stop_at=0.5) == (0.5, "command line")
    assert resolved(file=job).job.plugins["medical"]["title"] == "ours", "other values are kept"


@pytest.mark.usefixtures("medical")
def test_set_of_the_command_line_precedes_the_environment(zoo: Typed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_MEDICAL_STOP_AT", "0.4")
    words = ("run", "simple_cnn", "digits", "--dry-run", "--json", "--set", "plugins.medical.stop_at=0.5")
    found = json.loads(zoo(*words)[1])
    assert found["job"]["plugins"]["medical"]["stop_at"] == 0.5
    assert found["sources"]["plugins.medical.stop_at"] == "--set"


@pytest.mark.usefixtures("medical")
def test_an_option_of_the_plugin_is_the_same_as_set(zoo: Typed):
    code, out, _ = zoo("run", "simple_cnn", "digits", "--dry-run", "--json", "--stop-at", "0.5", "--strict")
    assert code == 0
    found = json.loads(out)
    assert found["job"]["plugins"]["medical"] == {"stop_at": 0.5, "labels": [], "title": "scan", "strict": True}
    assert found["sources"]["plugins.medical.stop_at"] == "command line"
    code, _, err = zoo("run", "simple_cnn", "digits", "--dry-run", "--stop-at", "high")
    assert code == 2
    assert "command line: plugins.medical.stop_at must be float, not 'high'" in err


@pytest.mark.usefixtures("medical")
def test_help_shows_the_options_under_the_plugins_heading(zoo: Typed):
    out = zoo("run", "--help")[1]
    heading, options = out[out.index("Plugin medical:") :].split("\n", 1)
    assert heading == "Plugin medical:"
    assert options.split()[:5] == ["--stop-at", "FLOAT", "Accuracy", "to", "stop"]
    assert "--strict / --no-strict" in options
    assert "Plugin medical" in zoo("train", "--help")[1]
    assert "Plugin medical" not in zoo("--no-plugins", "run", "--help")[1]


def test_options_that_clash_are_left_out_and_told(make_plugin: MakePlugin, zoo: Typed):
    source = HEAD + (
        "@dataclass\nclass S:\n    a: float = field(default=1.0, metadata={'option': '--lr'})\n"
        "    b: float = field(default=1.0, metadata={'option': '--shared'})\n"
        "@hookimpl\ndef zoo_settings():\n    return S\n"
    )
    for name in ("acme", "best"):
        make_plugin(name, source)
    assert "--shared" not in zoo("run", "--help")[1]
    out = zoo("plugins", "list")[1]
    assert "The option --lr of plugin 'acme' is left out: zoo run has one. Use --set plugins.acme.a=VALUE." in out
    assert "The option --shared of plugin 'best' is left out: another has it." in out


@pytest.mark.usefixtures("medical")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("medical: {stop_at: high}", "plugins.medical.stop_at must be float, not 'high'"),
        (
            "medical: {stop_t: 0.5}",
            "plugins.medical.stop_t is unknown. Did you mean 'stop_at'? The plugin has: stop_at,",
        ),
        ("medical: {labels: [a, 3]}", "plugins.medical.labels.1 must be list[str], not 3"),
        ("medical: {stop_at: 2}", "plugins.medical: stop_at is a fraction in 0..1."),
        (
            "medcal: {stop_at: 0.5}",
            "plugins.medcal: no plugin 'medcal' with settings is installed. Did you mean 'medical'?",
        ),
    ],
)
def test_an_invalid_value_names_file_and_key(text: str, problem: str):
    write(f"plugins: {{{text}}}")
    with pytest.raises(JobError) as raised:
        resolved()
    assert problem in str(raised.value)
    assert "stop_at is a fraction" in problem or str(Path.cwd() / "registry.yaml") in str(raised.value)


@pytest.mark.usefixtures("medical")
def test_a_job_that_sets_a_plugin_without_settings_is_refused():
    with pytest.raises(JobError, match=r"command line: plugins\.timm: no plugin 'timm' with settings is installed"):
        resolve(
            make_request({"architecture": "simple_cnn", "dataset": "digits", "set": {"plugins.timm.x": 1}}),
            components(),
        )
    with pytest.raises(JobError, match=r"plugins\.medical is not of the form"):
        resolve(
            make_request({"architecture": "simple_cnn", "dataset": "digits", "set": {"plugins.medical": 1}}),
            components(),
        )


def test_settings_of_a_plugin_that_is_not_installed_are_ignored_and_told(zoo: Typed):
    write("plugins: {leaves: {x: 1}}")
    assert resolved().job.plugins == {}
    assert "plugins.leaves: no plugin 'leaves' with settings is installed." in zoo("plugins", "list")[1]


@pytest.mark.parametrize(
    ("plugins", "problem"),
    [
        (
            "{disabel: [timm]}",
            "plugins: disabel must be a mapping with the settings of a plugin, not ['timm']. Did you",
        ),
        ("{require: zoo-acme}", "plugins: require must be a list of words"),
    ],
)
def test_a_malformed_section_is_refused(plugins: str, problem: str):
    write(f"plugins: {plugins}")
    with pytest.raises(RegistryFileError) as raised:
        components()
    assert problem in str(raised.value)


BROKEN = {
    "no class": ("3", "zoo_settings gave 3, not a dataclass"),
    "no dataclass": ("int", "not a dataclass (a class marked with @dataclass)"),
    "no default": ("Needs", "zoo_settings: Needs.x has no default; a plugin must work unconfigured"),
    "an option": ("Wrong", "option 'stop' of Wrong.x is not of the form --stop-at"),
}


@pytest.mark.parametrize(("given", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_plugin_with_malformed_settings_is_set_aside(make_plugin: MakePlugin, given: str, problem: str):
    source = HEAD + (
        "@dataclass\nclass Needs:\n    x: int\n"
        "@dataclass\nclass Wrong:\n    x: int = field(default=1, metadata={'option': 'stop'})\n"
        f"@hookimpl\ndef zoo_settings():\n    return {given}\n"
    )
    make_plugin("acme", source)
    (found,) = (plugin for plugin in components().plugins if plugin.name == "acme")
    assert (found.state, found.phase, found.settings) == ("failed", "contribute", None)
    assert problem in str(found.problem)


@pytest.mark.slow
@pytest.mark.usefixtures("medical")
def test_code_of_the_plugin_reads_its_settings_of_the_job_else_of_the_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_MEDICAL_TITLE", "007")
    components()
    found = settings_of("medical")
    assert (found.stop_at, found.title) == (1.0, "007")
    assert settings_of(type(found)) is found
    resolved(stop_at=0.5)
    assert settings_of("medical").stop_at == 0.5
    with pytest.raises(RequestError, match="No enabled plugin declares the settings 'timm'"):
        settings_of("timm")


@pytest.mark.slow
@pytest.mark.usefixtures("medical")
def test_info_shows_every_value_with_its_source(zoo: Typed):
    write("plugins: {medical: {stop_at: 0.9}}")
    code, out, _ = zoo("info", "medical")
    assert code == 0
    for words in (
        "medical  plugin",
        "stop_at",
        "float = 0.9",
        "--stop-at, ZOO_MEDICAL_STOP_AT",
        "Accuracy to stop at.",
    ):
        assert words in out
    (row, *_) = json.loads(zoo("info", "medical", "--json")[1])["settings"]
    assert (row["name"], row["value"], row["source"]) == ("stop_at", 0.9, str(Path.cwd() / "registry.yaml"))


@pytest.mark.slow
@pytest.mark.usefixtures("medical")
def test_a_run_stops_by_its_settings_and_records_them(zoo: Typed, read_result: Callable[..., dict[str, Any]]):
    words = ("run", "simple_cnn", "digits", "--epochs", "3", "--name", "r", "--quiet", "--stop-at", "0.01")
    assert zoo(*words)[0] == 0
    result = read_result("runs/r")
    assert (result["status"], result["stop_reason"]) == ("stopped", "scan: accurate enough")
    job = yaml.safe_load(Path("runs/r/job.yaml").read_text())
    assert job["plugins"] == {"medical": {"stop_at": 0.01, "labels": [], "title": "scan", "strict": False}}
    recorded = result["provenance"]["plugins.medical"]
    assert {key: value for key, value in recorded.items() if value} == {
        "kind": "plugin",
        "id": "medical",
        "distribution": "zoo-medical",
        "version": "1.2.3",
        "hooks": ["zoo_epoch_end"],
        "stopped": {"epoch": 1, "reason": "scan: accurate enough"},
        "settings": {"stop_at": 0.01},
    }
    code, out, err = zoo("run", "--resume", "r", "--epochs", "2", "--stop-at", "0.02")
    assert code == 0, err
    assert read_result("runs/r")["job"]["plugins"]["medical"]["stop_at"] == 0.02
    said = "The settings of a plugin have changed since the run began: plugins.medical.stop_at: 0.01 before, 0.02 now."
    assert said in " ".join((out + err).split())


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("x: float = 1.0", None),
        ("x: float = 'high'", "the defaults of its settings don't fit their types"),
        ("x: object = field(default_factory=object)", "the defaults of its settings don't fit their types"),
    ],
)
def test_the_check_of_a_plugin_finds_settings_that_a_job_cant_record(
    make_plugin: MakePlugin, field: str, problem: str | None
):
    make_plugin("acme", HEAD + f"@dataclass\nclass S:\n    {field}\n@hookimpl\ndef zoo_settings():\n    return S\n")
    owed = [check for check in checks("acme") if check.name == "settings"]
    (outcome,) = run_checks(owed).outcomes
    assert outcome.outcome == ("failed" if problem else "passed")
    assert (problem or "") in str(outcome.message or "")


def test_a_name_with_a_dot_cant_be_a_place_of_settings(make_plugin: MakePlugin):
    source = HEAD + "@dataclass\nclass S:\n    x: int = 1\n@hookimpl\ndef zoo_settings():\n    return S\n"
    make_plugin("a.b", source, distribution="zoo-ab")
    (found,) = (plugin for plugin in components().plugins if plugin.name == "a.b")
    assert "a plugin with settings needs a name without '.'" in str(found.problem)


@pytest.mark.usefixtures("medical")
def test_the_job_of_an_older_plugin_stays_readable():
    plain = resolved().job.plain()
    plain["plugins"] = {"medical": {"stop_at": 0.5, "gone": 1}, "uninstalled": {"x": 2}}
    found = resolved(file=yaml.safe_dump(plain))
    assert found.job.plugins["medical"]["stop_at"] == 0.5
    assert changes(plain, found.job) == []
    assert list(setting_changes(plain, found.job.plugins)) == []


def test_a_job_without_settings_has_no_such_section():
    assert "plugins" not in resolved().job.plain()


# -- requirements ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("medical")
@pytest.mark.parametrize("wanted", ["zoo-medical", "Zoo_Medical==1.2.*", "zoo-medical>=1,<2", "pluggy"])
def test_requirements_that_are_met_are_silent(wanted: str, zoo: Typed):
    write(f"plugins: {{require: ['{wanted}']}}")
    assert zoo("run", "simple_cnn", "digits", "--dry-run")[0] == 0
    assert zoo("list", "losses")[2] == ""


@pytest.mark.slow
@pytest.mark.usefixtures("medical")
@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("zoo-leaves==0.1.*", "is not installed. Type: zoo plugins install 'zoo-leaves==0.1.*'"),
        (
            "zoo-medical==2.*",
            "is not met by the installed version 1.2.3. Type: zoo plugins install --upgrade 'zoo-medical==2.*'",
        ),
    ],
)
def test_an_unmet_requirement_stops_a_run_and_is_told_elsewhere(wanted: str, why: str, zoo: Typed):
    write(f"plugins: {{require: ['{wanted}']}}")
    said = f"zoo: {Path.cwd() / 'registry.yaml'} requires {wanted}, which {why}\n"
    assert zoo("run", "simple_cnn", "digits") == (2, "", said)
    assert not Path("runs").exists()
    code, out, err = zoo("list", "losses")
    assert (code, "cross_entropy" in out, err) == (0, True, said)
    assert why in zoo("plugins", "list")[1]
    out = zoo("doctor")[1]
    assert f"requires {wanted}" in " ".join(out.split())


@pytest.mark.parametrize("wanted", ["not a name", "zoo-acme @ https://example.org/x.whl", "x; python_version > '3'"])
def test_a_malformed_requirement_is_refused(wanted: str, zoo: Typed):
    write(f'plugins: {{require: ["{wanted}"]}}')
    code, _, err = zoo("run", "simple_cnn", "digits")
    assert code == 2
    assert f"plugins: require: {wanted!r} is not a requirement such as zoo-medical==0.1.*" in err
