"""Installed distributions with plugins: entry points, versions, and the required version of the zoo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.registry.entry import DISTRIBUTION
from zoo.version import __version__

GROUP = "zoo.plugins"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_OF_THE_ZOO = re.compile(rf"{DISTRIBUTION}\b(?![.-])", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_AT_LEAST = re.compile(rf"{DISTRIBUTION}\s*(?:>=\s*({_NUMBERS.pattern}))?", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """A plugin's entry point with its distribution's metadata.

    ``entry`` is None where it can't be read; ``requires`` are the requirements on the zoo.
    """

    name: str
    entry: EntryPoint | None
    distribution: str
    version: str
    requires: tuple[str, ...] = ()

    def misfit(self) -> str | None:
        """Reason why the plugin's distribution requires another version of the zoo; None where it fits."""
        for requirement in self.requires:
            if not _met(requirement):
                return (
                    f"{self.distribution} {self.version} needs {requirement}, and this is {DISTRIBUTION} {__version__}"
                )
        return None

    def shadow(self) -> str | None:
        """Message about another module that shadows the plugin's own; None without a conflict. Nothing is imported."""
        package = self.entry.value.partition(":")[0].strip().partition(".")[0] if self.entry else ""
        try:
            spec = find_spec(package) if package else None
        except (ImportError, ValueError):
            return None
        if spec is None or not (found := spec.origin or next(iter(spec.submodule_search_locations or ()), None)):
            return None  # the import will report it
        own = self._own_places(package)
        if not own or any(Path(found).resolve().is_relative_to(place.resolve()) for place in own):
            return None
        return f"{found} shadows its module {package} in {own[0]}. Rename it, or start zoo in another folder"

    def _own_places(self, package: str) -> list[Path]:
        """Possible locations of the package according to its distribution's list of files.

        Empty where the package is not listed, as in an editable installation.
        """
        if self.distribution == DISTRIBUTION:
            return [Path(__file__).parents[2]]
        whole: Any = getattr(self.entry, "dist", None)
        listed = (whole.read_text("RECORD") or "") if whole is not None else ""
        names = {f"{package}/__init__.py": package, f"{package}.py": f"{package}.py"}
        return [Path(whole.locate_file(place)) for file, place in names.items() if f"\n{file}," in f"\n{listed}"]


def installed(name: str | None = None) -> Iterator[Found]:
    """Yield every plugin's entry point; of a distribution found twice in sys.path, the first, which Python imports.

    Args:
        name: a distribution; the metadata of no other one is read.
    """
    seen: set[str] = set()
    for distribution in distributions() if name is None else distributions(name=name):
        entries = _entries(distribution)
        if not entries:
            continue
        headers = _headers(distribution)
        owner, version = str(headers["Name"] or "unknown"), str(headers["Version"] or "unknown")
        if canonical(owner) in seen:
            continue
        seen.add(canonical(owner))
        requires = tuple(r for r in headers.get_all("Requires-Dist", ()) if _OF_THE_ZOO.match(r))
        for entry in entries:
            yield Found(entry.name if entry else owner, entry, owner, version, requires)


def _entries(distribution: Distribution) -> list[EntryPoint | None]:
    """Entry points of the distribution's plugins; an unreadable one is None."""
    text = distribution.read_text("entry_points.txt")
    if not text or GROUP not in text:
        return []
    try:
        return [entry for entry in distribution.entry_points if entry.group == GROUP]
    except (TypeError, ValueError):  # a line without "=", in any group
        return [None]


def _headers(distribution: Distribution) -> Message:
    """Metadata of a distribution without its long description, which is slow to parse."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    return message_from_string(text.partition("\n\n")[0])


def canonical(name: str) -> str:
    """Normalise a distribution's name (PEP 503): ``Zoo_Acme`` becomes ``zoo-acme``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_of(name: object, version: object = None) -> str | None:
    """Build a requirement such as ``zoo-acme==1.2`` for a command; None for an invalid name or version."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    if version is None:
        return name
    return f"{name}=={version}" if isinstance(version, str) and _VERSION.fullmatch(version) else None


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.sub(r"(\.0)+$", "", version).split(".")]


@cache
def _met(requirement: str) -> bool:
    simple = _AT_LEAST.fullmatch(requirement)
    if simple and _NUMBERS.fullmatch(__version__):  # nearly all: packaging takes 40 ms to import
        return _numbers(__version__) >= _numbers(simple[1] or "0")
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(requirement)
    except InvalidRequirement:
        return True  # an installer would have refused it
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return True
    return wanted.specifier.contains(__version__, prereleases=True)
