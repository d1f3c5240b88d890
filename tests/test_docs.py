"""The documents: generated pages are up to date, links lead somewhere, commands, options and settings shown exist.

tests/test_book.py compares what a page shows as printed with what is printed.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]
OTHERS = {"best", "acme/press", "hello", "ray"}  # commands of plugins that a page writes, or of a distribution
WRITTEN_THERE = {"--alarm"}  # options of plugins that a page writes


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def generated() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_generated_pages_are_what_the_code_says():
    pages = generated()
    names = {"commands.md", "components.md", "hooks.md", "plugins-directory.md", "catalogue.md", "registry-yaml.md"}
    assert set(pages) == names | {"public-names.md"}
    for name, text in pages.items():
        assert (ROOT / "docs" / name).read_text("utf-8") == text, f"type: python docs/generate.py ({name} is old)"


def test_the_catalogue_agrees_with_the_distributions_of_this_repository():
    known = yaml.safe_load((ROOT / "registry.yaml").read_text("utf-8"))["catalogue"]
    projects = [tomllib.loads(path.read_text("utf-8"))["project"] for path in ROOT.glob("plugins/*/pyproject.toml")]
    said = {name: (item["package"], item["license"], item["source"]) for name, item in known.items()}
    assert said == {
        name: (project["name"], project["license"], f"plugins/{project['name']}")
        for project in projects
        for name in project["entry-points"]["zoo.plugins"]
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_that_exist(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_headings_that_exist(page: Path):
    links = re.findall(r"\]\(([^)#\s:]*\.md|)#([^)\s]+)\)", page.read_text("utf-8"))
    missing = [f"{file}#{word}" for file, word in links if word not in anchors(page.parent / file if file else page)]
    assert not missing


# The homes of the site and the list of changes have no single result.
PLAIN = ("README.md", "README.zh-CN.md", "CHANGELOG.md")


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) not in PLAIN], ids=name_of)
def test_a_page_begins_with_what_a_reader_will_have_at_its_end(page: Path):
    text = re.sub(r"<!--.*?-->", "", page.read_text("utf-8"), flags=re.DOTALL)
    first, *rest = [part.strip() for part in text.split("\n\n") if part.strip()]
    assert first.startswith("# ")
    if rest[0].startswith(("English · ", "[English](")):
        rest = rest[1:]
    assert re.match(r"\**(At the end|完成后)\b", rest[0])


def typed(text: str) -> Iterator[list[str]]:
    """The words of every line of a fenced block, and of every inline code, that is a command of the zoo."""
    fenced = re.findall(r"^ *```[\w-]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in re.sub(r"\\\n(> )?", " ", block).splitlines()]
    lines += re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
    for line in lines:
        found = re.match(r"\s*(?:\$ )?(?:\w+=\S+ )?(?:\.venv/bin/)?zoo (?=[a-z])([^|&;>#]*)", line)
        if found:
            try:
                yield shlex.split(found[1])
            except ValueError:  # the half of a quotation
                continue


def command_of(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """The command that is meant, and what follows its name; None where there is no such command."""
    from zoo.commands import app

    command: click.Command | None = app
    while isinstance(command, click.Group) and words and re.match("[a-z]", words[0]):
        command, words = _member(command, words[0]), words[1:]
    return command, words


@cache  # a plugin's command is looked up in the registry, which is read anew each time
def _member(group: click.Group, name: str) -> click.Command | None:
    return group.get_command(click.Context(group, **group.context_settings), name)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_shown_are_commands_of_the_zoo(page: Path):
    unknown = {words[0] for words in typed(page.read_text("utf-8")) if command_of(words)[0] is None}
    assert not unknown - OTHERS


@cache  # those of zoo run are asked of the registry
def _options(command: click.Command) -> frozenset[str]:
    return frozenset(name for each in command.get_params(click.Context(command)) for name in each.opts)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_shown_are_options_of_the_command(page: Path):
    unknown, text = set(), page.read_text("utf-8")
    own = re.findall(r'"option": "(--[a-z-]+)"', text)  # of a plugin that the page writes
    for words in typed(text):
        command, rest = command_of(words)
        if command is None or command.context_settings.get("ignore_unknown_options"):
            continue  # a plugin's command reads its own
        known = {"--help", *WRITTEN_THERE, *own, *_options(command)}
        given = {word.split("=")[0] for word in rest if re.match("--[a-z]", word)}
        unknown |= {f"{' '.join(words)}: {option}" for option in given - known}
    assert not unknown


def settings(page: Path) -> list[list[str]]:
    """Every group of ``--set PATH=VALUE`` in inline code that could be typed as it stands."""
    codes = re.findall(r"(?<!`)`((?:--[a-z-]+ [^`\n]*)?--set [^`\n]+)`(?!`)", page.read_text("utf-8"))
    return [shlex.split(code.replace("\\|", "|")) for code in codes if "…" not in code]


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("from-*.md")), ids=name_of)
def test_settings_for_those_who_come_from_elsewhere_are_taken(page: Path, zoo: Callable[..., tuple[int, str, str]]):
    refused = {}
    for words in settings(page):
        network = "simple_cnn" if any("dropout" in word for word in words) else "timm/resnet18"
        if words[0] == "--set" or words[0] in ("--epochs", "--lr", "--freeze", "--image-size", "--precision"):
            code, _, err = zoo("run", network, "digits", *words, "--dry-run")
            if code:
                refused[" ".join(words)] = err
    assert settings(page) or "mmpretrain" in page.name  # there, what is typed is a file
    assert not refused


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_readme_has_the_two_commands(name: str):
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"^<!-- command: {name} -->\n```\n(python3 .*)\n```$", text, re.MULTILINE)
    assert found


def test_no_page_has_an_unfilled_mark():
    assert not [page.name for page in PAGES if "@@" in page.read_text("utf-8")]
