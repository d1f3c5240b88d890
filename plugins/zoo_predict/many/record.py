"""The record of an output: which model and options its rows are of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.api.manifests import is_shared, read_manifest
from zoo.api.models import artifact_at, find_bundle, find_model
from zoo.errors import RequestError
from zoo.runs import ATTACHMENTS, CARD, WEIGHTS
from zoo.storage import sha256_of
from zoo_predict.many.output import FileShard
from zoo_predict.many.predictor import Predictor

__all__ = ["check_same", "digests_of", "record_of"]

_OPTIONS = {
    "top_k": "--top-k",
    "tta": "--tta",
    "reject_below": "--reject-below",
    "coverage": "--coverage",
    "embeddings": "--embeddings",
}


def digests_of(model: str, registry: Any) -> dict[str, Any]:
    """SHA-256 of a model: of its manifest for a shared one, else of its files, whose own are listed.

    Args:
        model: a run, a bundle, an exported file, or a word of a model source.
        registry: the registry of exporters and model sources.
    """
    artifact = artifact_at(model, registry)
    if artifact is not None:
        files = [artifact] if artifact.is_file() else sorted(path for path in artifact.rglob("*") if path.is_file())
        return _digests({str(path.relative_to(artifact.parent)): path for path in files})
    folder = find_bundle(find_model(model, registry))
    found = _digests({name: folder / name for name in (CARD, WEIGHTS, ATTACHMENTS) if (folder / name).is_file()})
    return {**found, "digest": read_manifest(folder).digest} if is_shared(folder) else found


def _digests(files: Mapping[str, Path]) -> dict[str, Any]:
    sums = {name: sha256_of(path) for name, path in files.items()}
    whole = hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()
    return {"digest": whole, "files": sums}


def record_of(
    predictor: Predictor, digests: Mapping[str, Any], command: str, shard: FileShard | None
) -> dict[str, Any]:
    """Record of an output, which its files have as metadata.

    Args:
        predictor: the model in use.
        digests: see :func:`digests_of`.
        command: the command line.
        shard: the shard of the images; None for all.
    """
    classifier = predictor.classifier
    return {
        "zoo": __version__,
        "command": command,
        "model": {"name": predictor.task.model, "architecture": classifier.card["architecture"]["id"], **digests},
        "classes": classifier.classes,
        "options": predictor.task.options(),
        "shard": None if shard is None else str(shard),
    }


def check_same(before: Mapping[str, Any], now: Mapping[str, Any], output: Path) -> None:
    """Check that rows of both records can stand in one output.

    Args:
        before, now: records of the rows that are done, and of this command.
        output: the output, for the message.

    Raises:
        RequestError: the model or an option is another one.
    """
    if others := list(_differences(before, now)):
        raise RequestError(
            f"{output} was written with {'; '.join(others)}. Resume with the same command, replace the output with "
            "--overwrite, or name another one with --out."
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if _files(before) != _files(now):
        old, new = (str(record.get("model", {}).get("digest"))[:12] for record in (before, now))
        yield f"another model (digest {old}, not {new})"
    options = before.get("options", {})
    for name, option in _OPTIONS.items():
        if options.get(name) != now["options"][name]:
            yield f"{_said(option, options.get(name))}, not {_said(option, now['options'][name])}"
    if before.get("shard") != now["shard"]:
        yield f"{_said('--shard', before.get('shard'))}, not {_said('--shard', now['shard'])}"


def _files(record: Mapping[str, Any]) -> Any:
    return record.get("model", {}).get("files")


def _said(option: str, value: Any) -> str:
    if value is None or value is False:
        return f"no {option}"
    return option if value is True else f"{option} {value}"
