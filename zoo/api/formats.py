"""Public: formats of image files, with HEIC where pi-heif is installed. Imports neither torch nor numpy.

Example::

    from zoo.api.formats import open_picture, picture_suffixes

    photos = [path for path in folder.iterdir() if path.suffix.lower() in picture_suffixes()]
    print(open_picture(photos[0]).size)
"""

from __future__ import annotations

from zoo.data.picture_formats import (
    ARRAY_FILES,
    FormatNotInstalled,
    install_hint,
    open_picture,
    picture_suffixes,
    value_suffixes,
)

__all__ = [
    "ARRAY_FILES",
    "FormatNotInstalled",
    "install_hint",
    "open_picture",
    "picture_suffixes",
    "value_suffixes",
]
