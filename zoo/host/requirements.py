"""Plugins that a registry.yaml requires: ``plugins: {require: ["zoo-medical==0.1.*"]}``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from zoo.errors import RegistryFileError, RequestError
from zoo.registry.config import RegistryConfig


@dataclass(frozen=True)
class UnmetRequirement:
    """A required distribution that is not installed, or has another version.

    Args:
        requirement: as pip takes it, ``zoo-medical==0.1.*``.
        path: the registry.yaml that requires it.
        version: the installed version; None where there is none.
    """

    requirement: str
    path: Path
    version: str | None

    @property
    def command(self) -> str:
        """The command that installs it."""
        upgrade = "" if self.version is None else "--upgrade "
        return f"zoo plugins install {upgrade}{shlex.quote(self.requirement)}"

    def __str__(self) -> str:
        found = "is not installed" if self.version is None else f"is not met by the installed version {self.version}"
        return f"{self.path} requires {self.requirement}, which {found}. Type: {self.command}"


def unmet_requirements(shelf: RegistryConfig) -> Iterator[UnmetRequirement]:
    """Yield the requirements of every registry.yaml that the installed distributions don't meet.

    Raises:
        RegistryFileError: a requirement is malformed.
    """
    for layer in shelf.layers:
        for text in layer.section("plugins").get("require") or ():
            yield from _unmet(text, layer.path)


def _unmet(text: str, path: Path) -> Iterator[UnmetRequirement]:
    from packaging.requirements import InvalidRequirement, Requirement  # takes 40 ms to import

    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        wanted = None
    if wanted is None or wanted.url or wanted.marker:
        raise RegistryFileError(
            f"{path}: plugins: require: {text!r} is not a requirement such as zoo-medical==0.1.*: a name and versions."
        )
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        yield UnmetRequirement(text, path, None)
        return
    if not wanted.specifier.contains(version, prereleases=True):
        yield UnmetRequirement(text, path, version)


def check_requirements(shelf: RegistryConfig) -> None:
    """Check that every required plugin is installed.

    Raises:
        RequestError: one is not, or has another version; the message has the command that installs it.
    """
    if unmet := list(unmet_requirements(shelf)):
        raise RequestError(". ".join(str(each) for each in unmet))


def say_unmet(shelf: RegistryConfig) -> None:
    """Print a line on stderr for each required plugin that is not installed."""
    for each in unmet_requirements(shelf):
        print(f"zoo: {each}", file=sys.stderr)  # noqa: T201 - as for plugins that fail
