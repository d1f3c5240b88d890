"""``zoo models push``: write a model to a folder, a .zip file or the hub, atomically."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.api.commands import Interrupts
from zoo.api.manifests import MANIFEST, is_shared
from zoo.errors import RequestError
from zoo.runs import JOB, find_run, hold
from zoo.storage import atomic, cannot_write, made_folder, put_folder, workplace
from zoo_hub.location import Hub, Web, is_hub, is_zip, place_of
from zoo_hub.manifest import SHORT
from zoo_hub.package import SharedModel, make_shared
from zoo_hub.pull import digest_at, holds

Telling = Callable[[str], None]
_THEN = (1980, 1, 1, 0, 0, 0)
"""Modification time of every file in a .zip, so that equal models give equal files."""


def push_model(
    run: str,
    word: str,
    *,
    name: str | None = None,
    license: str | None = None,
    private: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    tell: Telling = lambda text: None,
) -> dict[str, Any]:
    """Share a trained model.

    Args:
        run: name or folder of a run, or folder of a bundle.
        word: a folder, in which ``word/name`` is created; a .zip file; or ``hf:owner/name``, with an optional
            ``@branch``.
        name: name of the model; by default the run's, or on the hub the repository's.
        license: identifier of the licence on the hub, which requires one.
        private: make a new repository on the hub private.
        overwrite: replace another model at the target.
        dry_run: write nothing.
        tell: receives a line for each step.

    Returns:
        ``{"status": "pushed", "unchanged" or "not written", "to", "name", …, "digest", "files", "readme", "notices"}``.

    Raises:
        RequestError: the run, location, name or licence is invalid, or another model is at the target.
        OutputError: the folder can't be written; nothing is left behind.
        DataError: the hub can't be reached, or denies access.
    """
    place = place_of(word)
    if isinstance(place, Web):
        raise RequestError(f"{word} is read-only. Push to a folder or a .zip file, and upload that to the web server.")
    hub = place if isinstance(place, Hub) else None
    _check_hub(hub, word, license=license, private=private)
    if is_hub(run):
        raise RequestError(f"{run} is already on the hub. Pull it first: zoo models pull {run}")
    with Interrupts().listening():
        folder = find_run(run)
        lock = hold(folder) if (folder / JOB).is_file() else None
        try:
            name = name or (hub.name if hub and not is_shared(folder) else None)
            address = f"hf:{hub.repo}" if hub else None
            shared = make_shared(run, name=name, license=license, address=address)
            document = _document(shared, place, word)
            if dry_run:
                return {**document, "status": "not written", "readme": shared.readme()}
            return {**document, **_write(shared, place, private=private, overwrite=overwrite, tell=tell)}
        finally:
            if lock is not None:
                lock.release()


def _check_hub(hub: Hub | None, word: str, *, license: str | None, private: bool) -> None:
    if hub is None:
        if private:
            raise RequestError("--private is only supported for the hub. Leave it out.")
        return
    if not hub.name:
        raise RequestError(f"{word!r} is an owner. Add the name of the model: hf:{hub.owner}/my-model")
    if license is None:
        raise RequestError(
            "Models on the hub need a licence: --license apache-2.0, mit, cc-by-4.0, …, or --license unknown."
        )


def _document(shared: SharedModel, place: Path | Hub, word: str) -> dict[str, Any]:
    to = place if isinstance(place, Hub) or is_zip(place) else place / shared.name
    sizes = {name: file.bytes for name, file in shared.manifest.files.items()}
    return {
        "status": "pushed",
        "to": str(to),
        **shared.manifest.row(),
        "files": {**sizes, MANIFEST: len(shared.manifest.raw)},
        "notices": shared.notices,
    }


def _write(shared: SharedModel, place: Path | Hub, *, private: bool, overwrite: bool, tell: Telling) -> dict[str, Any]:
    if isinstance(place, Hub):
        from zoo_hub.hub import upload

        return upload(shared, place, private=private, overwrite=overwrite, tell=tell)
    return (_to_zip if is_zip(place) else _to_folder)(shared, place, overwrite)


def _to_folder(shared: SharedModel, place: Path, overwrite: bool) -> dict[str, Any]:
    if is_shared(place):
        raise RequestError(
            f"{place} is itself a model. Give its parent folder, and a name: zoo models push … {place.parent} "
            f"--name {place.name}"
        )
    target = place / shared.name
    if target.exists():
        if holds(target, shared.manifest):
            return {"status": "unchanged"}
        _check_replaceable(target, shared, overwrite)
    with made_folder(place), workplace(target) as home:
        new = home / "new"
        try:
            new.mkdir()
            for name, content in shared.all_files().items():
                _write_file(new / name, content)
        except OSError as error:
            raise cannot_write(place, error, "name another folder") from error
        put_folder(new, target)
    return {"status": "pushed"}


def _check_replaceable(target: Path, shared: SharedModel, overwrite: bool) -> None:
    if not is_shared(target):
        raise RequestError(f"{target} exists and is not a shared model; it was not changed. Choose another --name.")
    if not overwrite:
        raise RequestError(
            f"{target} contains another model (digest {digest_at(target)}…; the digest of this one is "
            f"{shared.manifest.digest[:SHORT]}…). Keep both with --name {shared.name}-2, or replace it with "
            "--overwrite."
        )


def _write_file(path: Path, content: bytes | Path) -> None:
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_bytes(content)


def _to_zip(shared: SharedModel, place: Path, overwrite: bool) -> dict[str, Any]:
    if place.exists() and not overwrite:
        raise RequestError(f"{place} exists. Choose another file, or replace it with --overwrite.")
    if not place.parent.is_dir():
        raise RequestError(f"There is no folder {place.parent} for {place.name}. Create it first.")
    with atomic(place) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in shared.all_files().items():
            info = zipfile.ZipInfo(name, _THEN)
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as entry:
                if isinstance(content, Path):
                    with content.open("rb") as weights:
                        shutil.copyfileobj(weights, entry, 1 << 20)
                else:
                    entry.write(content)
    return {"status": "pushed"}
