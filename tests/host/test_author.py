"""``zoo plugins doctor`` for the author of a plugin that is installed in editable mode."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.host.author import editable_folder, stale_entry_points

GOOD = """from zoo.plugin import Loss, hookimpl


@hookimpl
def zoo_losses():
    yield Loss("mine", "zoo_acme:Mine", summary="A loss")
"""
PROJECT = """[project]
name = "zoo-acme"
[project.entry-points."zoo.plugins"]
acme = "zoo_acme"
"""
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def edit(make_plugin: Callable[..., Path]) -> Callable[..., Path]:
    """Install the plugin ``acme`` in editable mode: ``edit(source, pyproject)`` gives its folder."""

    def install(source: str, project: str = PROJECT, editable: bool = True) -> Path:
        site = make_plugin("acme", source)
        folder = site / "my project"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(project)
        url = {"url": folder.as_uri(), "dir_info": {"editable": editable}}
        (site / "zoo_acme-1.2.3.dist-info" / "direct_url.json").write_text(json.dumps(url))
        return folder

    return install


def test_the_folder_of_an_editable_installation_is_known(edit: Callable[..., Path]):
    folder = edit(GOOD)
    assert editable_folder("zoo-acme") == folder
    assert editable_folder("zoo-nowhere") is None
    assert editable_folder(None) is None
    assert editable_folder("pytest") is None


def test_an_installation_of_a_folder_that_is_no_editable_one_has_no_author(edit: Callable[..., Path]):
    edit(GOOD, editable=False)
    assert editable_folder("zoo-acme") is None
    assert list(stale_entry_points("zoo-acme")) == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (GOOD.replace('"A loss")', '"A loss"'), 6),  # a syntax error
        (GOOD.replace("    yield", "    undefined\n    yield"), 6),
        (GOOD.replace("zoo_losses", "zoo_loses"), 5),  # of a check by the zoo, whose message names the hook
        (GOOD.replace("yield Loss(", "yield str("), 6),
        (GOOD.replace("yield Loss(", "yield dict(a="), 6),
        ("import no_such_module_at_all\n" + GOOD, 1),
        ("from zoo.plugin import hookimpl\n\n@hookimpl\ndef zoo_losses():\n    return ['mine']\n", 4),
    ],
)
def test_a_failure_names_the_line_to_edit(zoo: Typed, edit: Callable[..., Path], source: str, line: int):
    folder = edit(source)
    code, out, _ = zoo("plugins", "doctor", "acme")
    assert code == 1
    assert f"{folder.parent / 'zoo_acme.py'}:{line} " in out, out
    assert "# edit this line" in out
    assert "zoo plugins check acme " in out
    assert "--upgrade" not in out, "there is no newer version than the author's"


def test_others_are_told_of_a_newer_version(zoo: Typed, edit: Callable[..., Path]):
    edit(GOOD.replace("    yield", "    undefined\n    yield"), editable=False)
    out = zoo("plugins", "doctor", "acme")[1]
    assert "zoo plugins install --upgrade zoo-acme" in out
    assert "edit this line" not in out


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            'acme = "zoo_acme"\nleafy = "zoo_acme.leafy"',
            "the plugin 'leafy' (zoo_acme.leafy) of its pyproject.toml is not among the installed",
        ),
        (
            'acme = "zoo_acme.plugin"',
            "plugin 'acme' is 'zoo_acme.plugin' in its pyproject.toml, but 'zoo_acme' as installed",
        ),
        ('leafy = "zoo_acme"', "the installed entry point 'acme' is no longer in its pyproject.toml"),
    ],
)
def test_entry_points_that_have_changed_are_found(zoo: Typed, edit: Callable[..., Path], entries: str, said: str):
    folder = edit(GOOD, PROJECT.replace('acme = "zoo_acme"', entries))
    code, out, _ = zoo("plugins", "doctor", "acme")
    assert code == 1
    assert said in " ".join(out.split())
    assert f"install -e '{folder}'   # install it again, as after each change of entry points" in out
    phases = [row["phase"] for row in json.loads(zoo("plugins", "doctor", "--json")[1])]
    assert set(phases) == {"install"}


def test_a_healthy_editable_plugin_has_no_findings(zoo: Typed, edit: Callable[..., Path]):
    edit(GOOD)
    assert zoo("plugins", "doctor", "acme")[:2] == (0, "acme provides 1 loss.\n1 plugin checked, no problems found.\n")


def test_a_project_without_entry_points_in_its_file_is_not_judged(edit: Callable[..., Path]):
    edit(GOOD, "[project]\nname = 'zoo-acme'\ndynamic = ['entry-points']\n")
    assert list(stale_entry_points("zoo-acme")) == []
