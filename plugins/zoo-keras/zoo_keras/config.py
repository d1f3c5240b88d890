"""Configurations of Keras models: checked before use, and adapted to other images and classes.

A configuration is data, but Keras imports the classes and functions it names, and a Lambda layer contains code.
Therefore only Keras's own classes are accepted.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from zoo.errors import RequestError
from zoo_keras.backend import load

__all__ = ["check_config", "for_images", "made", "parsed", "with_outputs"]

_CODE = ("Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
"""Layers that execute code from the file, or from files next to it."""
_VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__tuple__", "__ellipsis__", "__typespec__")
_PLACES = ("layers", "initializers", "regularizers", "constraints", "models", "dtype_policies")
"""Modules of Keras that contain the classes which older files name without a module."""
_OLDER = ("Functional", "Model", "Policy")


def parsed(text: str, where: str) -> dict[str, Any]:
    """Parse a configuration from JSON.

    Args:
        text: the JSON text.
        where: description of the source, for messages.

    Raises:
        RequestError: it is not the configuration of a Keras model.
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise RequestError(f"{where} is not a Keras model: it is not JSON ({error}).") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict) or "class_name" not in config:
        raise RequestError(f"{where} is not a Keras model: it has no class_name with a config.")
    return config


def check_config(config: dict[str, Any], where: str) -> None:
    """Refuse a configuration with anything that is not Keras's own.

    Raises:
        RequestError: it contains such a part; the message names it.
    """
    for part in _objects(config):
        words = (str(part.get(key) or "") for key in ("class_name", "module", "registered_name"))
        name, module, registered = words
        if name in _CODE:
            raise RequestError(
                f"{where} has a {name} layer, which contains code, and code in files is not executed. In Keras, "
                "rebuild the model with another layer, load the weights, and save it."
            )
        if not _is_builtin(name, module) or ">" in registered:
            raise RequestError(
                f"{where} needs {registered or name!r}, which is not part of Keras or the file. Use the function "
                "that builds the model instead: from zoo_keras import keras_architecture"
            )


def _is_builtin(name: str, module: str) -> bool:
    if module:
        return module.partition(".")[0] == "keras"
    return name in (*_OLDER, "Sequential") or any(hasattr(getattr(load(), place), name) for place in _PLACES)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Each part of a configuration that names a class or function."""
    rows = [value]
    while rows:
        row = rows.pop()
        if isinstance(row, dict):
            if "class_name" in row and row["class_name"] not in _VALUES:
                yield row
            rows.extend(row.values())
        elif isinstance(row, list):
            rows.extend(row)


def made(config: dict[str, Any], where: str) -> Any:
    """Build the model of a configuration, with new weights.

    Raises:
        RequestError: it has parts that are not Keras's own, or Keras can't build it.
    """
    check_config(config, where)
    try:
        return load().saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)
    except Exception as error:  # Keras passes on any error of its layers
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"Keras {load().__version__} can't create the model of {where}: {reason}") from error


def for_images(config: dict[str, Any], image_size: int, in_chans: int) -> dict[str, Any]:
    """Adapt a configuration to square images of another size or number of channels; unchanged where it fits."""
    changed, found = copy.deepcopy(config), False
    for part in _objects(changed):
        shape = part["config"].get("batch_shape") if part["class_name"] == "InputLayer" else None
        if isinstance(shape, list) and len(shape) == 4:
            sides = [None if side is None else image_size for side in shape[1:3]]
            new = [shape[0], *sides, in_chans]
            found, part["config"]["batch_shape"] = found or new != shape, new
    if not found:
        return config
    for part in _objects(changed):
        part.pop("build_config", None)  # contains the previous shapes
    return changed


def with_outputs(config: dict[str, Any], num_classes: int, *, separate: bool = False) -> dict[str, Any]:
    """Adapt the last layer to a number of classes; a single output is kept for two, unless they are separate values."""
    changed = copy.deepcopy(config)
    layers = {layer["config"].get("name"): layer["config"] for layer in changed["config"].get("layers", [])}
    dense = [layer for layer in layers.values() if "units" in layer]
    if dense and separate:
        dense[-1].update(units=num_classes, activation="linear")
    elif dense and dense[-1]["units"] != num_classes and (dense[-1]["units"], num_classes) != (1, 2):
        dense[-1]["units"] = num_classes
        if dense[-1].get("activation") == "sigmoid":
            dense[-1]["activation"] = "softmax"
    return changed
