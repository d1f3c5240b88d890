"""Splits of a dataset under test, opened on small generated images where needed."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.decode import Pixels, open_image, to_pixels
from zoo.data.labels import Label, is_multilabel, label_index, label_indices
from zoo.data.open import TRAIN
from zoo.data.splits import available
from zoo.errors import ContractError, DataError
from zoo.plugin import Dataset
from zoo.registry.signature import check, parameters
from zoo.testing.outcome import CheckSkipped, fail, need, skip
from zoo.testing.pictures import ARCHIVE, FOLDER, TABLE, write_archive, write_folder, write_table
from zoo.testing.subject import Subject, first_line

Splits = dict[str, Any]
Items = list[tuple[Pixels, Label]]
MOST = 32
"""Maximum number of items of a split to read."""
SIDE = 16
"""Side in pixels to which items are resized."""
_TIMEOUT_S = 120

# Code of a spawned worker, which knows the dataset only by its pickle.
_WORKER = """
import pickle, sys
out, sys.stdout = sys.stdout.buffer, sys.stderr  # imports may print
sys.path[:] = pickle.loads(sys.stdin.buffer.read(int(sys.argv[1])))
from zoo.testing.splits import pixels_of
splits = pickle.loads(sys.stdin.buffer.read())
out.write(pickle.dumps({name: pixels_of(dataset, 2) for name, dataset in splits.items()}))
"""


def in_a_worker(sent: bytes) -> dict[str, Items]:
    """Read items from the pickled splits in a fresh process."""
    path = pickle.dumps(sys.path)
    command = [sys.executable, "-c", _WORKER, str(len(path))]
    try:
        done = subprocess.run(command, input=path + sent, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        fail(f"a worker took more than {_TIMEOUT_S} s for two items.")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    need(done.returncode == 0, f"a worker can't read it: {said[-1] if said else 'it ended without output'}.")
    found: dict[str, Items] = pickle.loads(done.stdout)
    return found


def pixels_of(dataset: Any, most: int = MOST) -> Items:
    """Read the first items and the last one as (pixels (16, 16, C) uint8, label); skips datasets with other items."""
    found = []
    for index in indices(dataset, most):
        image, label = dataset[index]
        try:
            found.append((_pixels(image), known_label(dataset, label)))
        except (ContractError, DataError, TypeError, ValueError):
            skip("some items are not an image with a label.")
    return found


def _pixels(image: Any) -> Pixels:
    if isinstance(image, Path):
        image = open_image(image)
    chans = 3 if not hasattr(image, "shape") else int(image.shape[0])
    return to_pixels(image, SIDE, chans)


def known_label(dataset: Any, label: Any) -> Label:
    """Convert a label to an index, or to a tuple of indices for multi-label datasets.

    Raises:
        ContractError, TypeError, ValueError: the label is invalid.
    """
    return label_indices(label, len(dataset.classes)) if is_multilabel(dataset) else label_index(label)


def indices(dataset: Any, most: int = MOST) -> list[int]:
    """Indices of the items to read: the first ones, and the last."""
    count = len(dataset)
    return sorted({*range(min(most - 1, count)), count - 1})


def equal(one: Items, other: Items) -> bool:
    """Compare the pixels and labels of items."""
    return len(one) == len(other) and all(
        a[1] == b[1] and np.array_equal(a[0], b[0]) for a, b in zip(one, other, strict=True)
    )


@contextmanager
def opened(subject: Subject) -> Iterator[Splits]:
    """Open every split; skips datasets that can't be opened, which another check reports."""
    with root_for(subject) as root:
        try:
            splits = open_all(subject, root)
            usable = TRAIN in splits and all(len(found) and hasattr(found, "classes") for found in splits.values())
        except CheckSkipped:
            raise
        except Exception as error:
            skip(f"it can't be opened: {first_line(error)}")
        yield splits if usable else skip("it is not a dataset with a train split.")


@contextmanager
def root_for(subject: Subject) -> Iterator[Path | None]:
    """Create a folder, table or archive of small images for a dataset that opens one and has no root in its example."""
    component = subject.component
    forms: tuple[str, ...] = ()
    if isinstance(component, Dataset) and component.recognises is None and "root" not in subject.params:
        forms = component.opens
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        if FOLDER in forms:
            yield write_folder(Path(folder))
        elif TABLE in forms:
            yield write_table(write_folder(Path(folder)))
        elif ARCHIVE in forms:
            yield write_archive(write_folder(Path(folder)))
        else:
            yield None


def open_all(subject: Subject, root: Path | None) -> Splits:
    """Create every existing split as the runner does; exceptions of the factory are passed on."""
    factory = subject.factory()
    given = {**({} if root is None else {"root": root}), **subject.params}
    values, problems = check("dataset", factory, given, "dataset")
    if problems:
        skip(f"its parameters are invalid: {' '.join(problems)}")
    values = {**{p.name: p.default for p in parameters("dataset", factory)}, **values}
    declared = getattr(subject.component, "splits", (TRAIN, "val"))
    return {split: factory(split=split, **values) for split in available(factory, declared, values)}
