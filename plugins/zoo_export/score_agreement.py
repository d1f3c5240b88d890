"""Comparison of the scores that an exported artifact computes for attachments with those of the zoo's own model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.api.images import framed
from zoo.api.models import PredictionFields
from zoo.errors import ExportError
from zoo_export.agreement import BATCH, Reference

__all__ = ["other_decisions", "same_scores"]

TOLERANCE = 1e-3
"""Tolerance of a score, as a fraction of the standard deviation of the scores."""


def same_scores(reference: Reference, artifact: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check that an artifact's scores agree with the model's on the validation images, with identical pixels.

    Args:
        reference: the zoo's own model, and the images.
        artifact: the exported model.
        fields: objects of the attachments whose scores it computes, by name.

    Returns:
        ``{"images", "disagreements", "largest_difference"}`` by attachment; the difference is relative to the standard
        deviation.

    Raises:
        ExportError: a score differs by the tolerance or more, or a decision of an image that is not at the limit.
    """
    found = {}
    for name, (own, other) in _both(reference, artifact, fields).items():
        apart = float((own - other).abs().max()) / max(float(own.std()), 1e-12)
        differ = _differ(fields[name], own, other)
        if not apart < TOLERANCE:  # also for NaN
            raise ExportError(
                f"its scores of the attachment {name!r} differ from the model's on the {len(own):,} validation images "
                f"by up to {apart:.2g} standard deviations (allowed: less than {TOLERANCE:g})"
            )
        found[name] = {"images": len(own), "disagreements": differ, "largest_difference": apart}
    return found


def other_decisions(reference: Reference, artifact: Any, fields: Mapping[str, Any]) -> list[str]:
    """Sentences about attachments by which a less precise artifact decides otherwise on validation images."""
    return [
        f"By the less precise {name}, {count:,} of {len(own):,} val images are decided otherwise."
        for name, (own, other) in _both(reference, artifact, fields).items()
        if (count := _differ(fields[name], own, other))
    ]


def _differ(field: Any, own: Tensor, other: Tensor) -> int:
    return sum(one != two for one, two in zip(field.fields(own), field.fields(other), strict=True))


def _both(reference: Reference, artifact: Any, fields: Mapping[str, Any]) -> dict[str, tuple[Tensor, Tensor]]:
    """Scores (N,) of the model and of the artifact, by attachment."""
    if not fields:
        return {}
    classifier, computing = reference.classifier, PredictionFields(fields)
    own: list[Mapping[str, Tensor]] = []
    other: list[Mapping[str, Any]] = []
    for batch in _batches(reference):
        if computing.need_embeddings:
            logits, vectors = classifier.embed(list(batch), "none")
        else:
            logits, vectors = classifier.logits(list(batch), "none"), None
        own.append(computing.computed(logits, vectors).scores)
        other.append(artifact.scores(framed(batch, reference.shape))[1])
    return {
        name: (
            torch.cat([each[name] for each in own]),
            torch.from_numpy(np.concatenate([each[name] for each in other])).float(),
        )
        for name in fields
    }


def _batches(reference: Reference) -> Iterator[Any]:
    count = len(reference.images)
    for start in range(0, count, BATCH):
        yield np.ascontiguousarray(reference.images.gather(np.arange(start, min(start + BATCH, count))))
