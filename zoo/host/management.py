"""Implementation of ``zoo plugins install``, ``uninstall``, ``enable`` and ``disable``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import RequestError, UnknownName
from zoo.host import enablement, faults, installer
from zoo.registry.config import RegistryConfig
from zoo.registry.distributions import Found, canonical, installed
from zoo.registry.entry import DISTRIBUTION
from zoo.registry.suggest import did_you_mean, listing

_ARCHIVES = (".whl", ".tar.gz", ".zip")


@dataclass(frozen=True)
class Target:
    """Requirement or path for the installer, and the resulting distribution where known."""

    words: str
    distribution: str | None


def find_target(given: str, catalogue: Mapping[str, Mapping[str, Any]]) -> Target:
    """Interpret a word as a name of the catalogue, a folder or file, or a requirement.

    Raises:
        RequestError: the word is none of them, or likely a misspelt name of the catalogue.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    if given in catalogue:
        package = str(catalogue[given].get("package") or given)
        return Target(package, Requirement(package).name)
    if _looks_like_path(given):
        return Target(str(Path(given).absolute()), _distribution_of(Path(given)))
    if "://" in given:
        return Target(given, None)
    try:
        name = Requirement(given).name
    except InvalidRequirement as error:
        raise RequestError(
            f"{given!r} is neither in the catalogue, nor a folder or file, nor a requirement such as 'zoo-acme>=1.2'."
        ) from error
    packages = [str(item.get("package")) for item in catalogue.values()]
    if name == given and given not in packages and _mistyped(given, [*catalogue, *packages]):
        # Installing runs third-party code, so a typing error must not suffice.
        raise RequestError(
            f"{given!r} is not in the catalogue.{did_you_mean(given, catalogue)} To install it anyway: zoo plugins "
            f"install '{given}>=0'"
        )
    return Target(given, name)


def _mistyped(given: str, known: Iterable[str]) -> bool:
    import difflib

    bare = {name.removeprefix("zoo-") for name in known}  # a common prefix would make all names similar
    return bool(difflib.get_close_matches(given.removeprefix("zoo-"), bare, n=1, cutoff=0.7))


def _looks_like_path(given: str) -> bool:
    path = Path(given)
    if path.suffix == ".whl" or given.endswith(_ARCHIVES) or (("/" in given or "\\" in given) and "://" not in given):
        if path.exists():
            return True
        if "@" not in given:  # 'acme @ file:///…' is a requirement
            raise RequestError(f"There is no {path}. Give a folder with a pyproject.toml, a wheel, or a name.")
    return (path / "pyproject.toml").is_file()


def _distribution_of(path: Path) -> str | None:
    if path.is_file():
        return path.name.partition("-")[0]
    name = read_project(path).get("name")
    return None if name is None else str(name)


def read_project(folder: Path) -> dict[str, Any]:
    """Read the ``[project]`` table of a package's folder.

    Raises:
        RequestError: the folder has no valid pyproject.toml.
    """
    try:
        content = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    except OSError as error:
        raise RequestError(f"{folder} has no pyproject.toml, so it is not a package. See: zoo plugins new") from error
    except ValueError as error:
        raise RequestError(f"{folder / 'pyproject.toml'} can't be read: {error}") from error
    return dict(content.get("project") or {})


def install(target: Target, *, upgrade: bool = False, editable: bool = False, isolated: bool = True) -> list[Any]:
    """Install a target, and load its plugins in a fresh process.

    Returns:
        A row of ``zoo.host.subprocess_probe`` for each installed plugin, with ``clashes``: sentences about ambiguous
        names.

    Raises:
        InstallError: the installer failed.
        RequestError: the distribution has no plugin; it was uninstalled again.
    """
    versions = {canonical(f.distribution): f.version for f in installed()}
    before = installer.install(target.words, upgrade=upgrade, editable=editable, isolated=isolated)
    wanted = canonical(target.distribution or "")
    found = installer.probe()
    rows = [
        {**row, "clashes": found["clashes"][row["name"]]}
        for row in found["plugins"]
        if canonical(row["distribution"]) == wanted or versions.get(canonical(row["distribution"])) != row["version"]
    ]
    if not rows:
        installer.restore(installer.find_tool(), before)
        raise RequestError(
            f"{target.words} has no plugin of the zoo (no entry point in the group zoo.plugins), and was "
            "uninstalled again."
        )
    return rows


def uninstall(name: str) -> tuple[str, list[str]]:
    """Uninstall the distribution with this name, or with a plugin of this name.

    Returns:
        The distribution, and the names of its plugins.

    Raises:
        UnknownName: there is none.
        RequestError: it is part of the zoo, or two distributions match.
    """
    found = [f for f in installed() if name == f.name or canonical(name) == canonical(f.distribution)]
    if not found:
        raise UnknownName(_no_plugin(name))
    theirs = sorted({f.distribution for f in found} - {DISTRIBUTION})
    if not theirs:
        raise RequestError(f"{name!r} is a part of the zoo. Disable it: zoo plugins disable {found[0].name}")
    if len(theirs) > 1:
        raise RequestError(
            f"{name!r} is ambiguous: {' and '.join(theirs)}. Choose one: zoo plugins uninstall {theirs[0]}"
        )
    plugins = sorted(f.name for f in installed() if f.distribution == theirs[0])
    installer.uninstall(theirs[0])
    for plugin in plugins:
        enablement.turn_on(plugin)
    return theirs[0], plugins


def disable(name: str) -> Path:
    """Disable a plugin for this user, and return the path of the changed file."""
    _known(name)
    return enablement.turn_off(name)


def enable(name: str, shelf: RegistryConfig) -> bool:
    """Enable a plugin again, or clear its recorded failure; True if anything changed.

    Raises:
        RequestError: another registry.yaml disables it.
    """
    _known(name)
    changed = enablement.turn_on(name) | faults.forget(name)
    if elsewhere := enablement.files_disabling(shelf, name):
        raise RequestError(f"{name!r} is also disabled in {elsewhere[0]}: remove it from plugins: disable there.")
    return changed


def _known(name: str) -> Found:
    found = {f.name: f for f in installed()}
    if name not in found:
        raise UnknownName(_no_plugin(name))
    return found[name]


def _no_plugin(name: str) -> str:
    names = sorted({word for f in installed() for word in (f.name, f.distribution)})
    return f"There is no plugin {name!r}.{did_you_mean(name, names)} Installed: {listing(names)}."
