"""Write a model with an exporter: the bundle that it is given, and the file or folder that it writes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.jobs import Entry, summary_of
from zoo.api.models import EXPORTED, build, exported_by, suffix_of
from zoo.errors import ExportError, OutputError, RequestError, ZooError
from zoo.runs import ATTACHMENTS, MODEL, WEIGHTS
from zoo.storage import cannot_write, is_write_error, write_json
from zoo_export.card import CARD
from zoo_export.parameters import name_words, record_of

__all__ = ["Writer", "companions", "size_of", "target_of"]


@dataclass(frozen=True)
class Writer:
    """An exporter, with the model that it writes.

    Args:
        entry: the exporter.
        bundle: folder of the model's bundle.
        card: content of its zoo.json.
        given: arguments that a factory gets where it has them: ``network`` and ``pixels``.
    """

    entry: Entry
    bundle: Path
    card: Mapping[str, Any]
    given: Mapping[str, Any]

    def write(self, path: Path, params: Mapping[str, Any]) -> None:
        """Write the file or folder ``path``, whose parent's parent is a temporary folder.

        The zoo.json that the exporter reads, and the one of a written folder, record the exporter and its parameters.

        Raises:
            ExportError: the model can't be written in that format, or nothing was written.
            OutputError: the disk can't be written.
        """
        try:
            path.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parents[1]) as folder:
                described = self._describe(Path(folder), params)
                build(self.entry, params, "exporter", described, path, **self.given)
                _mark(path, described)
        except ZooError:
            raise
        except Exception as error:
            if is_write_error(error):
                raise cannot_write(path.parents[2], error) from error
            raise ExportError(self._failure(error)) from error

    def _describe(self, folder: Path, params: Mapping[str, Any]) -> Path:
        """Create a bundle whose card records the export, with the weights of the model's bundle."""
        card = {**self.card, EXPORTED: record_of(self.entry, params)}
        write_json(folder / CARD, card)
        for name in (WEIGHTS, ATTACHMENTS):
            if (self.bundle / name).is_file():
                _link(self.bundle / name, folder / name)
        return folder

    def _failure(self, error: Exception) -> str:
        by = "" if self.entry.origin.bundled else f" by {self.entry.title}"
        return (
            f"{self.card['architecture']['id']} can't be written as {self.entry.component.name}{by}: "
            f"{summary_of(error)}{self.entry.place_in(error)} Try another: zoo list exporter. For the traceback: "
            "zoo --debug export …"
        )


def _link(file: Path, link: Path) -> None:
    try:
        link.symlink_to(file.resolve())
    except (OSError, NotImplementedError):  # not permitted to users of Windows
        shutil.copyfile(file, link)


def _mark(path: Path, bundle: Path) -> None:
    """Add the card to a written folder, unless the exporter did.

    Raises:
        ExportError: there is no file, or no file in the folder.
    """
    if not path.is_file() and not (path.is_dir() and any(path.iterdir())):
        raise ExportError(f"the exporter wrote nothing to {path.name!r}, the path that it was given")
    if path.is_dir() and exported_by(path) is None:
        shutil.copyfile(bundle / CARD, path / CARD)


def target_of(out: Path | None, folder: Path, entry: Entry, params: Mapping[str, Any], *, overwrite: bool) -> Path:
    """Path of the file or folder to write.

    Args:
        out: the user's choice; by default a name in ``folder``.
        folder: folder of the run.
        entry: the exporter.
        params: its parameters, which are a part of the default name.
        overwrite: replace an existing export.

    Raises:
        RequestError: the path exists and may not be replaced; a folder may be only if it was exported.
        OutputError: the parent folder doesn't exist.
    """
    suffix = suffix_of(entry.component)
    path = out or folder / ".".join([MODEL, *name_words(params), suffix.removeprefix(".")])
    if path.is_dir() and exported_by(path) is None:
        raise RequestError(
            f"{path} is a folder that zoo export did not write, and is not replaced. Give another path: --out "
            f"{path / (MODEL + suffix)}"
        )
    if path.exists() and not overwrite:
        raise RequestError(f"{path} exists. Replace it with --overwrite, or give another file: --out FILE")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder. Create it, or choose another with --out.")
    return path


def size_of(folder: Path) -> int:
    """Total size of all files in a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def companions(folder: Path) -> list[str]:
    """Names of further files that an exporter wrote, besides the one named like its folder."""
    return sorted(path.name for path in folder.iterdir() if path.name != folder.name)
