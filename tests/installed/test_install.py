"""``zoo plugins install`` and ``uninstall``, into a real environment, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

GOOD = (
    "from zoo.plugin import Loss, hookimpl\n\n@hookimpl\ndef zoo_losses():\n    yield Loss('good', 'zoo_good:Good')\n"
)


def test_a_plugin_comes_is_used_checked_turned_off_and_goes(world, acme_wheel):
    """The life of a plugin; when it is over, the registry is as it was."""
    before = world.zoo("list", "--json").stdout, world.distributions()
    assert world.zoo("run", "acme_cnn", "acme_leaves", check=False).returncode == 2

    said = world.zoo("plugins", "install", acme_wheel).stdout
    assert "zoo-acme 0.3.0 is installed." in said
    for component in ("acme/acme_cnn", "acme/acme_leaves", "acme/poly1", "acme/acme_hits"):
        assert component in said
    rows = world.json("list", "--search", "acme")
    assert {row["id"] for row in rows} == {"acme/acme_cnn", "acme/acme_leaves", "acme/poly1", "acme/acme_hits"}
    assert {(row["distribution"], row["version"]) for row in rows} == {("zoo-acme", "0.3.0")}

    words = (
        "--epochs",
        "12",
        "--lr",
        "0.03",
        "--set",
        "loss=poly1",
        "--set",
        "metrics=[acme_hits]",
        "--name",
        "leaves",
    )
    result = world.json("run", "acme_cnn", "acme_leaves", *words)
    assert result["metrics"]["val"]["accuracy"] == 1.0
    assert result["metrics"]["val"]["acme_hits"] == 32
    used = {where: row["distribution"] for where, row in result["provenance"].items()}
    assert used["architecture"] == used["dataset"] == used["loss"] == "zoo-acme"
    assert used["train.optimizer"] == "visionzoo"
    assert all(len(row["sha256"]) == 64 for row in result["provenance"].values())
    work = world.folder / "work"
    assert (work / "runs/leaves/report.html").stat().st_size > 1000, "its template came with the wheel"

    checked = world.zoo("plugins", "check", "acme")
    assert "acme/acme_cnn" in checked.stdout

    world.zoo("plugins", "disable", "acme")
    assert world.json("list", "--search", "acme") == []
    assert "disabled" in world.zoo("evaluate", "leaves", check=False).stderr
    world.zoo("plugins", "enable", "acme")
    assert world.json("evaluate", "leaves")["metrics"]["val"]["accuracy"] == 1.0
    assert world.json("list", "--search", "acme", ZOO_PLUGINS="other") == []
    assert json.loads(world.zoo("--no-plugins", "list", "--search", "acme", "--json").stdout) == []
    world.zoo("plugins", "disable", "acme")

    said = world.zoo("plugins", "uninstall", "acme").stdout
    assert said == "Uninstalled zoo-acme with the plugins: acme.\n"
    assert (world.zoo("list", "--json").stdout, world.distributions()) == before
    assert not list((world.folder / "config").rglob("registry.yaml")), "nor is it turned off any more"
    gone = world.zoo("evaluate", "leaves", check=False)
    assert gone.returncode == 2
    assert "zoo plugins install zoo-acme==0.3.0" in gone.stderr


def test_another_version_than_the_runs_is_told_of(world, make_wheel):
    head = "from zoo.plugin import Architecture, hookimpl\n\n@hookimpl\ndef zoo_architectures():\n"
    source = head + "    yield Architecture('net', 'zoo_net_parts:net', summary='A layer', input_size=8)\n"
    parts = (
        "from torch import nn\n\ndef net(num_classes: int, in_chans: int = 3):\n"
        "    return nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * in_chans, num_classes))\n"
    )
    wheels = [make_wheel("zoo-net", source, version=v, zoo_net_parts=parts) for v in ("1.0", "2.0")]
    world.zoo("plugins", "install", wheels[0])
    world.zoo("run", "net", "digits", "--epochs", "1", "--name", "n", "-q")
    assert "2.0" not in world.zoo("evaluate", "n").stderr
    world.zoo("plugins", "install", wheels[1])
    done = world.zoo("evaluate", "n")
    assert "It was trained with zoo-net 1.0, and 2.0 is installed" in done.stderr
    assert "zoo plugins install zoo-net==1.0" in done.stderr
    world.zoo("plugins", "uninstall", "zoo-net")


def test_a_folder_is_installed_editable(world, acme_source):
    said = world.zoo("plugins", "install", "-e", acme_source, "--no-build-isolation").stdout
    assert "acme/poly1" in said
    assert world.json("info", "poly1")["source"] == str(acme_source / "zoo_acme" / "parts.py")
    world.zoo("plugins", "uninstall", "zoo-acme")


def test_an_installed_plugin_that_fails_says_how_to_be_rid_of_it(world, make_wheel):
    done = world.zoo("plugins", "install", make_wheel("zoo-bad", "import no_such_library"), check=False)
    assert done.returncode == 1
    assert "zoo-bad 1.0 is installed, but its plugin 'bad' can't be used: ModuleNotFoundError" in done.stderr
    assert "Uninstall it: zoo plugins uninstall zoo-bad" in done.stderr
    world.zoo("plugins", "uninstall", "zoo-bad")


@pytest.mark.parametrize("fault", ["no plugin", "missing dependency", "another zoo", "half a wheel", "no such name"])
def test_a_failed_install_leaves_everything_as_it_was(world, make_wheel, fault: str):
    before = world.distributions()
    if fault == "no plugin":
        what, code, said = make_wheel("acme-tools", "", plugins=()), 2, "has no plugin of the zoo"
    elif fault == "missing dependency":
        what, code, said = make_wheel("zoo-good", GOOD, requires=["zoo-not-there"]), 1, "zoo-not-there"
    elif fault == "another zoo":
        what, code, said = make_wheel("zoo-good", GOOD, requires=["visionzoo>=99"]), 1, "visionzoo"
    elif fault == "no such name":
        what, code, said = "zoo-of-nowhere", 1, "zoo-of-nowhere"
    else:
        # The first half is in order, and is installed before the second is seen to be damaged.
        damaged = make_wheel("zoo-zz-good", GOOD)
        damaged.write_bytes(damaged.read_bytes()[:-200])
        first = make_wheel("zoo-first", "", plugins=())
        what = make_wheel(
            "zoo-good", GOOD, requires=[f"zoo-zz-good @ {damaged.as_uri()}", f"zoo-first @ {first.as_uri()}"]
        )
        code, said = 1, "zoo-zz-good"
    done = world.zoo("plugins", "install", what, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr.replace("zoo_zz_good", "zoo-zz-good")
    assert world.distributions() == before


@pytest.mark.parametrize(("words", "said"), [
    (("install", "./nowhere"), "There is no nowhere"),
    (("install", "nowhere.whl"), "There is no nowhere.whl"),
    (("install", "two words"), "nor a requirement such as"),
    (("install", "./empty"), "has no pyproject.toml"),
    (("uninstall", "simple"), "a part of the zoo"),
    (("uninstall", "torch"), "There is no plugin 'torch'"),
    (("uninstall", "acme"), "There is no plugin 'acme'"),
    (("disable", "simpel"), "Did you mean 'simple'?"),
    (("enable", "simpel"), "Did you mean 'simple'?"),
])  # fmt: skip
def test_a_wrong_request_changes_nothing(zoo, words: tuple[str, ...], said: str):
    Path("empty").mkdir()
    code, out, err = zoo("plugins", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_mistyped_name_of_the_catalogue_is_not_installed(zoo):
    Path("registry.yaml").write_text("catalogue: {leaves: {package: zoo-leaves, summary: Leaves}}\n")
    for typed in ("leafs", "zoo-leave"):
        code, _, err = zoo("plugins", "install", typed)
        assert code == 2
        assert "is not in the catalogue. Did you mean" in err
        assert f"zoo plugins install '{typed}>=0'" in err


def test_without_an_installer_there_is_a_clear_word(zoo, monkeypatch):
    from zoo.host import installer

    monkeypatch.setattr(installer.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    code, _, err = zoo("plugins", "install", "zoo-acme")
    assert code == 2
    assert "Neither pip nor uv is available" in err
    assert "ensurepip" in err


PATH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])


@pytest.mark.skipif(shutil.which("uv", path=PATH) is None, reason="uv is not here")
def test_where_there_is_no_pip_uv_does_it(world, make_wheel):
    def zoo(*words: object) -> str:
        """A command, in an environment whose pip can't be found."""
        typed = [str(word) for word in words]
        code = f"import sys; sys.modules['pip'] = None; from zoo.__main__ import main; sys.exit(main({typed!r}))"
        done = subprocess.run(
            [world.python, "-c", code],
            cwd=world.folder,
            env={**os.environ, "PATH": PATH, "UV_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    before = world.distributions()
    assert "good/good" in zoo("plugins", "install", make_wheel("zoo-good", GOOD))
    said = zoo("plugins", "install", make_wheel("zoo-other", GOOD, requires=["zoo-not-there"]))
    assert "uv could not install" in said
    assert "zoo-not-there" in said
    assert "Uninstalled zoo-good" in zoo("plugins", "uninstall", "good")
    assert world.distributions() == before


def test_a_plugin_that_never_ends_is_installed_and_taken_out(world, make_wheel):
    source = GOOD + "\nimport threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    assert "good/good" in world.zoo("plugins", "install", make_wheel("zoo-good", source)).stdout
    assert "Uninstalled" in world.zoo("plugins", "uninstall", "good").stdout
