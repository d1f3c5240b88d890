"""Fields that attachments of a bundle add to predictions, by components of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo.errors import BundleError, RequestError, UnknownName, ZooError
from zoo.model.attachments import KEY, Attachment, read_attachments
from zoo.model.provenance import how_to_get, say
from zoo.registry.entry import Entry
from zoo.registry.registry import Registry
from zoo.registry.signature import accepts

__all__ = ["FIELD", "Computed", "PredictionFields", "fields_in", "open_fields"]

Fields = dict[str, Any]
FIELD = "prediction_field"
"""Key of an attachment's facts: the id of the component that adds fields from it."""


class Computed(NamedTuple):
    """What a network computes of N images.

    Args:
        logits: (N, K) float32 on the CPU.
        embeddings: (N, D) float32 on the CPU, what the last layer is given; None where they were not needed.
        scores: (N,) float32 by the name of the attachment.
        ends: lowest and highest quantile of each value, (N, K) each, of a regression that has quantiles.
    """

    logits: Tensor
    embeddings: Tensor | None
    scores: Mapping[str, Tensor]
    ends: tuple[Tensor, Tensor] | None = None


class PredictionFields:
    """Objects of :class:`zoo.plugin.PredictionField` by the name of their attachment."""

    def __init__(self, objects: Mapping[str, Any]):
        self.objects = dict(objects)

    def __bool__(self) -> bool:
        return bool(self.objects)

    @property
    def names(self) -> set[str]:
        """Names of the fields that are added."""
        return {name for each in self.objects.values() for name in each.names}

    @property
    def need_embeddings(self) -> bool:
        return any(each.needs_embeddings for each in self.objects.values())

    def computed(self, logits: Tensor, embeddings: Tensor | None) -> Computed:
        """Add the scores of images to their logits (N, K) and embeddings (N, D), as far as these suffice."""
        with torch.inference_mode():
            scores = {
                name: (each.score(logits, embeddings) if each.needs_embeddings else each.score(logits)).float()
                for name, each in self.objects.items()
                if embeddings is not None or not each.needs_embeddings
            }
        return Computed(logits, embeddings, scores)

    def fields_of(self, scores: Mapping[str, Tensor], count: int) -> list[Fields]:
        """Fields of each of ``count`` images, from their scores."""
        found: list[Fields] = [{} for _ in range(count)]
        for name, each in self.objects.items():
            if name in scores:
                for row, fields in zip(found, each.fields(scores[name]), strict=True):
                    row.update(fields)
        return found


def open_fields(bundle: Path, registry: Registry) -> Fields:
    """Objects for the attachments of a bundle that add fields; one whose plugin is missing is left out, and said.

    Raises:
        BundleError: the tensors of an attachment are damaged.
    """
    return _made(read_attachments(bundle), registry)


def fields_in(card: Mapping[str, Any], scored: tuple[str, ...], registry: Registry) -> Fields:
    """Objects for the attachments whose scores an exported file computes itself.

    Args:
        card: card of the file.
        scored: names of these attachments.
        registry: registry of the plugins.
    """
    facts = {name: each for name, each in (card.get(KEY) or {}).items() if name in scored}
    return _made({name: Attachment(name, _without_digest(each)) for name, each in facts.items()}, registry)


def _without_digest(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in facts.items() if key != "sha256"}


def _made(attachments: Mapping[str, Attachment], registry: Registry) -> Fields:
    found = {}
    for name, each in attachments.items():
        if (wanted := each.facts.get(FIELD)) is None:
            continue
        try:
            entry = registry.find(FIELD, str(wanted))
        except (UnknownName, RequestError):
            record = {"kind": FIELD, "id": str(wanted), **(each.facts.get("by") or {})}
            missing = f"{FIELD} {wanted!r} is not available. {how_to_get(record, registry)}"
            say([f"Predictions lack the fields of attachment {name!r}: {missing}."])
            continue
        found[name] = _object(entry, each, registry)
    return found


def _object(entry: Entry, attachment: Attachment, registry: Registry) -> Any:
    try:
        given = {"registry": registry} if accepts(entry.factory(), "registry") else {}
        return entry.make(attachment.facts, attachment.tensors, **given)
    except ZooError:
        raise
    except Exception as error:
        raise BundleError(
            f"{entry.title_of_fault} fails on attachment {attachment.name!r} of the model: {type(error).__name__}: "
            f"{error}{entry.place_in(error)}. Attach it again with the command that made it."
        ) from error
