"""Redaction of a run's documents: without local paths, and without addresses that may contain credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Places"]

_REST = r"[^\s'\"`,;:()]"
_URL = re.compile(r"\b[a-z][a-z0-9+.\-]{1,15}://[^\s'\"`,;)]+", re.IGNORECASE)
_POSIX = re.compile(r"(?<![\w./:~…\\-])~?/(?:[^\s/'\"`,;:()]+/)*[^\s/'\"`,;:()]+/?")
_WINDOWS = re.compile(r"(?<!\w)[A-Za-z]:[\\/][^\s'\"`,;()]*|\\\\[^\s'\"`,;()]+")


class Places:
    """Redacts text: paths are reduced to their last component, addresses to host and last component.

    Args:
        known: paths that may occur, such as the dataset's folder. They may contain spaces, which a pattern could not
            separate from the surrounding words.
    """

    def __init__(self, known: Iterable[str | Path]):
        given = {str(path).rstrip("/\\") for path in known}
        absolute = given | {str(Path(path).absolute()) for path in given if path and "://" not in path}
        self._known = sorted((path for path in absolute if re.search(r"[/\\]", path)), key=len, reverse=True)

    @classmethod
    def of_run(cls, folder: Path, job: Mapping[str, Any]) -> Places:
        """Create a redactor for a run, which knows its folder and every path in its job."""
        return cls([folder, Path.cwd(), Path.home(), *_paths_in(job)])

    def text(self, text: str) -> str:
        """Redact all paths and addresses in a text."""
        for path in self._known:
            text = re.sub(rf"{re.escape(path)}(?:[/\\]{_REST}*)?(?![\w\-])", lambda found: _last(found[0]), text)
        text = _URL.sub(lambda found: _host_and_last(found[0]), text)
        text = _WINDOWS.sub(lambda found: PureWindowsPath(found[0]).name or "…", text)
        return _POSIX.sub(lambda found: _last(found[0]), text)

    def value(self, value: Any) -> Any:
        """Redact all texts in a document, recursively; keys are kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return value


def changed(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Paths of the entries in which two documents of equal structure differ, such as ``architecture.target``."""
    if isinstance(before, Mapping):
        for key, inner in before.items():
            yield from changed(inner, after[key], f"{path}.{key}" if path else str(key))
    elif isinstance(before, list | tuple):
        for i, inner in enumerate(before):
            yield from changed(inner, after[i], f"{path}.{i}")
    elif before != after:
        yield path


def _paths_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if Path(value).is_absolute() or PureWindowsPath(value).is_absolute():
            yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _paths_in(inner)


def _last(path: str) -> str:
    if Path(path) == Path.home():  # its last component is the user's name
        return "…"
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1].removeprefix("~") or "…"


def _host_and_last(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "…"
    last = parts.path.rstrip("/").rpartition("/")[2]
    return f"{parts.scheme}://{host}/…/{last}" if parts.path.count("/") > 1 else f"{parts.scheme}://{host}/{last}"
