"""The Hugging Face hub, accessed through its own library: fetch, upload in one commit, and list shared models."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.manifests import MANIFEST, MOST, File, digest_of
from zoo.errors import BundleError, DataError, RequestError
from zoo.storage import cannot_write, is_write_error, offline
from zoo_hub.location import Hub
from zoo_hub.manifest import SHORT
from zoo_hub.report import size

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo

    from zoo_hub.package import SharedModel

LIBRARY = "visionzoo"
"""Tag of the zoo's models on the hub."""
_ANSWER_S = 30.0
_LISTED = 100


class Unreachable(DataError):
    """The hub can't be reached; a cached model may still be used."""


def _api() -> HfApi:
    """Create the hub's client; ``HF_ENDPOINT`` selects the hub, ``HF_TOKEN`` or ``hf auth login`` the user."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name=LIBRARY)


def no_network() -> bool:
    """Check for offline mode, by the zoo's setting or the hub library's."""
    return offline() or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")


@contextmanager
def answering(place: Hub) -> Iterator[None]:
    """Convert the errors of the hub's library to the zoo's, with a suggestion.

    Raises:
        RequestError: the repository or revision doesn't exist, or access is denied.
        Unreachable: the hub can't be reached.
        OutputError: a local file can't be written.
    """
    from huggingface_hub import errors

    lost: tuple[type[BaseException], ...] = (OSError, *errors.HfHubHTTPError.__bases__)  # of any HTTP client
    try:
        yield
    except errors.GatedRepoError as error:
        raise RequestError(f"{place} is gated. Request access on its page, then log in: hf auth login") from error
    except errors.RevisionNotFoundError as error:
        raise RequestError(f"{place} has no revision {place.revision!r}. Leave out @{place.revision}.") from error
    except errors.RepositoryNotFoundError as error:
        raise RequestError(
            f"{place} does not exist or is private. For a private repository, log in: hf auth login"
        ) from error
    except errors.HFValidationError as error:
        raise RequestError(f"{place} is not a valid name on the hub: {_first_line(error)}") from error
    except errors.EntryNotFoundError as error:
        if _is_offline_error(error):
            raise Unreachable(
                f"The hub can't be reached for {place}: {_first_line(_root_cause(error))}. {_NET}"
            ) from error
        raise BundleError(f"{place} lacks a file that its {MANIFEST} names. It was not used.") from error
    except lost as error:
        if is_write_error(error):
            raise cannot_write(Path(error.filename or "."), error) from error
        code = getattr(getattr(error, "response", None), "status_code", None)
        if code in (401, 403):
            raise RequestError(
                f"Permission denied by the hub for {place}. Log in with a token with write access: hf auth login"
            ) from error
        if code is not None and code < 500:
            raise RequestError(f"The hub rejected {place}: {_first_line(error)}") from error
        raise Unreachable(f"The hub can't be reached for {place}: {_first_line(error)}. {_NET}") from error


_NET = "Check the network. Nothing was saved."


def _is_offline_error(error: BaseException) -> bool:
    """Check for a missing connection, which the library reports as a file missing from its cache."""
    return isinstance(error, FileNotFoundError)


def _root_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _first_line(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return f"{line:.200}" or type(error).__name__


class HubSource:
    """A repository at one commit, which is looked up once at construction.

    Args:
        place: the repository and revision.
        home: folder for fetched files; see :meth:`at`.

    Raises:
        RequestError: there is no such repository.
        DataError: offline, or the hub can't be reached.
    """

    def __init__(self, place: Hub, home: Path | None = None):
        if no_network():
            raise DataError(
                f"{place} is not cached, and downloads are disabled (ZOO_OFFLINE or HF_HUB_OFFLINE is set)."
            )
        self.place, self._home = place, home
        with answering(place):
            self._info = _look_up(_api(), place)
        self.commit = str(self._info.sha)
        self.where = str(Hub(place.owner, place.name, self.commit[:SHORT]))

    def at(self, home: Path) -> HubSource:
        """Set the folder to fetch into, and return this source."""
        self._home = home
        return self

    @cached_property
    def _sizes(self) -> dict[str, int | None]:
        return {sibling.rfilename: sibling.size for sibling in self._info.siblings or []}

    def names(self) -> list[str]:
        return []  # only files that the manifest names are ever requested

    def manifest(self) -> bytes:
        if MANIFEST not in self._sizes:
            raise BundleError(
                f"{self.where} is not a model of the zoo: it has no {MANIFEST}. See: zoo models list "
                f"hf:{self.place.owner}"
            )
        path = self._fetched(MANIFEST, MOST[MANIFEST])
        return path.read_bytes()

    def size(self, name: str) -> int | None:
        return self._sizes.get(name)

    def fetch(self, name: str, expected: File, folder: Path) -> None:
        self._fetched(name, expected.bytes).replace(folder / name)

    def _fetched(self, name: str, most: int) -> Path:
        from huggingface_hub import hf_hub_download

        assert self._home is not None
        size = self._sizes.get(name)
        if size is not None and size > most:
            raise BundleError(f"{name} of {self.where} has {size:,} bytes; the limit is {most:,}. It was not used.")
        with answering(self.place):
            return Path(
                hf_hub_download(
                    self.place.repo,
                    name,
                    revision=self.commit,
                    local_dir=self._home / "hub",
                    cache_dir=self._home / "none",  # bypass the shared cache, whose files are not verified
                    endpoint=os.environ.get("HF_ENDPOINT") or None,
                )
            )


def _look_up(api: HfApi, place: Hub) -> ModelInfo:
    return api.model_info(place.repo, revision=place.revision, files_metadata=True, timeout=_ANSWER_S)


def upload(
    shared: SharedModel, place: Hub, *, private: bool, overwrite: bool, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Upload a model into a repository in one commit, creating the repository if necessary.

    Args:
        shared: the model.
        place: the repository, with an optional branch.
        private: make a new repository private.
        overwrite: replace another model in the repository.
        tell: receives a line before the upload.

    Returns:
        ``status``, ``revision`` (the commit) and ``url``.

    Raises:
        RequestError: there is no token, no write permission, or another model is there.
        DataError: offline, or the hub can't be reached.
    """
    from huggingface_hub import CommitOperationAdd, get_token

    if no_network():
        raise DataError(f"Can't push to {place}: network access is disabled (ZOO_OFFLINE or HF_HUB_OFFLINE is set).")
    if get_token() is None:
        raise RequestError(f"Pushing to {place} needs a login: hf auth login, or set HF_TOKEN.")
    api = _api()
    parent, there = _existing(api, place)
    if parent is not None and (same := _identical_commit(api, place, parent, shared, overwrite=overwrite)) is not None:
        return {"status": "unchanged", "revision": same, "url": f"{api.endpoint}/{place.repo}"}
    tell(f"uploading {size(shared.manifest.size)} to {place}")
    files = [CommitOperationAdd(name, content) for name, content in shared.all_files().items()]
    if not there:
        with answering(place):
            api.create_repo(place.repo, private=private or None, exist_ok=True)
    with _report_empty_repository(place, made=not there), answering(place):
        if parent is None and place.revision:
            api.create_branch(place.repo, branch=place.revision, exist_ok=True)
        done = api.create_commit(
            place.repo,
            files,
            commit_message=f"Share {shared.name} with visionzoo",
            revision=place.revision,
            parent_commit=parent.sha if parent is not None else None,
        )
    return {"status": "pushed", "revision": done.oid, "url": f"{api.endpoint}/{place.repo}"}


@contextmanager
def _report_empty_repository(place: Hub, *, made: bool) -> Iterator[None]:
    """Report an empty repository left by a failed upload; it is not deleted, as only its owner should do that."""
    try:
        yield
    except (DataError, RequestError) as error:
        if not made or isinstance(error, BundleError):
            raise
        raise type(error)(f"{error} The model was not uploaded; the repository exists, but is empty.") from error
    except (RuntimeError, ValueError) as error:
        raise DataError(
            f"{place} could not be written: {_first_line(_root_cause(error))}. The model was not uploaded."
        ) from error


def _existing(api: HfApi, place: Hub) -> tuple[ModelInfo | None, bool]:
    """Look up the repository at the branch before writing; the flag is True where the repository exists."""
    from huggingface_hub import errors

    try:
        with answering(place):
            return _look_up(api, place), True
    except RequestError as error:
        cause = error.__cause__
        if isinstance(cause, errors.RevisionNotFoundError):
            return None, True
        if isinstance(cause, errors.RepositoryNotFoundError) and not isinstance(cause, errors.GatedRepoError):
            return None, False
        raise


def _identical_commit(api: HfApi, place: Hub, there: ModelInfo, shared: SharedModel, *, overwrite: bool) -> str | None:
    """Commit of an identical model that is already in the repository; None where the repository may be written.

    Raises:
        RequestError: other files are there, and ``overwrite`` is not set.
    """
    names = {sibling.rfilename for sibling in there.siblings or []} - {".gitattributes"}
    own = _remote_digest(place, there) if MANIFEST in names else None
    if own == shared.manifest.digest:
        return str(there.sha)
    if names and not overwrite:
        what = f"another model (digest {own[:SHORT]}…)" if own else f"other files ({', '.join(sorted(names)[:3])}, …)"
        raise RequestError(
            f"{place} contains {what}. Push to another name, or replace it with --overwrite (the hub keeps the "
            "history)."
        )
    return None


def _remote_digest(place: Hub, there: ModelInfo) -> str:
    import tempfile

    with tempfile.TemporaryDirectory() as home:
        return digest_of(HubSource(Hub(place.owner, place.name, there.sha)).at(Path(home)).manifest())


def owned_by(place: Hub) -> list[dict[str, Any]]:
    """List an owner's zoo models on the hub, without fetching any.

    Raises:
        RequestError: the hub denies access.
        DataError: offline, or the hub can't be reached.
    """
    if no_network():
        raise DataError(f"Can't list {place}: network access is disabled (ZOO_OFFLINE or HF_HUB_OFFLINE is set).")
    with answering(place):
        found = list(_api().list_models(author=place.owner, filter=LIBRARY, limit=_LISTED, full=True))
    return [
        {
            "name": f"hf:{model.id}",
            "license": next((t.partition(":")[2] for t in model.tags or [] if t.startswith("license:")), "unknown"),
            "revision": model.sha,
            "private": bool(model.private),
        }
        for model in found
    ]
