"""``zoo plugins``."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.testing.run import Report

BUNDLED = {
    "simple",
    "images",
    "losses",
    "metrics",
    "augment",
    "optim",
    "timm",
    "torchvision",
    "export",
    "hub",
    "dashboard",
    "serve",
}
GOOD = """
from zoo.plugin import Architecture, Loss, hookimpl

@hookimpl
def zoo_architectures():
    return [Architecture("acme_cnn", "zoo_acme:make", summary="A CNN for leaves")]
"""


def test_list_has_every_bundled_plugin_enabled(zoo):
    rows = {row["name"]: row for row in json.loads(zoo("plugins", "list", "--json")[1])}
    assert rows.keys() >= BUNDLED
    assert {row["state"] for row in rows.values()} == {"enabled"}
    assert rows["losses"]["provides"] == {"loss": 10}
    assert rows["images"]["provides"] == {"dataset": 5, "command": 1}
    assert all(row["distribution"] == "visionzoo" for name, row in rows.items() if name in BUNDLED)


def test_list_as_a_table(zoo):
    code, out, err = zoo("plugins", "list")
    assert code == 0
    assert err == ""
    for name in BUNDLED:
        assert name in out
    assert max(map(len, out.splitlines())) <= 80


def test_an_installed_plugin_is_listed_with_its_version(zoo, make_plugin):
    make_plugin("acme", GOOD)
    row = next(row for row in json.loads(zoo("plugins", "list", "--json")[1]) if row["name"] == "acme")
    assert (row["distribution"], row["version"], row["state"]) == ("zoo-acme", "1.2.3", "enabled")
    assert row["provides"] == {"architecture": 1}
    assert "acme/acme_cnn" in zoo("list", "architectures", "--search", "leaves")[1]


@pytest.mark.parametrize(
    ("source", "phase", "said"),
    [
        ("import no_such_library", "import", "no_such_library"),
        (GOOD.replace("zoo_architectures", "zoo_architecture"), "validate", "zoo_architecture"),
        (GOOD.replace("return [", 'return ["acme_cnn", '), "contribute", "acme_cnn"),
    ],
)
def test_a_broken_plugin_is_set_aside_and_explained(zoo, make_plugin, source, phase, said):
    make_plugin("acme", source)
    code, out, err = zoo("list")
    assert code == 0
    assert "simple/simple_cnn" in out, "everything else works"
    assert err.count("\n") == 1, "one line says so"
    assert "'acme'" in err
    assert "zoo plugins doctor acme" in err

    row = next(row for row in json.loads(zoo("plugins", "list", "--json")[1]) if row["name"] == "acme")
    assert row["state"] == "failed"
    assert row["provides"] == {}
    assert said in row["problem"]

    code, account, _ = zoo("plugins", "doctor", "acme")
    assert code == 1, "something is to be mended"
    for word in (phase, "zoo-acme", "1.2.3", said, "zoo plugins disable acme", "zoo plugins uninstall zoo-acme"):
        assert word in account


def test_doctor_without_a_patient(zoo):
    code, out, _ = zoo("plugins", "doctor")
    assert code == 0
    assert "plugins checked, no problems found" in out
    assert "1 plugin checked, no problems found" in zoo("plugins", "doctor", "timm")[1]


WIDE = """
from dataclasses import dataclass
from zoo.plugin import Component, Kind, Loss, hookimpl

class Leaf(Component):
    kind = "leaf"

class Root(Component):
    kind = "root"

@dataclass
class Settings:
    depth: int = 1
    width: int = 2

@hookimpl
def zoo_kinds():
    yield Kind(Leaf)
    yield Kind(Root)

@hookimpl
def zoo_losses():
    yield Loss("dry", "zoo_acme:Dry")

@hookimpl
def zoo_settings():
    return Settings

@hookimpl
def zoo_recipes():
    return {"quick": {"train": {"epochs": 1}}}

@hookimpl
def zoo_epoch_end(run, epoch):
    return None
"""


def test_everything_that_a_plugin_provides_is_counted(zoo, make_plugin):
    make_plugin("acme", WIDE)
    everything = "1 loss, 2 kinds, 1 recipe, settings, 1 hook"
    lines = zoo("plugins", "list")[1].splitlines()
    row, *more = lines[next(i for i, line in enumerate(lines) if line.startswith("acme ")) :]
    wrapped = next(iter(more), "") if len(row) + 20 > 80 else ""
    assert f"{row} {wrapped.strip()}".split("enabled  ")[1].strip().startswith(everything)
    row = next(row for row in json.loads(zoo("plugins", "list", "--json")[1]) if row["name"] == "acme")
    assert row["provides"] == {"loss": 1}, "components only, as before"
    assert row["extends"] == {"kind": 2, "recipe": 1, "setting": 2, "hook": 1}
    said = zoo("plugins", "doctor", "acme")[1]
    assert said == f"acme provides {everything}.\n1 plugin checked, no problems found.\n"
    assert f"provides  {everything}" in zoo("info", "acme")[1]
    assert zoo("plugins", "disable", "acme")[0] == 0
    row = next(row for row in json.loads(zoo("plugins", "list", "--json")[1]) if row["name"] == "acme")
    assert (row["provides"], row["extends"]) == ({}, {})


def test_doctor_of_an_unknown_plugin(refused):
    assert "Did you mean 'simple'" in refused("plugins", "doctor", "simpel")


def test_a_plugin_turned_off_in_registry_yaml(zoo, refused):
    Path("registry.yaml").write_text("plugins: {disable: [timm]}")
    row = next(row for row in json.loads(zoo("plugins", "list", "--json")[1]) if row["name"] == "timm")
    assert (row["state"], row["provides"]) == ("disabled", {})
    error = refused("run", "timm/resnet18", "digits")
    assert "'timm/resnet18'" in error
    assert "disabled" in error


def test_a_feature_is_turned_off_as_any_plugin_is(zoo):
    """Its command goes, with that of no other, and comes back."""
    assert "  serve " in zoo("--help")[1]
    assert zoo("plugins", "disable", "serve")[0] == 0
    code, _, err = zoo("serve", "run")
    assert code == 2
    assert "No such command 'serve'" in err
    out = zoo("--help")[1]
    assert "  serve " not in out
    assert "  dashboard " in out
    assert zoo("plugins", "enable", "serve")[0] == 0
    assert "  serve " in zoo("--help")[1]


def test_no_third_party_plugin_is_needed_to_train(zoo, tiny):
    code, out, _ = zoo("--no-plugins", "run", "simple_cnn", "digits", *tiny, "--quiet")
    assert (code, "completed" in out) == (0, True)


def test_installing_a_plugin_never_changes_what_a_bundled_name_means(zoo, make_plugin):
    before = json.loads(zoo("info", "simple_cnn", "--json")[1])
    make_plugin("acme", GOOD.replace("acme_cnn", "simple_cnn"))
    assert json.loads(zoo("info", "simple_cnn", "--json")[1]) == before
    ids = [row["id"] for row in json.loads(zoo("list", "architecture", "--search", "simple_cnn", "--json")[1])]
    assert ids == ["acme/simple_cnn", "simple/simple_cnn"]


def test_tracing_tells_of_every_import_and_call(zoo, make_plugin):
    make_plugin("acme", GOOD)
    for words in (("--trace-plugins", "list"), ("list", "--trace-plugins")):
        code, out, err = zoo(*words)
        assert code == 0
        assert "acme/acme_cnn" in out
        lines = [line.split() for line in err.splitlines() if "acme" in line]
        assert [line[3] for line in lines] == ["import", "zoo_architectures"]
        assert all(line[0] == "zoo:" and float(line[1]) >= 0 and line[2] == "ms" for line in lines)
    assert "ms" not in zoo("list")[2], "for one command only"


def test_a_command_without_plugins(zoo, make_plugin):
    make_plugin("acme", "raise RuntimeError")
    assert zoo("--no-plugins", "list")[2] == ""
    row = next(r for r in json.loads(zoo("plugins", "list", "--json", "--no-plugins")[1]) if r["name"] == "acme")
    assert (row["state"], row["problem"]) == ("disabled", "disabled by ZOO_PLUGINS or --no-plugins")
    assert "was set aside" in zoo("list")[2], "for one command only"


@pytest.mark.slow
def test_doctor_names_a_plugin_whose_import_brings_in_torch(make_plugin, zoo, tmp_path):
    """In a process of its own: here torch is there already."""
    make_plugin("heavy", GOOD.replace("acme", "heavy") + "import numpy\n")
    make_plugin("later", GOOD.replace("acme", "later") + "import numpy\n")
    code = "import sys; sys.path[:0] = %r; from zoo.__main__ import main; sys.exit(main(['plugins', 'doctor']))"
    sites = [str(path) for path in (tmp_path / "sites").iterdir()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sites)}
    done = subprocess.run(
        [sys.executable, "-c", code % sites], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, "it works, if slowly" + done.stderr
    for name in ("heavy", "later"):
        assert f"{name} (zoo-{name} 1.2.3): importing it loads numpy and takes" in done.stdout
        assert f"zoo plugins disable {name}" in done.stdout
    one = [sys.executable, "-c", code.replace("'doctor'", "'doctor', 'later'") % sites]
    done = subprocess.run(one, capture_output=True, text=True, env=environment, check=False)
    assert "later (zoo-later 1.2.3): importing it loads numpy" in done.stdout
    assert "zoo-heavy" not in done.stdout


def test_doctor_tells_of_names_that_two_have(zoo, make_plugin):
    make_plugin("acme", GOOD.replace("acme_cnn", "simple_cnn"))
    make_plugin("beta", GOOD)
    make_plugin("gamma", GOOD)
    code, out, _ = zoo("plugins", "doctor")
    assert code == 0
    assert "Note: architecture 'acme_cnn' is provided by beta/acme_cnn (zoo-beta) and gamma/acme_cnn (zoo-gamma)" in out
    assert "it means simple/simple_cnn, of the zoo." in out
    assert "use the full id" in out


def test_doctor_shows_the_plugins_own_frames(zoo, make_plugin):
    source = "def deep():\n    raise KeyError('inside')\n\n\ndeep()\n"
    make_plugin("acme", source)
    code, out, _ = zoo("plugins", "doctor", "acme")
    assert code == 1
    assert "zoo_acme.py" in out
    assert "raise KeyError('inside')" in out
    assert "importlib" not in out
    assert "host.py" not in out


def test_doctor_finds_what_a_plugin_lacks(zoo, make_plugin):
    site = make_plugin("acme", "import no_such_library.part")
    _, out, _ = zoo("plugins", "doctor", "acme")
    assert "install no_such_library " in out
    metadata = site / "zoo_acme-1.2.3.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: no-such-library>=3\nRequires-Dist: click\n")
    _, out, _ = zoo("plugins", "doctor", "acme")
    assert "install 'no-such-library>=3' " in out, "as its author wrote it, and nothing that is there"


@pytest.mark.slow
def test_check_of_a_bundled_plugin(zoo):
    code, out, _ = zoo("plugins", "check", "losses")
    assert code == 0
    assert "losses/focal" in out
    assert "0 failed" not in out
    outcomes = json.loads(zoo("plugins", "check", "losses", "--json")[1])
    assert {outcome["outcome"] for outcome in outcomes} == {"passed"}
    assert len(outcomes) > 50


def test_check_without_names_checks_local_components_too(zoo, monkeypatch):
    asked = []
    monkeypatch.setattr("zoo.testing.run.run_checks", lambda owed, *_: asked.extend(owed) or Report(()))
    Path("registry.yaml").write_text("components: {loss: {mine: {base: focal}}}")
    assert zoo("plugins", "check", "--json")[:2] == (0, "[]\n")
    assert {"local/mine", "losses"} <= {check.component for check in asked}


def test_check_of_one_that_breaks_its_contract(zoo, make_plugin):
    source = GOOD.replace("zoo_architectures", "zoo_losses").replace("Architecture(", "Loss(").replace("make", "Bad")
    make_plugin("acme", source + "\n\nclass Bad:\n    def __call__(self, logits, targets):\n        return logits\n")
    code, out, _ = zoo("plugins", "check", "acme")
    assert code == 1
    assert "scalar" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "simpel"), "Did you mean 'simple'"),
        (("check", "./nowhere"), "no pyproject.toml"),
        (("new", "Not A Name", "--loss"), "Not A Name"),
        (("new", "timm"), "timm"),
        (("new", "acme", "--los"), "--los"),
    ],
)
def test_wrong_words(refused, words, said):
    assert said in refused("plugins", *words)


def test_a_folder_is_checked_as_it_lies_there(zoo):
    code, out, _ = zoo("plugins", "new", "leafy", "--loss")
    assert code == 0
    assert "zoo plugins check leafy" in out
    code, out, _ = zoo("plugins", "check", "./zoo-leafy")
    assert code == 0, out
    assert "loss leafy/leafy_poly1" in out
    Path("zoo-leafy/pyproject.toml").write_text("[project]\nname = 'zoo-leafy'\n")
    code, _, err = zoo("plugins", "check", "./zoo-leafy")
    assert code == 2
    assert "has no plugin" in err


COMMAND = """
from zoo.plugin import Command, hookimpl

@hookimpl
def zoo_commands():
    yield Command("leaf", "zoo_acme_leaf:main", summary="Press a leaf")
"""


def test_a_contributed_command_is_imported_when_it_is_typed(zoo, make_plugin):
    make_plugin("acme", COMMAND, zoo_acme_leaf="def main(arguments):\n    print(*arguments)\n    return 3\n")
    assert "leaf Press a leaf" in " ".join(zoo("--help")[1].split())
    assert "zoo_acme_leaf" not in sys.modules
    assert zoo("leaf", "oak", "--wide")[:2] == (3, "oak --wide\n")
    assert "zoo_acme_leaf" in sys.modules


def test_a_contributed_command_that_fails_is_its_plugins(zoo, make_plugin):
    make_plugin("acme", COMMAND, zoo_acme_leaf="def main(arguments):\n    raise KeyError('green')\n")
    code, _, err = zoo("leaf")
    assert code == 1
    assert "plugin 'acme' (zoo-acme 1.2.3)" in err
    assert "KeyError: 'green'" in err
    assert "defect" not in err, "not the zoo's"


WATCHER = """
from zoo.plugin import hookimpl

@hookimpl
def zoo_epoch_end(run, epoch):
    if epoch["epoch"] == 2:
        return f"{run.name} has learned enough"

@hookimpl
def zoo_report_sections(result):
    yield "Leaves", f"pressed after {len(result['epochs'])} epochs"
"""


@pytest.mark.slow
def test_a_plugin_stops_a_run_and_adds_to_its_reports(zoo, make_plugin):
    make_plugin("acme", WATCHER)
    code, out, err = zoo("run", "simple_cnn", "digits", "--epochs", "5", "--name", "w")
    assert (code, err) == (0, "")
    assert "pressed after 2 epochs" in out
    result = json.loads(Path("runs/w/result.json").read_text())
    assert (result["status"], len(result["epochs"])) == ("stopped", 2)
    assert "w has learned enough" in result["stop_reason"]
    assert result["sections"] == [["Leaves", "pressed after 2 epochs"]]
    html = Path("runs/w/report.html").read_text()
    assert "pressed after 2 epochs" in html
    assert "w has learned enough" in html
    assert zoo("plugins", "doctor", "acme")[1] == "acme provides 2 hooks.\n1 plugin checked, no problems found.\n"


@pytest.mark.slow
def test_a_hook_that_fails_in_a_run_is_the_doctors_till_it_goes_right(zoo, make_plugin):
    site = make_plugin("acme", WATCHER.replace("return f", "raise OSError('no server') or f"))
    words = ("run", "simple_cnn", "digits", "--epochs", "2", "--name", "w", "--overwrite")
    code, out, err = zoo(*words)
    assert code == 0
    assert "plugin 'acme': zoo_epoch_end failed" in out + err
    result = json.loads(Path("runs/w/result.json").read_text())
    assert (result["status"], result["sections"]) == ("completed", []), "it is left out of the rest of the run"
    code, account, _ = zoo("plugins", "doctor")
    assert code == 1
    assert "acme (zoo-acme 1.2.3): OSError: no server" in account
    assert "phase: zoo_epoch_end" in account
    assert "zoo_acme.py" in account
    del sys.modules["zoo_acme"]
    (site / "zoo_acme.py").write_text(WATCHER.replace("    if epoch", "    print('an epoch')\n    if epoch"))
    importlib.invalidate_caches()
    code, out, err = zoo(*words, "--json")
    assert code == 0
    assert json.loads(out)["status"] == "stopped", "what a plugin prints is not among the results"
    assert "an epoch" in err
    assert zoo("plugins", "doctor")[0] == 0
