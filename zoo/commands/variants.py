"""Variants of components in ``zoo list`` and ``zoo info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.registry.entry import Entry
from zoo.registry.registry import Registry
from zoo.registry.suggest import listing
from zoo.reports.words import setting

__all__ = ["in_words", "unlisted", "variation"]


def unlisted(entries: Sequence[Entry]) -> str:
    """Describe the number of variants that a list leaves out; empty where there are none."""
    ids = {e.id for e in entries if e.variants}
    beside = sum(base_id(e) in ids for e in entries if e.variant_of)
    left_out = sum(len(e.variants) for e in entries) - beside
    return f"{left_out:,} variants (NAME.WORD) not listed: zoo list --variants, or --search NAME" if left_out else ""


def base_id(entry: Entry) -> str | None:
    """Full id of the component that an entry is a variant of; None for a base component."""
    return f"{entry.origin.plugin}/{entry.variant_of}" if entry.variant_of else None


def variation(entry: Entry, registry: Registry) -> dict[str, Any]:
    """Describe an entry's default variant, or how a variant differs from its base."""
    if entry.variants:
        return {"default_variant": entry.default_variant and f"{entry.id}.{entry.default_variant}"}
    if entry.variant_of is None:
        return {}
    base = registry.find(entry.kind, str(base_id(entry)))
    own = vars(entry.component)
    others = {key: value for key, value in vars(base.component).items() if key != "name" and own[key] != value}
    return {
        "is_default": entry.id == f"{base.id}.{base.default_variant}",
        "base_has": {key: list(value) if isinstance(value, tuple) else value for key, value in others.items()},
    }


def in_words(details: Mapping[str, Any]) -> dict[str, Any]:
    """Format the details for human readers, without the entries meant for programs."""
    words = [f"{name.rpartition('.')[2]}{_default_mark(details, name)}" for name in details["variants"]]
    words.sort(key=lambda word: not word.endswith(")"))
    base = details["variant_of"]
    if base is not None:
        others = [setting(key, "none" if value is None else value) for key, value in details["base_has"].items()]
        same = "the default" if details["is_default"] else "with the same preprocessing"
        base += f", which has {', '.join(others)}" if others else f", {same}"
    program = dict.fromkeys(("default_variant", "is_default", "base_has", "num_parameters", "top1"))
    top1 = details.get("top1")
    accuracy = {} if top1 is None else {"ImageNet_accuracy": f"{100 * top1:.1f}% (top-1, pretrained weights)"}
    return {**program, **accuracy, "variants": listing(words), "variant_of": base}


def _default_mark(details: Mapping[str, Any], name: str) -> str:
    return " (default)" if name == details.get("default_variant") else ""
