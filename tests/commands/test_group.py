"""Commands that plugins contribute: click's, functions of words, and commands of a group of the zoo."""

from __future__ import annotations

import subprocess
import sys

import pytest

PLUGIN = """
from zoo.plugin import Command, hookimpl

@hookimpl
def zoo_commands():
    yield Command("press", "zoo_acme_press:press", summary="Press leaves")
    yield Command("herbarium", "zoo_acme_press:group", summary="Sort leaves")
    yield Command("leafy", "zoo_acme_press:leafy", summary="Draw a plugin", group="plugins")
    yield Command("parsed", "zoo_acme_press:parsed", summary="Parse by argparse")
"""
CODE = """
import argparse, sys
import click

@click.command()
@click.argument("tree")
@click.option("--architecture", help="A network.")
def press(tree, architecture):
    \"\"\"Press the leaves of a TREE.\"\"\"
    click.echo(f"{tree} by {architecture}")

@click.group()
def group():
    \"\"\"Sort leaves.\"\"\"

@group.command()
@click.option("--count", type=int, default=1)
def sort(count):
    \"\"\"Sort them.\"\"\"
    if count < 0:
        raise KeyError("fewer than none")
    click.echo(f"sorted {count}")

@click.command()
def leafy():
    click.echo("a leafy plugin")

def parsed(words):
    parser = argparse.ArgumentParser("zoo parsed")
    parser.add_argument("--loud", action="store_true")
    parser.parse_args(words)
    sys.exit("nothing to parse")
"""


@pytest.fixture
def plugin(make_plugin):
    make_plugin("acme", PLUGIN, zoo_acme_press=CODE)


@pytest.mark.slow
@pytest.mark.usefixtures("plugin")
def test_a_click_command_has_options_help_and_errors_as_the_zoos_own(zoo):
    assert zoo("press", "oak", "--architecture", "simple_cnn")[:2] == (0, "oak by simple_cnn\n")
    for flag in ("-h", "--help"):
        code, out, _ = zoo("press", flag)
        assert (code, "Press the leaves of a TREE." in out) == (0, True)
    code, _, err = zoo("press", "oak", "--wide")
    assert code == 2
    assert "See: zoo press --help" in err


@pytest.mark.usefixtures("plugin")
def test_a_click_group_has_its_commands(zoo):
    assert zoo("herbarium", "sort", "--count", "3")[:2] == (0, "sorted 3\n")
    assert "Sort them." in zoo("herbarium", "-h")[1]


@pytest.mark.usefixtures("plugin")
def test_a_failure_names_the_plugin_and_the_line(zoo):
    code, _, err = zoo("herbarium", "sort", "--count", "-1")
    assert code == 1
    assert "command 'acme/herbarium'" in err
    assert "zoo_acme_press.py:21" in err


@pytest.mark.usefixtures("plugin")
def test_help_lists_contributed_commands_without_importing_them(zoo):
    out = zoo("--help")[1]
    assert out.index("\nTrain:") < out.index("\nPlugins:") < out.index("press")
    assert "zoo_acme_press" not in sys.modules
    assert "leafy" not in out, "a command of the group plugins"


@pytest.mark.usefixtures("plugin")
def test_a_command_is_added_to_a_group_of_the_zoo(zoo):
    assert "Draw a plugin" in zoo("plugins", "--help")[1]
    assert zoo("plugins", "leafy")[:2] == (0, "a leafy plugin\n")


@pytest.mark.slow
@pytest.mark.usefixtures("plugin")
def test_a_function_may_exit_as_argparse_does(zoo):
    code, out, err = zoo("parsed", "--help")
    assert (code, err) == (0, "")
    assert "--loud" in out
    assert zoo("parsed", "--soft")[0] == 2
    assert zoo("parsed")[0::2] == (1, "nothing to parse\n")


def test_a_bundled_functions_help_is_no_failure(zoo):
    code, out, err = zoo("shards", "--help")
    assert (code, err) == (0, "")
    assert "pack" in out


@pytest.mark.usefixtures("plugin")
def test_options_of_known_names_complete(monkeypatch: pytest.MonkeyPatch, capfd):
    from zoo.commands import app
    from zoo.commands.completing import answer

    monkeypatch.setenv("_ZOO_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "zoo\npress\noak\n--architecture\nsimple_c")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert answer(app) == 0
    assert "plain,simple_cnn" in capfd.readouterr().out


def test_commands_of_the_zoos_own_plugins_need_no_other_plugin(make_plugin, tmp_path):
    """A plugin that ends the process at its import holds up no command of a bundled plugin."""
    site = make_plugin("deadly", "import os\nos._exit(7)\n")
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from zoo.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, "shards", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_worked_example_is_a_command(zoo, make_plugin):
    """The example of zoo.api.commands, as a plugin."""
    import inspect

    from zoo.api import commands

    example = inspect.cleandoc((commands.__doc__ or "").partition("Example::\n")[2])
    hook = (
        "from zoo.plugin import Command, hookimpl\n@hookimpl\ndef zoo_commands():\n"
        "    yield Command('rate', 'zoo_acme_rate:rate', summary='Print the learning rate of a job')\n"
    )
    make_plugin("acme", hook, zoo_acme_rate=example)
    assert zoo("rate", "simple_cnn", "digits", "--lr", "0.25")[:2] == (0, "0.25 (command line)\n")
    assert "recipe simple_cnn+digits" in zoo("rate", "simple_cnn", "digits")[1]
    code, _, err = zoo("rate", "simple_cnn")
    assert code == 2
    assert "zoo rate takes an architecture and a dataset" in err
