"""JSON schema of registry.yaml: its sections, local components of each kind, and recipes."""

from __future__ import annotations

import dataclasses
import typing

from zoo.api.jobs import Registry, descriptions
from zoo.api.plugins import ALL_KINDS
from zoo.plugin import Component
from zoo_schema import words
from zoo_schema.job_file import job_properties, parts_of_jobs
from zoo_schema.kinds_of_values import TEXT, WORDS, Schema, document, either, ref, type_schema

RANGES = ("images", "image_size", "classes", "in_chans")
_RANGE: Schema = {
    "type": "object",
    "properties": {bound: {"type": "number"} for bound in ("at_least", "at_most")},
    "additionalProperties": False,
}


def registry_schema(registry: Registry | None = None) -> Schema:
    """Schema of a registry.yaml.

    Args:
        registry: with it, names and parameters of its components are included in recipes.
    """
    sections = {
        "version": {"const": 1},
        "plugins": _plugins(),
        "aliases": _by_kind(lambda kind: TEXT),
        "components": _by_kind(_local),
        "recipes": _mapping(_recipe()),
        "catalogue": _mapping(_known_plugin()),
    }
    for name, section in sections.items():
        section["description"] = words.SECTIONS[name]
    parts = {**parts_of_jobs(registry, named=False), "part": _part()}
    return document("registry.yaml of the zoo", properties=sections, additionalProperties=False, **{"$defs": parts})


def local_kinds() -> list[str]:
    """Kinds of components that a registry.yaml can define."""
    return [name for name, kind in ALL_KINDS.items() if kind.listed]


def _plugins() -> Schema:
    lists = {key: {**WORDS, "description": words.PLUGINS[key]} for key in ("require", "disable")}
    settings = {"type": "object", "description": words.PLUGINS["*"]}
    return {"type": ["object", "null"], "properties": lists, "additionalProperties": settings}


def _by_kind(items: typing.Callable[[str], Schema]) -> Schema:
    kinds = {kind: {**_mapping(items(kind)), "description": f"By name: {kind}."} for kind in local_kinds()}
    return {"type": ["object", "null"], "properties": kinds, "additionalProperties": False}


def _mapping(value: Schema) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": value}


def _local(kind: str) -> Schema:
    """Schema of a local component: target or base, and the fields of its kind."""
    place: Schema = {"target": TEXT, "base": TEXT, "params": {"type": ["object", "null"]}}
    fields: Schema = {**place, **_fields(ALL_KINDS[kind].declaration)}
    return {
        "type": "object",
        "properties": {key: {**each, "description": _of_field(kind, key)} for key, each in fields.items()},
        "additionalProperties": False,
        "oneOf": [{"required": ["target"]}, {"required": ["base"]}],
    }


def _fields(cls: type[Component]) -> dict[str, Schema]:
    """Schemas of the fields of a declaration besides name and target."""
    hints = typing.get_type_hints(cls)
    names = [each.name for each in dataclasses.fields(cls) if each.name not in ("name", "target")]
    return {name: _field(hints[name]) for name in names}


def _field(annotation: typing.Any) -> Schema:
    """Schema of a field; of named tuples it is a list of mappings."""
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple and hasattr(inner[0], "_fields"):
        return {"type": "array", "items": _record(inner[0])}
    return type_schema(annotation) or {"type": ["object", "null"]}


def _record(named_tuple: typing.Any) -> Schema:
    about, hints = descriptions(named_tuple), typing.get_type_hints(named_tuple)
    return {
        "type": "object",
        "properties": {key: {**_value(hint), "description": about.get(key, "")} for key, hint in hints.items()},
        "required": [key for key in named_tuple._fields if key not in named_tuple._field_defaults],
        "additionalProperties": False,
    }


def _value(annotation: typing.Any) -> Schema:
    """Schema of a value of a named tuple; a type is given by its name."""
    types = [typing.get_args(each)[0] for each in typing.get_args(annotation) if typing.get_origin(each) is type]
    return {"enum": [each.__name__ for each in types]} if types else type_schema(annotation)


def _of_field(kind: str, key: str) -> str:
    found = words.LOCAL.get(key) or descriptions(ALL_KINDS[kind].declaration).get(key, "")
    return f"{found[0].upper()}{found[1:]}" if found else ""


def _part() -> Schema:
    """Schema of a part of a job, as a recipe sets it."""
    return {"type": ["object", "null"], "properties": job_properties(), "additionalProperties": False}


def _recipe() -> Schema:
    """Schema of a recipe: a part of a job, and keys of its own."""
    own: dict[str, Schema] = {
        "summary": TEXT,
        "source": TEXT,
        "expect": {"type": "object"},
        "when": _when(),
        "budget": {"type": "array", "items": ref("part")},
        "backbone": {"type": "object"},
    }
    described = {key: {**each, "description": words.RECIPE[key]} for key, each in own.items()}
    return {**_part(), "properties": {**job_properties(), **described}}


def _when() -> Schema:
    conditions: dict[str, Schema] = {
        "trained": {"type": "boolean"},
        "freeze": either({"type": "integer"}, TEXT),
        "architecture": WORDS,
        "dataset": WORDS,
        "source": TEXT,
        **dict.fromkeys(RANGES, _RANGE),
    }
    described = {key: {**each, "description": words.WHEN[key]} for key, each in conditions.items()}
    return {"type": "object", "properties": described, "additionalProperties": False}


def _known_plugin() -> Schema:
    provides: Schema = {
        "type": "object",
        "properties": dict.fromkeys(local_kinds(), WORDS),
        "additionalProperties": WORDS,
    }
    found: Schema = {"package": TEXT, "summary": TEXT, "provides": provides, "license": TEXT, "source": TEXT}
    return {
        "type": ["object", "null"],
        "properties": {key: {**each, "description": words.CATALOGUE[key]} for key, each in found.items()},
    }
