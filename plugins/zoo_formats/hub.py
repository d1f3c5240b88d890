"""The dataset ``hf``: datasets of the Hugging Face hub, and folders of their layouts, by the library datasets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import DataError, RequestError
from zoo.storage import cache_folder, offline
from zoo_formats.arrow_files import need_pyarrow
from zoo_formats.features import Asked
from zoo_formats.labelled import LabelledImages, Listed
from zoo_formats.splits import split_in
from zoo_formats.tables import RowPictures, TableRow, listed_rows

__all__ = ["HubDataset"]

_ADDRESS = "an address such as hf:owner/name or hf:owner/name@revision"


class HubDataset(LabelledImages[TableRow]):
    """A dataset of the Hugging Face hub, or a folder of the same layout.

    The library datasets downloads and converts it to Arrow files in the zoo's cache; images stay encoded there. Columns
    of images and labels are found as ``parquet`` finds them; names of classes are those of the hub (``ClassLabel``).
    The commit that was read is in the result. Code of a repository is never run.

    Args:
        root: a folder, in place of an address.
        split: one of ``available_splits(root, address)``; ``"all"`` too where there is one only.
        address: ``owner/name`` on the hub, or ``owner/name@revision`` of a branch, tag or commit.
        config: name of a configuration (subset), where the dataset has several.
        image_column: column of images; None for the one that the hub describes.
        label_column: column of labels, likewise.
        group_column: column of groups of related images, used where it exists.

    Raises:
        DataError: there is no such dataset, it can't be reached, or a column is missing or ambiguous; the training
            images are of one class only; there is no such split.
        RequestError: the library datasets is not installed, or neither an address nor a folder was given.
    """

    def __init__(
        self,
        root: Path | None,
        split: str,
        address: str | None = None,
        config: str | None = None,
        image_column: str | None = None,
        label_column: str | None = None,
        group_column: str = "group",
    ) -> None:
        found = _fetched(root, address, config)
        listed, pictures = _listed(found, Asked(image_column, label_column, "split", group_column))
        super().__init__(listed, split, pictures, found.source)

    @staticmethod
    def available_splits(
        root: Path | None, address: str | None = None, config: str | None = None, **columns: Any
    ) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError, RequestError: see the class.
        """
        del columns
        names = [split for split, _ in _fetched(root, address, config).files]
        return tuple(split for split in ("train", "val", "test") if split in names)


class _Found(NamedTuple):
    """Files of a dataset by split, its source for the result, and sentences for the user."""

    files: tuple[tuple[str, Path], ...]
    source: str
    notices: tuple[str, ...]


def _fetched(root: Path | None, address: str | None, config: str | None) -> _Found:
    """Download a dataset where it is not in the cache.

    Raises:
        DataError, RequestError: see :class:`HubDataset`.
    """
    if root is None and address and address.startswith((".", "/", "~")):
        root, address = Path(address), None
    if (root is None) == (not address):
        raise RequestError(f"hf needs {_ADDRESS}, or a folder: zoo run simple_cnn hf:owner/name")
    if root is not None:
        folder = Path(root).expanduser().absolute()
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder}. hf reads {_ADDRESS}, or a folder of the same layout.")
        return _loaded(str(folder), config, None)
    name, _, revision = str(address).partition("@")
    if name.count("/") != 1 or not all(name.split("/")):
        raise RequestError(f"{address!r} is not {_ADDRESS}.")
    return _loaded(name, config, revision or None)


@lru_cache(maxsize=2)
def _loaded(name: str, config: str | None, revision: str | None) -> _Found:
    datasets, commit = _library(), None
    local = Path(name).is_absolute()
    if not local and not offline():
        commit = _commit(name, revision)
    where = name if local else f"hf:{name}{f'@{revision}' if revision else ''}"
    with _problems_named(where, datasets), _quiet(datasets):
        found = datasets.load_dataset(
            name,
            config,
            revision=commit or revision,
            cache_dir=str(cache_folder() / "datasets" / "hf"),
            download_config=datasets.DownloadConfig(local_files_only=offline()),
        )
    files, unused = [], []
    for split, part in found.items():
        known = split_in(str(split))
        if known is None:
            unused.append(str(split))
            continue
        files += [(known, Path(file["filename"])) for file in part.cache_files]
    if not files:
        raise DataError(f"{where} has no split train, validation or test. It has: {', '.join(unused) or 'none'}.")
    notices = (f"Not used: the splits {', '.join(unused)} of {where}.",) if unused else ()
    source = f"the folder {name}" if local else f"hf:{name} at {commit or revision or 'the cached revision'}"
    return _Found(tuple(files), source, notices)


def _library() -> Any:
    """Import the library datasets.

    Raises:
        RequestError: it is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise RequestError(
            "Datasets of the Hugging Face hub need the package datasets, which is not installed. Type: pip install "
            "'visionzoo[datasets]'"
        ) from error
    need_pyarrow()
    return datasets


def _commit(name: str, revision: str | None) -> str:
    """The commit of a revision of a dataset.

    Raises:
        DataError: there is no such dataset or revision, or the hub can't be reached.
    """
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return str(huggingface_hub.HfApi().dataset_info(name, revision=revision).sha)
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        at = f" at {revision!r}" if revision else ""
        raise DataError(
            f"hf:{name}{at} can't be reached: {_first_line(error)} Check the name and the network; a private dataset "
            "needs the token of HF_TOKEN. What was fetched before is used with ZOO_OFFLINE=1."
        ) from error


@contextlib.contextmanager
def _problems_named(where: str, datasets: Any) -> Iterator[None]:
    """Turn errors of the library into a DataError that names the dataset."""
    errors = (datasets.exceptions.DatasetsError, OSError, ValueError, TypeError, LookupError, ArithmeticError)
    try:
        yield
    except (*errors, need_pyarrow().ArrowException) as error:
        reason = error.__cause__ if type(error).__name__ == "DatasetGenerationError" and error.__cause__ else error
        raise DataError(f"{where} can't be read: {_first_line(reason)}") from error


@contextlib.contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Switch the library's progress bars off, and on again where they were."""
    shown = datasets.are_progress_bars_disabled() is False
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0].strip().rstrip(".:") or type(error).__name__
    return f"{text}."


@lru_cache(maxsize=2)
def _listed(found: _Found, asked: Asked) -> tuple[Listed[TableRow], RowPictures]:
    return listed_rows(found.source, found.files, asked, None, None, found.notices)
