"""The only module that imports Keras: always with its torch backend, and without side effects."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from zoo.errors import RequestError

__all__ = ["building", "load"]

_BACKEND = "KERAS_BACKEND"


def load() -> Any:
    """Import ``keras`` with its torch backend.

    Raises:
        RequestError: Keras is not installed, or was imported before with another backend, which can't be changed.
    """
    keras = sys.modules.get("keras") or _imported()
    if keras.backend.backend() != "torch":
        raise RequestError(
            f"Keras was imported with the backend {keras.backend.backend()!r}, but the zoo needs torch. Before the "
            f"first `import keras`, set: export {_BACKEND}=torch"
        )
    return keras


def _imported() -> Any:
    before = os.environ.get(_BACKEND)
    os.environ[_BACKEND] = "torch"  # read once, at import; child processes keep the user's setting
    try:
        import keras
    except ImportError as error:
        raise RequestError(f"Keras can't be imported ({error}). Type: pip install 'keras>=3.10'") from error
    finally:
        if before is None:
            del os.environ[_BACKEND]
        else:
            os.environ[_BACKEND] = before
    return keras


@contextlib.contextmanager
def building() -> Iterator[Any]:
    """Build Keras models in float32, with channels last, and reproducibly, for the length of a block.

    Models are built on the CPU, or on torch's meta device if that is torch's default.

    Keras draws initial weights with Python's random generator. It is seeded here from torch's, which a job's seed
    determines. Python's and NumPy's states, and Keras's settings of dtype and layout, are restored afterwards.

    Yields:
        The module ``keras``.
    """
    keras = load()
    config = keras.config
    layout, floats = config.image_data_format(), config.floatx()
    states = random.getstate(), np.random.get_state()
    seed = int(torch.randint(2**31 - 1, (), device="cpu"))
    random.seed(seed)
    np.random.seed(seed)
    config.set_image_data_format("channels_last")
    config.set_floatx("float32")
    try:
        with keras.device("meta" if torch.get_default_device().type == "meta" else "cpu"):
            yield keras
    finally:
        config.set_image_data_format(layout)
        config.set_floatx(floats)
        random.setstate(states[0])
        np.random.set_state(states[1])
