"""Models of the hub in place of runs, ``hf:owner/name``: fetched on first use, and cached by commit."""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.api.manifests import Manifest
from zoo.errors import DataError, OutputError
from zoo.storage import cache_folder, cannot_write, put_folder, workplace, write_json
from zoo_hub.location import Hub, hub_of

if TYPE_CHECKING:
    from zoo_hub.hub import HubSource

_REFS = "refs.json"
"""Name of the file that maps each revision to its commit at the last lookup."""
_COMMIT, _BEGINNING = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{7,40}")


def kept_in() -> Path:
    """Folder of cached hub models."""
    return cache_folder() / "models"


def fetched(word: str) -> Path:
    """Return the folder of a hub model, fetching it if necessary, with a message on stderr.

    A cached commit is used without a request. A branch is looked up each time; where the hub can't be reached, its last
    known commit is used.

    Raises:
        RequestError: there is no such model.
        BundleError: the model does not match its manifest.
        DataError: the model is not cached, and the zoo is offline or the hub can't be reached.
    """
    from zoo_hub.hub import HubSource, Unreachable, no_network

    place = hub_of(word)
    root = kept_in() / f"{place.owner}--{place.name}"
    commit = _cached_commit(root, place)
    known = _known(root, commit or _refs(root).get(place.revision or "main"))
    if known is not None and (no_network() or commit is not None):
        return known
    try:
        source = HubSource(place)
    except Unreachable as error:
        if known is None:
            raise
        _notice(f"{str(error).partition(': ')[0]}; using {known.name[:12]} from the cache")
        return known
    except DataError as error:
        raise DataError(f"{error} Download it with network access: zoo models pull {place}") from error
    folder = root / source.commit
    if not _is_complete(folder):
        _fetch(source, folder)
    _remember(root, place, source.commit)
    return folder


def _cached_commit(root: Path, place: Hub) -> str | None:
    """Cached commit that a revision names by its hash, or an unambiguous prefix, as lists show it; else None."""
    if place.revision is None or not _BEGINNING.fullmatch(place.revision):
        return None
    found = [path.name for path in root.glob(f"{place.revision}*") if _COMMIT.fullmatch(path.name)]
    return found[0] if len(found) == 1 else None


def _known(root: Path, commit: str | None) -> Path | None:
    """Folder of a cached commit; None where it is missing or incomplete."""
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        return None
    return root / commit if _is_complete(root / commit) else None


def _is_complete(folder: Path) -> bool:
    """Check that a folder contains exactly the files of its manifest, by hash."""
    from zoo_hub.pull import holds

    manifest = _manifest_in(folder)
    return manifest is not None and holds(folder, manifest)


def _manifest_in(folder: Path) -> Manifest | None:
    from zoo.api.manifests import read_manifest
    from zoo.errors import ZooError

    try:
        return read_manifest(folder)
    except ZooError:
        return None


def _fetch(source: HubSource, folder: Path) -> None:
    from zoo.api.commands import Interrupts
    from zoo_hub.pull import announced, take
    from zoo_hub.report import size

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder.parent, error) from error
    with Interrupts().listening(), workplace(folder) as home:
        manifest = announced(source.at(home), None)
        _notice(f"downloading {source.where} ({size(manifest.size)}) to the cache")
        take(source, manifest, home / "new")
        put_folder(home / "new", folder)


def _refs(root: Path) -> dict[str, str]:
    try:
        found = json.loads((root / _REFS).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(root: Path, place: Hub, commit: str) -> None:
    refs, name = _refs(root), place.revision or "main"
    if refs.get(name) != commit:
        with suppress(OutputError):  # a read-only cache: the revision is simply looked up again
            write_json(root / _REFS, {**refs, name: commit})


def _notice(text: str) -> None:
    sys.stderr.write(f"zoo: {text}\n")
