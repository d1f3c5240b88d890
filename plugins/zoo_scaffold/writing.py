"""``zoo plugins new``: a complete small plugin, whose tests pass as it is written.

Everything it writes is a template in ``templates/``; here is which of them, where to, and with what names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.api.jobs import did_you_mean, listing
from zoo.errors import OutputError, RequestError, UnknownName
from zoo.plugin import KINDS
from zoo_scaffold.names import TemplateNames, check_name, in_order, plural

__all__ = ["DEFAULT_KINDS", "next_lines", "write_package"]

DEFAULT_KINDS = ("architecture",)  # what most people have an idea for
TEMPLATES = Path(__file__).with_name("templates")


def write_package(name: str, kinds: Iterable[str] = (), folder: Path = Path()) -> Path:
    """Write the package ``zoo-NAME`` into a folder, whole or not at all.

    Args:
        name: the plugin's: lower-case letters, digits, ``-`` and ``_``.
        kinds: of :data:`zoo.plugin.KINDS`, one component of each; none stands for an architecture.
        folder: made where it is missing. What is in it stays as it is.

    Returns:
        The package's folder, ``folder / "zoo-NAME"``.

    Raises:
        RequestError: the name can't be a plugin's, a kind doesn't exist, or something is in the way.
        OutputError: the folder can't be written.
    """
    check_name(name)
    names = TemplateNames(name, _checked(kinds))
    target = folder / names.distribution
    texts = dict(_render(names))
    with _whole(target, name) as building:
        for place, text in texts.items():
            path = building / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return target


def next_lines(folder: Path, name: str, kinds: Iterable[str] = ()) -> list[str]:
    """What to say when the package is written: where it lies, and what to type.

    Args:
        folder: the package's.
        name, kinds: as they were given to :func:`write_package`.
    """
    from shlex import quote

    steps = [
        f"pip install -e {quote(f'{folder}[test]')}",
        f"zoo plugins check {name}",
        f"pytest {quote(str(folder))}",
        TemplateNames(name, _checked(kinds)).use(),
    ]
    return [f"{folder} is written; its README.md says what is where.", "next:", *(f"  {step}" for step in steps)]


def _checked(kinds: Iterable[str]) -> tuple[str, ...]:
    asked = set(kinds) or set(DEFAULT_KINDS)
    for kind in sorted(asked - set(KINDS)):
        raise UnknownName(f"There is no kind {kind!r}.{did_you_mean(kind, KINDS)} Valid are: {listing(KINDS)}.")
    return in_order(asked)


def _render(names: TemplateNames) -> Iterator[tuple[str, str]]:
    """Each file's place in the package, and its text."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words = names.words()
    for template, place in _places(names):
        yield place, environment.get_template(f"{template}.j2").render(words)


def _places(names: TemplateNames) -> Iterator[tuple[str, str]]:
    """Template -> place."""
    for name in ("pyproject.toml", "README.md"):
        yield name, name
    yield "gitignore", ".gitignore"
    yield "ci.yml", ".github/workflows/ci.yml"
    modules = [plural(kind) for kind in names.kinds]
    for module in ("__init__", "plugin", *modules):
        yield f"package/{module}.py", f"{names.package}/{module}.py"
    tests = ["conftest", "test_contract", *(["test_run"] if names.job(full=False) else [])]
    for test in (*tests, *(f"test_{module}" for module in modules)):
        yield f"tests/{test}.py", f"tests/{test}.py"


@contextmanager
def _whole(target: Path, name: str) -> Iterator[Path]:
    """A folder that becomes ``target`` when the block ends, and is gone when it raises."""
    elsewhere = f"write elsewhere: zoo plugins new {name} --into FOLDER"
    try:
        if target.parent.exists() and not target.parent.is_dir():
            raise RequestError(f"{target.parent} is no folder, so no package can be written into it; {elsewhere}")
        if target.is_symlink() or (target.exists() and not _is_empty(target)):
            raise RequestError(
                f"{target} is there already, and nothing is overwritten. Remove it, take another name, or {elsewhere}"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as nearby:
            building = Path(nearby) / target.name
            building.mkdir()
            yield building
            if target.is_dir():
                target.rmdir()  # it is empty
            building.rename(target)
    except OSError as error:
        raise OutputError(
            f"{target} can't be written: {error.strerror or error}. Nothing was. "
            f"Mend the folder's permissions, free some space, or {elsewhere}"
        ) from error


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
