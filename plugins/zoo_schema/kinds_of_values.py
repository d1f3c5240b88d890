"""Parts that both schemas have: components by name, rules, and types of values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from zoo.api.jobs import Entry, Registry, parameters
from zoo_schema.words import RULE

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that language servers for YAML know best."""
TEXT: Schema = {"type": "string"}
WORDS: Schema = {"type": "array", "items": TEXT}
NONE: Schema = {"const": "none"}
RULE_SCHEMA: Schema = {
    "type": "object",
    "description": "A rule, which gives the value for the data (docs/recipes.md).",
    "properties": {key: {"description": text} for key, text in RULE.items()},
    "additionalProperties": False,
    "minProperties": 1,
}


def ref(name: str) -> Schema:
    """Reference to a part of the document."""
    return {"$ref": f"#/$defs/{name}"}


RULE_REF = ref("rule")


def either(*options: Schema, **words: Any) -> Schema:
    """Schema of a value that matches one of several schemas; nested alternatives are merged."""
    found: list[Schema] = []
    for option in options:
        found += option["anyOf"] if set(option) == {"anyOf"} else [option]
    return {"anyOf": [each for i, each in enumerate(found) if each not in found[:i]], **words}


def choice_of(kind: str, registry: Registry | None, *, named: bool = True) -> Schema:
    """Schema of a component in a job: its name, or a mapping of name and parameters.

    Args:
        kind: kind of the component.
        registry: with it, the names and parameters of its components are included; others stay valid.
        named: the mapping must have a name; one in a recipe may leave it to another layer.
    """
    name = {**TEXT, "description": f"Name of the {kind}. See: zoo list {kind}"}
    fields: Schema = {"type": "object", "properties": {"name": name}}
    if named:
        fields["required"] = ["name"]
    if registry is None:
        return either(name, fields)
    known = either({"enum": registry.names(kind)}, TEXT, description=name["description"])
    fields["properties"] = {"name": known}
    fields["allOf"] = [_with_parameters(kind, entries) for entries in _by_factory(kind, registry)]
    return either(known, fields)


def _by_factory(kind: str, registry: Registry) -> list[list[Entry]]:
    """Entries of a kind; the members of a family together, as they share their parameters."""
    groups: dict[str, list[Entry]] = {}
    for entry in registry.entries(kind):
        groups.setdefault(entry.component.target if entry.member else entry.id, []).append(entry)
    return list(groups.values())


def _with_parameters(kind: str, entries: list[Entry]) -> Schema:
    """Condition: for one of these names, the parameters of their factory."""
    names = sorted({name for entry in entries for name in (*entry.names, entry.id)})
    try:
        found = {each.name: parameter_schema(each) for each in parameters(kind, entries[0].factory())}
    except Exception:  # a component that can't be imported is reported where it is used
        found = {}
    condition = {"properties": {"name": {"enum": names}}, "required": ["name"]}
    return {"if": condition, "then": {"properties": {key: either(each, RULE_REF) for key, each in found.items()}}}


def parameter_schema(parameter: Any) -> Schema:
    """Schema of a parameter, with its default and its description."""
    found = type_schema(parameter.annotation)
    if parameter.default is None and not parameter.required:
        found = either(found, {"type": "null"}, NONE)
    elif isinstance(parameter.default, bool | int | float | str):
        found = {**found, "default": parameter.default}
    return {**found, "description": parameter.description} if parameter.description else found


def type_schema(annotation: Any) -> Schema:
    """Schema of a type; empty, which allows everything, for a type that has none."""
    from pydantic import ConfigDict, TypeAdapter

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).json_schema()
    except Exception:  # any type may be the annotation of a parameter
        return {}
    return {} if "$defs" in found else as_yaml(found)


def as_yaml(schema: Mapping[str, Any]) -> Schema:
    """Adapt a schema of pydantic to YAML: a tuple is a list, and no titles."""
    found = {key: value for key, value in schema.items() if key != "title"}
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
    return {key: _inner(value) for key, value in found.items()}


def _inner(value: Any) -> Any:
    if isinstance(value, Mapping):
        return as_yaml(value)
    return [_inner(each) for each in value] if isinstance(value, list) else value


def document(title: str, **parts: Any) -> Schema:
    """Schema of a whole file."""
    return {"$schema": DRAFT, "title": title, "type": "object", **parts}
