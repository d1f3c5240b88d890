"""Create the manifest of a shared model, and check a source against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.api.manifests import REFUSED, SCHEMA, Manifest, digest_of, parse_manifest
from zoo.errors import BundleError
from zoo.storage import dump_json, sha256_of

SHORT = 12
"""Number of characters of a digest that lists show."""
_RUNNABLE = frozenset(
    f".{ending}"
    for ending in (
        *("py", "pyc", "pyd", "pyw", "pkl", "pickle", "joblib", "dill", "npy", "npz"),
        *("pt", "pth", "bin", "ckpt", "h5", "keras"),
        *("so", "dll", "dylib", "exe", "msi", "sh", "bat", "cmd", "ps1", "jar", "js"),
    )
)
"""Suffixes of files that may execute code when they are opened, or contain such code."""


def make_manifest(files: Mapping[str, bytes | Path], about: Mapping[str, Any]) -> Manifest:
    """Create the manifest of files; it is deterministic to the byte.

    Args:
        files: name -> content, or path of the content.
        about: ``name``, ``architecture``, ``classes``, ``task``, ``license``, ``metric``.
    """
    listed = {name: _measured(content) for name, content in sorted(files.items())}
    raw = (dump_json({"schema": SCHEMA, **about, "files": listed}) + "\n").encode()
    return parse_manifest(raw, "the new model")


def _measured(content: bytes | Path) -> dict[str, Any]:
    if isinstance(content, Path):
        return {"bytes": content.stat().st_size, "sha256": sha256_of(content)}
    return {"bytes": len(content), "sha256": digest_of(content)}


def check_runnable(names: Iterable[str], where: str) -> None:
    """Refuse a source that contains potentially executable files.

    Raises:
        BundleError: it contains one; the message names it.
    """
    for name in names:
        if PurePosixPath(name).suffix.lower() in _RUNNABLE:
            raise BundleError(
                f"{where} contains {name!r}, which could execute code and is not a part of a shared model. {REFUSED}"
            )


def check_digest(manifest: Manifest, sha256: str | None, where: str) -> None:
    """Refuse a model with another digest than the requested one.

    Raises:
        BundleError: the digests differ.
    """
    if sha256 is not None and manifest.digest != sha256:
        raise BundleError(
            f"{where} has the digest {manifest.digest[:SHORT]}…, not {sha256[:SHORT]}…: it is a different model, or "
            f"was changed. {REFUSED}"
        )
