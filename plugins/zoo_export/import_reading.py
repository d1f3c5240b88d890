"""Select the importer for a file, and read the file with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.api.jobs import Entry, Registry, accepts, check, did_you_mean, listing, owners_of, summary_of
from zoo.api.models import build
from zoo.errors import ContractError, RequestError, ZooError
from zoo.plugin import Imported
from zoo.storage import bare_names, read_content

__all__ = ["Reader", "check_file"]


@dataclass(frozen=True)
class Reader:
    """A file to import, with the user's options.

    Args:
        path: the file.
        registry: provides the importers.
        architecture: full id of the requested architecture.
        image_size: requested side of the images in pixels.
        params: parameters of the importer.
    """

    path: Path
    registry: Registry
    architecture: str | None
    image_size: int | None
    params: dict[str, Any]

    def read(self, format: str | None) -> tuple[Entry, Imported]:
        """Read the file with the named importer, or the one that recognises it.

        Raises:
            RequestError: no importer recognises the file, or those of several plugins do.
        """
        entries = self._accepting_params([self.registry.find("importer", format)] if format else self._by_suffix())
        content: Mapping[str, Any] | None = None
        for entry in entries:
            if content is None and accepts(entry.factory(), "content"):
                content = read_content(self.path)
            found = self._ask(entry, content)
            if found is not None:
                self._only(entry, entries, content)
                return entry, found
        raise RequestError(self._unknown_message(entries, content))

    def _only(self, chosen: Entry, entries: list[Entry], content: Mapping[str, Any] | None) -> None:
        """Check that no other plugin's importer recognises the file, unless the architecture's plugin was chosen.

        Bundled importers are made for each other: their first counts.

        Raises:
            RequestError: another one recognises it.
        """
        if chosen.origin.plugin == (self.architecture or "").partition("/")[0]:
            return
        rivals = [e for e in entries[entries.index(chosen) + 1 :] if not (e.origin.bundled and chosen.origin.bundled)]
        if also := [e for e in rivals if e.origin != chosen.origin and self._recognises(e, content)]:
            raise RequestError(
                f"{self.path} can be imported by several plugins: {owners_of([chosen, *also])}. Choose one by its full "
                f"id: --format {chosen.id}"
            )

    def _recognises(self, entry: Entry, content: Mapping[str, Any] | None) -> bool:
        if content is None and accepts(entry.factory(), "content"):
            content = read_content(self.path)
        try:
            return self._ask(entry, content) is not None
        except RequestError:  # a file of its format, or nearly, that it can't import
            return False

    def _by_suffix(self) -> list[Entry]:
        """Importers for the file's suffix: first the architecture's plugin's, then bundled ones."""
        every = self.registry.entries("importer")
        able = [e for e in every if self.path.name.lower().endswith(_suffixes(e))]
        if not able:
            known = sorted({suffix for entry in every for suffix in _suffixes(entry)})
            raise RequestError(
                f"No importer reads files such as {self.path.name}. Supported: {', '.join(known)}; or give the "
                f"format: --format {' or '.join(e.component.name for e in every)}"
            )
        owner = (self.architecture or "").partition("/")[0]
        return sorted(able, key=lambda e: (e.origin.plugin != owner, not e.origin.bundled))

    def _accepting_params(self, entries: list[Entry]) -> list[Entry]:
        """Select the importers that accept the given parameters.

        Raises:
            RequestError: none does.
        """
        wrong = {e.id: check("importer", e.factory(), self._params(e), e.component.name)[1] for e in entries}
        taking = [entry for entry in entries if not wrong[entry.id]]
        if not taking:
            raise RequestError(f"{' '.join(wrong[entries[0].id])} See: zoo info {entries[0].id} --kind importer")
        return taking

    def _params(self, entry: Entry) -> dict[str, Any]:
        return {**entry.params, **self.params}

    def _ask(self, entry: Entry, content: Mapping[str, Any] | None) -> Imported | None:
        given = {"content": content, "architecture": self.architecture, "image_size": self.image_size}
        try:
            found = build(entry, self._params(entry), entry.component.name, self.path, **given)
        except ZooError:
            raise
        except Exception as error:
            raise RequestError(
                f"{self.path} can't be read by {entry.title}: {summary_of(error)}{entry.place_in(error)} For the "
                "traceback: zoo --debug import …"
            ) from error
        if found is not None and not isinstance(found, Imported):
            raise ContractError(f"importer {entry.id!r} returned {type(found).__name__}, not an Imported or None")
        return found

    def _unknown_message(self, entries: list[Entry], content: Mapping[str, Any] | None) -> str:
        asked = ", ".join(e.component.name for e in entries)
        if content is None:
            return f"{self.path} is not a model that importer {asked} supports. See: zoo list importer"
        tensors = bare_names({str(k): v for k, v in content.items() if isinstance(v, Tensor)})
        holds = (
            f"{len(tensors)} tensors ({listing(tensors, most=3)})" if tensors else listing(map(str, content), most=6)
        )
        if self.architecture:
            return f"{self.path} contains {holds or 'nothing'}: none of {asked} can import it as {self.architecture}."
        return (
            f"{self.path} contains {holds or 'nothing'}, without the name of the network. Give it: --architecture "
            "timm/resnet18, or another; see: zoo list architecture --search WORD"
        )


def _suffixes(entry: Entry) -> tuple[str, ...]:
    component: Any = entry.component
    return tuple(component.suffixes)


def check_file(path: Path) -> None:
    """Raise RequestError unless the file exists, is readable, and is not empty."""
    if path.is_dir():
        raise RequestError(f"{path} is a folder. Give the file with the weights.")
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise RequestError(f"There is no file {str(path)!r}.{did_you_mean(path.name, beside)}")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise RequestError(f"{path} can't be read: {error.strerror or error}.") from error
    if empty:
        raise RequestError(f"{path} is empty.")
