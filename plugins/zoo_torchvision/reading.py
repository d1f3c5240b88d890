"""Opening of a dataset in the table: locate its folder, read it with torchvision, name the classes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.errors import DataError
from zoo_torchvision.download import cache_folder, fetch, no_download
from zoo_torchvision.idx import idx_files, read_idx
from zoo_torchvision.items import ArrayImages, FileImages
from zoo_torchvision.sets import Source

__all__ = ["open_set"]


def open_set(
    source: Source,
    root: Path | None,
    split: str,
    download: bool,
    options: Mapping[str, Any] | None = None,
    variant: str = "",
    **names: str,
) -> FileImages | ArrayImages:
    """Open a split of one of torchvision's datasets.

    A given folder is only read. Without one, the zoo's cache is used, and filled by torchvision's downloader if
    necessary.

    Args:
        source: row of the dataset in the table.
        root: the ``root`` of torchvision's class; None for the zoo's cache.
        split: name of the split.
        download: download missing files into the cache.
        options: further arguments of torchvision's class.
        variant: suffix of the folder in the cache, for datasets with several downloads.
        names: values of the placeholders in ``source.needs`` and ``source.by_hand``.

    Raises:
        DataError: there is no such split, files are missing or damaged, or the download failed.
    """
    if split not in source.splits:
        raise DataError(f"{source.name} has no split {split!r}. It has: {', '.join(source.splits)}.")
    options = dict(options or {})
    folder = Path(root).expanduser() if root is not None else _cached(source, download, options, variant, names)
    data: Any
    if source.idx and not (folder / source.maker).exists() and idx_files(folder):
        data = read_idx(source, folder, split)
    else:
        _need_files(source, folder, names)
        data = _read(source, folder, split, options)
    if source.prepare is not None:
        source.prepare(data)
    return _wrapped(source, data)


def _cached(source: Source, download: bool, options: Mapping[str, Any], variant: str, names: dict[str, str]) -> Path:
    """Folder of the dataset in the cache or of a package of the system; downloaded if necessary."""
    home = cache_folder() / (f"{source.name}-{variant}" if variant else source.name)
    if home.is_dir():  # by us, whole or not at all; or by hand
        return home
    if source.packaged and idx_files(Path(source.packaged)):
        return Path(source.packaged)
    problem = "torchvision can't download it" if source.by_hand else no_download(download)
    if not problem and source.getter and find_spec(source.getter) is None:
        problem = f"its download needs the package {source.getter}: pip install {source.getter}"
    problem = problem or fetch(source, home, options)
    if problem:
        raise DataError(_missing(source, home, names, problem))
    return home


def _need_files(source: Source, folder: Path, names: dict[str, str]) -> None:
    needs = [need.format(**names) for need in source.needs]
    lacking = [need for need in needs if not (folder / need).exists()]
    if not lacking:
        return
    if not folder.exists():
        problem = "the folder does not exist"
    else:
        problem = f"it has no {', '.join(lacking)}"
        if folder.parent == cache_folder() and not source.by_hand:
            problem += "; remove that folder to download it again"
        # The user may have given a subfolder of the right folder.
        if (outer := _outer(folder, needs)) is not None:
            problem += f" (did you mean {outer}?)"
    raise DataError(_missing(source, folder, names, problem))


def _outer(folder: Path, needs: Sequence[str]) -> Path | None:
    parents = folder.absolute().parents
    return next((p for p in parents[:3] if all((p / need).exists() for need in needs)), None)


def _missing(source: Source, folder: Path, names: dict[str, str], problem: str) -> str:
    needs = ", ".join(need.format(**names) for need in source.needs)
    needs += ", or train-images-idx3-ubyte.gz and the other three" if source.idx else ""
    by_hand = f", {source.by_hand.format(**names)}" if source.by_hand else ""
    return (
        f"{source.name} was not found in {folder}: {problem}. Give a folder with {needs}: zoo run ARCHITECTURE "
        f"{source.name} --data FOLDER. The files come from {source.site}{by_hand}."
    )


def _read(source: Source, folder: Path, split: str, options: Mapping[str, Any]) -> Any:
    """Create torchvision's dataset object.

    CIFAR's files are pickles, which can run code. torchvision verifies the MD5 of the original files each time before
    reading them. Other datasets have no pickles, or are read with ``weights_only`` (old MNIST, ImageNet's meta.bin).
    """
    if source.package and find_spec(source.package) is None:
        raise DataError(
            f"{source.name} is read by the package {source.package}, which is not installed: "
            f"pip install {source.package}"
        )
    from torchvision import datasets

    try:
        return getattr(datasets, source.maker)(str(folder), **source.splits[split], **options)
    except Exception as error:  # parsers raise many types for damaged files
        raise DataError(_unreadable(source, folder, split, error)) from error


def _unreadable(source: Source, folder: Path, split: str, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if reason.startswith("Dataset"):  # torchvision: "not found or corrupted. You can use download=True ..."
        reason = "a file is missing, or its checksum is not the original's"
    elif not isinstance(error, RuntimeError | OSError):
        reason = f"{type(error).__name__}: {reason}"
    return (
        f"The {split} split of {source.name} in {folder} can't be read: {reason}. Download the original files from "
        f"{source.site}, or remove the downloaded files, to download them again."
    )


def _wrapped(source: Source, data: Any) -> FileImages | ArrayImages:
    classes = list(source.classes(data))
    where = f"torchvision's {source.maker}, {source.site}"
    terms = f"terms: {source.terms}"
    if source.files is not None:
        pairs = list(source.files(data))
        groups = source.groups(pairs) if source.groups is not None else None
        return FileImages([path for path, _ in pairs], [label for _, label in pairs], classes, where, terms, groups)
    labels = source.targets(data)
    content = f"{source.fingerprint(data)} {classes} {list(labels)}"
    return ArrayImages(data, labels, classes, hashlib.sha256(content.encode()).hexdigest(), where, terms)
