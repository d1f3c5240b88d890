"""The dataset ``hf``: datasets of the Hugging Face hub, and folders of their layouts, by the library datasets."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from zoo.api.jobs import listing
from zoo.errors import DataError, RequestError
from zoo.storage import cache_folder, offline
from zoo_formats.arrow_files import need_pyarrow
from zoo_formats.features import Asked
from zoo_formats.labelled import LabelledImages, ListedImages
from zoo_formats.splits import split_in
from zoo_formats.tables import RowPictures, TableRow, listed_rows

__all__ = ["HubDataset"]

_CONVERTED = "refs/convert/parquet"
"""Branch of the hub with its own conversion of a dataset that has no Parquet files."""
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
        stream: read the repository's Parquet files row group by row group into the zoo's store, without a copy in the
            cache. Without Parquet files, those that the hub has converted are read.

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
        stream: bool = False,
    ) -> None:
        found = _fetched(root, address, config, stream)
        listed, pictures = _listed(found, Asked(image_column, label_column, "split", group_column))
        super().__init__(listed, split, pictures, found.source)

    @staticmethod
    def available_splits(
        root: Path | None,
        address: str | None = None,
        config: str | None = None,
        stream: bool = False,
        **columns: Any,
    ) -> tuple[str, ...]:
        """Splits among train, val and test.

        Raises:
            DataError, RequestError: see the class.
        """
        del columns
        names = [split for split, _ in _fetched(root, address, config, stream).files]
        return tuple(split for split in ("train", "val", "test") if split in names)

    @staticmethod
    def peek(
        root: Path | None,
        address: str | None = None,
        config: str | None = None,
        image_column: str | None = None,
        label_column: str | None = None,
        group_column: str = "group",
        stream: bool = False,
    ) -> dict[str, object]:
        """``multilabel``.

        Raises:
            DataError, RequestError: see the class.
        """
        found = _fetched(root, address, config, stream)
        listed, _ = _listed(found, Asked(image_column, label_column, "split", group_column))
        return {"multilabel": listed.multilabel}


class _Found(NamedTuple):
    """Files of a dataset by split, its source for the result, and sentences for the user."""

    files: tuple[tuple[str, Path], ...]
    source: str
    notices: tuple[str, ...]
    streamed: bool = False


def _fetched(root: Path | None, address: str | None, config: str | None, stream: bool) -> _Found:
    """Download a dataset where it is not in the cache.

    Raises:
        DataError, RequestError: see :class:`HubDataset`.
    """
    if root is None and address and address.startswith((".", "/", "~")):
        raise RequestError(
            f"{address!r} is a path, not {_ADDRESS}. For a folder: zoo run simple_cnn hf --data {address}"
        )
    if (root is None) == (not address):
        raise RequestError(f"hf needs {_ADDRESS}, or a folder: zoo run simple_cnn hf:owner/name")
    if root is not None:
        folder = Path(root).expanduser().absolute()
        if not folder.is_dir():
            raise DataError(f"There is no folder {folder}. hf reads {_ADDRESS}, or a folder of the same layout.")
        return _loaded(str(folder), config, None, _stamp(folder))
    name, _, revision = str(address).partition("@")
    if name.count("/") != 1 or not all(name.split("/")):
        raise RequestError(f"{address!r} is not {_ADDRESS}.")
    return _streamed(name, config, revision or None) if stream else _loaded(name, config, revision or None)


def _stamp(folder: Path) -> tuple[int, int]:
    """Number of files in a folder, and the time of the newest: one that was changed is read again."""
    times = [Path(here, name).stat().st_mtime_ns for here, _, names in os.walk(folder) for name in names]
    return len(times), max(times, default=0)


@lru_cache(maxsize=2)
def _loaded(name: str, config: str | None, revision: str | None, stamp: tuple[int, int] | None = None) -> _Found:
    """Files of a dataset, which the library downloads and converts where they are not in the cache."""
    del stamp
    datasets, commit = _library(), None
    local = Path(name).is_absolute()
    if not local and not offline():
        commit = _commit(name, revision)
    where = name if local else f"hf:{name}{f'@{revision}' if revision else ''}"
    with _problems_named(where, datasets), _quiet(datasets), _offline(datasets, local or offline()):
        found = datasets.load_dataset(
            name,
            config,
            revision=commit or revision,
            cache_dir=str(cache_folder() / "datasets" / "hf"),
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


@lru_cache(maxsize=2)
def _streamed(name: str, config: str | None, revision: str | None) -> _Found:
    """Parquet files of a repository, by split, which stay there."""
    if offline():
        raise DataError(f"hf:{name} can't be streamed: downloads are disabled (ZOO_OFFLINE is set).")
    need_pyarrow()
    commit = _commit(name, revision)
    found = _tables_at(name, commit, config)
    if not found and revision is None:
        commit = _commit(name, _CONVERTED)
        found = _tables_at(name, commit, config)
    if not found:
        raise DataError(
            f"hf:{name} has no Parquet files{f' of {config!r}' if config else ''} to stream. Leave out "
            "dataset.stream=true."
        )
    homes = sorted({path.parent for _, path in found})
    if len(homes) > 1 and len({split for split, _ in found}) < len(found) and config is None:
        names = [home.name for home in homes]
        raise DataError(
            f"hf:{name} has several configurations: {listing(names)}. Choose one: --set dataset.config=NAME"
        )
    return _Found(tuple(found), f"hf:{name} at {commit}, streamed", (), streamed=True)


def _tables_at(name: str, commit: str, config: str | None) -> list[tuple[str, Path]]:
    """Parquet files of a commit, and their splits."""
    import huggingface_hub

    try:
        paths = huggingface_hub.HfApi().list_repo_files(name, revision=commit, repo_type="dataset")
    except (OSError, ValueError) as error:
        raise DataError(f"hf:{name} can't be reached: {_first_line(error)} Check the network.") from error
    found = []
    for path in sorted(path for path in paths if path.endswith(".parquet")):
        split = split_in(path)
        if split is not None and (config is None or config in PurePosixPath(path).parts):
            found.append((split, Path(f"datasets/{name}@{commit}/{path}")))
    return found


def _open_remote(path: str) -> Any:
    """Open a file of the hub, of which only the parts that are read are transferred."""
    import huggingface_hub

    return huggingface_hub.HfFileSystem().open(path, "rb")


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
        if isinstance(error, ConnectionError) and offline():
            raise DataError(f"{where} is not in the cache, and downloads are disabled (ZOO_OFFLINE is set).") from error
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


@contextlib.contextmanager
def _offline(datasets: Any, stays: bool) -> Iterator[None]:
    """Keep both libraries off the network within the context; they read the environment only once, on import.

    For a folder of this machine the library would count the use of its reader on the hub.
    """
    import huggingface_hub

    if not stays:
        yield
        return
    places: tuple[Any, ...] = (datasets.config, huggingface_hub.constants)
    before = [place.HF_HUB_OFFLINE for place in places]
    try:
        for place in places:
            place.HF_HUB_OFFLINE = True
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = value


def _first_line(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0].strip().rstrip(".:") or type(error).__name__
    return f"{text}."


@lru_cache(maxsize=2)
def _listed(found: _Found, asked: Asked) -> tuple[ListedImages[TableRow], RowPictures]:
    remote = _open_remote if found.streamed else None
    return listed_rows(found.source, found.files, asked, None, None, found.notices, remote)
