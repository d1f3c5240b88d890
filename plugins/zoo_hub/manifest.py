"""Make the manifest of a shared model, and check what a place offers beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.api.manifests import REFUSED, SCHEMA, Manifest, digest_of, parse_manifest
from zoo.errors import BundleError
from zoo.storage import dump_json, sha256_of

SHORT = 12
"""So many characters of a digest are shown in a list."""
_RUNNABLE = frozenset(
    f".{ending}"
    for ending in (
        *("py", "pyc", "pyd", "pyw", "pkl", "pickle", "joblib", "dill", "npy", "npz"),
        *("pt", "pth", "bin", "ckpt", "h5", "keras"),
        *("so", "dll", "dylib", "exe", "msi", "sh", "bat", "cmd", "ps1", "jar", "js"),
    )
)
"""What may run code when it is opened, or hold what does."""


def make_manifest(files: Mapping[str, bytes | Path], about: Mapping[str, Any]) -> Manifest:
    """The manifest of files; the same files and words make the same one, to the byte.

    Args:
        files: name -> content, or where it lies.
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
    """Refuse a place that has, beside a model, something that could run code.

    Raises:
        BundleError: it has; names it.
    """
    for name in names:
        if PurePosixPath(name).suffix.lower() in _RUNNABLE:
            raise BundleError(
                f"{where} holds {name!r}, which could run code and is no part of a shared model. {REFUSED}"
            )


def check_digest(manifest: Manifest, sha256: str | None, where: str) -> None:
    """Refuse another model than the one that was asked for.

    Raises:
        BundleError: it is another.
    """
    if sha256 is not None and manifest.digest != sha256:
        raise BundleError(
            f"{where} has the digest {manifest.digest[:SHORT]}…, not {sha256[:SHORT]}…: it is another model, or was "
            f"changed. {REFUSED}"
        )
