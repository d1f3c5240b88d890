"""The network of an extended run: the old network, whose last layer's input and logits a wider head is given."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.api.jobs import components
from zoo.api.models import build_model, missing
from zoo.errors import RequestError
from zoo_extend.heads import LinearScores, WiderHead, head_of

__all__ = ["Embedder", "ExtendedNetwork", "Tap", "extended"]

SMALL = {"name": "simple/simple_cnn", "params": {"channels": [16, 32], "hidden": 64, "dropout": 0.0}}
"""The network without parameters, for which there is nothing to extend."""


class Tap:
    """Records the input of a layer as one vector for each image, in each thread its own.

    Copies of the network share the object, which has no weights.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def __deepcopy__(self, memo: Any) -> Tap:
        return self

    def __reduce__(self) -> Any:
        return Tap, ()

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        """Record, as a forward pre-hook of the layer."""
        self._local.seen = _vectors(module, given[0])

    def take(self) -> Tensor:
        """Return the vectors (N, D) of the layer's last call in this thread."""
        seen: Tensor = self._local.seen
        del self._local.seen
        return seen


def _vectors(layer: nn.Module, given: Tensor) -> Tensor:
    """The mean over positions, where the layer is applied to each of them."""
    channels = 1 if isinstance(layer, nn.Conv2d) else given.ndim - 1
    positions = [axis for axis in range(1, given.ndim) if axis != channels]
    return given.mean(dim=positions) if positions else given


class Embedder(nn.Module):
    """Embeddings and logits of a network side by side: images -> (N, D + K).

    Args:
        network: images -> logits (N, K).
        path: path of its last layer, whose input is the embedding.
    """

    def __init__(self, network: nn.Module, path: str):
        super().__init__()
        self.network, self.tap, self.last = network, Tap(), nn.Identity()
        self.hook = network.get_submodule(path).register_forward_pre_hook(self.tap)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        both: Tensor = self.last(torch.cat([self.tap.take().to(logits.dtype), logits], dim=1))
        return both


class ExtendedNetwork(nn.Module):
    """A network with further classes.

    Args:
        base: the old network: images -> logits (N, K).
        path: path of its last layer, whose input is given to the heads as features.
        heads: each takes the features and the logits before it, and adds classes.
        order: for each class of the job, its place among the old classes and then the added ones.
    """

    def __init__(self, base: nn.Module, path: str, heads: Sequence[WiderHead], order: Sequence[int]):
        super().__init__()
        self.base, self.path, self.heads, self.tap = base, path, nn.ModuleList(heads), Tap()
        self.order = None if list(order) == list(range(len(order))) else list(order)
        base.get_submodule(path).register_forward_pre_hook(self.tap)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.base(images)
        features = self.tap.take()
        for head in self.heads:
            logits = head(features, logits)
        return logits if self.order is None else logits[:, self.order]

    def get_classifier(self) -> list[nn.Module]:
        """Return the last layer of the old network, and those of added classes where they are layers with weights."""
        found = [self.base.get_submodule(self.path)]
        for head in self.heads:
            assert isinstance(head, WiderHead)
            found += [head.scores.linear] if isinstance(head.scores, LinearScores) else []
        return found


def extended(
    num_classes: int,
    in_chans: int = 3,
    *,
    image_size: int = 32,
    classes: Sequence[str] = (),
    parts: list[dict[str, Any]] | None = None,
) -> nn.Module:
    """A network with classes that ``zoo extend`` has added; the command writes the parameter.

    Args:
        num_classes: number of all classes.
        in_chans: channels of the images.
        image_size: side of the images in pixels.
        classes: names of all classes.
        parts: first the old network: ``name`` and ``params`` of its architecture, ``classes`` (names, in the order of
            its logits), ``path`` of its last layer and ``features``, the width of that layer's input. Then each head
            that adds classes: ``name`` (linear, prototypes or knn), ``classes`` (names), ``refitted`` and, for knn,
            ``stored`` (number of stored features). None: a small network without added classes.

    Returns:
        images (N, in_chans, image_size, image_size) -> logits (N, num_classes), in the order of ``classes``.

    Raises:
        RequestError: the old network's architecture is not installed.
        ValueError: the classes are not those of the parts.
    """
    if not parts:
        return _built(SMALL, num_classes, in_chans, image_size, classes)
    base, *added = parts
    known = [str(name) for part in parts for name in part["classes"]]
    if num_classes != len(known):
        raise ValueError(f"its parts have {len(known)} classes, {', '.join(known[:5])}, not {num_classes}")
    network = _built(base, len(base["classes"]), in_chans, image_size, base["classes"])
    heads, old = [], len(base["classes"])
    for part in added:
        heads.append(head_of(part, int(base["features"]), old, len(part["classes"])))
        old += len(part["classes"])
    order = [known.index(name) for name in classes] if sorted(classes) == sorted(known) else range(old)
    return ExtendedNetwork(network, str(base["path"]), heads, list(order))


def _built(base: Mapping[str, Any], count: int, in_chans: int, image_size: int, classes: Sequence[str]) -> nn.Module:
    """Build the old network."""
    registry = components()
    if lost := missing({"base": {"kind": "architecture", **base, "id": base["name"]}}, registry):
        raise RequestError(f"It was extended from a network that is not here: {' '.join(lost)}")
    entry = registry.find("architecture", str(base["name"]))
    return build_model(entry, dict(base["params"]), count, in_chans, image_size, classes=classes)
