"""The file ``shards.json``: the shards of each split, with hashes of their content."""

from __future__ import annotations

import hashlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import DataError
from zoo.storage import cache_folder
from zoo_images.files import ORDER, SPLIT_WORDS, did_you_mean
from zoo_images.shards.tars import ShardContents, read_contents, scan

__all__ = ["LISTING", "Listing", "Shard", "index", "look", "read_listing"]

LISTING = "shards.json"
CLASSES = "classes.txt"
VERSION = 1
_NAME = re.compile(r"[\w][\w.\-]*(/[\w][\w.\-]*)?", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}")


class Shard(NamedTuple):
    """A tar file, relative to the listing, with the SHA-256 of the file and of its contents file ``NAME.json``."""

    file: str
    bytes: int
    sha256: str
    contents_sha256: str


class Listing(NamedTuple):
    """Shards by split, and class names by index where labels are numbers."""

    splits: dict[str, list[Shard]]
    classes: list[str] | None

    def document(self) -> dict[str, Any]:
        """Convert to a document for JSON."""
        splits = {split: [shard._asdict() for shard in shards] for split, shards in self.splits.items()}
        return {"version": VERSION, "classes": self.classes, "splits": splits}


def read_listing(text: str, name: str) -> Listing:
    """Parse the text of a ``shards.json``.

    Raises:
        DataError: the text is malformed, or a shard is outside of the listing's folder.
    """
    try:
        told = json.loads(text)
        splits = {str(s): [_shard(row) for row in rows] for s, rows in told["splits"].items() if rows}
        classes = None if told.get("classes") is None else [str(c) for c in told["classes"]]
        sound = told["version"] == VERSION and splits and set(splits) <= set(ORDER)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DataError(f"{name} does not list shards ({error}). Create it again: zoo shards index FOLDER") from error
    if not sound:
        raise DataError(f"{name} has an unknown version, or lists no shards of {', '.join(ORDER)}.")
    return Listing({split: splits[split] for split in ORDER if split in splits}, classes)


def _shard(row: dict[str, Any]) -> Shard:
    shard = Shard(str(row["file"]), int(row["bytes"]), str(row["sha256"]), str(row["contents_sha256"]))
    if not _NAME.fullmatch(shard.file) or not _HASH.fullmatch(shard.sha256) or shard.bytes < 0:
        raise ValueError(f"{shard.file!r} is not a shard in the folder of the list")
    return shard


def look(folder: Path) -> dict[str, list[Path]]:
    """Shards of a folder by split, from folders ``train/`` ``val/`` ``test/`` or the first word of the file names.

    Raises:
        DataError: there are no shards, or only some names contain a split.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted((*folder.glob("*.tar"), *folder.glob("*/*.tar"))):
        word = path.parent.name if path.parent != folder else re.split(r"[-_.\d]", path.name)[0]
        found.setdefault(SPLIT_WORDS.get(word.casefold(), ""), []).append(path)
    if not found:
        others = sorted(p.name for p in folder.iterdir())[:5]
        raise DataError(
            f"There are no .tar files in {folder}{', but ' + ', '.join(others) if others else ''}. To create them "
            f"from a folder of class folders: zoo shards pack {folder} SHARDS"
        )
    if set(found) == {""}:
        return {"train": found[""]}
    if "" in found:
        raise DataError(
            f"{found[''][0].name} has no split, unlike {next(p for s in found for p in found[s] if s).name}: name "
            "shards train-….tar, val-….tar and test-….tar, or use folders of these names."
        )
    return {split: found[split] for split in ORDER if split in found}


def index(folder: Path, field: str, alone: Path | None = None) -> tuple[Listing, dict[str, ShardContents]]:
    """Index the shards of a folder, reading new or changed ones; only the cache is written.

    Args:
        folder: folder of the shards.
        field: key of the label in a ``.json``.
        alone: a single shard to index, without the others.
    """
    found = look(folder) if alone is None else {"train": [alone]}
    split_of = {path: split for split, paths in found.items() for path in paths}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        contents = dict(zip(split_of, pool.map(lambda path: _known(path, field), split_of), strict=True))
    splits: dict[str, list[Shard]] = {}
    for path, split in split_of.items():
        inside, name = contents[path], path.relative_to(folder).as_posix()
        if not _NAME.fullmatch(name):
            raise DataError(f"{path}: a shard's name has letters, digits, '-', '_' and '.' only. Rename it.")
        digest = hashlib.sha256(text_of(inside.document()).encode()).hexdigest()
        splits.setdefault(split, []).append(Shard(name, inside.bytes, inside.sha256, digest))
    listing = Listing(splits, class_file(folder))
    return listing, {path.relative_to(folder).as_posix(): inside for path, inside in contents.items()}


def _known(path: Path, field: str) -> ShardContents:
    """Contents of a shard, from the cache if the file is unchanged."""
    is_now = path.stat()
    key = hashlib.sha256(repr((str(path.absolute()), is_now.st_size, is_now.st_mtime_ns, field)).encode()).hexdigest()
    kept = cache_folder() / "shards" / "contents" / f"{key[:32]}.json"
    try:
        return read_contents(kept.read_text("utf-8"), str(kept))
    except (OSError, ValueError, DataError):
        contents = scan(path, field)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        passing = kept.with_name(f".{kept.name}.{os.getpid()}")
        passing.write_text(text_of(contents.document()), "utf-8")
        passing.replace(kept)
    except OSError:  # the next run reads the shard again
        return contents
    return contents


def text_of(document: dict[str, Any]) -> str:
    """Serialise a document as it is stored and hashed."""
    return json.dumps(document, separators=(",", ":")) + "\n"


def class_file(folder: Path) -> list[str] | None:
    """Lines of ``classes.txt``; None without that file."""
    file = folder / CLASSES
    return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()] if file.is_file() else None


def need_folder(root: Path) -> Path:
    """Check that a folder exists.

    Raises:
        DataError: the folder doesn't exist.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        others = [p.name for p in root.parent.iterdir() if p.is_dir()] if root.parent.is_dir() else []
        raise DataError(
            f"There is no folder {root}.{did_you_mean(root.name, others)} Give the folder of the .tar files."
        )
    return root
