"""Import another framework's trained model: read it, build it, and keep it only if it agrees with the original."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.api.commands import Interrupts
from zoo.api.jobs import Registry, plain
from zoo.errors import RequestError
from zoo.plugin import Imported
from zoo.runs import IMPORTED, MODEL, check_name, claim, forget_replaced
from zoo.storage import cannot_write, made_folder, sha256_of, workplace, write_json
from zoo_export.class_names import HOW, IMAGENET, check_names, read_names
from zoo_export.import_keeping import TOLERANCE, Keeping
from zoo_export.import_reading import Reader, check_file

__all__ = ["TOLERANCE", "ImportOptions", "import_model"]

Telling = Callable[[str], None]
Asking = Callable[[int], list[str]]


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import.

    Args:
        format: name of an importer; by default the one that recognises the file.
        architecture: the network, where the file doesn't name it.
        classes: names in output order, or an argument of :func:`zoo_export.class_names.read_names`; by default the
            file's own.
        preprocessing: any of image_size, mean, std, interpolation, crop_pct and resize; they override the file's.
        params: parameters of the importer.
        name: name of the model; by default the file's.
        out: folder of the runs.
        overwrite: replace an existing model or run of that name.
    """

    format: str | None = None
    architecture: str | None = None
    classes: str | Sequence[str] | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    out: Path = Path("runs")
    overwrite: bool = False


def import_model(
    file: str | Path,
    options: ImportOptions,
    *,
    registry: Registry,
    ask: Asking | None = None,
    tell: Telling = lambda text: None,
) -> dict[str, Any]:
    """Import another framework's trained model into ``out/name``.

    Args:
        file: file of the other framework; it is read, and never executed.
        options: options of the import.
        registry: provides importers and architectures.
        ask: called with the number of classes where their names are unknown; its errors are passed on.
        tell: receives a line for each step.

    Returns:
        ``{"status": "imported", "run", "dir", "model", "architecture", "classes", "task", "preprocessing",
        "parameters", "imported", "check", "notices"}``.

    Raises:
        RequestError: the file can't be read or doesn't fit; the message names what is missing. Nothing is kept.
        ExportError: the converted model's predictions differ from the original's.
        OutputError: the folder can't be written.
    """
    path, out = Path(file).expanduser(), options.out
    check_file(path)
    name = check_name(options.name or _name_of(path))
    if (out / name).exists() and not options.overwrite:
        raise RequestError(f"{name!r} exists in {out}. Give another --name, or replace it with --overwrite.")
    asked, architecture = dict(options.preprocessing), options.architecture
    wanted = registry.find("architecture", architecture).id if architecture else None
    reader = Reader(path, registry, wanted, asked.get("image_size"), dict(options.params))
    importer, found = reader.read(options.format)
    names = _classes(found, options.classes, path, ask)
    source = {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size, "importer": importer.id}
    if params := {**importer.params, **options.params}:
        source["params"] = plain(params)
    with Interrupts().listening(), made_folder(out), workplace(out / name) as home:
        kept = Keeping(found, names, asked, source, registry, home, tell)
        document = kept.weights() if found.tensors is not None else kept.file()
        document = {"status": "imported", "run": name, "dir": str(out / name), **document}
        write_json(home / IMPORTED, document)
        _move(home, out, name, overwrite=options.overwrite)
    return document


def _name_of(path: Path) -> str:
    """Derive a run's name from a file name."""
    stem = re.sub(r"\.(pth\.tar|[A-Za-z0-9]+)$", "", path.name)
    return re.sub(r"[^A-Za-z0-9_.\-]+", "-", stem).strip("-._")[:100] or MODEL


def _classes(found: Imported, given: str | Sequence[str] | None, path: Path, ask: Asking | None) -> list[str]:
    """Determine the class names: the user's, else the file's, else by asking."""
    if given is not None:
        if isinstance(given, str):
            return check_names(read_names(given), found.num_classes, "--classes")
        return check_names(given, found.num_classes, "classes")
    if found.classes is not None:
        return check_names(found.classes, found.num_classes, str(path))
    if ask is not None:
        return check_names(ask(found.num_classes), found.num_classes, "The option")
    often = f" For ImageNet: --classes {IMAGENET}." if found.num_classes == 1000 else ""
    raise RequestError(
        f"{path} has no names for its {found.num_classes:,} classes. Give {found.num_classes:,} names in the order "
        f"of training: {HOW}.{often}"
    )


def _move(home: Path, out: Path, name: str, *, overwrite: bool) -> None:
    """Move the complete model to its destination."""
    folder = claim(out, name, overwrite=overwrite)
    try:
        for each in sorted(home.iterdir(), key=lambda p: p.name == IMPORTED):  # last: it marks a complete model
            each.rename(folder / each.name)
    except OSError as error:
        raise cannot_write(folder, error) from error
    forget_replaced(folder)
