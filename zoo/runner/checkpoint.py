"""The state to resume from: written whole, with a checksum, beside the one before; read without running code."""

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
"""The checkpoints that are whole, the last first, each with its checksum. What it doesn't name was never finished."""
BEST_SHA256 = "best_sha256"
"""Of the file with the best weights so far, in a checkpoint; older ones have none."""
KEPT = 2
"""Should the last one be damaged, there is the one before."""


def random_states() -> CheckpointState:
    """Every random state that a component may draw from, as plain values and tensors."""
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
    """Put back what :func:`random_states` saved."""
    torch.set_rng_state(states["torch"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])


def save_checkpoint(folder: Path, state: CheckpointState) -> Path:
    """Write the state, and keep the one before.

    Returns:
        The file.

    Raises:
        OutputError: the folder can't be written, or the disk is full; what was there is as it was.
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
        path.unlink()  # nothing names it, and the disk is full
        raise
    for old in set(folder.glob("*.pt")) - {folder / name for name in kept}:
        old.unlink(missing_ok=True)
    return path


class Keeper:
    """Writes checkpoints, and weights, while the training goes on: most of the time that takes is the disk's.

    Args:
        folder: for the checkpoints.
        bundle: for the weights.
    """

    def __init__(self, folder: Path, bundle: Path):
        self.folder, self.bundle = folder, bundle
        self.sha256: str | None = None  # of the weights that were written last; a checkpoint has it as BEST_SHA256
        self.best: Any = None  # whose weights those are
        self._writing: Thread | None = None
        self._error: BaseException | None = None

    def save(self, state: CheckpointState, model: nn.Module | None = None, best: Any = None) -> None:
        """Begin to write the state, and then the weights of a model, if there is one, both as they are now.

        In this order: the state of an epoch that is the best has its weights, so they can be written anew from it.

        Args:
            best: what these weights are, to be known once they are on the disk.

        Raises:
            OutputError: what was to be written before could not be.
        """
        self.wait()
        weights = None if model is None else copied_weights(model)
        self._writing = Thread(target=self._write, args=(_copied(state), weights, best), name="checkpoint")
        self._writing.start()

    def wait(self) -> None:
        """Until the last one is on the disk.

        Raises:
            OutputError: it could not be written.
        """
        if self._writing is not None:
            self._writing.join()
            self._writing = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def intact(self) -> bool | None:
        """Compare the weights on the disk with those that were written last, by hash; None where that is unknown."""
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
        except BaseException as error:  # told in the thread that trains
            self._error = error


def _copied(value: Any) -> Any:
    """Such that no step changes it."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value


def _save(state: CheckpointState, file: IO[bytes]) -> str:
    """Write a state into a file; the SHA-256 of what was written.

    Raises:
        OSError: the file can't be written, a full disk say.
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
    """A file that is hashed as it is written.

    It keeps the error of a write that failed: torch closes its archive all the same, and raises a RuntimeError about
    a wrong position in the place of "No space left on device".
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
    """The last state that is whole, or None where there is none.

    Args:
        notice: told of each that is damaged.

    Raises:
        RequestError: all are damaged.
    """
    known = _index(folder)
    # Without the index only the file itself says whether it is whole.
    names = list(known) or sorted((path.name for path in folder.glob("*.pt")), reverse=True)
    damaged: list[str] = []
    for name in names:
        try:
            state = _load(folder / name, known.get(name))
        except Exception as error:  # torch raises many kinds for a damaged file
            damaged.append(f"The checkpoint {folder / name} can't be read ({type(error).__name__}: {_line(error)}).")
            continue
        for text in damaged:
            notice(f"{text} Going on from the one before.")
        return state
    if damaged:
        raise RequestError(f"{' '.join(damaged)} Start afresh with --overwrite.")
    return None


def _load(path: Path, sha256: str | None) -> CheckpointState:
    if sha256 is None:
        _check_sums(path)
    elif sha256_of(path) != sha256:
        raise ValueError("its checksum is not that which was written")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise TypeError("it holds no state")
    return state


def _check_sums(path: Path) -> None:
    """Look at the sums that torch's archive has of each of its parts; torch writes them, and reads on without them."""
    with zipfile.ZipFile(path) as archive:
        if (part := archive.testzip()) is not None:
            raise ValueError(f"its part {part} is not what was written")


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]


def _index(folder: Path) -> dict[str, str]:
    """Names and checksums; nothing where the index is not there, or damaged."""
    try:
        found = json.loads(read_plain(folder / INDEX))
        return {str(name): str(found[name]) for name in found if int(name[:-3]) > 0}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
