"""Decode every image of a dataset once, at full size, and collect statistics and thumbnails."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.api.images import (
    Label,
    Labels,
    Opener,
    Pixels,
    Split,
    WrongChannels,
    decode_errors,
    depth_of,
    form_of,
    label_map,
    labels_of,
    name_of,
    open_image,
    read_item,
    renumbered,
    same_task,
    threaded,
    to_pixels,
)
from zoo.errors import BadImage, DataError
from zoo_data_check.more_bits import DEEP, depths_said, keeps_more, viewed

SIDE = 64
"""Side of the grey thumbnails for finding duplicates, in pixels."""
COLOURS = 32
"""Side of the colour thumbnails, in pixels."""
_SEEN = 128  # side in pixels to which images are squashed for thumbnails and statistics
_ORIENTATION = 0x0112  # EXIF
_GREY_WITHIN = 3  # grey levels: JPEG rounding tints grey images by one or two
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Progress = Callable[[str, int, int], None]


class Facts(NamedTuple):
    """Statistics of one image.

    Args:
        digest: hash of the full-size pixels, upright, in the file's own mode.
        width, height: size in pixels, upright.
        mode, form: mode and format in Pillow's terms, such as RGB and JPEG; both ``array`` for an array.
        orientation: EXIF orientation, 1 for upright.
        grey: the image has no colour.
        mean, square: mean of the pixels in 0..1, and of their squares, (C,).
        spread: standard deviation of the grey levels, 0..255.
        depth: ``more than 8 bits`` that are kept; else what is lost, as :func:`zoo.data.depth.depth_of` describes it.
    """

    digest: bytes
    width: int
    height: int
    mode: str
    form: str
    orientation: int
    grey: bool
    mean: NDArray[np.float64]
    square: NDArray[np.float64]
    spread: float
    depth: str | None = None


@dataclass
class Scan:
    """All n decodable images of all splits, split by split.

    Args:
        splits: names of the splits.
        classes: the job's classes.
        names: names of the images in the dataset.
        split: (n,), index into ``splits``.
        index: (n,), index in the split's dataset object.
        labels: int64 (n,), indices into ``classes``; of a multi-label task float32 (n, K) of 0 and 1; of a
            regression float64 (n, K), the values.
        facts: statistics of each image.
        thumbs: uint8 (n, 64, 64), grey, squashed.
        colours: uint8 (n, 32, 32, 3), squashed.
        bad: ``{"name", "split", "label", "reason"}`` of each undecodable image.
        datasets: dataset object of each split, by name.
    """

    splits: list[str]
    classes: list[str]
    names: list[str]
    split: NDArray[np.int64]
    index: NDArray[np.int64]
    labels: Labels
    facts: list[Facts]
    thumbs: Pixels
    colours: Pixels
    bad: list[dict[str, Any]]
    datasets: dict[str, Any]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def multilabel(self) -> bool:
        """True where an image can have several labels."""
        return self.labels.ndim == 2 and not self.regression

    @property
    def regression(self) -> bool:
        """True where an image has values, of which ``classes`` are the names."""
        return self.labels.dtype == np.float64

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Width and height in pixels, upright: (n, 2)."""
        return np.array([(f.width, f.height) for f in self.facts], np.int64).reshape(-1, 2)

    @property
    def notices(self) -> list[str]:
        """Notices of the datasets, and of information that decoding loses."""
        told = [text for dataset in self.datasets.values() for text in getattr(dataset, "notices", ())]
        said = depths_said((facts.depth for facts in self.facts), len(self) + len(self.bad))
        return list(dict.fromkeys([*told, *said]))

    def label_words(self, row: int) -> str:
        """Names of a label: ``cat``; of a multi-label item ``cat;dog``; of a regression the values, ``1.5;20``."""
        if self.regression:
            return ";".join(f"{value:g}" for value in self.labels[row])
        return _label_words(self.labels[row], self.classes)

    def picture(self, item: Mapping[str, Any]) -> Any:
        """Load the upright PIL image of a report's item; None where it is unreadable or not an image."""
        from PIL import Image, ImageOps

        index = self._numbers.get((item["split"], item["name"]))
        if index is None:
            return None
        try:
            found, _ = read_item(self.datasets[item["split"]], index)
            found = open_image(found) if isinstance(found, Path) else found
            if keeps_more(found):
                _, pixels = viewed(found)
            elif isinstance(found, Image.Image):
                return ImageOps.exif_transpose(found)
            else:
                pixels = to_pixels(np.asarray(found), _SEEN, len(found))
        except (BadImage, WrongChannels):
            return None
        except decode_errors():
            return None
        return Image.fromarray(pixels[..., :3] if len(found) > 2 else pixels[..., 0])

    @cached_property
    def _numbers(self) -> dict[tuple[str, str], int]:
        return {
            (self.splits[split], name): int(index)
            for split, name, index in zip(self.split, self.names, self.index, strict=True)
        }

    def item(self, row: int) -> dict[str, Any]:
        """Describe an image for a report."""
        return {"name": self.names[row], "split": self.splits[self.split[row]], "label": self.label_words(row)}


def scan(opener: Opener, classes: Sequence[str], progress: Progress) -> Scan:
    """Decode every image of every split, with one thread per core.

    An image takes 8 KB of memory, whatever its size.

    Args:
        opener: opens the dataset's splits.
        classes: the job's classes.
        progress: called with (stage, done, total).

    Raises:
        DataError: a split is missing or empty, has a class that training lacks, or none of its images can be read.
    """
    datasets = {name: opener.open(name) for name in opener.splits()}
    count = sum(map(len, datasets.values()))
    thumbs, colours = np.empty((count, SIDE, SIDE), np.uint8), np.empty((count, COLOURS, COLOURS, 3), np.uint8)
    parts: list[Scan] = []
    for name, dataset in datasets.items():
        done = sum(map(len, parts))
        parts.append(_scan_split(dataset, name, classes, progress, thumbs[done:], colours[done:]))
    count = sum(map(len, parts))
    for part in parts:
        split = Split(part.splits[0], part.thumbs, part.labels, part.names)
        same_task(split, form_of(parts[0].labels), parts[0].splits[0])
    return Scan(
        splits=[part.splits[0] for part in parts],
        classes=list(classes),
        names=[name for part in parts for name in part.names],
        split=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        index=np.concatenate([part.index for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        facts=[facts for part in parts for facts in part.facts],
        thumbs=thumbs[:count],
        colours=colours[:count],
        bad=[item for part in parts for item in part.bad],
        datasets={part.splits[0]: part.datasets[part.splits[0]] for part in parts},
    )


def _scan_split(
    dataset: Any, split: str, classes: Sequence[str], progress: Progress, thumbs: Pixels, colours: Pixels
) -> Scan:
    """Decode a split into the first rows of ``thumbs`` and ``colours``."""
    count, what = len(dataset), f"reading {split} images"
    mapping = label_map(dataset.classes, classes, split)
    facts: list[Facts] = []
    kept: list[int] = []
    labels: list[Label] = []
    bad: list[dict[str, Any]] = []
    for index, found in enumerate(threaded(lambda i: _inspect(dataset, i), count)):
        if isinstance(found, str):
            bad.append(
                {"name": name_of(dataset, index), "split": split, **_known_label(dataset, index), "reason": found}
            )
        else:
            label, seen, thumbs[len(kept)], colours[len(kept)] = found
            kept.append(index)
            facts.append(seen)
            labels.append(label)
        progress(what, index + 1, count)
    if not kept:
        raise DataError(f"None of the {count} {split} images can be read: {bad[0]['name']} ({bad[0]['reason']}).")
    return Scan(
        splits=[split],
        classes=list(classes),
        names=[name_of(dataset, index) for index in kept],
        split=np.zeros(len(kept), np.int64),
        index=np.array(kept, np.int64),
        labels=renumbered(labels_of(dataset, labels), mapping, len(classes)),
        facts=facts,
        thumbs=thumbs[: len(kept)],
        colours=colours[: len(kept)],
        bad=bad,
        datasets={split: dataset},
    )


def _known_label(dataset: Any, index: int) -> dict[str, str]:
    """Label of an undecodable image, where the dataset knows it; else empty."""
    targets = getattr(dataset, "targets", None)
    if targets is None:
        return {"label": ""}
    if getattr(dataset, "task", None) == "regression":
        return {"label": ";".join(f"{value:g}" for value in np.ravel(targets[index]))}
    known = targets[index] if np.ndim(targets[index]) else [targets[index]]
    return {"label": ";".join(str(dataset.classes[int(i)]) for i in known)}


def _label_words(label: Any, classes: Sequence[str]) -> str:
    if np.ndim(label) == 0:
        return classes[int(label)]
    return ";".join(name for name, has in zip(classes, label, strict=True) if has)


def _inspect(dataset: Any, index: int) -> tuple[Label, Facts, Pixels, Pixels] | str:
    """Label, statistics and thumbnails of an item; a string with the reason where it can't be decoded."""
    try:
        item, label = read_item(dataset, index)
        return label, *look(open_image(item) if isinstance(item, Path) else item)
    except (BadImage, WrongChannels) as error:
        return str(error)
    except decode_errors() as error:
        return re.split(r"['(]", str(error))[0].strip() or type(error).__name__


def look(item: Any) -> tuple[Facts, Pixels, Pixels]:
    """Decode an image at full size.

    Args:
        item: a PIL image, possibly not loaded yet, an array or a tensor (C, H, W).

    Returns:
        Its statistics, its grey thumbnail uint8 (64, 64), and its colour thumbnail uint8 (32, 32, 3).

    Raises:
        OSError, ValueError, …: any of :func:`zoo.data.decode.decode_errors`; the image can't be decoded.
    """
    from PIL import Image

    if keeps_more(item):
        return _inspect_values(item)
    if isinstance(item, Image.Image):
        return _inspect_picture(item)
    array = np.ascontiguousarray(item)
    channels, height, width = array.shape
    pixels = to_pixels(array, _SEEN, channels)
    digest = _digest(f"array {array.shape}", array.tobytes())
    return _facts(pixels, digest, (width, height), "array", "array", 1)


def _inspect_values(item: Any) -> tuple[Facts, Pixels, Pixels]:
    values, pixels = viewed(item)
    height, width, channels = values.shape
    seen = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    digest = _digest(f"{values.dtype} {values.shape}", values.tobytes())
    mode, form = getattr(item, "mode", "array"), getattr(item, "format", None) or "array"
    facts, grey, colour = _facts(to_pixels(seen, _SEEN, channels), digest, (width, height), mode, form, 1)
    return facts._replace(depth=DEEP), grey, colour


def _inspect_picture(image: Any) -> tuple[Facts, Pixels, Pixels]:
    from PIL import ImageOps

    form, orientation, depth = image.format or "picture", image.getexif().get(_ORIENTATION), depth_of(image)
    image.load()  # at full size: training may decode a JPEG at half size or less, and miss that it is truncated
    upright = ImageOps.exif_transpose(image)
    digest = _digest(f"{upright.mode} {upright.size}", upright.tobytes(), bytes(upright.getpalette() or b""))
    turned = orientation if orientation in range(2, 9) else 1  # ignore invalid values
    facts, grey, colour = _facts(to_pixels(upright, _SEEN, 3), digest, upright.size, upright.mode, form, turned)
    return facts._replace(depth=depth), grey, colour


def _digest(head: str, *parts: bytes) -> bytes:
    whole = hashlib.blake2b(head.encode(), digest_size=16)
    for part in parts:
        whole.update(part)
    return whole.digest()


def _facts(
    pixels: Pixels, digest: bytes, size: tuple[int, int], mode: str, form: str, orientation: int
) -> tuple[Facts, Pixels, Pixels]:
    """Compute statistics and thumbnails from pixels (128, 128, C)."""
    values = pixels.astype(np.float32)
    colour = values if values.shape[2] == 3 else np.repeat(values.mean(2, keepdims=True), 3, axis=2)
    grey = colour @ _LUMA
    unit = values.reshape(-1, values.shape[2]).astype(np.float64) / 255
    weights = np.full(len(unit), 1 / len(unit))  # products are many times faster than sums over a short axis
    red, green, blue = (colour[..., i] for i in range(3))
    tint = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    found = Facts(
        digest=digest,
        width=size[0],
        height=size[1],
        mode=mode,
        form=form,
        orientation=orientation,
        grey=bool(tint.max() <= _GREY_WITHIN),
        mean=weights @ unit,
        square=weights @ np.square(unit),
        spread=float(grey.std()),
    )
    return found, _downscale(grey[..., None], SIDE)[..., 0], _downscale(colour, COLOURS)


def _downscale(values: NDArray[np.float32], side: int) -> Pixels:
    """Downscale (128, 128, C) to uint8 (side, side, C) by block means."""
    step, channels = len(values) // side, values.shape[2]
    rows = values.reshape(side, step, -1)
    columns = sum((rows[:, i] for i in range(1, step)), start=rows[:, 0]).reshape(side, side, step, channels)
    blocks = sum((columns[:, :, i] for i in range(1, step)), start=columns[:, :, 0])
    small: Pixels = np.rint(blocks / step**2).clip(0, 255).astype(np.uint8)
    return small
