"""Map-style datasets of this plugin: image files, or images in arrays, with labels and class names."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ArrayImages", "FileImages"]


class FileImages:
    """Labelled image files, opened on access.

    Args:
        paths: paths of the files.
        targets: class index of each file.
        classes: names of the classes.
        source: origin of the images, in one line.
        licence: licence of the images, in one line.
        groups: group of each file; files of one group stay in one split.
    """

    def __init__(
        self,
        paths: Sequence[str | PathLike[str]],
        targets: Sequence[int],
        classes: Sequence[str],
        source: str,
        licence: str,
        groups: Sequence[str] | None = None,
    ) -> None:
        self.groups = groups
        self.paths = [fspath(path) for path in paths]
        self.targets = [int(target) for target in targets]
        self.classes = list(classes)
        self.source = source
        self.licence = licence

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        """Open image ``index`` without decoding its pixels.

        Raises:
            OSError: the file is missing, unreadable or not an image.
        """
        import PIL.Image

        return PIL.Image.open(self.paths[index]), self.targets[index]

    def name_of(self, index: int) -> str:
        """Path of the file."""
        return self.paths[index]


class ArrayImages:
    """Labelled images in few large files, read by torchvision's class.

    Args:
        data: torchvision's dataset.
        targets: class index of each image.
        classes: names of the classes.
        fingerprint: hash of the images and labels.
        source: origin of the images, in one line.
        licence: licence of the images, in one line.
    """

    def __init__(
        self, data: Any, targets: Sequence[int], classes: Sequence[str], fingerprint: str, source: str, licence: str
    ) -> None:
        self.data = data
        self.targets = [int(target) for target in targets]
        self.classes = list(classes)
        self.fingerprint = fingerprint
        self.source = source
        self.licence = licence

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        return self.data[index][0], self.targets[index]

    def name_of(self, index: int) -> str:
        """Number of the image in the file, since such images have no names."""
        return f"image {index}"
