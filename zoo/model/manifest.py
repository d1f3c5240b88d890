"""Manifest of a shared model: its files with their SHA-256.

The SHA-256 of the manifest itself is the model's *digest*; obtained from a trusted source, it authenticates all files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from zoo.errors import BundleError, RequestError
from zoo.job.run_folder import ATTACHMENTS, CARD, WEIGHTS
from zoo.storage.files import sha256_of

MANIFEST, README = "zoo-manifest.json", "README.md"
SCHEMA = 1
MOST = {WEIGHTS: 64 << 30, ATTACHMENTS: 16 << 30, CARD: 16 << 20, README: 4 << 20, MANIFEST: 1 << 20}
"""Bytes that each file of a shared model may have. There are no others."""
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Word = Annotated[str, Field(max_length=300)]


class File(BaseModel):
    """Size and hash of a file in the manifest."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: _Sha256


class HeadlineMetric(BaseModel):
    """Main metric of a model, for lists."""

    name: _Word
    value: float
    interval: tuple[float, float] | None = None
    images: int | None = None


class _Said(BaseModel):
    schema_: Annotated[Literal[1], Field(alias="schema")]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
    architecture: _Word
    classes: Annotated[int, Field(ge=1)]
    task: _Word = "single-label"
    license: _Word = "unknown"
    metric: HeadlineMetric | None = None
    files: dict[str, File]


@dataclass(frozen=True)
class Manifest:
    """A manifest: its raw bytes and its parsed content."""

    raw: bytes
    said: _Said

    @property
    def digest(self) -> str:
        return digest_of(self.raw)

    @property
    def files(self) -> dict[str, File]:
        return self.said.files

    @property
    def size(self) -> int:
        """Total size of all files in bytes."""
        return sum(file.bytes for file in self.files.values())

    def row(self) -> dict[str, Any]:
        """Summarise the model for a list."""
        return {**self.said.model_dump(exclude={"files", "schema_"}), "bytes": self.size, "digest": self.digest}


def digest_of(raw: bytes) -> str:
    """SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def parse_manifest(raw: bytes, where: str) -> Manifest:
    """Parse and validate a manifest.

    Args:
        raw: content of the manifest.
        where: origin of the manifest, for the message.

    Raises:
        BundleError: the manifest is damaged, of a newer zoo, or names a file that is not allowed.
    """
    try:
        found = json.loads(raw)
        if isinstance(found, dict) and isinstance(found.get("schema"), int) and found["schema"] > SCHEMA:
            raise BundleError(f"{where} was shared by a newer zoo. Type: pip install -U visionzoo")
        said = _Said.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        spot = ".".join(map(str, first["loc"])) or "at its top"
        raise BundleError(f"The {MANIFEST} of {where} is damaged ({spot}: {first['msg']}). {REFUSED}") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"The {MANIFEST} of {where} is damaged ({type(error).__name__}). {REFUSED}") from error
    _check_names(said.files, where)
    return Manifest(raw, said)


REFUSED = "It was not used; ask its owner."


def _check_names(files: Mapping[str, File], where: str) -> None:
    """Check that a manifest names only the files of a shared model: no other paths, nothing executable."""
    others = [name for name in files if name not in MOST or name == MANIFEST]
    if others:
        raise BundleError(
            f"The {MANIFEST} of {where} names {others[0]!r}. A shared model is {WEIGHTS}, {CARD}, {README} and "
            f"perhaps {ATTACHMENTS}, and other files are not accepted. {REFUSED}"
        )
    if missing := [name for name in (WEIGHTS, CARD) if name not in files]:
        raise BundleError(f"The {MANIFEST} of {where} names no {missing[0]}. {REFUSED}")
    if large := [name for name, file in files.items() if file.bytes > MOST[name]]:
        raise BundleError(
            f"{large[0]} of {where} has {files[large[0]].bytes:,} bytes; the limit is {MOST[large[0]]:,}. {REFUSED}"
        )


def check_file(path: Path, expected: File, where: str) -> None:
    """Check that a file matches the manifest.

    Raises:
        BundleError: the file is missing, or its size or SHA-256 differs.
    """
    try:
        check_size(path.name, path.stat().st_size, expected, where)
        same = sha256_of(path) == expected.sha256
    except OSError as error:
        raise BundleError(f"{where} has no readable {path.name} ({error.strerror}). {REFUSED}") from error
    if not same:
        raise _another(path.name, where, "different SHA-256")


def check_size(name: str, size: int, expected: File, where: str) -> None:
    """Check that a file's size matches the manifest.

    Raises:
        BundleError: the size differs.
    """
    if size != expected.bytes:
        raise _another(name, where, f"{size:,} bytes, not {expected.bytes:,}")


def _another(name: str, where: str, found: str) -> BundleError:
    return BundleError(
        f"{name} of {where} does not match its {MANIFEST} ({found}): it was changed or damaged. {REFUSED}"
    )


def is_shared(folder: Path) -> bool:
    """Check that a folder holds a shared model."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises:
        BundleError: the manifest is damaged.
        RequestError: there is no manifest.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            raw = file.read(MOST[MANIFEST] + 1)
    except OSError as error:
        raise RequestError(
            f"{folder} contains no shared model: it has no readable {MANIFEST}. See: zoo models list {folder}"
        ) from error
    return parse_manifest(raw[: MOST[MANIFEST]], str(folder))


def check_folder(folder: Path, names: Iterable[str] | None = None) -> Manifest:
    """Read the manifest of a folder and check its files.

    Args:
        folder: folder of the shared model.
        names: files to check; all by default.

    Raises:
        BundleError: a file doesn't match the manifest.
    """
    manifest = read_manifest(folder)
    for name in names or manifest.files:
        if name not in manifest.files:
            raise BundleError(f"{folder / name} is not in the {MANIFEST}: it was added later. {REFUSED}")
        check_file(folder / name, manifest.files[name], str(folder))
    return manifest
