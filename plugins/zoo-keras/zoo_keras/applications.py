"""Networks of ``keras.applications``; Keras is imported only when one is built."""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import nn

from zoo.errors import RequestError
from zoo.storage import downloading, offline
from zoo_keras.backend import building
from zoo_keras.ending import network_of
from zoo_keras.surgery import take_over

__all__ = ["create"]

_SIZE = 224
_OURS = (
    *("classes", "classifier_activation", "include_preprocessing", "include_top"),
    *("input_shape", "input_tensor", "pooling", "weights"),
)


def create(
    name: str,
    num_classes: int,
    in_chans: int = 3,
    pretrained: bool = False,
    image_size: int = _SIZE,
    **kwargs: Any,
) -> nn.Module:
    """Build a model of ``keras.applications``: images (N, in_chans, H, W) float -> logits (N, num_classes).

    Args:
        name: name of the application in Keras, such as ``MobileNetV3Small``.
        num_classes: width of the last layer, which is newly initialized unless it has ImageNet's 1,000 classes.
        in_chans: channels of the images; pretrained first layers are adapted.
        pretrained: load Keras's ImageNet weights, downloading them if they are not cached.
        image_size: side of the images in pixels.
        **kwargs: further parameters of the application, such as ``alpha`` or ``dropout_rate``.

    Raises:
        ValueError: Keras has no such application for torch, or it doesn't take a parameter.
        RequestError: the pretrained weights can't be downloaded, or ``ZOO_OFFLINE`` is set and they are not cached.
    """
    with building() as keras, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about images with other than 1 or 3 channels
        make = _application(keras, name)
        settings = _settings(make, name, kwargs)
        given = {"classes": num_classes, "classifier_activation": None, "weights": None}
        model = make(**settings, **given, input_shape=(image_size, image_size, in_chans))
        if pretrained:
            take_over(model, _trained(make, name, settings, num_classes, in_chans, image_size), name)
        return network_of(model, num_classes, in_chans, image_size, trusted=True)


def _application(keras: Any, name: str) -> Callable[..., Any]:
    make = getattr(keras.applications, name, None)
    if not inspect.isfunction(make):
        raise ValueError(f"Keras {keras.__version__} has no application {name!r}; see: zoo list --search keras")
    return make


def _settings(make: Callable[..., Any], name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Check the parameters of an application, and disable its own preprocessing, which the zoo performs itself."""
    known = inspect.signature(make).parameters
    if wrong := [key for key in given if key in _OURS or key not in known]:
        free = ", ".join(key for key in known if key not in (*_OURS, "name", "weights_name")) or "none"
        raise ValueError(f"keras.applications.{name} takes no {', '.join(wrong)} here. It has: {free}")
    return {**given, **({"include_preprocessing": False} if "include_preprocessing" in known else {})}


def _trained(
    make: Callable[..., Any], name: str, settings: dict[str, Any], num_classes: int, in_chans: int, image_size: int
) -> Any:
    """Load the application with its weights, including the last layers where they are wanted and fit."""
    shape, whole = (image_size, image_size, 3), num_classes == 1000 or name.startswith("VGG")
    with _fetching(name):
        if whole:
            with contextlib.suppress(ValueError):  # the top was trained for another image size
                return make(**settings, weights="imagenet", input_shape=shape, classifier_activation=None)
        return make(**settings, weights="imagenet", input_shape=shape, include_top=False)


@contextlib.contextmanager
def _fetching(name: str) -> Iterator[None]:
    """Make Keras download as the zoo does for the length of a block: not offline, with a timeout, and not to stdout."""
    told = io.StringIO() if offline() else sys.stderr  # offline, Keras announces a download that then fails
    try:
        with downloading(Path.home()), contextlib.redirect_stdout(told), _no_network_if_offline():
            yield
    except ValueError:
        raise
    except Exception as error:  # Keras raises Exception itself for failed downloads
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if offline():
            reason = "offline (ZOO_OFFLINE is set), and they are not in the cache of Keras"
        raise RequestError(
            f"The pretrained weights of {name!r} are not available: {reason}. Keras downloads them once, from "
            "storage.googleapis.com. Without network access, train from scratch, or use those of timm: zoo list "
            "--search pretrained"
        ) from error


class _Refused(urllib.request.BaseHandler):
    def default_open(self, request: urllib.request.Request) -> None:
        raise urllib.error.URLError(f"offline, so {request.full_url} was not downloaded")


@contextlib.contextmanager
def _no_network_if_offline() -> Iterator[None]:
    """Block Keras's downloads when offline, by replacing the global opener of urllib for the length of a block."""
    before = urllib.request._opener  # type: ignore[attr-defined]
    if offline():
        urllib.request.install_opener(urllib.request.build_opener(_Refused))
    try:
        yield
    finally:
        urllib.request.install_opener(before)
