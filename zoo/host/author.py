"""Help for the author of a plugin that is installed in editable mode: the line to edit, and stale entry points."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

from zoo.errors import RequestError
from zoo.host.management import read_project
from zoo.registry.distributions import GROUP, installed
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.tracebacks import own_frames
from zoo.storage.files import short_path

_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)', re.MULTILINE)
_HOOK = re.compile(r"\bzoo_\w+")


def editable_folder(distribution: str | None) -> Path | None:
    """Folder of a distribution that is installed in editable mode; None for any other installation."""
    try:
        text = metadata.distribution(distribution or "").read_text("direct_url.json")
        found = json.loads(text or "{}")
    except (metadata.PackageNotFoundError, ValueError):  # ValueError: no name, or no JSON
        return None
    url = urlparse(str(found.get("url", "")))
    editable = (found.get("dir_info") or {}).get("editable") is True
    return Path(url2pathname(unquote(url.path))) if editable and url.scheme == "file" else None


def line_to_edit(plugin: LoadedPlugin, account: str = "") -> str | None:
    """Find the line of a plugin's code that its failure points to, as ``FILE:LINE``.

    Args:
        plugin: the plugin.
        account: recorded traceback, for a failure in an earlier process.

    Returns:
        The last line of the plugin's own code in the traceback, else the hook that the message names, else the file of
        the entry point; None where even that is unknown.
    """
    error = plugin.error
    if isinstance(error, SyntaxError) and error.filename:
        return _place(error.filename, error.lineno)
    if error is not None and (frames := own_frames(list(traceback.extract_tb(error.__traceback__)), plugin.target)):
        return _place(frames[-1].filename, frames[-1].lineno)
    package = plugin.target.partition(":")[0].partition(".")[0]
    recorded = [each for each in _FRAME.findall(account) if package in Path(each[0]).with_suffix("").parts]
    if recorded:
        return _place(recorded[-1][0], int(recorded[-1][1]))
    file = getattr(sys.modules.get(plugin.target.partition(":")[0]), "__file__", None)
    return None if file is None else _place(file, _line_of(Path(file), str(plugin.problem)))


def _place(file: str, line: int | None) -> str:
    return f"{short_path(Path(file))}:{line or 1}"


def _line_of(file: Path, problem: str) -> int | None:
    """Line that defines the hook which a message names."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return None
    names = _HOOK.findall(problem)
    starts = tuple(f"def {name}(" for name in names)
    return next((i for i, line in enumerate(lines, 1) if starts and line.lstrip().startswith(starts)), None)


def stale_entry_points(distribution: str) -> Iterator[str]:
    """Describe the differences between the entry points in pyproject.toml and those of an editable installation."""
    folder = editable_folder(distribution)
    declared = None if folder is None else _declared(folder)
    if declared is None:
        return
    found = {each.name: each.entry.value for each in installed(distribution) if each.entry is not None}
    for name, target in declared.items():
        if name not in found:
            yield f"the plugin {name!r} ({target}) of its pyproject.toml is not among the installed entry points"
        elif found[name] != target:
            yield f"plugin {name!r} is {target!r} in its pyproject.toml, but {found[name]!r} as installed"
    for name in found.keys() - declared.keys():
        yield f"the installed entry point {name!r} is no longer in its pyproject.toml"


def _declared(folder: Path) -> Mapping[str, str] | None:
    """Entry points in a folder's pyproject.toml; None where it declares none there."""
    try:
        points = read_project(folder).get("entry-points") or {}
    except RequestError:
        return None
    return {str(name): str(target) for name, target in points[GROUP].items()} if GROUP in points else None
