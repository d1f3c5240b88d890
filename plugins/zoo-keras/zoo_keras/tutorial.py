"""The tutorial's network, built in Keras like the original."""

from __future__ import annotations

from typing import Any

from zoo_keras.architecture import keras_architecture
from zoo_keras.backend import load

__all__ = ["tutorial_cnn"]


@keras_architecture
def tutorial_cnn(
    num_classes: int,
    input_shape: tuple[int, int, int] = (150, 150, 3),
    hidden: int = 512,
    dropout: float = 0.5,
    separate_outputs: bool = False,
) -> Any:
    """Build three 3x3 convolutions, each with a pool, a dense layer, dropout, and one sigmoid for two classes.

    With its defaults, for 150-pixel colour images and two classes, it has the 19,034,177 parameters of ``simple_cnn``.

    Args:
        num_classes: number of classes; two share one output, more have one each.
        input_shape: height, width and channels of the images.
        hidden: width of the dense layer.
        dropout: dropout probability before the output, in [0, 1).
        separate_outputs: outputs are values, without an activation; two don't share one.
    """
    keras = load()
    layers = keras.layers
    shared = num_classes == 2 and not separate_outputs
    activation = None if separate_outputs else "sigmoid" if shared else "softmax"
    last = layers.Dense(1 if shared else num_classes, activation=activation)
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(128, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(hidden, activation="relu"),
            layers.Dropout(dropout),
            last,
        ]
    )
