"""The files for GitHub and for contributors: what they call exists, what they name is true."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PROGRAMS = {"python", "twine", "cd"}  # what a runner, or a step before, has


def read(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text("utf-8"))
    found["on"] = found.pop(True)  # YAML 1.1 reads "on" as a yes
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


def test_there_are_workflows():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_a_job_says_where_how_long_and_with_which_rights(path):
    document = read(path)
    assert document["permissions"] == {"contents": "read"}, "a job that needs more says so itself"
    for name, job in document["jobs"].items():
        assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"]), name
        assert 0 < job["timeout-minutes"] <= 180
        assert set(job.get("needs", "").split()) <= set(document["jobs"])
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is(path):
    """A tag can be moved by whoever takes over an action; one action has one version in all files."""
    lines = [line for each in WORKFLOWS for line in each.read_text("utf-8").splitlines() if "uses:" in line]
    pins: dict[str, set[str]] = {}
    for line in lines:
        found = re.search(r"uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$", line)
        assert found, line
        pins.setdefault(found[1], set()).add(found[2])
    assert all(len(versions) == 1 for versions in pins.values()), pins
    assert {step["uses"].partition("@")[0] for step in steps(path) if "uses" in step} <= set(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_what_is_called_exists(path):
    for step in steps(path):
        for line in str(step.get("run", "")).splitlines():
            program, *words = shlex.split(line)
            if "/" in program and "fresh" not in program:
                assert (ROOT / program).is_file(), line
                assert (ROOT / program).stat().st_mode & 0o111, f"{program} is executable"
            elif "fresh" not in program:
                assert program in PROGRAMS, line
            for word in (word for word in words if word.endswith(".py")):
                assert (ROOT / word).is_file(), line
            if program.endswith("/zoo"):
                assert_is_a_command(words)


def assert_is_a_command(words: list[str]) -> None:
    from zoo.__main__ import main

    assert main([words[0], *(["--help"] if not words[0].startswith("-") else [])]) == 0


def test_both_ends_of_the_supported_pythons_are_tested():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert read(ROOT / ".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == [
        named[0],
        named[-1],
    ]


def test_the_cache_is_the_environment_that_the_script_makes():
    (cached,) = [s for s in steps(ROOT / ".github/workflows/ci.yml") if s.get("uses", "").startswith("actions/cache@")]
    assert cached["with"]["path"] == "~/.cache/visionzoo-ci"
    assert "visionzoo-ci" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "hashFiles('pyproject.toml')" in cached["with"]["key"]


def test_only_publishing_may_ask_for_an_identity_and_it_publishes_what_was_tried():
    document = read(ROOT / ".github/workflows/release.yml")
    assert document["on"] == {"push": {"tags": ["v*"]}}
    jobs = document["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "permissions" not in jobs["build"]
    assert jobs["publish"]["needs"] == "build"
    assert jobs["publish"]["environment"]
    assert not [step for step in jobs["publish"]["steps"] if "run" in step], "nothing is built with that right"
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text("utf-8")


def test_no_word_of_a_stranger_is_put_into_a_script():
    """``${{ … }}`` in ``run`` is pasted before the shell reads it: a tag or a branch can be called ``$(…)``."""
    for path in WORKFLOWS:
        for step in steps(path):
            assert "${{" not in str(step.get("run", "")), path


# -- a release ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "version.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-05-01)\n\n- All.\n\n## 1.2.2 (2026-04-01)\n")
    return tmp_path


def problems(tag: str, root: Path) -> list[str]:
    spec = importlib.util.spec_from_file_location("check_release", ROOT / ".ci" / "check_release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.problems(tag, root))


def test_a_release_that_is_ready(ready):
    assert problems("v1.2.3", ready) == []


@pytest.mark.parametrize(
    ("tag", "heading", "says"),
    [
        ("v1.2.4", "## 1.2.3 (2026-05-01)", "tag v1.2.3"),
        ("1.2.3", "## 1.2.3 (2026-05-01)", "tag v1.2.3"),
        ("v1.2.3", "## 1.2.3 (unreleased)", "'1.2.3 (unreleased)'"),
        ("v1.2.3", "## 1.2.2 (2026-05-01)", "'1.2.2 (2026-05-01)'"),
    ],
)
def test_a_release_that_is_not(ready, tag, heading, says):
    text = (ready / "CHANGELOG.md").read_text().replace("## 1.2.3 (2026-05-01)", heading)
    (ready / "CHANGELOG.md").write_text(text)
    (problem,) = problems(tag, ready)
    assert says in problem


def test_the_check_as_it_is_typed():
    script = [sys.executable, str(ROOT / ".ci" / "check_release.py")]
    assert subprocess.run(script, capture_output=True, check=False).returncode == 2
    done = subprocess.run([*script, "v0.0.0"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "The tag is v0.0.0" in done.stdout


def test_the_changelog_has_a_heading_for_each_version_the_newest_first():
    from packaging.version import Version

    import zoo

    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    found = [re.fullmatch(r"(\S+) \((unreleased|\d{4}-\d\d-\d\d)\)", heading) for heading in headings]
    assert all(found), headings
    versions = [Version(each[1]) for each in found if each]
    assert versions == sorted(versions, reverse=True)
    assert versions[0] >= Version(zoo.__version__)
    assert not [each for each in found[1:] if each and each[2] == "unreleased"]


# -- the pages of the repository ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_that_are_named_exist(page):
    text = page.read_text("utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    named = re.findall(r"`((?:zoo|plugins|tests|docs|\.ci|\.github)/[\w./-]+)`", text)
    named += re.findall(r"\b(tests/[\w/]+\.py)\b", text)
    missing = [name for name in (*links, *named) if name and not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_anchors_lead_to_headings(page):
    text = page.read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_the_contributors_command_is_the_readmes():
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(r"^<!-- command: test -->\n```\n(python3 .*)\n```$", text, re.MULTILINE)
    assert found
    assert found[1] in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_what_is_promised_to_be_protected_is_in_the_code():
    """SECURITY.md gives limits; they are the code's."""
    from zoo.storage.safe_yaml import MOST_BYTES, MOST_VALUES

    text = (ROOT / "SECURITY.md").read_text("utf-8")
    assert MOST_BYTES == 1 << 20
    assert f"{MOST_VALUES:,}" in text
    assert "@" not in re.sub(r"`[^`]*`", "", text), "no address is made up"
