"""No picture of the docs is older than the code that it shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))

import pictures  # noqa: E402


def test_no_picture_is_older_than_the_code():
    assert pictures.outdated() == []


def test_the_picture_of_the_readme_is_of_its_run():
    typed = re.findall(r"(?:^|&& )(?:\S*/)?(zoo run .*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert pictures.TITLE in typed
    svg = pictures.RUN.read_text("utf-8")
    assert pictures.TITLE.replace(" ", "&#160;") in svg or pictures.TITLE in svg
    assert "//" not in svg.replace("http://www.w3.org", "").replace("https://www.textualize.io", ""), "asks nobody"


def test_a_changed_report_is_noticed(monkeypatch: pytest.MonkeyPatch):
    from zoo.reports import mistakes

    monkeypatch.setattr(mistakes, "HINT", "other words")
    assert any("docs/run.svg" in sentence for sentence in pictures.outdated())


def test_a_changed_template_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "docs").mkdir()
    for path in (ROOT / "docs").glob("*.webp"):
        (tmp_path / "docs" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "page.html").write_text("one")
    picture = "docs/serve.webp"
    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    monkeypatch.setattr(pictures, "RECORD", tmp_path / "pictures.json")
    monkeypatch.setattr(pictures, "SHOWN", {picture: ("page.html",)})
    pictures._taken(picture, unchanged=False)
    assert not any(picture in sentence for sentence in pictures.outdated())
    (tmp_path / "page.html").write_text("two")
    assert any(picture in sentence for sentence in pictures.outdated())
    with pytest.raises(SystemExit, match="take it again"):
        pictures._taken(picture, unchanged=False)
    pictures._taken(picture, unchanged=True)
    assert not any(picture in sentence for sentence in pictures.outdated())


def test_every_picture_of_a_page_is_known():
    pages = [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]
    shown = {
        str((page.parent / address).resolve().relative_to(ROOT))
        for page in pages
        for address in re.findall(r"!\[[^\]]*\]\(([^)]+\.(?:webp|png|svg))\)", page.read_text("utf-8"))
    }
    known = {"docs/run.svg", *pictures.SHOWN}
    assert {path for path in shown if not re.search("-(before|after)", path)} <= known, (
        "add it to SHOWN in docs/pictures.py"
    )
