"""Public: trained models, from a run, a bundle or an exported file.

Example::

    registry = components()
    model, card = load_model(find_bundle(find_model("brave-otter", registry)), registry)
    print(card["classes"])
"""

from __future__ import annotations

from zoo.api import load
from zoo.model.attachments import (
    Attachment,
    copy_attachments,
    read_attachments,
    remove_attachment,
    write_attachment,
)
from zoo.model.build import build, build_model, count_parameters
from zoo.model.bundle import (
    SCHEMA,
    Preprocessing,
    check_card,
    copied_weights,
    find_bundle,
    load_model,
    preprocessing_of,
    read_card,
    write_card,
    write_weights,
)
from zoo.model.classifier import Classifier, NoAnswer
from zoo.model.exported import Artifact, AsNetwork, open_artifact, open_file
from zoo.model.formats import EXPORTED, artifact_at, exported_by, is_artifact, suffix_of
from zoo.model.prediction_fields import Computed, PredictionFields, open_fields
from zoo.model.provenance import missing
from zoo.model.sources import find_model

__all__ = [
    "EXPORTED",
    "SCHEMA",
    "Artifact",
    "AsNetwork",
    "Attachment",
    "Classifier",
    "Computed",
    "NoAnswer",
    "PredictionFields",
    "Preprocessing",
    "artifact_at",
    "build",
    "build_model",
    "check_card",
    "copied_weights",
    "copy_attachments",
    "count_parameters",
    "exported_by",
    "find_bundle",
    "find_model",
    "is_artifact",
    "load",
    "load_model",
    "missing",
    "open_artifact",
    "open_fields",
    "open_file",
    "preprocessing_of",
    "read_attachments",
    "read_card",
    "remove_attachment",
    "suffix_of",
    "write_attachment",
    "write_card",
    "write_weights",
]
