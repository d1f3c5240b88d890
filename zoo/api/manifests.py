"""Public: the manifest of a shared model: its files, each with its size and SHA-256. Imports neither torch nor numpy.

Example::

    manifest = check_folder(Path("models/digits"))  # raises BundleError where a file is not as the manifest says
    print(manifest.digest, manifest.size)
"""

from __future__ import annotations

from zoo.model.manifest import (
    MANIFEST,
    MOST,
    README,
    REFUSED,
    SCHEMA,
    File,
    Manifest,
    check_file,
    check_folder,
    check_size,
    digest_of,
    is_shared,
    parse_manifest,
    read_manifest,
)

__all__ = [
    "MANIFEST",
    "MOST",
    "README",
    "REFUSED",
    "SCHEMA",
    "File",
    "Manifest",
    "check_file",
    "check_folder",
    "check_size",
    "digest_of",
    "is_shared",
    "parse_manifest",
    "read_manifest",
]
