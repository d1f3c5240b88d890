"""Commands of one name: which one is typed, how the others are reached, and where that is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Zoo = Callable[..., tuple[int, str, str]]

PLUGIN = """
from zoo.plugin import Command, hookimpl

@hookimpl
def zoo_commands():
    yield Command("press", "zoo_NAME:press", summary="Press of NAME")
    yield Command("bench", "zoo_NAME:press", summary="Bench of NAME")
    yield Command("list", "zoo_NAME:press", summary="List of NAME")
    yield Command("doctor", "zoo_NAME:press", summary="Plugins of NAME", group="plugins")
    yield Command("crush", "zoo_NAME:press", summary="Press in a group", group="plugins")

def press(words):
    print("NAME", *words)
"""


@pytest.fixture
def plugins(make_plugin: Callable[..., Path]) -> None:
    for name in ("acme", "best"):
        make_plugin(name, PLUGIN.replace("NAME", name))


def test_the_groups_own_commands_are_those_that_the_registry_knows():
    from zoo.commands import app
    from zoo.commands.group import CommandGroup
    from zoo.registry.command_names import OWN

    groups = {name: app.own_command(name) for name in app.own_commands()}
    inner = {each.place: set(each.own_commands()) for each in groups.values() if isinstance(each, CommandGroup)}
    assert {"": set(app.own_commands()), **inner} == {name: set(words) for name, words in OWN.items()}


@pytest.mark.usefixtures("plugins")
def test_a_name_of_two_plugins_is_an_error_that_names_both(zoo: Zoo):
    code, out, err = zoo("press", "leaf")
    assert (code, out) == (2, "")
    assert "acme/press (zoo-acme) and best/press (zoo-best)" in err
    assert "zoo acme/press" in err
    assert zoo("acme/press", "leaf") == (0, "acme leaf\n", "")
    assert zoo("best/press", "leaf") == (0, "best leaf\n", "")
    assert zoo("plugins", "best/crush")[:2] == (0, "best\n")


@pytest.mark.usefixtures("plugins")
def test_a_bundled_or_core_command_is_meant_and_says_how_to_reach_the_others(zoo: Zoo):
    code, out, err = zoo("list", "exporters", "--json")
    assert code == 0
    assert {each["kind"] for each in json.loads(out)} == {"exporter"}
    assert "'list' is a command of the zoo" in err
    assert "zoo acme/list" in err
    assert "zoo best/list" in err
    assert zoo("acme/list") == (0, "acme\n", "")
    assert zoo("acme/bench", "a") == (0, "acme a\n", "")
    assert "Press" not in zoo("bench", "--help")[1]
    assert zoo("plugins", "acme/doctor")[:2] == (0, "acme\n")
    assert "zoo plugins acme/doctor" in zoo("plugins", "doctor")[2]


@pytest.mark.usefixtures("plugins")
def test_help_lists_every_command_by_a_name_that_works_and_ends_with_the_clashes(zoo: Zoo):
    code, out, err = zoo("--help")
    assert code == 0, err
    rows = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert {"acme/press", "best/press", "acme/bench", "best/list", "bench", "list"} <= set(rows)
    assert "press" not in rows
    last = " ".join(out.rpartition("Note:")[2].split())
    assert last.startswith("command 'press'")
    assert " ".join(out.split()).count("Note: command") == 3
    assert "doctor" not in out.partition("Note:")[2]
    assert "Note: command 'plugins doctor'" in " ".join(zoo("plugins", "--help")[1].split())


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("words", [("doctor",), ("plugins", "doctor"), ("plugins", "list")])
def test_both_doctors_tell(zoo: Zoo, words: tuple[str, ...]):
    text = " ".join(zoo(*words)[1].split())
    assert "command 'press' is provided by acme/press (zoo-acme) and best/press (zoo-best)" in text
    assert (
        "command 'bench' is provided by bench/bench (visionzoo) and acme/bench (zoo-acme) and best/bench (zoo-best)"
        in text
    )
    assert "it means bench/bench, of the zoo" in text
    assert "command 'list' is provided by acme/list (zoo-acme) and best/list (zoo-best): it means the zoo's own" in text
    assert "command 'plugins crush'" in text


def test_without_clashes_nothing_is_told(zoo: Zoo, make_plugin):
    make_plugin("acme", PLUGIN.replace("NAME", "acme").replace('"bench"', '"bunch"').replace('"list"', '"lest"'))
    assert "Note" not in zoo("--help")[1]
    assert zoo("press", "a") == (0, "acme a\n", "")
    assert zoo("export/export", "--help")[1].startswith("Usage: zoo export/export")


def test_a_plugin_adds_a_command_to_zoo_runs(zoo: Zoo, make_plugin):
    make_plugin("acme", PLUGIN.replace("NAME", "acme").replace('group="plugins"', 'group="runs"'))
    assert "Press in a group" in zoo("runs", "--help")[1]
    assert zoo("runs", "crush", "a")[:2] == (0, "acme a\n")


def test_an_unknown_full_name_is_told_with_names_that_are_near(zoo: Zoo, make_plugin):
    make_plugin("acme", PLUGIN.replace("NAME", "acme"))
    code, _, err = zoo("acme/pres")
    assert code == 2
    assert "Did you mean 'acme/press'" in err


@pytest.mark.usefixtures("plugins")
def test_completion_offers_names_that_work(monkeypatch: pytest.MonkeyPatch, capfd):
    from zoo.commands import app
    from zoo.commands.completing import answer

    monkeypatch.setenv("_ZOO_COMPLETE", "bash_complete")
    for typed, offered in (("acme/", "acme/bench"), ("pres", None)):
        monkeypatch.setenv("COMP_WORDS", f"zoo\n{typed}")
        monkeypatch.setenv("COMP_CWORD", "1")
        answer(app)
        out = capfd.readouterr().out
        assert (f"plain,{offered}" in out) if offered else (out.strip() == "")
