"""The hub's contributions."""

from __future__ import annotations

from zoo.plugin import CacheKind, Command, ModelSource, hookimpl


@hookimpl
def zoo_model_sources() -> list[ModelSource]:
    """Models of the Hugging Face hub, by ``hf:owner/name``."""
    return [ModelSource("hf", "zoo_hub.cached:fetched", summary="Models of the Hugging Face hub")]


@hookimpl
def zoo_cache_kinds() -> list[CacheKind]:
    """Describe the models that were fetched."""
    return [CacheKind("models", "models of the Hugging Face hub", "fetched again")]


@hookimpl
def zoo_commands() -> list[Command]:
    """``zoo models``."""
    return [Command("models", "zoo_hub.command:group", summary="Share models: push, pull and list", heading="Use")]
