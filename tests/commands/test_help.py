"""The help of ``zoo`` and its commands: headings, sections, defaults, at 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from zoo.commands import app
from zoo.commands.group import CommandGroup
from zoo.job.layers import OPTIONS
from zoo.job.schema import default_of
from zoo.plugin import HEADINGS


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")


def sections(text: str) -> dict[str, list[str]]:
    """Names under each heading of a help text."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            names = found.setdefault(line[:-1], [])
        elif found and (match := re.match(r"  (-\w, )?([^ ,]+)", line)):
            names.append(match[2])
    return found


def every_command(command: click.Command, path: str = "zoo") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every_command(inner, f"{path} {name}")


def test_commands_are_listed_by_task_in_one_line_each(zoo):
    out = zoo("--help")[1]
    found = sections(out)
    assert [name for name in found if name != "Options"] == list(HEADINGS)
    assert sorted(found["Use"]) == ["detector", "export", "import", "models", "predict", "serve"]
    rows = out[out.index("\nTrain:") :].splitlines()
    assert not [row for row in rows if "..." in row], "a summary that is cut off"
    assert all(len(row) <= 80 and (not row.startswith("   ")) for row in rows), "a summary of more than a line"


def test_a_plugin_chooses_a_heading(zoo, make_plugin):
    make_plugin(
        "acme",
        "from zoo.plugin import Command, hookimpl\n@hookimpl\ndef zoo_commands():\n"
        "    yield Command('press', 'zoo_acme:press', summary='Press leaves', heading='Data')\n"
        "    yield Command('sort', 'zoo_acme:sort', summary='Sort leaves', heading='Leaves')\n"
        "    yield Command('rake', 'zoo_acme:rake', summary='Rake leaves')\n",
    )
    found = sections(zoo("--help")[1])
    assert "press" in found["Data"]
    assert found["Plugins"] == ["rake", "sort"]


def test_no_command_has_an_option_twice():
    for path, command in every_command(app):
        names = [name for param in command.params for name in (*param.opts, *param.secondary_opts)]
        assert len(names) == len(set(names)), path


def test_run_shows_few_options_first(zoo):
    found = sections(zoo("run", "--help")[1])
    assert len(found["Options"]) <= 11
    assert {"--data", "--epochs", "--pretrained", "--name", "--set"} <= set(found["Options"])
    assert found["Weights"] == ["--weights", "--freeze", "--teacher"]
    assert list(found)[1:] == [
        *("Data", "Training", "Weights", "Repeats", "Hardware", "Evaluation", "Output", "Control")
    ]


def test_defaults_are_those_of_a_job(zoo):
    out = " ".join(zoo("run", "--help")[1].split())
    for option, default in re.findall(r"--([\w-]+) (?:(?!--).)*?\[default: ([^\];]+)", out):
        path = OPTIONS.get(option.replace("-", "_"))
        if path is not None and default not in ("from the recipe", "the dataset's own"):
            assert str(default_of(path)) == default, option
    assert "[default: runs]" in out


@pytest.mark.parametrize(
    ("path", "command"), list(every_command(app)), ids=lambda value: value if type(value) is str else ""
)
def test_every_command_and_option_has_help(path: str, command: click.Command):
    assert command.help or isinstance(command, CommandGroup) or path.endswith("shards"), path
    first = (command.help or path).splitlines()[0]
    assert first[0].isupper() or path.endswith("shards")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.opts[0]}"
            assert parameter.help[0].isupper() or parameter.help.startswith(("onnx", "timm")), parameter.help
            assert parameter.help.endswith("."), f"{path} {parameter.opts[0]}: {parameter.help}"
