"""Pages that exist in Chinese too: the same blocks, the same headings, so that they can't diverge."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))

from translation import BLOCK, blocks, original, translations, update  # noqa: E402

TRANSLATED = translations()
TUTORIAL = sorted(path.name for path in (ROOT / "docs" / "tutorial").glob("[0-9]-*.md") if "zh-CN" not in path.name)
SUBJECTS = ("traffic-signs", "x-rays", "faces", "objects")


def headings(page: Path) -> list[int]:
    """The headings' levels, in their order; a # in a block is none."""
    prose = BLOCK.sub("", page.read_text("utf-8"))
    return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]


def pictures(page: Path) -> list[str]:
    return re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text("utf-8"))


def test_the_pages_are_there():
    names = {page.name for page in TRANSLATED}
    assert names >= {"README.zh-CN.md", "getting-started.zh-CN.md"}
    assert len(TUTORIAL) == 9
    assert names >= {name.replace(".md", ".zh-CN.md") for name in TUTORIAL}
    assert names >= {f"{name}.zh-CN.md" for name in SUBJECTS}


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda p: p.name)
def test_a_translation_types_and_prints_the_same(page: Path):
    texts = [path.read_text("utf-8") for path in (page, original(page))]
    assert blocks(texts[0]) == blocks(texts[1]), "type: python docs/translation.py"


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


def test_links_of_a_translation_prefer_translated_pages():
    """A reader of Chinese stays in Chinese where there is a translation."""
    left = {}
    for page in TRANSLATED:
        prose = BLOCK.sub("", page.read_text("utf-8"))
        links = [link for line in prose.splitlines()[5:] for link in re.findall(r"\]\(([^)#:]+\.md)", line)]
        english = [link for link in links if not link.endswith(".zh-CN.md")]
        wrong = [link for link in english if (page.parent / link.replace(".md", ".zh-CN.md")).exists()]
        if wrong:
            left[page.name] = wrong
    assert not left


PAGE = """\
# Page

English · [中文](page.zh-CN.md)

<!-- page: slow -->

Type:

- a list

  ```console
  $ {}
  ```
"""
CHINESE = """\
# 页面

[English](page.md) · 中文

<!-- page: slow -->

输入：

- 列表

  ```console
  $ old
  ```
"""


def test_the_blocks_of_a_page_are_copied_into_its_translation(tmp_path: Path):
    (tmp_path / "page.md").write_text(PAGE.format("new"), "utf-8")
    (tmp_path / "page.zh-CN.md").write_text(CHINESE, "utf-8")
    assert update(tmp_path / "page.md") == tmp_path / "page.zh-CN.md"
    assert (tmp_path / "page.zh-CN.md").read_text("utf-8") == CHINESE.replace("old", "new")


def test_a_page_without_a_translation_is_left_alone(tmp_path: Path):
    (tmp_path / "page.md").write_text(PAGE.format("new"), "utf-8")
    assert update(tmp_path / "page.md") is None
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


def test_a_translation_that_lacks_a_block_is_an_error(tmp_path: Path):
    (tmp_path / "page.md").write_text(PAGE.format("new") + "```\nmore\n```\n", "utf-8")
    (tmp_path / "page.zh-CN.md").write_text(CHINESE, "utf-8")
    with pytest.raises(ValueError, match="2 blocks in the translation, 3 in the page"):
        update(tmp_path / "page.md")
