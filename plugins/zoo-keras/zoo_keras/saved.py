"""The architecture of what ``zoo import`` read from a file of Keras: the description is its parameter."""

from __future__ import annotations

from torch import nn

from zoo_keras.backend import building
from zoo_keras.config import for_images, made, parsed, with_outputs
from zoo_keras.ending import network_of

__all__ = ["saved"]


def saved(num_classes: int, in_chans: int = 3, image_size: int | None = None, *, config: str) -> nn.Module:
    """A Keras model from its description: images (N, in_chans, H, W) float -> logits (N, num_classes).

    Args:
        num_classes: where they are others than the description's, its last dense layer has another width.
        in_chans: channels of the images.
        image_size: side of the images in pixels; by default the description's.
        config: what ``config.json`` of a ``.keras`` file holds, or ``model.to_json()`` gives.

    Raises:
        RequestError: it is none, has what is not Keras's own, or can't be made.
    """
    where = "architecture.config"
    with building():
        described = with_outputs(parsed(config, where), num_classes)
        if image_size is not None:
            described = for_images(described, image_size, in_chans)
        return network_of(made(described, where), num_classes, in_chans, image_size or 224)
