"""Checkpoints: written atomically with a checksum, the previous one kept, and read without executing code."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import IO, Any, cast

import numpy as np
import torch
from torch import nn

from zoo.errors import OutputError, RequestError
from zoo.model.bundle import WEIGHTS, copied_weights, packed_weights, write_packed
from zoo.storage.files import atomic, cannot_write, read_plain, sha256_of, write_json

CheckpointState = dict[str, Any]
"""Plain values and tensors, by name: all that torch.load reads without running code."""
INDEX = "index.json"
"""Maps the complete checkpoints, newest first, to their SHA-256; a file that is not listed was never finished."""
BEST_SHA256 = "best_sha256"
"""Key of the SHA-256 of the best weights' file in a checkpoint; absent in older ones."""
KEPT = 2
"""Number of checkpoints kept: a fallback in case the newest is damaged."""


def random_states() -> CheckpointState:
    """Collect the states of all random generators, as plain values and tensors."""
    name, keys, *rest = np.random.get_state()
    version, internal, gauss = random.getstate()
    states: CheckpointState = {
        "torch": torch.get_rng_state(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "python": [version, list(internal), gauss],
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: CheckpointState) -> None:
    """Restore the states that :func:`random_states` collected."""
    torch.set_rng_state(states["torch"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])


def save_checkpoint(folder: Path, state: CheckpointState) -> Path:
    """Write the state as a new checkpoint, and keep the previous one.

    Returns:
        The new file.

    Raises:
        OutputError: the folder can't be written, or the disk is full; existing checkpoints are unchanged.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    kept = _index(folder)
    path = folder / f"{max((int(name[:-3]) for name in kept), default=0) + 1:06d}.pt"
    with atomic(path) as file:
        sha256 = _save(state, file)
    kept = dict([(path.name, sha256), *kept.items()][:KEPT])
    try:
        write_json(folder / INDEX, kept)
    except OutputError:
        path.unlink()  # the index does not list it, and the disk is full
        raise
    for old in set(folder.glob("*.pt")) - {folder / name for name in kept}:
        old.unlink(missing_ok=True)
    return path


class Keeper:
    """Writes checkpoints and weights in a background thread, as most of the time goes to the disk.

    Args:
        folder: folder of the checkpoints.
        bundle: folder of the weights.
    """

    def __init__(self, folder: Path, bundle: Path):
        self.folder, self.bundle = folder, bundle
        self.sha256: str | None = None  # of the last written weights; a checkpoint records it as BEST_SHA256
        self.best: Any = None  # description of these weights
        self._writing: Thread | None = None
        self._error: BaseException | None = None

    def save(self, state: CheckpointState, model: nn.Module | None = None, best: Any = None) -> None:
        """Start writing a snapshot of the state, and then of a model's weights, if given.

        In this order, the state of a best epoch holds its weights, so that a lost weights file can be rewritten from
        it.

        Args:
            best: description of these weights, set as the attribute ``best`` once they are on disk.

        Raises:
            OutputError: the previous write failed.
        """
        self.wait()
        weights = None if model is None else copied_weights(model)
        self._writing = Thread(target=self._write, args=(_snapshot(state), weights, best), name="checkpoint")
        self._writing.start()

    def wait(self) -> None:
        """Wait until the last write is on disk.

        Raises:
            OutputError: it failed.
        """
        if self._writing is not None:
            self._writing.join()
            self._writing = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def intact(self) -> bool | None:
        """Check that the weights on disk are byte-identical to those last written; None if none were written."""
        if self.sha256 is None:
            return None
        try:
            return sha256_of(self.bundle / WEIGHTS) == self.sha256
        except OSError:
            return False

    def _write(self, state: CheckpointState, weights: dict[str, torch.Tensor] | None, best: Any) -> None:
        try:
            content = None if weights is None else packed_weights(weights)
            sha256 = self.sha256 if content is None else hashlib.sha256(content).hexdigest()
            save_checkpoint(self.folder, {**state, BEST_SHA256: sha256})
            if content is not None:
                write_packed(self.bundle, content)
                self.sha256, self.best = sha256, best
        except BaseException as error:  # raised again in the training thread
            self._error = error


def _snapshot(value: Any) -> Any:
    """Copy tensors to the CPU recursively, so that later steps don't modify them."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _snapshot(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_snapshot(item) for item in value)
    return value


def _save(state: CheckpointState, file: IO[bytes]) -> str:
    """Write a state into a file, and return the SHA-256 of the content.

    Raises:
        OSError: the file can't be written, for example on a full disk.
    """
    hashing = _Hashing(file)
    try:
        torch.save(state, cast(IO[bytes], hashing))
    except RuntimeError:
        if hashing.error is not None:
            raise hashing.error from None
        raise
    return hashing.sha256.hexdigest()


class _Hashing:
    """A file that computes a hash while it is written.

    It keeps the error of a failed write: torch closes its archive nevertheless, and raises a RuntimeError about a wrong
    position instead of "No space left on device".
    """

    def __init__(self, file: IO[bytes]):
        self.file, self.sha256 = file, hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


def load_checkpoint(folder: Path, notice: Callable[[str], None] = lambda text: None) -> CheckpointState | None:
    """Load the newest intact checkpoint; None where there is none.

    Args:
        notice: receives a sentence for each damaged checkpoint.

    Raises:
        RequestError: all checkpoints are damaged.
    """
    known = _index(folder)
    # Without the index only the file's own checksums show damage.
    names = list(known) or sorted((path.name for path in folder.glob("*.pt")), reverse=True)
    damaged: list[str] = []
    for name in names:
        try:
            state = _load(folder / name, known.get(name))
        except Exception as error:  # torch raises many kinds for a damaged file
            damaged.append(
                f"The checkpoint {folder / name} can't be read ({type(error).__name__}: {_first_line(error)})."
            )
            continue
        for text in damaged:
            notice(f"{text} Continuing from the previous one.")
        return state
    if damaged:
        raise RequestError(f"{' '.join(damaged)} Start over with --overwrite.")
    return None


def _load(path: Path, sha256: str | None) -> CheckpointState:
    if sha256 is None:
        _check_sums(path)
    elif sha256_of(path) != sha256:
        raise ValueError("its checksum is wrong")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise TypeError("it contains no state")
    return state


def _check_sums(path: Path) -> None:
    """Verify the CRC of each part of torch's archive, which torch writes, but does not check on reading."""
    with zipfile.ZipFile(path) as archive:
        if (part := archive.testzip()) is not None:
            raise ValueError(f"its part {part} is corrupt")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]


def _index(folder: Path) -> dict[str, str]:
    """Read the index; empty where it is missing or damaged."""
    try:
        found = json.loads(read_plain(folder / INDEX))
        return {str(name): str(found[name]) for name in found if int(name[:-3]) > 0}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
