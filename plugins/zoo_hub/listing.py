"""``zoo models list``: the models in a folder, in the hub's cache, or of an owner on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.api.manifests import MANIFEST, is_shared, read_manifest
from zoo.errors import RequestError, ZooError
from zoo_hub.cached import kept_in
from zoo_hub.location import Hub, Web, place_of
from zoo_hub.pull import PULLED

Row = dict[str, Any]


def list_models(word: str | None) -> list[Row]:
    """List models: ``name``, ``at`` and the manifest's entries, or ``problem``. No weights are read.

    Args:
        word: a folder, or ``hf:owner``; None for pulled models and cached hub models.

    Raises:
        RequestError: there is no such folder.
        DataError: the hub can't be reached.
    """
    if word is None:
        return [*_in_folder(PULLED), *_cached_rows()]
    place = place_of(word)
    if isinstance(place, Web):
        raise RequestError("An https URL can't be listed. Pull a model by its URL: zoo models pull https://…")
    if isinstance(place, Hub):
        from zoo_hub.hub import owned_by

        return owned_by(Hub(place.owner))
    if not place.is_dir():
        raise RequestError(f"There is no folder {place}. For the models in {PULLED}: zoo models list")
    return [_row(place, place)] if is_shared(place) else _in_folder(place)


def _in_folder(folder: Path) -> list[Row]:
    """List the models directly in a folder."""
    return [_row(path.parent, path.parent) for path in sorted(folder.glob(f"[!.]*/{MANIFEST}"))]


def _cached_rows() -> list[Row]:
    rows = []
    for path in sorted(kept_in().glob(f"*--*/[!.]*/{MANIFEST}")):
        owner, _, name = path.parts[-3].partition("--")
        rows.append(_row(path.parent, f"hf:{owner}/{name}@{path.parts[-2][:12]}"))
    return rows


def _row(folder: Path, at: object) -> Row:
    try:
        return {"at": str(at), **read_manifest(folder).row()}
    except ZooError as error:
        return {"at": str(at), "name": folder.name, "problem": str(error)}
