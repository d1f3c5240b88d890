"""Write models.txt from the installed Keras: ``python plugins/zoo-keras/zoo_keras/list_models.py``.

A heading states the preprocessing of a model's own ``preprocess_input``, as mean and std of pixels in 0..1:

- ``torch`` (DenseNet, ConvNeXt, EfficientNetV2 B0 to B3 and most networks of the zoo): ImageNet's mean and std.
- ``tf`` (-1..1): 0.5 and 0.5. EfficientNetV2 S, M and L divide by 128: 128 / 255 for both.
- ``caffe`` (ResNet without V2, VGG): the channels' means, and ImageNet's std. Keras's weights expect BGR pixels in
  0..255; this is compensated in the first layer when they are loaded.
- pixels in 0..255 (EfficientNet, which normalises them itself): 0 and 1 / 255.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo_keras.backend import load

LIST = Path(__file__).with_name("models.txt")
LEFT_OUT = ("NASNetMobile",)
"""Applications that Keras 3.15 can't build with torch."""

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALF = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
BY_128 = {"mean": (round(128 / 255, 6),) * 3, "std": (round(128 / 255, 6),) * 3}
CAFFE = {"mean": (0.485020, 0.457957, 0.407605), "std": (0.229, 0.224, 0.225)}  # 123.68, 116.779, 103.939 of 255
BYTES = {"mean": (0.0,) * 3, "std": (round(1 / 255, 9),) * 3}


def preprocessing(name: str) -> dict[str, Any]:
    """Mean and std of a model's images, for pixels in 0..1."""
    if name.startswith("EfficientNetV2"):
        return BY_128 if name[-1] in "SML" else IMAGENET
    if name.startswith("EfficientNet"):
        return BYTES
    if name.startswith(("DenseNet", "ConvNeXt")):
        return IMAGENET
    return CAFFE if name.startswith("VGG") or name in ("ResNet50", "ResNet101", "ResNet152") else HALF


def listing() -> str:
    """Text of models.txt: every application of the installed Keras, grouped under common headings."""
    applications, names = load().applications, {}
    for name in sorted(
        n for n in dir(applications) if inspect.isfunction(getattr(applications, n)) and n not in LEFT_OUT
    ):
        side = _side(getattr(applications, name))
        names.setdefault(_heading({"input_size": side, **preprocessing(name)}), []).append(name)
    return "".join(f"{heading}\n" + "".join(f"{name}\n" for name in group) for heading, group in names.items())


def _side(make: Callable[..., Any]) -> int:
    """Image side in pixels that an application was designed for."""
    with load().device("meta"):  # allocates no weights
        return make(weights=None).input_shape[1] or 224


def _heading(fields: dict[str, Any]) -> str:
    texts = {key: ",".join(map(str, v)) if isinstance(v, tuple) else v for key, v in fields.items()}
    return "# " + " ".join(f"{key}={text}" for key, text in texts.items())


if __name__ == "__main__":
    LIST.write_text(listing(), "utf-8")
