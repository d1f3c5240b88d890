"""``zoo plugins new``: write a complete small plugin package whose tests pass.

All files are templates in ``templates/``; this module selects them, and determines their paths and names.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.api.jobs import did_you_mean, listing
from zoo.errors import OutputError, RequestError, UnknownName
from zoo.plugin import KINDS
from zoo_scaffold.names import PARTS, TemplateNames, check_name, in_order, plural

__all__ = ["DEFAULT_KINDS", "next_lines", "write_package"]

DEFAULT_KINDS = ("architecture",)  # the most common first component
TEMPLATES = Path(__file__).with_name("templates")


def write_package(name: str, kinds: Iterable[str] = (), folder: Path = Path()) -> Path:
    """Write the package ``zoo-NAME`` into a folder, atomically.

    Args:
        name: the plugin's name: lower-case letters, digits, ``-`` and ``_``.
        kinds: kinds from :data:`zoo.plugin.KINDS`, with one component each, and parts from
            :data:`zoo_scaffold.names.PARTS`; by default an architecture.
        folder: parent folder, created if it is missing; its other content is not changed.

    Returns:
        The package's folder, ``folder / "zoo-NAME"``.

    Raises:
        RequestError: the name is invalid, a kind doesn't exist, or the package's folder exists.
        OutputError: the folder can't be written.
    """
    check_name(name)
    names = _names(name, kinds)
    target = folder / names.distribution
    texts = dict(_render(names))
    with _atomic_folder(target, name) as building:
        for place, text in texts.items():
            path = building / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return target


def next_lines(folder: Path, name: str, kinds: Iterable[str] = ()) -> list[str]:
    """Text to show after writing: the package's location, and the next commands.

    Args:
        folder: the package's folder.
        name, kinds: as they were given to :func:`write_package`.
    """
    from shlex import quote

    steps = [
        f"pip install -e {quote(f'{folder}[test]')}",
        f"zoo plugins check {name}",
        f"pytest {quote(str(folder))}",
        _names(name, kinds).use(),
    ]
    return [f"Created {folder}; see its README.md.", "next:", *(f"  {step}" for step in steps)]


def _names(name: str, kinds: Iterable[str]) -> TemplateNames:
    asked = set(kinds) or set(DEFAULT_KINDS)
    for kind in sorted(asked - {*KINDS, *PARTS}):
        raise UnknownName(f"There is no kind {kind!r}.{did_you_mean(kind, KINDS)} Valid are: {listing(KINDS)}.")
    return TemplateNames(name, in_order(asked), tuple(part for part in PARTS if part in asked))


def _render(names: TemplateNames) -> Iterator[tuple[str, str]]:
    """Render the templates: path in the package, and text."""
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
    """Yield pairs of a template and its path in the package."""
    for name in ("pyproject.toml", "README.md"):
        yield name, name
    yield "gitignore", ".gitignore"
    yield "ci.yml", ".github/workflows/ci.yml"
    files = [*(f"{plural(kind)}.py" for kind in names.kinds), *filter(None, (PARTS[part][0] for part in names.parts))]
    for file in ("__init__.py", "plugin.py", *files):
        yield f"package/{file}", f"{names.package}/{file}"
    tests = ["conftest", "test_contract", *(["test_run"] if names.job(full=False) else [])]
    for test in (*tests, *(f"test_{Path(file).stem}" for file in files)):
        yield f"tests/{test}.py", f"tests/{test}.py"


@contextmanager
def _atomic_folder(target: Path, name: str) -> Iterator[Path]:
    """Provide a temporary folder that is renamed to ``target`` when the block ends, and removed if it raises."""
    elsewhere = f"choose another folder: zoo plugins new {name} --into FOLDER"
    try:
        if target.parent.exists() and not target.parent.is_dir():
            raise RequestError(f"{target.parent} is not a folder; {elsewhere}")
        if target.is_symlink() or (target.exists() and not _is_empty(target)):
            raise RequestError(f"{target} exists already. Remove it, choose another name, or {elsewhere}")
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
            f"{target} can't be written: {error.strerror or error}. Fix the permissions of the folder, free some "
            f"space, or {elsewhere}"
        ) from error


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
