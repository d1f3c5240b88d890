"""Import a Keras file as a model of the zoo, without executing code from the file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.errors import ContractError, RequestError
from zoo.plugin import Imported
from zoo_keras.backend import building, load
from zoo_keras.config import check_config, parsed
from zoo_keras.ending import network_of
from zoo_keras.stack import as_simple_cnn, prepares_itself

__all__ = ["read"]

_ZIP, _HDF5 = {"config.json", "model.weights.h5"}, b"\x89HDF\r\n\x1a\n"
SIMPLE, SAVED = "simple/simple_cnn", "keras/saved"
_UNSAID = (
    "The file does not define the preprocessing of pixels: pixels / 255 is assumed, as in most Keras programs. "
    "Otherwise give: --mean M --std S."
)


def read(file: Path, architecture: str | None = None, image_size: int | None = None) -> Imported | None:
    """Read the model of a ``.keras`` file, or of an older ``.h5`` file.

    A stack of 3x3 convolutions and pools with a dense layer, like the tutorial's, becomes the zoo's own ``simple_cnn``;
    any other model of Keras's own layers becomes ``keras/saved``, which is built from the file's configuration.

    Args:
        file: the file.
        architecture: ``simple/simple_cnn`` or ``keras/saved``, if the user requests one.
        image_size: side of the images in pixels, where the model leaves it open.

    Returns:
        None where the file is not a Keras model.

    Raises:
        RequestError: Keras can't read the file, it contains code or foreign classes, or it is not an image classifier.
    """
    text = _description(file)
    if text is None:
        return None
    if architecture not in (None, SIMPLE, SAVED):
        raise RequestError(f"{file} becomes {SIMPLE} or {SAVED}, not {architecture!r}. Leave out --architecture.")
    check_config(parsed(text, str(file)), str(file))
    with building():
        return _imported(_loaded(file), file, architecture, image_size)


def _description(file: Path) -> str | None:
    """Read the JSON configuration of the model; None where the file is not a Keras model.

    Raises:
        RequestError: it is a Keras file without a configuration.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return archive.read("config.json").decode() if set(archive.namelist()) >= _ZIP else None
        with file.open("rb") as opened:
            return _of_hdf5(file) if opened.read(len(_HDF5)) == _HDF5 else None
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError, RuntimeError, NotImplementedError) as error:
        raise RequestError(
            f"{file} can't be read as a file of Keras ({error}). Save it again: model.save('my.keras')"
        ) from error


def _of_hdf5(file: Path) -> str | None:
    import h5py

    with h5py.File(file, "r") as opened:
        text = opened.attrs.get("model_config")
        if text is None and not {"layers", "layer_names"} & {*opened.keys(), *opened.attrs.keys()}:
            return None
    if text is None:
        raise RequestError(
            f"{file} has weights but no model: in Keras, call model.load_weights('{file.name}'), then "
            "model.save('my.keras'), and import that file."
        )
    return text.decode() if isinstance(text, bytes) else str(text)


def _loaded(file: Path) -> Any:
    try:
        return load().saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras, h5py and their dependencies raise many kinds of errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(
            f"Keras {load().__version__} can't load {file}: {reason}. If another version wrote it, load it there "
            "and save it again: model.save('my.keras')"
        ) from error


def _imported(model: Any, file: Path, architecture: str | None, image_size: int | None) -> Imported:
    size, in_chans, units = _form(model, file, image_size)
    classes = max(units, 2)
    try:
        network = network_of(model, classes, in_chans, size)
    except ContractError as error:
        raise RequestError(f"{file} can't be imported: {error}") from error
    several = network.ending == "sigmoid" and units > 1
    simple = None if several or architecture == SAVED else as_simple_cnn(model, network.ending)
    if simple is None and architecture == SIMPLE:
        raise RequestError(
            f"{file} is not a stack of 3x3 convolutions with pooling and a dense layer, so it is not a simple_cnn. "
            f"Leave out --architecture: it becomes {SAVED}."
        )
    given: dict[str, Any] = {
        "architecture": SAVED,
        "params": {"config": model.to_json()},
        "tensors": network.state_dict(),
    }
    prepared = {"image_size": size, "mean": (0.0,), "std": (1.0,)}
    notices: tuple[str, ...] = () if prepares_itself(model) else (_UNSAID,)
    if simple is not None:
        given = {"architecture": SIMPLE, "params": simple.params, "tensors": simple.tensors}
        prepared |= {"mean": (simple.mean,), "std": (simple.std,)}
    elif not notices:
        prepared["std"] = (1 / 255,)  # its first layers rescale pixels in 0..255
    return Imported(
        **given,
        num_classes=classes,
        preprocessing={"resize": "squash", "interpolation": "bilinear", **prepared},
        in_chans=in_chans,
        multilabel=several,
        answer=_answering(model, network.ending, simple.scale if simple else (1.0, 0.0), network.channels_first),
        notices=notices,
        details={"keras": load().__version__, "name": model.name},
    )


def _form(model: Any, file: Path, image_size: int | None) -> tuple[int, int, int]:
    """Side and channels of the images, and number of outputs."""
    shapes = [tuple(tensor.shape[1:]) for tensor in (*(model.inputs or ()), *(model.outputs or ()))]
    if len(shapes) != 2 or len(shapes[0]) != 3 or len(shapes[1]) != 1:
        raise RequestError(f"{file} is not an image classifier: its input and output are {shapes}.")
    (*image,), (units,) = shapes
    if image[0] in (1, 3) and image[2] not in (1, 3):
        image = [*image[1:], image[0]]
    if image[0] != image[1]:
        raise RequestError(f"{file} is for images of {image[0]}x{image[1]} px, but only square images are supported.")
    if image_size is not None and image[0] not in (None, image_size):
        raise RequestError(f"{file} is for images of {image[0]} px, not {image_size}. Leave out --image-size.")
    return image[0] or image_size or 224, image[2], units


def _answering(
    model: Any, ending: str | None, scale: tuple[float, float], channels_first: bool
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return Keras's own forward pass: normalised images (n, C, size, size) -> probabilities (n, K)."""

    def answer(images: NDArray[np.float32]) -> NDArray[np.float32]:
        given = torch.from_numpy(np.ascontiguousarray(images)) * scale[0] + scale[1]
        with torch.no_grad(), load().device("cpu"):
            out = model(given if channels_first else given.permute(0, 2, 3, 1), training=False)
            if ending not in ("softmax", "sigmoid"):
                out = out.softmax(1) if out.shape[1] > 1 else out.sigmoid()
            return (torch.cat([1 - out, out], 1) if out.shape[1] == 1 else out).numpy()

    return answer
