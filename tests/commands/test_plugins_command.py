"""``zoo plugins``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

BUNDLED = {"simple", "images", "losses", "metrics", "augment", "optim", "timm"}
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
    assert rows["losses"]["provides"] == {"loss": 5}
    assert rows["images"]["provides"]["dataset"] == 4
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
    assert "plugins are well" in out
    assert "1 plugin is well" in zoo("plugins", "doctor", "timm")[1]


def test_doctor_of_an_unknown_plugin(refused):
    assert "Did you mean 'simple'" in refused("plugins", "doctor", "simpel")


def test_a_plugin_turned_off_in_registry_yaml(zoo, refused):
    Path("registry.yaml").write_text("plugins: {disable: [timm]}")
    row = next(row for row in json.loads(zoo("plugins", "list", "--json")[1]) if row["name"] == "timm")
    assert (row["state"], row["provides"]) == ("disabled", {})
    error = refused("run", "timm/resnet18", "digits")
    assert "'timm/resnet18'" in error
    assert "disabled" in error


def test_installing_a_plugin_never_changes_what_a_bundled_name_means(zoo, make_plugin):
    before = json.loads(zoo("info", "simple_cnn", "--json")[1])
    make_plugin("acme", GOOD.replace("acme_cnn", "simple_cnn"))
    assert json.loads(zoo("info", "simple_cnn", "--json")[1]) == before
    ids = [row["id"] for row in json.loads(zoo("list", "architecture", "--search", "simple_cnn", "--json")[1])]
    assert ids == ["acme/simple_cnn", "simple/simple_cnn"]
