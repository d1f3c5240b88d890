"""The dataset ``cats_dogs``: photographs where available, otherwise drawings with a notice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from zoo import storage
from zoo.errors import DataError
from zoo_images import oxford
from zoo_images.drawings import DrawnPets
from zoo_images.folders import ImageFolder
from zoo_images.tree import contents_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from zoo_images.files import ImageFiles

__all__ = ["CatsDogs", "ChosenSource", "Source", "cache_folder", "choose"]

PROVISIONAL = (
    "This job uses drawings, since no photos were found and a dry run downloads nothing. A run with network access "
    "first tries to download Oxford-IIIT Pet (about 800 MB), and then uses the job for photos."
)
Source = Literal["auto", "photos", "download", "drawn"]


class CatsDogs:
    """Cats and dogs, from the first available of these sources.

    1. ``root``, a folder of photos, read as ``image_folder`` reads it.
    2. Photos in the cache: the folder ``datasets/cats_dogs`` in it, likewise, or Oxford-IIIT Pet once downloaded.
    3. A download of Oxford-IIIT Pet (about 800 MB) into the cache.
    4. Drawings by the zoo, with the reason in ``notices``.

    The cache is ``ZOO_CACHE``, else the user's; with ``ZOO_OFFLINE`` set nothing is downloaded.

    Args:
        root: a folder of photos, or None.
        split: photos in a folder: those that it has; Oxford-IIIT Pet: train, test; drawings: train, val.
        source: ``"photos"`` takes only 1 and 2, ``"download"`` only Oxford-IIIT Pet, ``"drawn"`` only drawings.
        download: allow downloads for ``"auto"`` and ``"download"``.
        drawn_images: number of drawn training images; a quarter as many are drawn for val.

    Raises:
        DataError: the requested source is not available, the folder is malformed, or there is no such split.
        ValueError: ``source`` is unknown or ``drawn_images`` too small.
    """

    def __init__(
        self, root: Path | None, split: str, source: Source = "auto", download: bool = True, drawn_images: int = 600
    ) -> None:
        chosen = choose(root, source, download)
        self.data = _open(chosen, split, drawn_images)
        self.classes = self.data.classes
        self.targets = self.data.targets
        self.source = f"photos in {chosen.folder}" if chosen.kind == "folder" else self.data.source
        self.licence = self.data.licence
        self.fingerprint = getattr(self.data, "fingerprint", None)  # photographs are identified by their bytes
        self.notices = [*self.data.notices, *([drawn_notice(chosen.why)] if chosen.kind == "drawn" else [])]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Image, int]:
        return self.data[index]

    def name_of(self, index: int) -> str:
        """Path of the photograph, or name of the drawing."""
        return self.data.name_of(index)

    @staticmethod
    def available_splits(
        root: Path | None, source: Source = "auto", download: bool = True, drawn_images: int = 600
    ) -> tuple[str, ...]:
        """Splits of the chosen source, which is downloaded if necessary.

        Raises:
            DataError: see the class.
            ValueError: see the class.
        """
        del drawn_images
        chosen = choose(root, source, download)
        if chosen.kind == "folder":
            return ImageFolder.available_splits(chosen.folder)
        return tuple(oxford.LISTS) if chosen.kind == "oxford" else tuple(DrawnPets.SEEDS)

    @staticmethod
    def peek(
        root: Path | None, source: Source = "auto", download: bool = True, drawn_images: int = 600
    ) -> dict[str, object]:
        """``source``: ``"photos"`` or ``"drawn"``, with a download if necessary.

        For drawings, ``provisional`` states that a run with network access would try to download photographs.

        Raises:
            DataError: see the class.
            ValueError: see the class.
        """
        del drawn_images
        chosen = choose(root, source, download)
        if chosen.kind != "drawn":
            return {"source": "photos"}
        return {"source": "drawn", **({"provisional": PROVISIONAL} if chosen.why and storage.offline() else {})}


class ChosenSource(NamedTuple):
    """Source of the images; ``why`` explains the choice of drawings."""

    kind: Literal["folder", "oxford", "drawn"]
    folder: Path | None = None
    why: str = ""


def choose(root: Path | None, source: Source = "auto", download: bool = True) -> ChosenSource:
    """Find the first available source, downloading if necessary.

    Raises:
        DataError: the requested source is not available, or doesn't read the given folder.
        ValueError: ``source`` is unknown.
    """
    _check(root, source)
    if source == "drawn":
        return ChosenSource("drawn")
    if root is not None:
        return ChosenSource("folder", root)
    if source != "download" and _has_photos(cache_folder()):
        return ChosenSource("folder", cache_folder())
    shared = cache_folder().parent
    problem = _no_download(source, download)
    problem = "" if oxford.is_complete(shared) else problem or oxford.fetch(shared)
    if problem and source != "auto":
        raise DataError(_no_photos(problem))
    return ChosenSource("drawn", why=problem) if problem else ChosenSource("oxford", shared)


def cache_folder() -> Path:
    """Folder of photographs for cats_dogs, in ``ZOO_CACHE`` or the user's cache."""
    return storage.cache_folder() / "datasets" / "cats_dogs"


def drawn_notice(why: str = "") -> str:
    """Notice about the use of drawings; ``why`` is the reason for the lack of photographs."""
    reason = f" No photos were found: {why}." if why else ""
    return (
        f"The images are DRAWINGS rendered by the zoo, not photos.{reason} The accuracy says nothing about photos. "
        "To use photos: zoo run simple_cnn cats_dogs --data FOLDER"
    )


def _check(root: Path | None, source: str) -> None:
    if source not in ("auto", "photos", "download", "drawn"):
        raise ValueError(f"source {source!r} is not one of 'auto', 'photos', 'download', 'drawn'")
    if root is not None and source in ("download", "drawn"):
        raise DataError(f"cats_dogs can't use both the folder {root} and source={source}. Leave out one of them.")


def _has_photos(folder: Path) -> bool:
    return folder.is_dir() and bool(contents_of(folder).folders)


def _no_download(source: Source, download: bool) -> str:
    """Reason that forbids a download; empty if it is allowed."""
    if source == "photos":
        return "source=photos does not download"
    if not download:
        return "download=false"
    return "downloads are disabled (ZOO_OFFLINE is set)" if storage.offline() else ""


def _no_photos(problem: str) -> str:
    return (
        f"cats_dogs has no photos: {problem}. Searched in {cache_folder()}. Give a folder with cats/ and dogs/: zoo "
        "run simple_cnn cats_dogs --data FOLDER, or use drawings: --set dataset.source=drawn"
    )


def _open(chosen: ChosenSource, split: str, drawn_images: int) -> ImageFiles | DrawnPets:
    if chosen.kind == "drawn":
        return DrawnPets(split, drawn_images)
    if chosen.kind == "oxford":
        assert chosen.folder is not None
        return oxford.read(chosen.folder, split)
    return ImageFolder(chosen.folder, split)
