"""The findings of a check, each with its evidence and advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.api.jobs import listing
from zoo_data_check.duplicates import Twins
from zoo_data_check.scan import Scan
from zoo_data_check.stats import split_facts

if TYPE_CHECKING:
    from zoo_data_check.labels import Judged

Finding = dict[str, Any]

FAR = 4.0
"""Robust standard deviations from which an image counts as an outlier."""
BLANK = 4.0
"""Standard deviation of grey levels (0..255) below which an image counts as blank."""
LONG = 3.0
"""Aspect ratio (longer by shorter side) from which a shape is unusual."""
SMALL, LARGE = 0.25, 4.0
"""Ratio of the shorter side to its median, beyond which a size is unusual."""
UNEQUAL = 3.0
"""Ratio of the largest to the smallest class from which a dataset counts as imbalanced."""
AGREES, AGREES_TRAINED = 0.9, 0.75
"""Minimum agreement of the classifier with the labels for reliable suspicions: by plain features, and by a network's.

Suspicions by a trained network's features are more often right.
"""

ERROR, WARNING, NOTE = "error", "warning", "note"
CLEAN = "Exclude them: --fix clean.csv"


def all_findings(
    seen: Scan, twins: Twins, judged: Judged, strange: NDArray[np.float32], *, trained: bool
) -> list[Finding]:
    """Collect all findings, the most severe first.

    Args:
        seen: all decoded images.
        twins: groups of duplicates.
        judged: assessment of the labels.
        strange: (n,), outlier scores.
        trained: the features are a trained network's.

    Returns:
        ``{"kind", "severity", "count", "summary", "next", "items"}`` each; ``items`` are images, or groups ``{"items",
        "exact", "alike"}`` of them.
    """
    found: list[Finding] = [
        *_unreadable(seen),
        *_conflicts(seen, twins),
        *_leaks(seen, twins),
        *_missing_classes(seen),
        *_repeated(seen, twins),
        *_suspects(seen, judged, trained=trained),
        *_blank(seen),
        *_outliers(seen, strange, trained=trained),
        *_imbalance(seen),
        *_shapes(seen),
        *_orientations_and_colours(seen),
    ]
    rank = (ERROR, WARNING, NOTE)
    return sorted(found, key=lambda finding: rank.index(finding["severity"]))


def _finding(
    kind: str, severity: str, count: int, summary: str, advice: str, items: Iterable[dict[str, Any]] = ()
) -> Finding:
    return {
        "kind": kind,
        "severity": severity,
        "count": count,
        "summary": summary,
        "next": advice,
        "items": list(items),
    }


def _counted(count: int, word: str = "image") -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return f"{_counted(count)} {'is' if count == 1 else 'are'}"


def _unreadable(seen: Scan) -> Iterator[Finding]:
    if seen.bad:
        count = len(seen.bad)
        yield _finding("unreadable", ERROR, count, f"{_counted(count)} can't be read in full.", CLEAN, seen.bad)


def groups_of(twins: Twins) -> list[list[int]]:
    """All groups of duplicates, exact and near, without repetition."""
    near = {int(twins.group[rows[0]]) for rows in twins.near}
    return sorted([*twins.near, *(rows for rows in twins.exact if int(twins.group[rows[0]]) not in near)])


def is_conflict(seen: Scan, rows: list[int]) -> bool:
    """Check for different labels within a group."""
    return len(np.unique(seen.labels[rows], axis=0)) > 1


def _group(seen: Scan, twins: Twins, rows: list[int]) -> dict[str, Any]:
    """Describe a group of duplicates, with its lowest correlation."""
    alike = twins.alike.get(int(twins.group[rows[0]]), 1.0)
    return {"items": [seen.item(row) for row in rows], "exact": _same_pixels(seen, rows), "alike": alike}


def _same_pixels(seen: Scan, rows: list[int]) -> bool:
    return len({seen.facts[row].digest for row in rows}) == 1


def _conflicts(seen: Scan, twins: Twins) -> Iterator[Finding]:
    found, word = [rows for rows in groups_of(twins) if is_conflict(seen, rows)], _word(seen)
    if found:
        yield _finding(
            "conflicts",
            ERROR,
            len(found),
            f"{_are(len(found))} in the dataset with several {word}s ({_counted(sum(map(len, found)), 'file')}).",
            f"Check which {word} is right; --fix clean.csv excludes all of them",
            (_group(seen, twins, rows) for rows in found),
        )


def _word(seen: Scan) -> str:
    return "value" if seen.regression else "label"


def _leaks(seen: Scan, twins: Twins) -> Iterator[Finding]:
    found = [rows for rows in groups_of(twins) if len(set(seen.split[rows])) > 1]
    if found:
        exact = sum(len(set(seen.split[rows])) > 1 for rows in twins.exact)
        yield _finding(
            "leaks",
            ERROR,
            len(found),
            f"{_are(len(found))} in more than one of {listing(seen.splits)} ({exact:,} with the same pixels): "
            "metrics on training images are too optimistic.",
            "--fix clean.csv keeps each in test or val, and removes it from train",
            (_group(seen, twins, rows) for rows in found),
        )


def _repeated(seen: Scan, twins: Twins) -> Iterator[Finding]:
    """Report duplicates within a split that have one label."""
    for kind, groups, words in (
        ("exact_duplicates", twins.exact, "with the same pixels"),
        ("near_duplicates", twins.near, "differing in size, quality or crop"),
    ):
        found = [rows for rows in groups if _within(seen, rows) and not is_conflict(seen, rows)]
        if found:
            yield _finding(
                kind,
                WARNING,
                len(found),
                f"{_are(len(found))} more than once in a split, {words} ({_counted(sum(map(len, found)), 'file')}).",
                "--fix clean.csv keeps one of each",
                (_group(seen, twins, rows) for rows in found),
            )


def _within(seen: Scan, rows: list[int]) -> bool:
    """Check for two images of a group in one split; in a near group, with different pixels."""
    pictures = rows if _same_pixels(seen, rows) else {(seen.split[row], seen.facts[row].digest) for row in rows}
    return len(pictures) > len(set(seen.split[rows]))


def _missing_classes(seen: Scan) -> Iterator[Finding]:
    for name, facts in split_facts(seen).items():
        gone = [label for label, count in facts["per_class"].items() if count == 0]
        if gone:
            yield _finding(
                "missing_classes",
                ERROR if name == "train" else WARNING,
                len(gone),
                f"{name} has no image of {listing(gone, most=5)}.",
                "Add images, or remove the class"
                if name == "train"
                else "Add images: its metrics exclude these classes",
                [{"name": label, "split": name, "label": label} for label in gone],
            )


def _imbalance(seen: Scan) -> Iterator[Finding]:
    for name, facts in split_facts(seen).items():
        counts = {label: count for label, count in facts["per_class"].items() if count}
        if not counts or max(counts.values()) < UNEQUAL * min(counts.values()):
            continue
        most, least = max(counts, key=lambda c: counts[c]), min(counts, key=lambda c: counts[c])
        ratio = counts[most] / counts[least]
        yield _finding(
            "imbalance",
            WARNING if name == "train" else NOTE,
            len(counts),
            f"{name} has {ratio:.1f} times as many images of {most} ({counts[most]:,}) as of {least} "
            f"({counts[least]:,}).",
            "Use F1 instead of accuracy, and train with --set train.class_weights=balanced",
            [{"name": label, "split": name, "label": label, "images": count} for label, count in counts.items()],
        )


def _suspects(seen: Scan, judged: Judged, *, trained: bool) -> Iterator[Finding]:
    found = judged.suspicion
    if found is None:
        if judged.why_not:
            yield _finding("label_suspects", NOTE, 0, f"Labels were not judged. {judged.why_not}", "")
        return
    chosen = found.order[found.confident[found.order]]
    if not len(chosen):
        return
    weak = found.accuracy < (AGREES_TRAINED if trained else AGREES)
    share = f"{_counted(len(chosen))} with a suspect label, most suspect first. "
    how = f"The classifier agrees with {found.accuracy:.1%} of the held-out labels"
    doubt = ", so most suspects are probably its own mistakes." if weak else "."
    better = (
        "Use better features: --architecture timm/tf_efficientnet_lite0 --weights FILE, or --features RUN; or train on "
        "the images themselves: --train 20m"
    )
    look = (
        "Check them (-o check.html), or settle them: --suspects suspects.csv, then zoo label; --drop-suspects excludes "
        "them from clean.csv"
    )
    yield {
        **_finding(
            "label_suspects",
            NOTE if weak else WARNING,
            len(chosen),
            f"{share}{how}{doubt} {judged.why_not}".strip(),
            look if trained or not weak else better,
            (
                {
                    **seen.item(int(judged.rows[i])),
                    "looks_like": seen.classes[int(judged.classes[found.looks_like[i]])],
                    "margin": float(found.margin[i]),
                }
                for i in chosen
            ),
        ),
        "agreement": found.accuracy,
        "weak": weak,
    }


def _chosen(
    seen: Scan, kind: str, severity: str, summary: str, advice: str, rows: Iterable[int], says: Callable[[int], Any]
) -> Iterator[Finding]:
    """Report single images, if any; ``says`` returns the reason for each."""
    items = [{**seen.item(row), "why": says(row)} for row in map(int, rows)]
    if items:
        yield _finding(kind, severity, len(items), f"{_are(len(items))} {summary}", advice, items)


def _blank(seen: Scan) -> Iterator[Finding]:
    spread = np.array([facts.spread for facts in seen.facts])
    return _chosen(
        seen,
        "blank",
        WARNING,
        "of a single colour, or nearly.",
        "Check and remove them",
        np.flatnonzero(spread < BLANK),
        lambda row: f"grey levels vary by {spread[row]:.1f}",
    )


def _outliers(seen: Scan, strange: NDArray[np.float32], *, trained: bool) -> Iterator[Finding]:
    order = np.argsort(-strange, kind="stable")
    plain = "" if trained else " By plain features of colours and textures, not objects."
    return _chosen(
        seen,
        "outliers",
        NOTE,
        f"far from all others (outliers).{plain}",
        "Check whether they belong to the dataset",
        (row for row in order if strange[row] >= FAR),
        lambda row: f"{strange[row]:.1f} standard deviations above the mean",
    )


def _shapes(seen: Scan) -> Iterator[Finding]:
    sizes = seen.sizes
    shorter, longer = sizes.min(1), sizes.max(1)
    middle = float(np.median(shorter))
    size = lambda row: f"{sizes[row, 0]} x {sizes[row, 1]}"  # noqa: E731
    yield from _chosen(
        seen,
        "odd_sizes",
        NOTE,
        f"of unusual size (shorter side below {SMALL * middle:.0f} or above {LARGE * middle:.0f} pixels).",
        "Check whether the small ones are still recognisable",
        np.flatnonzero((shorter < SMALL * middle) | (shorter > LARGE * middle)),
        size,
    )
    yield from _chosen(
        seen,
        "odd_shapes",
        NOTE,
        f"long and narrow (aspect ratio at least {LONG:g}): squashing distorts the object, "
        "and cropping cuts most of it off.",
        "Crop them to the object",
        np.flatnonzero(longer >= LONG * shorter),
        size,
    )


def _orientations_and_colours(seen: Scan) -> Iterator[Finding]:
    yield from _chosen(
        seen,
        "rotated",
        NOTE,
        "rotated by their EXIF tag. The zoo applies the tag; other programs may not.",
        "Save them rotated for other programs",
        (row for row, facts in enumerate(seen.facts) if facts.orientation != 1),
        lambda row: f"orientation {seen.facts[row].orientation}",
    )
    grey = [row for row, facts in enumerate(seen.facts) if facts.grey]
    few = grey if 2 * len(grey) <= len(seen) else [row for row, facts in enumerate(seen.facts) if not facts.grey]
    word = "greyscale among colour images" if few is grey else "in colour among greyscale images"
    yield from _chosen(
        seen,
        "grey",
        NOTE,
        f"{word}. If they are concentrated in a class, a network may learn that instead ({_by_class(seen, few)}).",
        "Check that they are spread over the classes",
        few,
        lambda row: seen.facts[row].mode,
    )


def _by_class(seen: Scan, rows: list[int]) -> str:
    if seen.regression:
        return "the dataset has values, and no classes"
    if seen.multilabel:
        return "by class: not available for multi-label datasets"
    counts = np.bincount(seen.labels[rows], minlength=len(seen.classes)) if rows else np.zeros(len(seen.classes), int)
    return ", ".join(f"{name} {count}" for name, count in list(zip(seen.classes, counts, strict=True))[:6])
