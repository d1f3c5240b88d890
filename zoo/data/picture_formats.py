"""Formats of image files: Pillow's own, HEIC by the optional package pi-heif, and those of plugins' readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from typing import IO, TYPE_CHECKING, cast

from zoo.errors import RequestError
from zoo.plugin import PictureReader, PictureValues
from zoo.registry.picture_readers import reader_of, readers, suffixes_known

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "ARRAY_FILES",
    "AVIF",
    "HEIC",
    "FormatNotInstalled",
    "install_hint",
    "open_picture",
    "picture_suffixes",
    "read_by_plugin",
    "value_suffixes",
]

ARRAY_FILES = frozenset({".npy", ".npz"})
"""Suffixes of NumPy files, which are images too."""

HEIC = frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"})
AVIF = frozenset({".avif", ".avifs"})
"""Suffixes of the formats that Pillow reads only with an extra, or only from a version on."""

_INSTALL_HEIC = "pip install 'visionzoo[heif]'"
_INSTALL_AVIF = "pip install --upgrade pillow"
# Formats that Pillow registers and reads only with another program, or only the header of.
_STUBS = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


class FormatNotInstalled(OSError):
    """Raised for an image whose format needs a package that is not installed; the message names the command."""


def open_picture(source: str | Path | IO[bytes], formats: Sequence[str] | None = None) -> Image.Image:
    """Open an image file as ``PIL.Image.open`` does, and HEIC where pi-heif is installed.

    The format is determined from the content, so that a HEIC photo with the suffix .jpg opens too.

    Args:
        source: a path, or a seekable file that is open for reading.
        formats: Pillow's names of the allowed formats, with ``HEIF`` for HEIC; None for all.

    Returns:
        An image whose pixels are not loaded yet.

    Raises:
        FormatNotInstalled: the file is HEIC or AVIF, and the package that reads the format is not installed.
        OSError: the file is missing, unreadable, or no image.
    """
    from PIL import Image, UnidentifiedImageError

    if formats is not None:
        Image.init()
    own = None if formats is None else [name for name in formats if name in Image.OPEN]  # an unknown one is a KeyError
    wanted = formats is None or "HEIF" in formats
    try:
        return Image.open(source, formats=own)
    except UnidentifiedImageError:
        brands = _brands(source)
        if brands & _AVIF_BRANDS and not _avif_is_installed():
            raise FormatNotInstalled(f"AVIF, which this Pillow does not support. Type: {_INSTALL_AVIF}") from None
        if not (wanted and brands & _HEIC_BRANDS):
            raise
    _register_heic()
    return Image.open(source, formats=None if formats is None else ["HEIF"])


def _register_heic() -> None:
    try:
        import pi_heif
    except ImportError:
        raise FormatNotInstalled(f"HEIC, which pi-heif reads. Type: {_INSTALL_HEIC}") from None
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def read_by_plugin(source: str | Path | IO[bytes]) -> PictureValues | None:
    """Read an image file by the reader that a plugin contributes for it; None where there is none.

    Raises:
        FormatNotInstalled: the module that the reader needs is not installed.
        OSError: the file can't be read; the message is the reader's.
    """
    suffix = Path(source).suffix.lower() if isinstance(source, str | Path) else ""
    entry = reader_of(suffix, _head(source))
    if entry is None:
        return None
    component = cast(PictureReader, entry.component)
    if component.needs and not find_spec(component.needs):
        raise FormatNotInstalled(f"{component.name}, which {component.needs} reads. Type: {component.install}")
    try:
        read = entry.factory()
        if not isinstance(source, str | Path):
            return cast(PictureValues, read(source))
        with Path(source).open("rb") as file:
            return cast(PictureValues, read(file))
    except (OSError, RequestError):
        raise
    except Exception as error:  # of a library that reads a damaged file
        first = (str(error).splitlines() or [""])[0].replace("'", '"')
        raise OSError(f"not a readable {component.name} file ({shorten(first, 120)})") from error


def _head(source: str | Path | IO[bytes], count: int = 256) -> bytes:
    """The first bytes of a file, whose position is the beginning afterwards."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            return file.read(count)
    source.seek(0)
    head = source.read(count)
    source.seek(0)
    return head


def value_suffixes() -> frozenset[str]:
    """Suffixes of files that may hold any number of channels and any type of number: arrays, TIFF, and readers'."""
    return ARRAY_FILES | {".tif", ".tiff"} | suffixes_known(installed=False)


def _brands(source: str | Path | IO[bytes]) -> set[bytes]:
    """Brands of an ISO media file (ISO/IEC 14496-12, box ``ftyp``); empty for other files."""
    head = _head(source)
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}


def _avif_is_installed() -> bool:
    from PIL import features

    return bool(features.check("avif"))


def picture_suffixes() -> frozenset[str]:
    """Suffixes of the image files that can be read here, in lower case with the dot."""
    from PIL import Image

    Image.init()
    known = {suffix for suffix, name in Image.EXTENSION.items() if name in Image.OPEN and name not in _STUBS}
    known = known | AVIF if _avif_is_installed() else known - AVIF
    known = known | HEIC if find_spec("pi_heif") else known - HEIC
    return frozenset(known | suffixes_known(installed=True))


def install_hint(suffixes: Iterable[str]) -> str:
    """Command that installs support for the first of these suffixes that lacks it; empty where none would help."""
    for suffix in sorted({suffix.lower() for suffix in suffixes} - picture_suffixes()):
        if suffix in HEIC:
            return _INSTALL_HEIC
        if suffix in AVIF:
            return _INSTALL_AVIF
        for _, reader in readers():
            if suffix in reader.suffixes:
                return reader.install
    return ""
