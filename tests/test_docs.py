"""The documents: generated pages are up to date, links lead somewhere, commands shown exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def generated() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_generated_pages_are_what_the_code_says():
    pages = generated()
    assert set(pages) == {"commands.md", "components.md", "hooks.md", "catalogue.md"}
    for name, text in pages.items():
        assert (ROOT / "docs" / name).read_text("utf-8") == text, f"type: python docs/generate.py ({name} is old)"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_that_exist(page: Path):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_shown_are_commands_of_the_zoo(page: Path):
    from zoo.commands import app

    context = click.Context(app, **app.context_settings)
    shown = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?zoo ([a-z][a-z-]*)", page.read_text("utf-8"), re.MULTILINE)
    unknown = {word for word in shown if app.get_command(context, word) is None}
    assert not unknown


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_readme_has_the_two_commands(name: str):
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"^<!-- command: {name} -->\n```\n(python3 .*)\n```$", text, re.MULTILINE)
    assert found


def test_no_page_has_an_unfilled_mark():
    assert not [page.name for page in PAGES if "@@" in page.read_text("utf-8")]
