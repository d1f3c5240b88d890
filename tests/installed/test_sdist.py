"""The sdist: all of the repository that one needs, and the same wheel as from the repository itself."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow

REPOSITORY = "https://code.example/team/zoo"
TOLD = {"VISIONZOO_REPOSITORY": f"{REPOSITORY}/"}
TOPS = ("zoo", "plugins", "tests", "docs", ".ci", ".github")
FILES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "pyproject.toml", "registry.yaml")


@pytest.fixture(scope="module")
def sdist(build: Any, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist as a release has it: with the repository's address."""
    return build(source, tmp_path_factory.mktemp("sdist"), "sdist", **TOLD)


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (inner,) = folder.iterdir()
    return inner


def content(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata_of(wheel: Path) -> Metadata:
    """Its metadata; packaging refuses what an index would refuse."""
    (text,) = (data for name, data in content(wheel).items() if name.endswith(".dist-info/METADATA"))
    return Metadata.from_email(text, validate=True)


def test_the_sdist_has_the_repository(source, unpacked):
    wanted = {p.relative_to(source) for top in TOPS for p in (source / top).rglob("*") if p.is_file()}
    wanted |= {Path(name) for name in FILES}
    there = {p.relative_to(unpacked) for p in unpacked.rglob("*") if p.is_file()}
    assert wanted - there == set()
    ours = {"PKG-INFO", "hatch_build.py", ".gitignore", "README.zh-CN.md", "mkdocs.yml"}
    assert {str(path) for path in there - wanted} <= ours
    for path in wanted:
        assert (unpacked / path).read_bytes() == (source / path).read_bytes(), path


def test_the_wheel_of_the_sdist_is_that_of_the_repository(build, source, unpacked, wheel, tmp_path):
    """To the byte, metadata and all, though whoever builds the sdist knows nothing of the repository's address."""
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    ours = content(build(source, tmp_path / "ours", **TOLD))
    theirs = content(build(unpacked, tmp_path / "theirs"))
    assert list(ours) == list(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    plain = content(wheel)
    assert {n for n in ours if ours[n] != plain[n]} == {n for n in ours if n.endswith(("/METADATA", "/RECORD"))}


def test_the_description_has_no_link_that_leads_nowhere(build, source, wheel, tmp_path):
    """On an index there are no files beside it: with the repository's address all is linked, and without nothing."""
    with_address = metadata_of(build(source, tmp_path, **TOLD))
    without = metadata_of(wheel)
    for metadata in (with_address, without):
        assert metadata.description_content_type == "text/markdown"
        links = re.findall(r"\]\(([^)]+)\)", metadata.description or "")
        assert not [link for link in links if not link.startswith("https://")]
    assert f"]({REPOSITORY}/blob/v0" in (with_address.description or "")
    assert f"]({REPOSITORY}/raw/v0" in (with_address.description or ""), "a picture is a file, not a page"
    assert (with_address.project_urls or {})["Changelog"] == f"{REPOSITORY}/blob/main/CHANGELOG.md"
    assert not without.project_urls
    text = re.sub(r"\s+", " ", without.description or "")
    assert "zoo run simple_cnn cats_dogs" in text
    assert "docs/" not in re.sub(r"`[^`]*`", "", text)


def test_the_metadata_is_what_an_index_takes(wheel):
    from trove_classifiers import classifiers  # what hatchling, and the index, know

    metadata = metadata_of(wheel)
    assert str(metadata.license_expression) == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert set(metadata.classifiers or ()) <= classifiers
    assert "Typing :: Typed" in (metadata.classifiers or ())
    assert str(metadata.requires_python) == ">=3.11"
    assert metadata.metadata_version == "2.4"
    names = [r.name for r in map(Requirement, map(str, metadata.requires_dist or ())) if r.marker is None]
    assert len(names) == len(set(names))
    archive = content(wheel)
    assert "zoo/py.typed" in archive
    assert not [name for name in archive if name.startswith(("tests/", "docs/", "plugins/"))]
