"""Initial weights from a file or another run, read without executing code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from zoo.engine.layer_groups import heads_of
from zoo.errors import ContractError, RequestError, ZooError
from zoo.model.bundle import WEIGHTS, find_bundle
from zoo.model.sources import find_model
from zoo.registry.registry import Registry
from zoo.registry.suggest import listing
from zoo.storage.files import sha256_of
from zoo.storage.tensor_files import bare_names, read_content

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
"""Keys under which trainers store the weights in their checkpoints, averaged weights first."""


@dataclass(frozen=True)
class Loaded:
    """The account of loaded weights.

    Args:
        file: path of the file.
        sha256: hash of the file.
        loaded: number of tensors that were loaded.
        fresh: names of newly initialized tensors: the head's, for other classes.
        adapted: names of converted tensors: the first layer's, for another number of channels.
    """

    file: str
    sha256: str
    loaded: int
    fresh: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the entries of a result document."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}

    def sentence(self) -> str:
        """Describe the loaded weights in a phrase."""
        fresh = f"; new: {listing(self.fresh, most=4)}" if self.fresh else ""
        adapted = f"; adapted to the channels of the images: {listing(self.adapted, most=4)}" if self.adapted else ""
        return f"{self.loaded} tensors from {Path(self.file).name}{fresh}{adapted}"


def weights_file(word: str, registry: Registry) -> Path:
    """Find the file of weights: a path, or the weights of a run or a bundle.

    Raises:
        RequestError: there is none.
    """
    path = Path(word).expanduser()
    if path.is_file():
        return path
    try:
        return find_bundle(path if path.is_dir() else find_model(word, registry)) / WEIGHTS
    except ZooError as error:
        if registry.model_source(word) is not None:
            raise
        raise RequestError(
            f"There are no weights at {word!r}: give a .safetensors or .pth file, or a run. See: zoo runs list"
        ) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file, by name, without the wrappers that trainers add.

    Raises:
        RequestError: the file can't be read, or holds no weights.
    """
    content = read_content(path)
    for name in _WRAPPERS:
        inner = content.get(name)
        if isinstance(inner, Mapping) and inner:
            content = inner
            break
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        raise RequestError(
            f"{path} contains no weights: no named tensors at the top level or under {listing(_WRAPPERS)}."
        )
    return bare_names(tensors)


def load_weights(model: nn.Module, word: str, head: str | None, registry: Registry) -> Loaded:
    """Load the weights of a file; the head is newly initialized where its classes differ.

    Args:
        word: a file, a run, or a bundle.
        head: module path of the layer that may be newly initialized; None where the network has none.
        registry: provides the model sources.

    Raises:
        RequestError: the file can't be read, or belongs to another network; the message names the tensors.
        ContractError: the network's ``adapt_weights`` does not return tensors by name.
    """
    path = weights_file(word, registry)
    own = model.state_dict()
    theirs = _adapted(model, read_tensors(path), own)
    heads = tuple(f"{name}." for name in heads_of(model, head)) if head else ()
    fresh = tuple(k for k in own if k.startswith(heads) and not _same_shape(theirs.get(k), own[k]))
    mine = [k for k in own if k not in fresh]
    adapted = {k: _for_channels(theirs[k], own[k]) for k in mine if k in theirs and _other_channels(theirs[k], own[k])}
    counters = {k for k in mine if k not in theirs and k.endswith("num_batches_tracked")}  # older files have none
    fits = [k for k in mine if k in theirs and (_same_shape(theirs[k], own[k]) or k in adapted)]
    missing = [k for k in mine if k not in theirs and k not in counters]
    unknown = [k for k in theirs if k not in own and not k.startswith(heads)]
    wrong = [k for k in mine if k in theirs and k not in fits]
    if missing or unknown or wrong:
        raise RequestError(_misfit_message(path, theirs, own, missing, unknown, wrong))
    model.load_state_dict({**own, **{k: adapted.get(k, theirs[k]) for k in fits}})
    return Loaded(str(path.absolute()), sha256_of(path), len(fits), fresh, tuple(adapted))


def _adapted(model: nn.Module, theirs: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the network's names: as its ``adapt_weights(state)`` maps them, if the names of the file differ."""
    adapt = getattr(model, "adapt_weights", None)
    if adapt is None or theirs.keys() == own.keys():
        return theirs
    found = adapt(dict(theirs))
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ContractError(
            f"adapt_weights() of {type(model).__name__} must return tensors by name, not {type(found).__name__}."
        )
    return {str(name): value for name, value in found.items()}


def _same_shape(theirs: Tensor | None, own: Tensor) -> bool:
    return theirs is not None and theirs.shape == own.shape


def _other_channels(theirs: Tensor, own: Tensor) -> bool:
    """Compare two convolution weights (out, in, h, w), which may differ only in the number of input channels."""
    return theirs.ndim == own.ndim == 4 and theirs.shape[1] in (1, 3) and _other_dims(theirs) == _other_dims(own) and (
        theirs.shape[1] != own.shape[1]
    )  # fmt: skip


def _other_dims(tensor: Tensor) -> tuple[int, ...]:
    return (tensor.shape[0], *tensor.shape[2:])


def _for_channels(weight: Tensor, own: Tensor) -> Tensor:
    """Convert a first layer to another number of input channels, with the same response to grey images.

    The channels are repeated, and scaled so that their sum is kept (as in timm).
    """
    count = own.shape[1]
    total = weight.sum(dim=1, keepdim=True)
    if count == 1:
        return total
    repeated = weight.repeat(1, -(-count // weight.shape[1]), 1, 1)[:, :count]
    return repeated * (weight.shape[1] / count)


def _misfit_message(
    path: Path, theirs: Mapping[str, Tensor], own: Mapping[str, Tensor], missing: list[str], unknown: list[str],
    wrong: list[str],
) -> str:  # fmt: skip
    shapes = [f"{k} {tuple(theirs[k].shape)} in the file, {tuple(own[k].shape)} in the network" for k in wrong[:3]]
    shapes += [f"and {len(wrong) - 3} more"] if len(wrong) > 3 else []
    parts = [
        f"{len(names)} {what}: {listing(names, most=3)}"
        for what, names in (("missing", missing), ("unknown", unknown))
        if names
    ]
    parts += [f"{len(wrong)} of different shape: {', '.join(shapes)}"] if wrong else []
    return (
        f"{path} doesn't fit the network ({'; '.join(parts)}). It belongs to another architecture, or other "
        "parameters of it; see: zoo list architecture --search WORD"
    )
