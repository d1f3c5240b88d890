"""Checks of the software: Python, the zoo itself, torch and torchvision, dependencies and extras."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.api.plugins import DISTRIBUTION
from zoo.errors import RequestError
from zoo_doctor.finding import Diagnosis, Remedies

GROUP = "Software"
PURPOSES = {
    "export": "zoo export to ONNX",
    "serve": "zoo serve",
    "sweep": "zoo sweep",
    "pcam": "the dataset pcam",
    "parquet": "zoo predict --out DIR, in parquet",
    "docs": "the documentation site",
    "test": "the tests of the zoo",
}
"""Purpose of each extra; extras without an entry are shown by name."""
_FOR_DEVELOPERS = ("test", "docs")
_PAIR = 15  # torchvision 0.N belongs to torch 2.(N - 15), since 0.15 and 2.0


def python() -> Iterator[Diagnosis]:
    """Check that the Python interpreter is supported."""
    import struct

    here = "a virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    text = f"Python {platform.python_version()} on {system}; {here}, {sys.prefix}"
    if struct.calcsize("P") < 8:
        yield Diagnosis(GROUP, "python", "wrong", f"{text}. This is a 32-bit Python, which torch does not support.")
        return
    wanted = _headers().get("Requires-Python")
    if wanted and not _satisfies(platform.python_version(), wanted):
        remedies = (("use a newer Python", "python3.13 -m venv .venv && . .venv/bin/activate"),)
        yield Diagnosis(GROUP, "python", "wrong", f"{text}. The zoo needs Python {wanted}.", remedies)
        return
    yield Diagnosis(GROUP, "python", "ok", text)


def itself() -> Iterator[Diagnosis]:
    """Check the zoo's version and installation, and that the imported package is the installed one."""
    place = Path(zoo.__file__).parent
    try:
        installed = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        text = f"zoo {zoo.__version__} in {place} is not installed, so its plugins are not found."
        yield Diagnosis(GROUP, "zoo", "wrong", text, (("install it", _pip("install", "-e", place.parent)),))
        return
    source = _source()
    text = f"zoo {zoo.__version__}, {_origin_text(source)}, in {place}"
    folder = source.removeprefix("editable ") if source.startswith("editable ") else None
    if installed != zoo.__version__:
        text = f"{text}, but {DISTRIBUTION} {installed} is installed"
        remedies = (("install this version", _reinstalled(folder)),)
        yield Diagnosis(GROUP, "zoo", "warning", f"{text}: the list of plugins may be outdated.", remedies)
    elif folder is not None and place.parent.resolve() != Path(folder).resolve():
        installed_one = ("use the installed one", "unset PYTHONPATH")
        remedies = (
            installed_one if os.environ.get("PYTHONPATH") else ("install this one", _reinstalled(str(place.parent))),
        )
        yield Diagnosis(GROUP, "zoo", "warning", f"{text}, but {folder} is installed.", remedies)
    else:
        yield Diagnosis(GROUP, "zoo", "ok", text)


def _source() -> str:
    """Origin of the installation: ``editable FOLDER``, ``from ADDRESS``, or empty for a package index."""
    text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    try:
        said = json.loads(text or "{}")
        url = str(said.get("url", ""))
        path = url.removeprefix("file://")
        return f"editable {path}" if (said.get("dir_info") or {}).get("editable") else f"from {url}" if url else ""
    except (ValueError, AttributeError):
        return ""


def _origin_text(source: str) -> str:
    kind, _, place = source.partition(" ")
    if kind == "editable":
        return "editable"
    return f"installed from {place.removeprefix('file://')}" if place else "installed from a package index"


def _reinstalled(folder: str | None) -> str:
    return _pip("install", "-e", folder) if folder else _pip("install", "--upgrade", DISTRIBUTION)


def torch_pair(answer: dict[str, Any]) -> Iterator[Diagnosis]:
    """Check that torch and torchvision can be imported, and fit each other.

    Args:
        answer: answer of the :class:`Probe`.
    """
    said = answer.get("versions", {})
    torch, vision = (_version(name) and said.get(name, _version(name)) for name in ("torch", "torchvision"))
    if torch is None:
        yield Diagnosis(GROUP, "torch", "wrong", "torch is not installed.", (("install it", _pip("install", "torch")),))
        return
    again = (("reinstall it", _pip("install", "--force-reinstall", f"torch=={_public(torch)}")),)
    if problem := answer.get("died") or answer.get("torch"):
        yield Diagnosis(GROUP, "torch", "wrong", f"torch {torch} can't be imported: {problem}", again)
        return
    yield _version_finding("torch", torch)
    if vision is None:
        remedies = (("install the matching version", _pip("install", *_pair_for(torch))),)
        yield Diagnosis(GROUP, "torchvision", "wrong", "torchvision is not installed.", remedies)
        return
    if problem := answer.get("torchvision"):
        text = f"torchvision {vision} does not work with torch {torch}: {problem}."
        yield Diagnosis(GROUP, "torchvision", "wrong", f"{text} {_reason(torch, vision)}", _pair_remedies(torch))
    elif misfit := _misfit(torch, vision):
        yield Diagnosis(GROUP, "torchvision", "warning", misfit, _pair_remedies(torch))
    else:
        yield _version_finding("torchvision", vision)


def _reason(torch: str, vision: str) -> str:
    return _misfit(torch, vision) or "Install both together, from the same index."


def _misfit(torch: str, vision: str) -> str | None:
    """Explain a mismatch of two versions, by their numbers and their compute platforms; None where they fit."""
    wanted = _pair_for(torch)[1].partition("==")[2].removesuffix(".*")
    if wanted and not f"{vision}.".startswith(f"{wanted}."):
        return f"torch {torch} needs torchvision {wanted}, not {vision}."
    builds = [version.partition("+")[2] for version in (torch, vision)]
    if all(builds) and builds[0] != builds[1]:
        return f"torch is built for {builds[0]}, but torchvision for {builds[1]}."
    return None


def _pair_remedies(torch: str) -> Remedies:
    built = torch.partition("+")[2]
    index = f"; use the same --index-url as for torch+{built}" if built else ""
    return ((f"install both together{index}", _pip("install", "--force-reinstall", *_pair_for(torch))),)


def _pair_for(torch: str) -> list[str]:
    """Requirements of a torch version and the torchvision release that belongs to it."""
    numbers = _public(torch).split(".")
    if numbers[0] != "2" or not numbers[1:2] or not numbers[1].isdigit():
        return [f"torch=={_public(torch)}", "torchvision"]
    return [f"torch=={_public(torch)}", f"torchvision==0.{int(numbers[1]) + _PAIR}.*"]


def others() -> Iterator[Diagnosis]:
    """Check that the zoo's other dependencies are installed in supported versions."""
    from packaging.requirements import Requirement

    wrong = []
    for text in _requires():
        wanted = Requirement(text)
        if wanted.name in ("torch", "torchvision") or not _applies(wanted, ""):
            continue
        version = _version(wanted.name)
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"{wanted.name}{wanted.specifier}")
            have = "is not installed" if version is None else f"is {version}"
            remedies = (("install it", _pip("install", wrong[-1])),)
            yield Diagnosis(GROUP, wanted.name, "wrong", f"{wanted.name} {have}; the zoo needs {wrong[-1]}.", remedies)
    if not wrong and (timm := _version("timm")):
        yield Diagnosis(GROUP, "timm", "ok", f"timm {timm}, and all other dependencies")


def extras() -> Iterator[Diagnosis]:
    """Check which optional extras are complete, and list the packages that others lack."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in _requires()]
    for extra in sorted(_headers().get_all("Provides-Extra") or []):
        mine = [r for r in wanted if r.marker and _applies(r, extra) and not _applies(r, "")]
        missing = [f"{r.name}{r.specifier}" for r in mine if not _has(r)]
        purpose = PURPOSES.get(extra, extra)
        if not missing:
            yield Diagnosis(GROUP, f"[{extra}]", "ok", f"for {purpose}: complete")
        elif extra not in _FOR_DEVELOPERS:
            text = f"for {purpose}: {len(missing)} of {len(mine)} packages are not installed (optional)"
            yield Diagnosis(GROUP, f"[{extra}]", "ok", text, (("to use it", _pip("install", *missing)),))


def _has(requirement: Any) -> bool:
    version = _version(requirement.name)
    return version is not None and bool(requirement.specifier.contains(version, prereleases=True))


def _applies(requirement: Any, extra: str) -> bool:
    return requirement.marker is None or bool(requirement.marker.evaluate({"extra": extra}))


def _version_finding(name: str, version: str) -> Diagnosis:
    """Report a working library, with a warning where its version is not supported."""
    from packaging.requirements import Requirement

    specifiers = [r.specifier for r in map(Requirement, _requires()) if r.name == name and _applies(r, "")]
    if all(s.contains(version, prereleases=True) for s in specifiers):
        return Diagnosis(GROUP, name, "ok", f"{name} {version}")
    text = f"{name} {version} is not supported: {name}{specifiers[0]}."
    return Diagnosis(GROUP, name, "warning", text, (("upgrade it", _pip("install", "-U", "torch", "torchvision")),))


def _satisfies(version: str, wanted: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _public(version: str) -> str:
    return version.partition("+")[0]


def _requires() -> list[str]:
    return list(_headers().get_all("Requires-Dist") or [])


def _headers() -> Any:
    """Metadata of the zoo's distribution; empty where it is not installed, which :func:`itself` reports."""
    from email.message import Message

    try:
        return metadata.metadata(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return Message()


def _pip(*words: object) -> str:
    from zoo.api.plugins import find_tool

    try:
        tool = find_tool().shown
    except RequestError:  # neither pip nor uv is installed: suggest pip, the usual first choice
        tool = ("python", "-m", "pip")
    return shlex.join([*tool, *map(str, words)])
