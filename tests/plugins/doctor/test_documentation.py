"""``zoo docs``: the site of a checkout, the address of a release, and what is said where there is neither."""

from __future__ import annotations

from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest

from zoo_doctor import documentation

CONFIGURATION = "site_name: The zoo\nuse_directory_urls: false\ntheme: {name: material, font: false}\n"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    addresses: list[str] = []
    monkeypatch.setattr(documentation.webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one page."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n")
    (tmp_path / "mkdocs.yml").write_text(CONFIGURATION)
    monkeypatch.setattr(documentation, "checkout", lambda: tmp_path)
    return tmp_path


def without_pages(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    message = Message()
    for url in urls:
        message["Project-URL"] = url
    monkeypatch.setattr(documentation, "checkout", lambda: None)
    monkeypatch.setattr(metadata, "metadata", lambda name: message)


def test_a_checkout_is_built_and_opened(zoo, root, opened):
    code, out, err = zoo("docs")
    assert code == 0, err
    assert "Home" in (root / "site" / "index.html").read_text("utf-8")
    assert opened == [(root / "site" / "index.html").as_uri()]
    assert out.strip() == opened[0]


def test_no_open_only_prints(zoo, root, opened):
    code, out, _ = zoo("docs", "--no-open")
    assert (code, opened) == (0, [])
    assert out.strip().endswith("site/index.html")


def test_without_a_browser_the_address_is_printed(zoo, root, monkeypatch):
    monkeypatch.setattr(documentation.webbrowser, "open", lambda address: False)
    code, out, _ = zoo("docs")
    assert code == 0
    assert "index.html: no browser was found" in out


def test_without_mkdocs_the_extra_and_the_pages_are_named(zoo, root, opened, monkeypatch):
    monkeypatch.setattr(documentation, "find_spec", lambda name: None)
    code, _, err = zoo("docs")
    assert (code, opened) == (2, [])
    assert "pip install 'visionzoo[docs]'" in err
    assert str(root / "docs") in err


def test_a_failing_build_is_reported_with_its_last_line(zoo, root, opened):
    (root / "mkdocs.yml").write_text("site_name: [\n")
    code, _, err = zoo("docs")
    assert (code, opened) == (1, [])
    assert "could not build the site" in err
    assert "Traceback" not in err


def test_a_release_opens_the_address_of_its_metadata(zoo, opened, monkeypatch):
    without_pages(monkeypatch, "Homepage, https://example.org", "Documentation, https://example.org/docs")
    code, out, err = zoo("docs")
    assert code == 0, err
    assert opened == ["https://example.org/docs"]
    assert out.strip() == "https://example.org/docs"


def test_a_wheel_without_an_address_says_where_the_pages_are(zoo, opened, monkeypatch):
    without_pages(monkeypatch)
    code, _, err = zoo("docs")
    assert (code, opened) == (2, [])
    assert "docs/ of the repository, beginning with getting-started.md" in err


def test_this_checkout_is_found():
    found = documentation.checkout()
    assert found is not None
    assert (found / "docs" / "getting-started.md").is_file()


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ('{"url": "file:///home/ann/my%20zoo", "dir_info": {}}', Path("/home/ann/my zoo")),
        ('{"url": "https://example.org/zoo.git", "vcs_info": {}}', None),
        ("", None),
        ("{", None),
    ],
)
def test_pip_records_the_checkout_that_it_installed(monkeypatch, record: str, found: Path | None):
    class Installed:
        def read_text(self, name: str) -> str:
            return record if name == "direct_url.json" else ""

    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    assert documentation._installed_from() == found
