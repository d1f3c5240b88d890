"""What ``zoo data check`` finds of defects that were planted into a folder of photos: a table in Markdown.

    python tests/benchmarks/data_check.py FOLDER [WEIGHTS] [SEED] [SECONDS] [FOLDS]

FOLDER has train/ and val/ with two class folders of JPEGs each; it is copied, and never changed. WEIGHTS are those of
``timm/tf_efficientnet_lite0``, or ``-`` for none: with them labels are judged by its features too, beside the plain
ones; with SECONDS also by networks that are trained for so long, in FOLDS. Defects go into photos of their own, so
that each is found for its own reason:

* exact: copied, half of them as PNG; near: encoded again, resized, or cropped by up to 15 % from each side;
* leaks: copies of train in val, exact and near;
* two labels: copies in the other class;
* swapped: 5 % of all photos moved to the other class; truncated: cut off after 30 to 90 % of the bytes.

What is found in the photos as they are is counted as well, and named: look at it.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from zoo.engine.execution import choose_execution
from zoo.host.loader import open_registry
from zoo.job.options import no_architecture
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.runner.build import build_opener
from zoo.runner.observer import Observer
from zoo_data_check.backbone import backbone_of_job
from zoo_data_check.check import Checked, check_dataset
from zoo_data_check.cross_validation import CrossValidation
from zoo_data_check.findings import groups_of

NEAR = ("encoded again", "resized", "cropped", "cropped, resized and encoded again")


@dataclass
class Planted:
    """What was planted: pairs of (original, copy) by kind, and files that were changed themselves.

    Args:
        family: of each copy, the original.
    """

    root: Path
    pairs: dict[str, list[tuple[Path, Path]]] = field(default_factory=dict)
    swapped: list[Path] = field(default_factory=list)
    truncated: list[Path] = field(default_factory=list)
    family: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, original: Path, copy: Path) -> None:
        self.pairs.setdefault(kind, []).append((original, copy))
        self.family[str(copy)] = str(original)


def plant(source: Path, root: Path, count: int, seed: int = 0, most: int | None = None) -> Planted:
    """Copy photos and plant defects among them.

    Args:
        source: ``{train,val}/{class}/*.jpg``.
        root: a folder that doesn't exist yet.
        count: of each kind of copy, and of truncated files.
        most: photos of each class folder that are taken; all by default.
    """
    draw = random.Random(seed)
    for folder in sorted(source.glob("*/*")):
        (root / folder.relative_to(source)).mkdir(parents=True)
        for file in sorted(folder.glob("*.jpg"))[:most]:
            shutil.copyfile(file, root / file.relative_to(source))
    files = sorted(root.glob("*/*/*.jpg"))
    draw.shuffle(files)
    planted = Planted(root)
    takes = {split: iter([f for f in files if f.parts[-3] == split]) for split in ("train", "val")}
    train = takes["train"]
    for i in range(count):
        original = next(train)
        planted.add("exact", original, exact_copy(original, original.parent, as_png=i % 2 == 1))
    for kind in NEAR:
        for _ in range(count):
            original = next(train)
            planted.add(kind, original, near_copy(original, original.parent, kind, draw))
    for i in range(count):
        original = next(train)
        val = root / "val" / original.parent.name
        planted.add("leak, exact", original, exact_copy(original, val, as_png=i % 2 == 1))
    for i in range(count):
        original = next(train)
        val = root / "val" / original.parent.name
        planted.add("leak, near", original, near_copy(original, val, NEAR[i % len(NEAR)], draw))
    for _ in range(count):
        original = next(train)
        planted.add("two labels", original, exact_copy(original, other_class(original)))
    untouched = [*train, *takes["val"]]
    draw.shuffle(untouched)
    for file in untouched[:count]:
        data = file.read_bytes()
        file.write_bytes(data[: int(draw.uniform(0.3, 0.9) * len(data))])
        planted.truncated.append(file)
    for file in untouched[count : count + round(0.05 * len(files))]:
        moved = other_class(file) / f"swapped-{file.name}"
        file.rename(moved)
        planted.swapped.append(moved)
    return planted


def other_class(file: Path) -> Path:
    """The other class's folder of the same split."""
    return next(folder for folder in sorted(file.parent.parent.iterdir()) if folder != file.parent)


def exact_copy(file: Path, folder: Path, *, as_png: bool = False) -> Path:
    """The same pixels in another file."""
    if not as_png:
        return Path(shutil.copyfile(file, folder / f"copy-{file.name}"))
    copy = folder / f"copy-{file.stem}.png"
    Image.open(file).save(copy)
    return copy


def near_copy(file: Path, folder: Path, kind: str, draw: random.Random) -> Path:
    """The same picture with other pixels."""
    picture = Image.open(file).convert("RGB")
    if "cropped" in kind:
        (width, height), cut = picture.size, [draw.uniform(0, 0.15) for _ in range(4)]
        picture = picture.crop(
            (int(cut[0] * width), int(cut[1] * height), int((1 - cut[2]) * width), int((1 - cut[3]) * height))
        )
    if "resized" in kind:
        factor = draw.choice([0.4, 0.5, 0.65, 0.8, 1.5])
        picture = picture.resize(tuple(max(8, round(factor * side)) for side in picture.size), Image.Resampling.BICUBIC)
    copy = folder / f"near-{file.name}"
    picture.save(copy, quality=draw.choice([30, 50, 70]) if "encoded" in kind else 90)
    return copy


def checked(root: Path, weights: str | None, seed: int = 0, seconds: float = 0, folds: int = 5) -> Checked:
    """Check a folder, by plain features, by those of lite0, or by networks that are trained for some time."""
    network: Any = no_architecture if weights is None else "timm/tf_efficientnet_lite0"
    asked = {"architecture": network, "dataset": str(root), "weights": weights}
    resolved = resolve(make_request(asked, recipe="none"), open_registry())
    make = None if weights is None else lambda num_classes: backbone_of_job(resolved, num_classes)
    training = CrossValidation("simple_cnn", seconds, folds, seed) if seconds else None
    opener = build_opener(resolved)
    return check_dataset(opener, str(root), Observer(), make, choose_execution(), folds, seed, training)


def found_pairs(found: Checked, pairs: list[tuple[Path, Path]]) -> int:
    """How many pairs are in one group of duplicates."""
    group = {name: int(number) for name, number in zip(found.scan.names, found.twins.group, strict=True)}
    return sum(group[str(one)] == group[str(other)] for one, other in pairs)


def foreign_groups(found: Checked, planted: Planted) -> list[list[str]]:
    """Groups that have pictures of several families."""
    groups = [[found.scan.names[row] for row in rows] for rows in groups_of(found.twins)]
    return [names for names in groups if len({planted.family.get(name, name) for name in names}) > 1]


def finding(found: Checked, kind: str) -> dict[str, Any]:
    """A finding of the document; an empty one where there is none."""
    findings = [one for one in found.document["findings"] if one["kind"] == kind]
    return findings[0] if findings else {"count": 0, "items": []}


def swapped_on_top(found: Checked, planted: Planted, share: float = 0.1) -> tuple[int, int, int]:
    """How many swapped labels are among the most suspicious ``share`` and are called suspects, and how many false ones.

    False are suspects whose labels are as they were.
    """
    judged = found.judged
    assert judged.suspicion is not None
    names = [found.scan.names[row] for row in judged.rows]
    swapped = {str(file) for file in planted.swapped}
    top = judged.suspicion.order[: round(share * len(names))]
    suspects = {names[i] for i in np.flatnonzero(judged.suspicion.confident)}
    wrong = swapped | {str(copy) for _, copy in planted.pairs["two labels"]}
    return sum(names[i] in swapped for i in top), len(swapped & suspects), len(suspects - wrong)


def rows(found: Checked, planted: Planted) -> Iterator[str]:
    """The table of what doesn't depend on features."""
    for kind, pairs in planted.pairs.items():
        count = found_pairs(found, pairs)
        yield f"| {kind} | {len(pairs)} | {count} | {count / len(pairs):.1%} |"
    bad = {item["name"] for item in found.scan.bad}
    count = sum(str(file) in bad for file in planted.truncated)
    yield f"| truncated | {len(planted.truncated)} | {count} | {count / len(planted.truncated):.1%} |"


def label_rows(found: Checked, planted: Planted, words: str) -> Iterator[str]:
    total = len(planted.swapped)
    top, among, false = swapped_on_top(found, planted)
    yield f"| swapped, {words}: in the top 10 % | {total} | {top} | {top / total:.1%} |"
    yield f"| swapped, {words}: called suspects, beside {false} false | {total} | {among} | {among / total:.1%} |"


def main(folder: str, weights: str = "-", seed: str = "0", seconds: str = "0", folds: str = "5") -> None:
    """Plant, check and print."""
    _main(folder, None if weights == "-" else weights, int(seed), float(seconds), int(folds))


def _main(folder: str, weights: str | None, seed: int, trained_s: float, folds: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        planted = plant(Path(folder), Path(home) / "planted", 50, seed)
        begun = time.perf_counter()
        plain = checked(planted.root, None, seed)
        seconds = time.perf_counter() - begun
        print(f"{len(plain.scan):,} images, {torch.get_num_threads()} threads, {seconds:.0f} s, seed {seed}\n")  # noqa: T201
        print("| planted | files | found | |\n|---|---:|---:|---:|")  # noqa: T201
        lines = [*rows(plain, planted), *label_rows(plain, planted, "plain features")]
        if weights is not None:
            lines += label_rows(checked(planted.root, weights, seed), planted, "features of lite0")
        if trained_s:
            found = checked(planted.root, None, seed, trained_s, folds)
            lines += label_rows(found, planted, f"trained {trained_s:.0f} s, {folds} folds")
        print("\n".join(lines))  # noqa: T201
        whole = checked(Path(folder), weights, seed)
        own = {tuple(sorted(Path(n).name for n in names)) for names in _names(whole)}
        strange = [names for names in foreign_groups(plain, planted) if _originals(names, planted) not in own]
        print(f"\nFalse: {len(strange)} groups of pictures that have nothing to do with one another.")  # noqa: T201
        print(f"False: {len(plain.scan.bad) - len(planted.truncated)} whole files called unreadable.")  # noqa: T201
        print(f"\nIn the {len(whole.scan):,} photos as they are:\n")  # noqa: T201
        for one in whole.document["findings"]:
            print(f"* {one['kind']}: {one['count']}. {one['summary']}")  # noqa: T201
        for names in _names(whole):
            print(f"  * {' = '.join(str(Path(name).relative_to(folder)) for name in names)}")  # noqa: T201


def _names(found: Checked) -> list[list[str]]:
    return [[found.scan.names[row] for row in rows] for rows in groups_of(found.twins)]


def _originals(names: list[str], planted: Planted) -> tuple[str, ...]:
    """The photos behind a group, by the names that they had before they were swapped."""
    return tuple(sorted({Path(planted.family.get(name, name)).name.removeprefix("swapped-") for name in names}))


if __name__ == "__main__":
    main(*sys.argv[1:])
