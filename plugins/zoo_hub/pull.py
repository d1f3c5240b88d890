"""``zoo models pull``: fetch a shared model, and keep it only if it matches its manifest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.api.commands import Interrupts
from zoo.api.manifests import (
    MANIFEST,
    Manifest,
    check_file,
    check_folder,
    check_size,
    is_shared,
    parse_manifest,
    read_manifest,
)
from zoo.errors import BundleError, OutputError, RequestError
from zoo.runs import check_name
from zoo.storage import cannot_write, made_folder, put_folder, room_in, workplace
from zoo_hub.location import Hub, Place, Web, check_sha256, place_of
from zoo_hub.manifest import SHORT, check_digest, check_runnable
from zoo_hub.report import size
from zoo_hub.sources import SharedSource, is_pinned, opened

Telling = Callable[[str], None]
PULLED = Path("models")
"""Default folder for pulled models."""


def pull_model(
    word: str,
    *,
    out: Path = PULLED,
    name: str | None = None,
    sha256: str | None = None,
    overwrite: bool = False,
    tell: Telling = lambda text: None,
) -> dict[str, Any]:
    """Fetch a shared model into ``out/name``.

    Args:
        word: a folder, a .zip file, an https address, or ``hf:owner/name``, with an optional ``@revision``.
        out: parent folder of the model.
        name: name of the model's folder; by default the shared model's name.
        sha256: required digest, as ``zoo models push`` prints it; mandatory for an https address.
        overwrite: replace another model of that name.
        tell: receives a line before a download.

    Returns:
        ``{"status": "pulled" or "unchanged", "from", "dir", "name", "architecture", …, "digest", "revision"}``.

    Raises:
        RequestError: the word or the name is invalid, or the name is taken.
        BundleError: the model does not match its manifest or ``sha256``; nothing is kept.
        DataError: the model can't be fetched.
        OutputError: the folder can't be written.
    """
    place, wanted = _parse_source(word, sha256)
    if name is not None:
        check_name(name)
    with Interrupts().listening(), made_folder(out), workplace(out / (name or "model")) as home:
        with opened(place, home, wanted) as source:
            manifest = announced(source, wanted)
            target = out / (name or manifest.said.name)
            told = {"from": word, "dir": str(target), **manifest.row(), "revision": getattr(source, "commit", None)}
            if _is_up_to_date(target, manifest, overwrite=overwrite):
                return {"status": "unchanged", **told}
            if not isinstance(place, Path):
                tell(f"downloading {source.where} ({size(manifest.size)})")
            take(source, manifest, home / "new")
        put_folder(home / "new", target)
    return {"status": "pulled", **told}


def _parse_source(word: str, sha256: str | None) -> tuple[Place, str | None]:
    """Parse the location and the required digest."""
    place = place_of(word)
    wanted = None if sha256 is None else check_sha256(sha256)
    if isinstance(place, Hub) and not place.name:
        raise RequestError(f"{word!r} is an owner, not a model. See: zoo models list {word}")
    if isinstance(place, Web):
        if wanted is None and place.sha256 is None:
            raise RequestError(
                f"{word} needs a checksum: --sha256 with the digest printed by `zoo models push`. Get it from its "
                "owner through another channel than the URL."
            )
        if None not in (wanted, place.sha256) and wanted != place.sha256:
            raise RequestError(f"The URL and --sha256 have different checksums for {place.url}.")
        return place, wanted or place.sha256
    return place, wanted


def announced(source: SharedSource, sha256: str | None) -> Manifest:
    """Read the manifest of a source, and check that the source may be fetched.

    Raises:
        BundleError: the digest differs from ``sha256``, or the source contains potentially executable files.
    """
    manifest = parse_manifest(source.manifest(), source.where)
    if not is_pinned(source):
        check_digest(manifest, sha256, source.where)
    check_runnable(source.names(), source.where)
    return manifest


def take(source: SharedSource, manifest: Manifest, folder: Path) -> None:
    """Fetch and verify every file of a manifest into a new folder; the manifest is written last.

    Raises:
        BundleError: a file does not match the manifest.
        OutputError: the folder can't be written, or the disk lacks space.
    """
    _check_sizes(source, manifest, folder.parent)
    try:
        folder.mkdir()
        for name, expected in manifest.files.items():
            source.fetch(name, expected, folder)
            check_file(folder / name, expected, source.where)
        (folder / MANIFEST).write_bytes(manifest.raw)
    except OSError as error:
        raise cannot_write(folder.parent.parent, error) from error


def _check_sizes(source: SharedSource, manifest: Manifest, folder: Path) -> None:
    """Refuse, before writing, files whose sizes differ from the manifest's, or exceed the free disk space."""
    for name, expected in manifest.files.items():
        if (found := source.size(name)) is not None:
            check_size(name, found, expected, source.where)
    if manifest.size > (room := room_in(folder)):
        raise OutputError(
            f"{source.where} has {size(manifest.size)}, but only {size(room)} are free on the disk of "
            f"{folder.parent}. Free some space, or choose another folder."
        )


def _is_up_to_date(target: Path, manifest: Manifest, *, overwrite: bool) -> bool:
    """Check for an identical and complete model at the target.

    Raises:
        RequestError: something else is there.
    """
    if not target.exists() and not target.is_symlink():
        return False
    if not is_shared(target):
        raise RequestError(f"{target} exists and is not a pulled model; it was not changed. Choose a --name.")
    if holds(target, manifest):
        return True
    if not overwrite:
        raise RequestError(
            f"{target} contains a different or changed model (digest {digest_at(target)}…, not "
            f"{manifest.digest[:SHORT]}…). Choose a --name, or replace it with --overwrite."
        )
    return False


def holds(folder: Path, manifest: Manifest) -> bool:
    """Check that a folder contains exactly the manifest's model."""
    try:
        return check_folder(folder).digest == manifest.digest
    except (BundleError, RequestError):
        return False


def digest_at(folder: Path) -> str:
    """Beginning of the digest of the model in a folder, for messages."""
    try:
        return read_manifest(folder).digest[:SHORT]
    except (BundleError, RequestError):
        return "unknown"
