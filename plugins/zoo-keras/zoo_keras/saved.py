"""The architecture of models imported from Keras files, with the configuration as a parameter."""

from __future__ import annotations

from torch import nn

from zoo_keras.backend import building
from zoo_keras.config import for_images, made, parsed, with_outputs
from zoo_keras.ending import network_of

__all__ = ["saved"]


def saved(
    num_classes: int,
    in_chans: int = 3,
    image_size: int | None = None,
    *,
    config: str,
    separate_outputs: bool = False,
) -> nn.Module:
    """Build a Keras model from its configuration: images (N, in_chans, H, W) float -> logits (N, num_classes).

    Args:
        num_classes: number of classes; the last dense layer is resized where it differs from the configuration's.
        in_chans: channels of the images.
        image_size: side of the images in pixels; by default the configuration's.
        separate_outputs: outputs are values: two don't share one, and the last layer has no activation.
        config: content of ``config.json`` in a ``.keras`` file, or result of ``model.to_json()``.

    Raises:
        RequestError: the configuration is malformed, has parts that are not Keras's own, or can't be built.
    """
    where = "architecture.config"
    with building():
        described = with_outputs(parsed(config, where), num_classes, separate=separate_outputs)
        if image_size is not None:
            described = for_images(described, image_size, in_chans)
        model = made(described, where)
        return network_of(model, num_classes, in_chans, image_size or 224, separate_outputs=separate_outputs)
