"""What a person reads is plain technical English, without turns of phrase that sound like a translation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BANNED = {
    r"\btold\b(?!:)": "reported, shown",
    r"\btells?\b(?!:)": "reports, describes, shows",
    r"\b(un)?mend(s|ed|ing)?\b(?!:)": "fix, repair",
    r"(?<!\b[Tt]here )\bis no\b(?! longer)": "is not a …",
    r"\bat home with\b": "designed for",
    r"\bthat (is|are) to be\b": "to …",
    r"\b(is|are) not to be had\b": "is not available",
    r"\banew\b": "again",
    r"\bafresh\b": "again",
    r"\b[Ss]o much of\b": "a part of",
    r"\bgo(es|ing)? on with\b": "resume, continue",
    r"\bturn(s|ed)? (it )?(on|off)\b": "enable, disable",
    r"\b[Tt]ake(s|n)? (it )?(out|away)\b": "uninstall, remove",
    r"\bby itself\b": "automatically, separately",
    r"\blikeliest\b": "most probable",
    r"\bas one types\b": "as typed",
    r"\bmade up\b": "generated",
    r"\b[Ww]hat chance\b": "by chance",
    r"\bspoil[ts]?\b": "corrupt",
    r"\bnothing of it\b": "it is not",
    r"\b(images?|labels?|steps?|lines?|epochs?|bits) an? (image|step|epoch|second|channel)\b": "per",
    r"\bshall\b": "must, will",
    r"\btaken (for|as) such\b": "treated as",
}
"""Banned turns as regular expressions, each with what to write instead. A colon follows the name of a parameter."""

KEYS = {"mend", "brings"}
"""Keys of documents that programs read."""


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each string literal and docstring, with a letter for each placeholder of an f-string."""
    tree = ast.parse(path.read_text("utf-8"))
    inner = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inner:
            yield node.lineno, node.value


def _found(text: str) -> Iterator[str]:
    """Each banned turn in a text, with its surroundings and what to write instead."""
    plain = " ".join(text.split())
    for pattern, instead in BANNED.items():
        for found in re.finditer(pattern, plain):
            yield f"…{plain[max(0, found.start() - 40) : found.end() + 40]}…: write {instead!r}"


def _sources() -> list[Path]:
    files = [*ROOT.glob("zoo/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    return sorted(path for path in files if "tests" not in path.relative_to(ROOT).parts)


def _pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", _sources(), ids=_name)
def test_words_of_the_code(path: Path):
    wrong = [
        f"{_name(path)}:{line}: {found}" for line, text in _literals(path) if text not in KEYS for found in _found(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_words_of_recipes():
    assert not list(_found((ROOT / "registry.yaml").read_text("utf-8")))


@pytest.mark.parametrize("path", _pages(), ids=_name)
def test_words_of_the_book(path: Path):
    found = list(_found(path.read_text("utf-8")))
    assert not found, "\n".join(found)


def test_a_banned_turn_is_found():
    text = "'yesterday' is no time. There is no folder. It is no longer read, and what is told is mended anew."
    assert [found.rpartition("write ")[2] for found in _found(text)] == [
        *("'reported, shown'", "'fix, repair'", "'is not a …'", "'again'")
    ]
