"""JSON schema of a job file, from the job's own validation."""

from __future__ import annotations

from typing import Any

from zoo.api.jobs import Job, Registry, descriptions
from zoo.api.plugins import ALL_KINDS
from zoo_schema import words
from zoo_schema.kinds_of_values import NONE, RULE_REF, RULE_SCHEMA, Schema, as_yaml, choice_of, document, either, ref

AUTO = ("train.batch_size", "train.lr")
NOTHING: Schema = {"type": "null"}
_SECTIONS = {"": words.JOB, "train": words.TRAIN, "data": words.DATA}


def job_schema(registry: Registry | None = None) -> Schema:
    """Schema of a job file: keys, types, bounds and descriptions; values may be rules.

    Args:
        registry: with it, names and parameters of its components are included.
    """
    parts = parts_of_jobs(registry, named=True)
    return document("Job of the zoo", properties=job_properties(), additionalProperties=False, **{"$defs": parts})


def parts_of_jobs(registry: Registry | None, *, named: bool) -> Schema:
    """Schemas that those of :func:`job_properties` refer to: a rule, and a component of each kind.

    Args:
        registry: see :func:`job_schema`.
        named: mappings of components must have a name.
    """
    kinds = [kind.name for kind in ALL_KINDS.values() if kind.path]
    return {"rule": RULE_SCHEMA, **{kind: choice_of(kind, registry, named=named) for kind in kinds}}


def job_properties() -> Schema:
    """Schemas of the keys of a job."""
    whole = Job.model_json_schema()
    of_plugins = [kind.path for kind in ALL_KINDS.values() if kind.path and "." not in kind.path]
    found = {path: _field(path, {}) for path in of_plugins if path not in whole["properties"]}
    for key, schema in whole["properties"].items():
        if key in ("train", "data"):
            inner = whole["$defs"][key.capitalize()]["properties"]
            fields = {name: _field(f"{key}.{name}", each) for name, each in inner.items()}
            found[key] = {"type": "object", "properties": fields, "additionalProperties": False}
            found[key]["description"] = _description("", key)
        else:
            found[key] = _field(key, schema)
    return found


def _field(path: str, schema: Schema) -> Schema:
    section, _, name = path.rpartition(".")
    text = _description(section, name)
    kind = next((each for each in ALL_KINDS.values() if each.path == path), None)
    if kind is not None:
        text, choice = text or kind.summary or f"Components of the kind {kind.name}.", ref(kind.name)
        several = [{"type": "array", "items": choice}] if kind.choose == "many" else []
        return either(*several, choice, *([NOTHING, NONE] if kind.choose == "optional" else []), description=text)
    found = as_yaml(schema)
    default = {"default": found.pop("default")} if "default" in found else {}
    extra = [NONE] if default.get("default", "") is None else []
    extra += [{"const": "auto"}] if path in AUTO else []
    return either(found, *extra, RULE_REF, **default, description=text)


def _description(section: str, name: str) -> str:
    model: Any = Job if not section else Job.model_fields[section].annotation
    found = descriptions(model).get(name, "")
    return f"{found[0].upper()}{found[1:]}" if found else _SECTIONS[section].get(name, "")
