"""Translations of pages: ``NAME.zh-CN.md`` has the headings and blocks of ``NAME.md``, with its prose in Chinese.

python docs/translation.py             copy the blocks of every page into its translation
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUFFIX = ".zh-CN.md"
# A comment that says how to run a page or a block; or a fence, indented in a list, with its content and its end.
BLOCK = re.compile(
    r"^[ ]*<!--.*?-->[ ]*$|^(?P<indent>[ ]*)(?P<fence>```+)[^\n]*\n.*?^(?P=indent)(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)


def translations(root: Path = ROOT) -> list[Path]:
    """Return every translated page."""
    return sorted([*root.glob(f"*{SUFFIX}"), *(root / "docs").rglob(f"*{SUFFIX}")])


def original(page: Path) -> Path:
    """Return the page that a translation translates."""
    return page.with_name(page.name.removesuffix(SUFFIX) + ".md")


def blocks(text: str) -> list[str]:
    """Return everything in a page that is typed, printed or read by tests, in order."""
    return [found[0] for found in BLOCK.finditer(text)]


def with_blocks(translated: str, text: str) -> str:
    """Return a translation with the blocks of its original.

    Raises:
        ValueError: the two have different numbers of blocks.
    """
    wanted = blocks(text)
    if len(blocks(translated)) != len(wanted):
        raise ValueError(f"{len(blocks(translated))} blocks in the translation, {len(wanted)} in the page")
    rest = iter(wanted)
    return BLOCK.sub(lambda found: next(rest), translated)


def update(page: Path) -> Path | None:
    """Copy the blocks of a page into its translation; return the translation, None if there is none."""
    translated = page.with_name(page.name.removesuffix(".md") + SUFFIX)
    if page.name.endswith(SUFFIX) or not translated.is_file():
        return None
    text = with_blocks(translated.read_text("utf-8"), page.read_text("utf-8"))
    translated.write_text(text, "utf-8")
    return translated


def main() -> int:
    """Update every translation."""
    for page in translations():
        try:
            update(original(page))
        except ValueError as error:
            sys.stderr.write(f"{page}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
