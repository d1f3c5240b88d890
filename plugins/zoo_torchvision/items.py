"""What a dataset of this plugin is in the end: image files, or images in arrays, with labels and class names."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ArrayImages", "FileImages"]


class FileImages:
    """Labelled image files, opened when they are asked for.

    Args:
        paths: one file each.
        targets: an index into ``classes`` each.
        classes: the classes' names.
        source: one line on where the images come from.
        licence: one line on what may be done with them.
        groups: what each file's group is called; files of one are never parted.
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
        """Open image ``index``: its header is read, its pixels are not.

        Raises:
            OSError: the file is missing, unreadable or no image.
        """
        import PIL.Image

        return PIL.Image.open(self.paths[index]), self.targets[index]

    def name_of(self, index: int) -> str:
        """The file's path."""
        return self.paths[index]


class ArrayImages:
    """Labelled images that lie together in few large files, read by torchvision's own class.

    Args:
        data: torchvision's dataset.
        targets: an index into ``classes`` each.
        classes: the classes' names.
        fingerprint: changes whenever an image or a label does.
        source: one line on where the images come from.
        licence: one line on what may be done with them.
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
        """Its number in the file: such images have no names."""
        return f"image {index}"
