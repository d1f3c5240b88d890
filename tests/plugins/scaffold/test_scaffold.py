"""``zoo plugins new``: what it writes is whole, formatted, installable, and passes its own tests."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import OutputError, RequestError, UnknownName
from zoo.host.hookspecs import CONTRIBUTIONS
from zoo.host.loader import collect_components, load_module
from zoo.registry import kinds
from zoo.registry.entry import Origin
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.testing import checks_of, run_checks
from zoo.testing.plugins import plugin_checks
from zoo_scaffold.names import EXAMPLE_KINDS, PARTS, check_name, distribution_of, minimum, plural
from zoo_scaffold.writing import next_lines, write_package

ROOT = Path(__file__).parents[3]
ASKED = ("architecture", "dataset", "loss", "metric")  # the four of the first line of the documentation
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program; its failure is the test's, with what it said."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "VIRTUAL_ENV"))}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done


def ruff(folder: Path) -> None:
    """The package's own settings, as its author and its CI would have it checked."""
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=folder)
    run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", "--diff", ".", cwd=folder)


def texts(folder: Path) -> dict[str, str]:
    """Every file of a package, by its place."""
    return {
        p.relative_to(folder).as_posix(): p.read_text("utf-8")
        for p in folder.rglob("*")
        if p.is_file() and p.suffix != ".pyc"
    }


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], LoadedPlugin]:
    """Load a written package as the host would, without installing it."""

    def load(folder: Path) -> LoadedPlugin:
        import importlib

        package = folder.name.replace("-", "_")
        for module in [m for m in sys.modules if m == package or m.startswith(f"{package}.")]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        plugin = LoadedPlugin(Origin(folder.name.removeprefix("zoo-"), folder.name, "0.1.0"), f"{package}.plugin")
        load_module(plugin, lambda: importlib.import_module(plugin.target))
        return plugin

    return load


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A real virtual environment's interpreter; what is installed here is lent to it, the zoo as well."""
    home = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=tmp_path)
    interpreter = home / "bin" / "python"
    found = run(interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).stdout
    lent = sysconfig.get_path("purelib")
    # addsitedir reads the .pth files in there too, an editable zoo's among them.
    (Path(found.strip()) / "lent.pth").write_text(f"import site; site.addsitedir({lent!r})\n")
    return interpreter


def install(python: Path, folder: Path) -> None:
    words = ("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check")
    run(python, "-m", "pip", "install", "--quiet", *words, "-e", folder, cwd=folder.parent)


@pytest.mark.parametrize("kind", EXAMPLE_KINDS)
def test_a_kind_alone(kind: str, tmp_path: Path, loaded: Callable[[Path], LoadedPlugin]) -> None:
    folder = write_package("leaf", [kind], tmp_path)
    ruff(folder)
    module = f"zoo_leaf/{plural(kind)}.py"
    assert set(texts(folder)) - {"tests/test_run.py"} == {
        "pyproject.toml",
        "README.md",
        ".gitignore",
        ".github/workflows/ci.yml",
        "zoo_leaf/__init__.py",
        "zoo_leaf/plugin.py",
        module,
        "tests/conftest.py",
        "tests/test_contract.py",
        f"tests/test_{plural(kind)}.py",
    }
    plugin = loaded(folder)
    assert plugin.state == "enabled", plugin.details
    (entry,) = plugin.entries
    assert entry.kind == kind
    assert callable(entry.factory())
    assert texts(folder)[module].startswith('"""')
    readme = texts(folder)["README.md"]
    assert f"| {kind} | `{entry.component.name}` |" in readme


def test_all_kinds_together(tmp_path: Path, loaded: Callable[[Path], LoadedPlugin]) -> None:
    folder = write_package("all", EXAMPLE_KINDS, tmp_path)
    ruff(folder)
    plugin = loaded(folder)
    assert plugin.state == "enabled", plugin.details
    assert sorted(entry.kind for entry in plugin.entries) == sorted(EXAMPLE_KINDS)
    assert all(entry.component.summary for entry in plugin.entries)
    assert all(CONTRIBUTIONS[kind] in texts(folder)["zoo_all/plugin.py"] for kind in EXAMPLE_KINDS)


def test_no_kind_is_an_architecture(tmp_path: Path) -> None:
    assert texts(write_package("one", (), tmp_path / "a")) == texts(
        write_package("one", ["architecture"], tmp_path / "b")
    )


def test_the_order_and_number_of_the_kinds_asked_for_decide_nothing(tmp_path: Path) -> None:
    one = write_package("acme", ["loss", "architecture"], tmp_path / "a")
    other = write_package("acme", ["architecture", "loss", "loss"], tmp_path / "b")
    assert texts(one) == texts(other)


@pytest.mark.parametrize("name", ["a", "x" * 24, "my-leaves", "my_leaves", "r2d2"])
def test_every_name_that_is_allowed_stays_formatted(name: str, tmp_path: Path) -> None:
    folder = write_package(name, [*EXAMPLE_KINDS, *PARTS], tmp_path)
    assert folder.name == f"zoo-{name.replace('_', '-')}"
    ruff(folder)


def test_the_package_is_described_as_the_zoo_would(tmp_path: Path) -> None:
    found = tomllib.loads(texts(write_package("my_leaves", ["loss"], tmp_path))["pyproject.toml"])
    assert found["project"]["name"] == "zoo-my-leaves"
    assert found["project"]["entry-points"]["zoo.plugins"] == {"my_leaves": "zoo_my_leaves.plugin"}
    assert found["project"]["requires-python"] == ">=3.11"
    assert re.fullmatch(r"visionzoo>=\d+\.\d+", found["project"]["dependencies"][0])
    assert "license" not in found["project"], "that is for its author to choose"
    own = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    rules = {key: value for key, value in own["tool"]["ruff"]["lint"].items() if key != "per-file-ignores"}
    assert found["tool"]["ruff"]["lint"] == rules, "new plugins follow the zoo's own rules"
    assert found["tool"]["ruff"]["line-length"] == own["tool"]["ruff"]["line-length"]


def test_the_ci_file_is_yaml_that_asks_for_the_tests_and_the_check(tmp_path: Path) -> None:
    import yaml

    found = yaml.safe_load(texts(write_package("acme", ["loss"], tmp_path))[".github/workflows/ci.yml"])
    job = found["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert {"python-version": "${{ matrix.python }}"} in [step.get("with") for step in job["steps"]]
    typed = "\n".join(step.get("run", "") for step in job["steps"])
    for command in ("-e '.[test]'", "ruff check .", "zoo plugins check acme", "pytest"):
        assert command in typed


@pytest.mark.parametrize(
    "parts",
    [["hooks"], ["kind"], ["reader"], ["settings"], ["recipes"], [*PARTS, "loss"], ["recipes", "architecture"]],
    ids="+".join,
)
def test_parts_beside_components(parts: list[str], tmp_path: Path, loaded: Callable[[Path], LoadedPlugin]) -> None:
    """Each is formatted, loads, and keeps what ``zoo plugins check`` asks of it."""
    folder = write_package("leaf", parts, tmp_path)
    ruff(folder)
    plugin = loaded(folder)
    assert (plugin.state, plugin.problem) == ("enabled", None)
    collect_components([plugin])
    try:
        owed = [*plugin_checks(plugin), *(check for entry in plugin.entries for check in checks_of(entry))]
        report = run_checks(check for check in owed if check.name != "torch-free listing")
    finally:
        kinds.forget("leaf")
    assert [(o.check.id, o.message) for o in (*report.failed, *report.skipped)] == []
    names = {outcome.check.name for outcome in report.passed}
    assert ("hook zoo_epoch_end" in names) == ("hooks" in parts)
    assert ("reader agrees" in names) == ("reader" in parts)
    assert [e.id for e in plugin.entries if e.kind == "leaf_log"] == (["leaf/leaf_csv"] if "kind" in parts else [])
    readme = texts(folder)["README.md"]
    assert "NAME" not in readme
    assert ("| hooks |" in readme, "| leaf_log | `leaf_csv` |" in readme) == ("hooks" in parts, "kind" in parts)
    assert ("hook zoo_run_start" in names, "settings" in names) == ("settings" in parts,) * 2
    assert (plugin.settings is not None, "| settings | `team` |" in readme) == ("settings" in parts,) * 2
    assert ("recipes" in names, "| recipe | `leaf_quick` |" in readme) == ("recipes" in parts,) * 2
    found = ["leaf/leaf_quick", "leaf/leaf_cnn+*"] if "architecture" in parts else ["leaf/leaf_quick"]
    assert [recipe.id for recipe in plugin.recipes] == (found if "recipes" in parts else [])


@pytest.mark.slow
def test_a_package_of_every_part_passes_untouched(tmp_path: Path, python: Path) -> None:
    folder = write_package("acme", PARTS, tmp_path)
    install(python, folder)
    said = run(python, "-m", "pytest", "-p", "no:cacheprovider", folder, cwd=tmp_path).stdout
    assert re.search(r"\d\d+ passed", said)
    assert not re.search("failed|error|skipped", said)


@pytest.mark.slow
def test_what_the_first_line_of_the_documentation_writes_passes_untouched(tmp_path: Path, python: Path) -> None:
    said = run(python, "-m", "zoo", "plugins", "new", "acme", *(f"--{kind}" for kind in ASKED), cwd=tmp_path).stdout
    folder = tmp_path / "zoo-acme"
    assert "pip install -e 'zoo-acme[test]'" in said
    before = texts(folder)
    assert {f"tests/test_{plural(kind)}.py" for kind in ASKED} <= set(before)
    install(python, folder)
    said = run(python, "-m", "zoo", "plugins", "check", "acme", cwd=tmp_path).stdout
    assert re.search(r"(\d+) checks: \1 passed", said)
    said = run(python, "-m", "pytest", "-p", "no:cacheprovider", "zoo-acme", cwd=tmp_path).stdout
    assert re.search(r"\d\d+ passed", said)
    assert not re.search("failed|error|warning|skipped", said)
    now = texts(folder)
    assert {place: now[place] for place in before} == before


@pytest.mark.slow
def test_a_package_of_every_kind_passes_untouched(tmp_path: Path, python: Path) -> None:
    folder = write_package("acme", EXAMPLE_KINDS, tmp_path)
    install(python, folder)
    said = run(python, "-m", "pytest", "-p", "no:cacheprovider", folder, cwd=tmp_path).stdout
    assert re.search(r"\d\d+ passed", said)
    assert not re.search("failed|error|warning", said)
    assert "acme_trapezoid" in run(python, "-m", "zoo", "acme", cwd=tmp_path).stdout


def test_what_is_said_next_can_be_typed(tmp_path: Path) -> None:
    folder = write_package("acme", ASKED, tmp_path / "my plugins")
    lines = next_lines(folder, "acme", ASKED)
    assert lines[0].startswith(f"Created {folder}")
    assert lines[2:] == [
        f"  pip install -e '{folder}[test]'",
        "  zoo plugins check acme",
        f"  pytest '{folder}'",
        "  zoo run acme_cnn acme_shapes --epochs 5 --lr 0.01 --set loss=acme_poly1 --set 'metrics=[acme_kappa]'",
    ]
    assert next_lines(Path("zoo-a"), "a", ["loss"])[-1] == "  zoo run simple_cnn digits --epochs 5 --set loss=a_poly1"
    assert next_lines(Path("zoo-a"), "a", ["command"])[-1] == "  zoo a"
    last = next_lines(Path("zoo-my-leaves"), "my_leaves", ["settings", "recipes"])[-1]
    assert last == "  zoo run simple_cnn digits --recipe my_leaves_quick --my-leaves-team leaves"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Acme", "lower-case"),
        ("1st", "a letter first"),
        ("a--b", "lower-case"),
        ("a b", "lower-case"),
        ("../up", "lower-case"),
        ("", "lower-case"),
        ("blätter", "lower-case"),
        ("class", "word of Python"),
        ("match", "word of Python"),
        ("email", "standard library"),
        ("timm", "visionzoo already has a plugin of that name"),
        ("local", "components without a plugin"),
        ("zoo-acme", "use 'acme'"),
        ("a" * 25, "25 characters; the limit is 24"),
    ],
)
def test_a_name_that_can_not_be_is_refused_with_the_reason(name: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=word) as error:
        write_package(name, ["loss"], tmp_path)
    assert repr(name) in str(error.value)
    assert "zoo plugins new" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_name_of_another_plugin_is_refused_and_its_own_is_not(make_plugin: Callable[..., Path]) -> None:
    make_plugin("birds", "", distribution="somebodys-birds")
    with pytest.raises(RequestError, match="somebodys-birds"):
        check_name("birds")
    make_plugin("fish", "")
    check_name("fish")  # zoo-fish is what is being written anew


def test_a_kind_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'metric'\?"):
        write_package("acme", ["metrics"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "zoo-acme").mkdir()
    write_package("acme", ["loss"], tmp_path)  # an empty folder is in nobody's way
    mine = tmp_path / "zoo-acme" / "zoo_acme" / "losses.py"
    mine.write_text("mine")
    with pytest.raises(RequestError, match="exists already"):
        write_package("acme", ["loss"], tmp_path)
    assert mine.read_text() == "mine"
    (tmp_path / "zoo-file").write_text("a file")
    with pytest.raises(RequestError, match="zoo-file exists already"):
        write_package("file", ["loss"], tmp_path)
    with pytest.raises(RequestError, match="is not a folder"):
        write_package("acme", ["loss"], tmp_path / "zoo-file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["zoo-acme", "zoo-file"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "zoo-acme").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RequestError, match="exists already"):
        write_package("acme", ["loss"], tmp_path)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="--into"):
            write_package("acme", ["loss"], tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--into"):
        write_package("acme", ["loss"], tmp_path / ("x" * 300))
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def full(path: Path, *words: object, **named: object) -> int:
        if path.name == "README.md":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_package("acme", ["loss"], tmp_path)
    assert not list(tmp_path.iterdir())


@given(st.from_regex(r"[a-z][a-z0-9]{0,5}([-_][a-z0-9]{1,5}){0,2}", fullmatch=True))
def test_a_good_name_gives_a_package_that_python_can_import(name: str) -> None:
    try:
        check_name(name)
    except RequestError:
        return  # taken, or a word of Python's
    distribution = distribution_of(name)
    assert re.fullmatch(r"zoo(-[a-z0-9]+)+", distribution)
    assert distribution.replace("-", "_").isidentifier()


@pytest.mark.parametrize(
    ("version", "oldest"), [("0.1.0", "0.1"), ("1.12.3", "1.12"), ("2.0", "2.0"), ("0.2.0.dev1", "0.2.0.dev1")]
)
def test_the_oldest_zoo_that_will_do(version: str, oldest: str) -> None:
    assert minimum(version) == oldest
