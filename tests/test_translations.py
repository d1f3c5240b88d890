"""Pages that are there in Chinese too: the same blocks, the same headings, so that they can't drift apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRANSLATED = sorted([*ROOT.glob("*.zh-CN.md"), *(ROOT / "docs").rglob("*.zh-CN.md")])
# A fence, what it says of its language, and all up to the fence that ends it; or a comment that says how to run it.
BLOCK = re.compile(r"^<!--.*?-->$|^(?P<fence>```+)[^\n]*\n.*?^(?P=fence)$", re.MULTILINE | re.DOTALL)


def original(page: Path) -> Path:
    return page.with_name(page.name.replace(".zh-CN.md", ".md"))


def blocks(page: Path) -> list[str]:
    """All that is typed, printed or said to the tests, in its order."""
    return [found[0] for found in BLOCK.finditer(page.read_text("utf-8"))]


def headings(page: Path) -> list[int]:
    """The headings' levels, in their order; a # in a block is none."""
    prose = BLOCK.sub("", page.read_text("utf-8"))
    return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]


def pictures(page: Path) -> list[str]:
    return re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text("utf-8"))


def test_the_pages_are_there():
    assert {page.name for page in TRANSLATED} >= {"README.zh-CN.md", "getting-started.zh-CN.md"}


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda p: p.name)
def test_a_translation_types_and_prints_the_same(page: Path):
    assert blocks(page) == blocks(original(page)), f"copy the blocks of {original(page).name}"


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda p: p.name)
def test_a_translation_has_the_same_parts(page: Path):
    assert headings(page) == headings(original(page))
    assert pictures(page) == pictures(original(page))


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda p: p.name)
def test_the_languages_lead_to_each_other_at_the_top(page: Path):
    first = {path: path.read_text("utf-8").splitlines()[:5] for path in (page, original(page))}
    assert any(f"[English]({original(page).name})" in line for line in first[page])
    assert any(f"[中文]({page.name})" in line for line in first[original(page)])


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda p: p.name)
def test_a_translation_is_one(page: Path):
    prose = BLOCK.sub("", page.read_text("utf-8"))
    chinese, latin = len(re.findall(r"[\u4e00-\u9fff]", prose)), len(re.findall(r"[A-Za-z]", prose))
    assert chinese > latin / 6, "its prose is still English"
