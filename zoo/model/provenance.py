"""Comparison of a result's recorded components with the installed ones, and advice to get missing ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import RequestError, UnknownName
from zoo.registry.distributions import canonical, requirement_of
from zoo.registry.entry import LOCAL, PYTHON, Entry
from zoo.registry.kinds import ALL
from zoo.registry.registry import Registry

Record = Mapping[str, Any]
PLUGIN = "plugin"
"""Kind of the record of a plugin that observed a run: evaluating or predicting doesn't need it."""


def recorded(card: Mapping[str, Any]) -> dict[str, Record]:
    """Components recorded in a bundle's zoo.json, by their path in the job."""
    return {"architecture": {"kind": "architecture", **card["architecture"]}, **(card.get("provenance") or {})}


def missing(records: Mapping[str, Record], registry: Registry) -> list[str]:
    """Sentences about recorded components that are not installed, with the command that installs each."""
    return [
        f"{record['kind']} {record['id']!r} is not available. {how_to_get(record, registry)}."
        for record in _unique(records)
        if "kind" in record
        and record["kind"] != PLUGIN
        and record["id"].partition("/")[0] != PYTHON
        and _find(record, registry) is None
    ]


def changes(records: Mapping[str, Record], registry: Registry) -> list[str]:
    """Sentences about recorded components whose version or source file has changed."""
    found = [(record, _find(record, registry)) for record in _unique(records) if "kind" in record]
    return list(dict.fromkeys(line for record, entry in found if entry for line in _change(record, entry)))


def _change(record: Record, entry: Entry) -> Iterator[str]:
    origin, was = entry.origin, record.get("version")
    same = canonical(str(record.get("distribution"))) == canonical(origin.distribution or "")
    if same and was and was != origin.version:
        wanted = _package(record)
        again = f" For the same version: zoo plugins install {wanted}" if wanted else ""
        yield f"It was trained with {origin.distribution} {was}, and {origin.version} is installed.{again}"
    elif not origin.bundled and record.get("sha256") not in (None, entry.provenance()["sha256"]):
        where = entry.source_file() or entry.component.target
        yield f"{record['kind']} {record['id']!r} has changed since the run: {where} is different."


def given_lines(entries: Mapping[str, Entry]) -> list[str]:
    """Lines about a job's components that were passed from Python, by which a reader finds them again."""
    lines = []
    for path, entry in entries.items():
        if entry.origin.plugin == PYTHON:
            record = entry.provenance()
            what = f"an object of {record['target']}" if record.get("given") == "object" else record["target"]
            digest = f", SHA-256 of its source {record['sha256'][:12]}" if record["sha256"] else ""
            lines.append(f"{path}: {entry.id} is {what}{digest}")
    return lines


def given_changes(records: Mapping[str, Record], entries: Mapping[str, Entry]) -> list[str]:
    """Sentences about components from Python whose source has changed since a run began."""
    said = []
    for path, entry in entries.items():
        before = records.get(path, {}).get("sha256")
        if entry.origin.plugin == PYTHON and before and before != entry.provenance()["sha256"]:
            said.append(
                f"{entry.kind} {entry.id!r} is not what this run began with: its source has changed. The run continues "
                "with it."
            )
    return said


def say(lines: Iterable[str]) -> None:
    """Print changes to stderr."""
    for line in lines:
        print(f"zoo: {line}", file=sys.stderr)  # noqa: T201 - a warning, as for plugins that fail


def how_to_get(record: Record, registry: Registry, folder: Path | None = None) -> str:
    """Describe how to get a recorded component; ``folder`` is the bundle's."""
    owner = str(record["id"]).partition("/")[0]
    off = next((p for p in registry.plugins if p.name == owner and p.state != "enabled"), None)
    if off is not None:
        advice = f"zoo plugins {'enable' if off.state == 'disabled' else 'doctor'} {owner}"
        return f"The plugin {owner!r} is {off.state}. Type: {advice}"
    if owner == PYTHON:
        where, target = repr(str(folder or "…")), record.get("target")
        what = f"an object of {target}" if record.get("given") == "object" else target
        kind, name = record["kind"], str(record["id"]).partition("/")[2]
        return (
            f"It was passed from Python: zoo.load({where}, {kind}=…) with {what}; or register it first, by "
            f"@zoo.register.{kind}({name!r}) or the import of the module that does"
        )
    if owner == LOCAL:
        return f"It is local, from {record.get('target')}: run this in the folder whose registry.yaml defines it"
    whose = f"{record.get('distribution') or owner} {record.get('version') or ''}".strip()
    if (wanted := _package(record)) is None:  # an untrusted bundle must not inject words into a command
        return f"Its recorded origin {whose!r} is not a package name and version: ask its author"
    return f"It is part of {whose}. Type: zoo plugins install {wanted}"


def _package(record: Record) -> str | None:
    """Requirement to install for a record; None for an invalid name or version."""
    distribution = record.get("distribution") or str(record["id"]).partition("/")[0]
    return requirement_of(distribution, record.get("version") or None)


def _find(record: Record, registry: Registry) -> Entry | None:
    if record["kind"] not in ALL:
        return None
    try:
        return registry.find(record["kind"], record["id"])
    except (UnknownName, RequestError):
        return None


def _unique(records: Mapping[str, Record]) -> list[Record]:
    """Records of components, each once; those of observing plugins are left out."""
    return list({(r.get("kind"), r["id"]): r for r in records.values() if r.get("kind") != PLUGIN}.values())
