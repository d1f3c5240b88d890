"""Divide a dataset into train, val and test once, and write the division as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import class_counts
from zoo.api.jobs import listing
from zoo.errors import DataError, RequestError
from zoo.storage import write_text
from zoo_data_check.cleaning import MARK, listed_path
from zoo_data_check.division import PARTS, Units, divide, divide_by_time, joined, strata_of, units_of
from zoo_data_check.pool import ImagePool
from zoo_data_check.times import parse_times

__all__ = ["Division", "SplitRules", "divided", "document_of", "write_split_file"]

DUPLICATES = "near duplicates"
_OFF = 0.02  # deviation of a split's share from the requested one that is reported
_OWN = ("path", "label", "labels", "split", "group")


@dataclass(frozen=True)
class SplitRules:
    """What a division follows.

    Args:
        val, test: shares of the images, 0 for none.
        group: column of groups that stay together, in addition to those of the dataset.
        time: column of times, in whose order the images are divided.
        seed: seed of the division without ``time``.
    """

    val: float = 0.15
    test: float = 0.15
    group: str | None = None
    time: str | None = None
    seed: int = 0

    @property
    def shares(self) -> tuple[float, float, float]:
        """Share of each of train, val and test."""
        return 1 - self.val - self.test, self.val, self.test

    def check(self) -> None:
        """Check the shares.

        Raises:
            RequestError: there is nothing to divide, or nothing is left for train.
        """
        if self.val + self.test == 0:
            raise RequestError("Give a share to val, test or both: --val 0.15 --test 0.15")
        if self.val + self.test > 0.9:
            raise RequestError(
                f"--val {self.val:g} and --test {self.test:g} leave less than a tenth of the images for train. "
                "Try: --val 0.15 --test 0.15"
            )


@dataclass(frozen=True)
class Division:
    """A division.

    Args:
        pool: the images.
        parts: (N,), index into ``PARTS`` of each image.
        together: ``{"by", "groups", "images"}`` of each reason to keep images together: the number of groups of two
            images or more, and of their images.
        groups: group of each image; None without any.
        times: earliest and latest time of each split, as they were given; empty without a column of times.
        notices: notices for the user.
    """

    pool: ImagePool
    parts: NDArray[np.int64]
    together: list[dict[str, Any]]
    groups: list[str] | None
    times: dict[str, list[str]]
    notices: list[str]


def divided(pool: ImagePool, rules: SplitRules) -> Division:
    """Divide the images.

    Raises:
        DataError: a class has one image, or too few groups; a time can't be read; or a split would stay empty.
    """
    groups = pool.groups if rules.group is None else _named(pool, rules.group)
    reasons = {DUPLICATES: pool.twins, rules.group or "group": groups, "file": pool.names}
    own = pool.groups if rules.group is not None and pool.groups != groups else None
    if own is not None:
        reasons["the dataset's own groups"] = own
    present = {name: values for name, values in reasons.items() if values is not None}
    together = [found for name, values in present.items() if (found := _together(name, values))["groups"]]
    kinds = strata_of(pool.labels)
    count = len(pool.classes) if pool.form != "regression" else int(kinds.max()) + 1
    units = units_of(kinds, joined(len(pool), *present.values()), count)
    by = [found["by"] for found in together]
    _check_units(pool, units, rules, by)
    times: dict[str, list[str]] = {}
    if rules.time is None:
        parts = divide(units, rules.shares, rules.seed)
    else:
        texts = pool.columns[rules.time]
        numbers = parse_times(texts, pool.names, rules.time)
        parts = divide_by_time(numbers, units, rules.shares)
        times = {name: _span(texts, numbers, parts == part) for part, name in enumerate(PARTS) if (parts == part).any()}
    _check_parts(pool, parts, rules, by)
    notices = [*pool.notices, *_notices(pool, parts, rules, units)]
    if own is not None and groups is not None:
        groups = [str(number) for number in joined(len(pool), groups, own)]
        notices.append(f"The column group of the file joins the dataset's own groups and those by {rules.group}.")
    return Division(pool, parts, together, groups, times, notices)


def _named(pool: ImagePool, column: str) -> list[str]:
    """Groups by a column; an image with a blank cell is a group of its own."""
    return [value or f"{name} alone" for value, name in zip(pool.columns[column], pool.names, strict=True)]


def _together(by: str, values: Any) -> dict[str, Any]:
    counts = np.unique(np.asarray(values), return_counts=True)[1]
    return {"by": by, "groups": int((counts > 1).sum()), "images": int(counts[counts > 1].sum())}


def _span(texts: Sequence[str], numbers: NDArray[np.float64], chosen: NDArray[np.bool_]) -> list[str]:
    rows = np.flatnonzero(chosen)
    return [texts[rows[numbers[rows].argmin()]], texts[rows[numbers[rows].argmax()]]]


def _check_units(pool: ImagePool, units: Units, rules: SplitRules, by: Sequence[str]) -> None:
    """Check that there is something to divide, of all images and of each class."""
    wanted = sum(share > 0 for share in rules.shares)
    if len(units.size) < wanted:
        raise DataError(
            f"{wanted} splits need {wanted} groups of images, but there {'is' if len(units.size) == 1 else 'are'} only "
            f"{len(units.size)}, kept together by {listing(by)}. Add images of other groups, {_way_out(by)}, or leave "
            "out a split: --val 0"
        )
    if pool.form != "single-label":
        return
    counts = class_counts(pool.labels, len(pool.classes))
    for kind in np.flatnonzero(units.per_class[: len(pool.classes)] == 1):
        name = pool.classes[kind]
        if counts[kind] == 1:
            raise DataError(
                f"The class {name!r} has one image, which can't be in both train and another split. Add images of it, "
                "or remove it."
            )
        raise DataError(
            f"All {counts[kind]:,} images of the class {name!r} stay together, by {listing(by)}, so they can't be in "
            f"both train and another split. Add images of other groups, {_way_out(by)}, or remove the class."
        )


def _way_out(by: Sequence[str]) -> str:
    """What to type where groups of these reasons are too large or too few."""
    options = ["--no-near-duplicates"] * (DUPLICATES in by) + ["another --group"] * (set(by) != {DUPLICATES})
    return f"use {' or '.join(options)}"


def _check_parts(pool: ImagePool, parts: NDArray[np.int64], rules: SplitRules, by: Sequence[str]) -> None:
    """Check that no requested split is empty, and that train has every class."""
    for part, name in enumerate(PARTS):
        if rules.shares[part] > 0 and not (parts == part).any():
            raise DataError(
                f"No image is left for {name}: groups that stay together, by {listing(by)}, are too large. Add "
                f"images, {_way_out(by)}, or leave out the split: --{'val' if name == 'train' else name} 0"
            )
    if pool.form == "regression":
        return
    absent = class_counts(pool.labels[parts == 0], len(pool.classes)) == 0
    if absent.any():
        names = listing((repr(pool.classes[k]) for k in np.flatnonzero(absent)), most=5)
        raise DataError(
            f"The earliest {rules.shares[0]:.0%} of the images, for train, have none of {names}. Give smaller shares "
            "with --val and --test, remove the class, or leave out --time."
        )


def _notices(pool: ImagePool, parts: NDArray[np.int64], rules: SplitRules, units: Units) -> Iterator[str]:
    if len(pool.splits) > 1:
        yield f"The dataset's own splits ({listing(pool.splits)}) are joined and divided again."
    if pool.bad:
        count = len(pool.bad)
        images = "1 image can't be read and is" if count == 1 else f"{count:,} images can't be read and are"
        yield f"{images} left out, such as {pool.bad[0]['name']} ({pool.bad[0]['reason']})."
    if pool.twins is not None and (several := _contradicted(pool.labels, pool.twins)):
        groups = "1 group of duplicates has" if several == 1 else f"{several:,} groups of duplicates have"
        yield f"{groups} several labels. To see which: zoo data check DATASET"
    shares = np.bincount(parts, minlength=len(PARTS)) / len(parts)
    for part, name in enumerate(PARTS):
        if abs(shares[part] - rules.shares[part]) > _OFF and rules.shares[part] > 0:
            yield (
                f"{name} has {shares[part]:.1%} of the images instead of {rules.shares[part]:.1%}: the largest group "
                f"that stays together has {units.size.max():,} of {len(parts):,} images."
            )
        if pool.form != "regression" and rules.shares[part] > 0:
            counts = class_counts(pool.labels[parts == part], len(pool.classes))
            if absent := [repr(pool.classes[k]) for k in np.flatnonzero(counts == 0)]:
                yield f"{name} has no image of {listing(absent, most=5)}: there are too few images or groups of it."


def _contradicted(labels: NDArray[Any], twins: NDArray[np.int64]) -> int:
    """Number of groups of duplicates whose images have different labels."""
    kinds = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(np.stack([twins, kinds], axis=1), axis=0)
    return int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum())


def write_split_file(found: Division, path: Path) -> None:
    """Write a division as a CSV file for ``image_csv``: path, label or labels or values, split, group, other columns.

    Raises:
        OutputError: the file can't be written.
        RequestError: a class name contains the separator of several labels.
    """
    pool = found.pool
    columns = {"path": [listed_path(name, path) for name in pool.names], **_label_columns(pool)}
    columns["split"] = [PARTS[part] for part in found.parts]
    if found.groups is not None:
        columns["group"] = [
            "" if group == f"{name} alone" else group for group, name in zip(found.groups, pool.names, strict=True)
        ]
    for name, values in pool.columns.items():
        if name not in columns and name not in _OWN and not name.startswith(MARK):
            columns[name] = values
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_text(path, text.getvalue())


def _label_columns(pool: ImagePool) -> dict[str, list[str]]:
    if pool.form == "regression":
        return {name: [repr(float(v)) for v in pool.labels[:, k]] for k, name in enumerate(pool.classes)}
    if pool.form == "single-label":
        return {"label": [pool.classes[int(label)] for label in pool.labels]}
    if wrong := [name for name in pool.classes if ";" in name]:
        raise RequestError(f"The class {wrong[0]!r} contains ';', which separates labels in the file. Rename it.")
    return {"labels": [";".join(pool.classes[k] for k in np.flatnonzero(row)) for row in pool.labels]}


def document_of(found: Division, name: str, path: Path, rules: SplitRules, digest: str) -> dict[str, Any]:
    """Describe a division: content of the JSON output."""
    pool = found.pool
    splits = {}
    for part, split in enumerate(PARTS):
        labels = pool.labels[found.parts == part]
        counts = [] if pool.form == "regression" else class_counts(labels, len(pool.classes)).tolist()
        if len(labels):
            splits[split] = {
                "images": len(labels),
                "share": len(labels) / len(pool),
                "per_class": dict(zip(pool.classes, counts, strict=False)),
                **({"from": found.times[split][0], "to": found.times[split][1]} if found.times else {}),
            }
    return {
        "schema": 1,
        "dataset": name,
        "path": str(path),
        "digest": digest,
        "task": pool.form,
        "classes": pool.classes,
        "seed": rules.seed if rules.time is None else None,
        "splits": splits,
        "kept_together": found.together,
        "near_duplicates": pool.twins is not None,
        "left_out": list(pool.bad),
        "notices": found.notices,
    }
