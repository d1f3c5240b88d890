"""Clean lists: a CSV file of the images to keep, which the dataset ``image_csv`` reads."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
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
"""Start of the last column's header.

A hash of the content follows, so that an edited list is recognised and not replaced.
"""
WORTH = {"train": 0, "val": 1, "test": 2}
"""Precedence of splits: of an image's copies, the one in the split with the highest value is kept.

Evaluation sets thus stay complete, and training loses the copy.
"""


def need_files(opener: Opener, option: str = "--fix") -> None:
    """Refuse a dataset whose images a CSV file can't list.

    Args:
        option: option or command that lists them, for the message.

    Raises:
        RequestError: the images are not files, or there are splits other than train, val and test.
    """
    names = opener.splits()
    if other := [name for name in names if name not in WORTH]:
        raise RequestError(
            f"{option} supports train, val and test, but this dataset has {other[0]!r}.{_without(option)}"
        )
    dataset = opener.open(names[0])
    if not any(Path(name_of(dataset, i)).exists() for i in range(min(len(dataset), 16))):
        raise RequestError(
            f"{option} lists files, but the images of {opener.entry.component.name!r} are not files (the first is "
            f"{name_of(dataset, 0)!r}). Give a folder of images.{_without(option)}"
        )


def _without(option: str) -> str:
    return f" Or leave out {option}." if option.startswith("--") else ""


def reasons(checked: Checked, *, drop_suspects: bool = False) -> dict[int, str]:
    """Reason for each row that is left out: ``conflict``, ``leak``, ``exact``, ``near`` or ``suspect``."""
    seen, twins = checked.scan, checked.twins
    out: dict[int, str] = {}
    found = checked.judged.suspicion
    if drop_suspects and found is not None:
        out.update(dict.fromkeys(checked.judged.rows[found.confident].tolist(), "suspect"))
    for rows in groups_of(twins):
        if is_conflict(seen, rows):
            out.update(dict.fromkeys(rows, "conflict"))
            continue
        kept = max((row for row in rows if row not in out), key=lambda row: _precedence(seen, row), default=None)
        for row in rows:
            if kept is not None and row != kept:
                out[row] = _reason(seen, row, kept)
    return out


def _precedence(seen: Scan, row: int) -> tuple[int, int, int, int]:
    """Order of duplicates; of files alike in all else the shortest name is kept, not ``photo (copy).jpg``."""
    facts = seen.facts[row]
    return WORTH.get(seen.splits[seen.split[row]], 0), facts.width * facts.height, -len(seen.names[row]), -row


def _reason(seen: Scan, row: int, kept: int) -> str:
    if seen.split[row] != seen.split[kept]:
        return "leak"
    return "exact" if seen.facts[row].digest == seen.facts[kept].digest else "near"


def write_clean(checked: Checked, path: Path, *, drop_suspects: bool = False) -> dict[str, Any]:
    """Write the clean list; the images are not changed.

    Returns:
        ``{"path", "kept", "values", "left_out": {reason: count}, "splits": {split: count}}``.

    Raises:
        OutputError: the file can't be written, or no training image would be left.
    """
    seen = checked.scan
    out = reasons(checked, drop_suspects=drop_suspects)
    kept = [row for row in range(len(seen)) if row not in out]
    if not any(seen.splits[seen.split[row]] == TRAIN for row in kept):
        raise OutputError("No training images would be left, so no list was written. See the findings.")
    rows = [(listed_path(seen.names[row], path), *_cells(seen, row), seen.splits[seen.split[row]]) for row in kept]
    heads = seen.classes if seen.regression else ["labels" if seen.multilabel else "label"]
    write_text(path, _as_csv(rows, ["path", *heads, "split"]))
    left_out = Counter(out.values())
    if seen.bad:
        left_out["unreadable"] = len(seen.bad)
    return {
        "path": str(path),
        "kept": len(kept),
        "values": seen.regression,
        "left_out": dict(left_out.most_common()),
        "splits": {name: int(np.sum(seen.split[kept] == i)) for i, name in enumerate(seen.splits)},
    }


def _cells(seen: Scan, row: int) -> list[str]:
    """The label of an image, or its values with all digits."""
    return [repr(float(value)) for value in seen.labels[row]] if seen.regression else [seen.label_words(row)]


def write_suspects(checked: Checked, path: Path) -> dict[str, Any]:
    """Write the images whose labels need a decision: image, label, suggested, reason; the most suspect first.

    Returns:
        ``{"path", "images"}``.

    Raises:
        OutputError: the file can't be written.
    """
    rows, found = [], {finding["kind"]: finding["items"] for finding in checked.document["findings"]}
    for item in found.get("label_suspects", []):
        reason = f"looks like {item['looks_like']} (margin {item['margin']:.2f})"
        rows.append((listed_path(item["name"], path), item["label"], item["looks_like"], reason))
    for group in found.get("conflicts", []):
        for item in group["items"]:
            others = [other["label"] for other in group["items"] if other["label"] != item["label"]]
            reason = f"a duplicate has the label {others[0]}" if others else "duplicates have other labels"
            rows.append((listed_path(item["name"], path), item["label"], others[0] if others else "", reason))
    first = {row[0]: row for row in reversed(rows)}  # an image may be both
    rows = [row for row in dict.fromkeys(rows) if first[row[0]] == row]
    write_text(path, _as_csv(rows, ["image", "label", "suggested", "reason"]))
    return {"path": str(path), "images": len(rows)}


def listed_path(name: str, table: Path) -> str:
    """Path of an image in a list: relative to the list's folder where the image is below it, else absolute."""
    path, folder = Path(name).absolute(), table.absolute().parent
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _as_csv(rows: Sequence[tuple[str, ...]], names: Sequence[str]) -> str:
    head, text = io.StringIO(), io.StringIO()
    csv.writer(head, lineterminator="").writerow(names)
    csv.writer(text, lineterminator="\n").writerows([*row, ""] for row in rows)
    return f"{head.getvalue()},{MARK} {_hash(text.getvalue())}\n{text.getvalue()}"


def _hash(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def check_list(path: Path, option: str = "--fix", *, overwrite: bool = False) -> Path:
    """Check that a list can be written to a path, before the work that makes it.

    Raises:
        RequestError: the folder doesn't exist, the suffix is not .csv, or a file exists that the zoo did not write.
        OutputError: the folder can't be written.
    """
    return check_target(path, (".csv",), is_ours, option=option, overwrite=overwrite)


def is_ours(path: Path) -> bool:
    """Check that the zoo wrote a list, and that it was not changed since."""
    try:
        head, _, body = path.read_bytes().decode("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return False
    return head.endswith(f"{MARK} {_hash(body)}")
