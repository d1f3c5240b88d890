"""A clean list: which images to leave out and why, as a CSV file that the dataset ``image_csv`` reads."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from zoo.api.images import TRAIN, Opener, name_of
from zoo.errors import OutputError, RequestError
from zoo.storage import check_target, write_text
from zoo_data_check.check import Checked
from zoo_data_check.findings import groups_of, is_conflict
from zoo_data_check.scan import Scan

MARK = "Made by visionzoo"
"""Heads the last column, with a hash of all else: so a list that was edited since is known, and isn't replaced."""
WORTH = {"train": 0, "val": 1, "test": 2}
"""Of an image's copies in several splits the one in the last of these stays: evaluation keeps its images, and what is
trained on loses them."""


def need_files(opener: Opener) -> None:
    """Refuse a dataset whose images a CSV file can't list.

    Raises:
        RequestError: its images are no files, or it has other splits than train, val and test.
    """
    names = opener.splits()
    if other := [name for name in names if name not in WORTH]:
        raise RequestError(f"--fix lists train, val and test, and this dataset has {other[0]!r}. Leave --fix out.")
    dataset = opener.open(names[0])
    if not any(Path(name_of(dataset, i)).exists() for i in range(min(len(dataset), 16))):
        raise RequestError(
            f"--fix lists files, and the images of {opener.entry.component.name!r} are none (the first is called "
            f"{name_of(dataset, 0)!r}). Leave --fix out, or check a folder of images."
        )


def reasons(checked: Checked, *, drop_suspects: bool = False) -> dict[int, str]:
    """Why each row that is left out is: ``conflict``, ``leak``, ``exact``, ``near`` or ``suspect``."""
    seen, twins = checked.scan, checked.twins
    out: dict[int, str] = {}
    found = checked.judged.suspicion
    if drop_suspects and found is not None:
        out.update(dict.fromkeys(checked.judged.rows[found.confident].tolist(), "suspect"))
    for rows in groups_of(twins):
        if is_conflict(seen, rows):
            out.update(dict.fromkeys(rows, "conflict"))
            continue
        kept = max((row for row in rows if row not in out), key=lambda row: _worth(seen, row), default=None)
        for row in rows:
            if kept is not None and row != kept:
                out[row] = _why(seen, row, kept)
    return out


def _worth(seen: Scan, row: int) -> tuple[int, int, int]:
    facts = seen.facts[row]
    return WORTH.get(seen.splits[seen.split[row]], 0), facts.width * facts.height, -row


def _why(seen: Scan, row: int, kept: int) -> str:
    if seen.split[row] != seen.split[kept]:
        return "leak"
    return "exact" if seen.facts[row].digest == seen.facts[kept].digest else "near"


def write_clean(checked: Checked, path: Path, *, drop_suspects: bool = False) -> dict[str, Any]:
    """Write the list; the images stay where and what they are.

    Returns:
        ``{"path", "kept", "left_out": {reason: count}, "splits": {split: {class: count}}}``.

    Raises:
        OutputError: the file can't be written, or nothing would be left to train on.
    """
    seen = checked.scan
    out = reasons(checked, drop_suspects=drop_suspects)
    kept = [row for row in range(len(seen)) if row not in out]
    if not any(seen.splits[seen.split[row]] == TRAIN for row in kept):
        raise OutputError("Nothing would be left to train on, so no list was written. Look at the findings first.")
    rows = [(listed_path(seen.names[row], path), seen.label_words(row), seen.splits[seen.split[row]]) for row in kept]
    write_text(path, _as_csv(rows, "labels" if seen.multilabel else "label"))
    left_out = Counter(out.values())
    if seen.bad:
        left_out["unreadable"] = len(seen.bad)
    return {
        "path": str(path),
        "kept": len(kept),
        "left_out": dict(left_out.most_common()),
        "splits": {name: int(np.sum(seen.split[kept] == i)) for i, name in enumerate(seen.splits)},
    }


def listed_path(name: str, table: Path) -> str:
    """An image's path as the list has it: from the list's own folder where it lies below it, else absolute."""
    path, folder = Path(name).absolute(), table.absolute().parent
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _as_csv(rows: list[tuple[str, str, str]], label: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*row, ""] for row in rows)
    return f"path,{label},split,{MARK} {_hash(text.getvalue())}\n{text.getvalue()}"


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def check_list(path: Path, *, overwrite: bool = False) -> Path:
    """The path, if a list can be written there; asked before the work that makes it.

    Raises:
        RequestError: its folder doesn't exist, it is no .csv, or a file that isn't as the zoo wrote it.
        OutputError: its folder can't be written.
    """
    return check_target(path, (".csv",), is_ours, option="--fix", overwrite=overwrite)


def is_ours(path: Path) -> bool:
    """Whether the zoo wrote this list, and nobody has changed it since."""
    try:
        head, _, body = path.read_bytes().decode("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return False
    return head.endswith(f"{MARK} {_hash(body)}")
