"""The one place where Keras is imported: on its torch backend, whatever the environment says, and without a trace."""

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
    """The module ``keras``, computing with torch.

    Raises:
        RequestError: it is not here, or was imported before with another backend, which can't be changed.
    """
    keras = sys.modules.get("keras") or _imported()
    if keras.backend.backend() != "torch":
        raise RequestError(
            f"Keras was imported with the backend {keras.backend.backend()!r} before the zoo needed it with torch, and "
            f"one process has one backend. Before the first `import keras`, type: export {_BACKEND}=torch"
        )
    return keras


def _imported() -> Any:
    before = os.environ.get(_BACKEND)
    os.environ[_BACKEND] = "torch"  # read once, when keras is imported; processes started later keep their own word
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
    """For the length of a block Keras builds in float32, with channels last, and by torch's random state.

    It builds on the CPU, or on torch's meta device, where that is torch's default.

    Keras draws initial weights from Python's random state. Here that follows from torch's, which a job's seed sets, and
    is put back afterwards, with NumPy's and what Keras was told of types and layouts.

    Yields:
        keras.
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
