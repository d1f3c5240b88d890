"""Hooks of mkdocs: pages and files outside of docs/, and the cards of the home pages.

The pages link to each other, and to files of the repository, in a way that works wherever the Markdown is read. For the
site, a page from outside (the README) becomes a page of it, and any other file that a page links to is copied into it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from markdown import Extension, Markdown
from markdown.blockprocessors import build_block_parser

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
OUTSIDE = {
    name: page
    for name, page in {
        "README.md": "index.md",
        "README.zh-CN.md": "index.zh-CN.md",
        "CHANGELOG.md": "changes.md",
        "CONTRIBUTING.md": "contributing.md",
        "SECURITY.md": "security.md",
    }.items()
    if (ROOT / name).exists()
}
HOMES = ("index.md", "index.zh-CN.md")
CARDS = re.compile(r"^<!-- cards -->\n(?P<list>(?:- .*\n(?:(?:  .*)?\n)*)+)", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)")
SOURCE = "source"  # where copied files lie in the site


class Indent(Extension):
    """Two spaces continue a list item, as in every other Markdown; must be the first extension.

    Block processors read ``tab_length`` when they are made, so they are made again.
    """

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.tab_length = 2
        md.parser = build_block_parser(md)


def on_config(config: Any) -> Any:
    """Add the indent of the pages."""
    config["markdown_extensions"].insert(0, Indent())
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from outside, and every file that a page links to."""
    from mkdocs.structure.files import File

    for name, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    for target in sorted({target for file in files.documentation_pages() for target in _copied(file.src_uri)}):
        files.append(File.generated(config, f"{SOURCE}/{target}", content=(ROOT / target).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links as the site has them; a list after ``<!-- cards -->`` as cards; the home pages without sidebars."""
    here = PurePosixPath(page.file.src_uri).parent
    if page.file.src_uri in HOMES:
        page.meta.setdefault("hide", ["navigation", "toc"])
    markdown = CARDS.sub(r'<div class="grid cards" markdown>\n\n\g<list>\n</div>\n\n', markdown)
    return LINK.sub(lambda link: relative(in_site(page.file.src_uri, link[1]), here), markdown)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """The language of a translated page, for screen readers and fonts."""
    translated = page.file.src_uri.endswith(".zh-CN.md")
    return output.replace('<html lang="en"', '<html lang="zh-CN"', 1) if translated else output


def in_repository(page: str) -> str:
    """``index.md`` is ``README.md``, ``sweep.md`` is ``docs/sweep.md``."""
    return next((name for name, other in OUTSIDE.items() if other == page), f"docs/{page}")


def in_site(page: str, link: str) -> str:
    """Where a link of a page leads, as a path in the site's own folder of pages."""
    target = os.path.normpath(PurePosixPath(in_repository(page)).parent / link)
    if target in OUTSIDE:
        return OUTSIDE[target]
    return target.removeprefix("docs/") if target.startswith("docs/") else f"{SOURCE}/{target}"


def relative(target: str, here: PurePosixPath) -> str:
    return os.path.relpath(target, here).replace(os.sep, "/")


def _copied(page: str) -> set[str]:
    """The files outside of docs/ that a page links to."""
    text = (ROOT / in_repository(page)).read_text("utf-8")
    targets = {in_site(page, link).removeprefix(f"{SOURCE}/") for link in LINK.findall(text)}
    return {target for target in targets if not (DOCS / target).exists() and (ROOT / target).is_file()} - set(OUTSIDE)


def navigation(config: Path) -> list[str]:
    """Every page that mkdocs.yml names, in order."""
    return _pages(yaml.load(config.read_text("utf-8"), _Loader)["nav"])


class _Loader(yaml.SafeLoader):
    """Passes over what mkdocs' own loader knows: ``!!python/name:…``, ``!ENV``."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [] if "://" in nav else [nav]
    inner = nav.values() if isinstance(nav, dict) else nav
    return [page for each in inner for page in _pages(each)]
