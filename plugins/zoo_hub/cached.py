"""``hf:owner/name`` in a run's place: fetched when it is first typed, and kept by commit."""

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
"""Which commit each revision was when it was last looked up."""
_COMMIT, _BEGINNING = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{7,40}")


def kept_in() -> Path:
    """Where the hub's models are kept."""
    return cache_folder() / "models"


def fetched(word: str) -> Path:
    """The folder of a model of the hub; what is not here yet is fetched, which is said on stderr.

    A commit that is here is used without asking the hub. A branch is looked up each time, and where the hub doesn't
    answer what it was the last time is used.

    Raises:
        RequestError: there is no such model.
        BundleError: it is not as its manifest says.
        DataError: it is not here, and offline, or the hub can't be reached.
    """
    from zoo_hub.hub import HubSource, Unreachable, no_network

    place = hub_of(word)
    root = kept_in() / f"{place.owner}--{place.name}"
    commit = _commit_here(root, place)
    known = _known(root, commit or _refs(root).get(place.revision or "main"))
    if known is not None and (no_network() or commit is not None):
        return known
    try:
        source = HubSource(place)
    except Unreachable as error:
        if known is None:
            raise
        _say(f"{str(error).partition(': ')[0]}; {known.name[:12]}, which was fetched before, is used")
        return known
    except DataError as error:
        raise DataError(
            f"{error} Fetch it once with the network: zoo models pull {place}, or type this again."
        ) from error
    folder = root / source.commit
    if not _whole(folder):
        _fetch(source, folder)
    _remember(root, place, source.commit)
    return folder


def _commit_here(root: Path, place: Hub) -> str | None:
    """The commit that is here by which a model was asked for; a list shows only the beginning of one."""
    if place.revision is None or not _BEGINNING.fullmatch(place.revision):
        return None
    found = [path.name for path in root.glob(f"{place.revision}*") if _COMMIT.fullmatch(path.name)]
    return found[0] if len(found) == 1 else None


def _known(root: Path, commit: str | None) -> Path | None:
    """The folder of a commit that is here, whole."""
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        return None
    return root / commit if _whole(root / commit) else None


def _whole(folder: Path) -> bool:
    """Whether a folder has the very files that its manifest names, to the byte."""
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
        _say(f"fetching {source.where} ({size(manifest.size)}), which is kept")
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
        with suppress(OutputError):  # a read-only cache, of a model that is there: it is looked up again
            write_json(root / _REFS, {**refs, name: commit})


def _say(text: str) -> None:
    sys.stderr.write(f"zoo: {text}\n")
