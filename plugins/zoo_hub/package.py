"""A shared model in memory: its redacted files with their manifest. Nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.manifests import MANIFEST, README, Manifest, check_folder, is_shared
from zoo.api.models import find_bundle, read_card
from zoo.errors import RequestError
from zoo.runs import ATTACHMENTS, CARD, JOB, MODEL, RESULT, WEIGHTS, RunResult, check_name, find_run
from zoo.storage import dump_json, read_plain
from zoo_hub.manifest import make_manifest
from zoo_hub.model_card import UNKNOWN_LICENSE, headline_metric, write_model_card
from zoo_hub.public import Places, changed

_LICENSE = re.compile(r"[a-z0-9][a-z0-9.\-+]{0,59}")
_PRIVATE = ("mistakes", "sections", "job_sources", "dir")
"""Entries of a result that are not shared: file names, reports of other plugins, and local paths."""


@dataclass(frozen=True)
class SharedModel:
    """A model to be shared.

    Args:
        files: name -> content, or path of the content; without the manifest.
        manifest: describes the files.
        notices: redactions, and further hints for the owner.
    """

    files: Mapping[str, bytes | Path]
    manifest: Manifest
    notices: list[str]

    @property
    def name(self) -> str:
        return self.manifest.said.name

    def all_files(self) -> dict[str, bytes | Path]:
        """All files with the manifest, which comes last, as its presence marks a complete folder."""
        return {**self.files, MANIFEST: self.manifest.raw}

    def readme(self) -> str:
        """Text of the model card; empty where there is none."""
        content = self.files.get(README, b"")
        return (content.read_bytes() if isinstance(content, Path) else content).decode("utf-8", "replace")


def make_shared(run: str, *, name: str | None, license: str | None, address: str | None = None) -> SharedModel:
    """Prepare a run, a bundle or a pulled model for sharing.

    Args:
        run: as ``zoo predict`` takes it.
        name: name of the model; by default the run's.
        license: identifier of the licence on the hub; None for unknown.
        address: future address ``hf:owner/name``; None where the model is not uploaded to the hub.

    Raises:
        RequestError: there is no such run, or a name or licence is malformed.
        BundleError: the run contains no model.
    """
    bundle = find_bundle(find_run(run))
    if is_shared(bundle):
        return _reshared(bundle, name, license)
    folder = bundle.parent if bundle.name == MODEL else bundle
    named = check_name(name or folder.resolve().name)
    wanted = UNKNOWN_LICENSE if license is None else _check_license(license)
    result = _result_of(folder)
    places = Places.of_run(folder, (result or {}).get("job") or {})
    card, known = read_card(bundle), _public_result(result, places)
    public = {**places.value(card), "classes": card["classes"]}
    readme, metric = _described(public, known, folder, name=named, license=wanted, address=address)
    about = {
        "name": named,
        "architecture": public["architecture"]["id"],
        "classes": len(card["classes"]),
        "task": card.get("task", "single-label"),
        "license": wanted,
        "metric": metric,
    }
    files: dict[str, bytes | Path] = {
        WEIGHTS: bundle / WEIGHTS,
        CARD: (dump_json(public) + "\n").encode(),
        README: readme.encode("utf-8", "backslashreplace"),
        **({ATTACHMENTS: bundle / ATTACHMENTS} if card.get("attachments") and (bundle / ATTACHMENTS).is_file() else {}),
    }
    return SharedModel(files, make_manifest(files, about), _notices(card, public, result, license))


def _described(
    card: dict[str, Any], result: dict[str, Any] | None, folder: Path, **how: Any
) -> tuple[str, dict[str, Any] | None]:
    """Build the model card's text and the headline metric.

    Raises:
        RequestError: the result has the right keys, but invalid values.
    """
    try:
        known = None if result is None else RunResult.read(result)
        return write_model_card(card, known, **how), headline_metric(known)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise RequestError(
            f"The {RESULT} of {folder} is damaged, or from an incompatible zoo ({type(error).__name__}: {error}): "
            f"the model card can't be written. To share the model without metrics, copy its folder {folder / MODEL} "
            "elsewhere and push that."
        ) from error


def _reshared(bundle: Path, name: str | None, license: str | None) -> SharedModel:
    """Pass on a model that was shared before without changes, so that its digest is kept."""
    manifest = check_folder(bundle)
    for option, given, own in (("name", name, manifest.said.name), ("license", license, manifest.said.license)):
        if given is not None and given != own:
            raise RequestError(
                f"{bundle} was shared already, as {own!r}, and is shared unchanged. Leave out --{option} {given}."
            )
    return SharedModel({each: bundle / each for each in manifest.files}, manifest, [])


def _check_license(license: str) -> str:
    lower = license.lower()
    if not _LICENSE.fullmatch(lower):
        raise RequestError(
            f"{license!r} is not a licence id of the hub: --license apache-2.0, mit, cc-by-4.0, other, …"
        )
    return lower


def _result_of(folder: Path) -> dict[str, Any] | None:
    """Read the run's result document; None where it is missing or unreadable."""
    try:
        found = json.loads(read_plain(folder / RESULT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and (folder / JOB).is_file() else None


def _public_result(result: dict[str, Any] | None, places: Places) -> dict[str, Any] | None:
    if result is None:
        return None
    kept = {key: value for key, value in result.items() if key not in _PRIVATE}
    return {**places.value(kept), "classes": result.get("classes", [])}


def _notices(
    card: Mapping[str, Any], public: Mapping[str, Any], result: dict[str, Any] | None, license: str | None
) -> list[str]:
    found = []
    if places := sorted(set(changed({**card, "classes": []}, {**public, "classes": []}))):
        found.append(f"Of local paths, only the last name is shared: {', '.join(places)} in {CARD}.")
    if any(place.startswith("architecture.params") for place in places):
        found.append("The network uses one of them, so building it on other machines may fail.")
    if card["architecture"].get("distribution") is None:
        found.append("Its network is not part of a plugin: others also need its source. See: zoo plugins new")
    if result is None:
        found.append(f"There is no {RESULT} beside it: the card has no metrics.")
    if license is None:
        found.append('The licence is "unknown", so nobody may use the model freely. Specify one: --license apache-2.0')
    return found
