"""ONNX export: the network by torch's exporter, with pre- and postprocessing nodes around it."""

from __future__ import annotations

import copy
import importlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.errors import RequestError
from zoo_export.card import CARD, ENDS, OPSET, read_card, resizing, window_of
from zoo_export.reading import ReadFile

__all__ = ["OPSET", "export", "read"]

CALIBRATION = 256
"""Number of training images for the calibration of 8-bit ranges."""

Pixels = Callable[[int], NDArray[np.uint8]]
Fields = Mapping[str, Any]


def export(
    bundle: Path,
    path: Path,
    network: nn.Module,
    pixels: Pixels,
    fields: Fields | None = None,
    quantize: Literal["int8"] | None = None,
    half: bool = False,
    calibration: int = CALIBRATION,
) -> None:
    """Write ONNX: uint8 (N, H, W, C), any N, H and W -> probabilities (N, K), and a score (N,) for each field.

    Args:
        bundle: the folder with zoo.json.
        path: the file to write.
        network: network of the bundle, in evaluation mode on the CPU.
        pixels: function of a number n that returns training images before normalisation: uint8 (n, size, size, C).
        fields: objects of attachments that add fields to predictions, whose scores are computed in float32.
        quantize: ``int8`` for computation in 8 bits, with ranges calibrated on training images.
        half: compute in float16, with weights of half the size.
        calibration: number of images for the calibration.

    Raises:
        RequestError: a package is missing, or both quantize and half are requested.
    """
    needed("onnx", "onnxscript", "onnxruntime")
    from zoo_export.onnx_graph import around
    from zoo_export.onnx_scores import score_graph, with_embeddings

    if quantize and half:
        raise RequestError("--quantize int8 and --half can't be combined.")
    card, added = read_card(bundle), fields or {}
    needs = any(each.needs_embeddings for each in added.values())
    model = _network(with_embeddings(network, card) if needs else network, card, half, needs)
    if quantize:
        from zoo_export.onnx_int8 import quantized

        model = quantized(model, _normalized(pixels(calibration), card), path.parent)
    whole = around(model, card, half, [score_graph(name, each, model) for name, each in added.items()])
    path.write_bytes(whole.SerializeToString())


def read(path: Path) -> ReadFile:
    """Open an ONNX file with onnxruntime on the CPU.

    Raises:
        RequestError: onnxruntime is missing, or the file was not written by the zoo.
    """
    needed("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    if CARD not in said:
        raise RequestError(
            f"{path} has no {CARD} in its metadata: it was not exported by the zoo. See: zoo export --help"
        )

    answer, *others = (each.name for each in session.get_outputs())
    scored = tuple(name for name in others if name not in ENDS)

    def run(names: Sequence[str], images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = session.run(names, {"images": images})
        return found

    def scores(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        probs, *rest = run((answer, *scored), images)
        return probs, dict(zip(scored, rest, strict=True))

    def quantiles(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack(run((ENDS[0], answer, ENDS[1]), images), axis=2)

    more = {"quantiles": quantiles} if set(ENDS) <= set(others) else {}
    return ReadFile(json.loads(said[CARD]), lambda images: run((answer,), images)[0], scores, scored, **more)


def needed(*packages: str) -> None:
    """Check that packages are installed.

    Raises:
        RequestError: a package is missing.
    """
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise RequestError(
                f"ONNX needs the package {package}, which is not installed ({error}). Type: pip install "
                "'visionzoo[export]'"
            ) from error


def _network(network: nn.Module, card: dict[str, Any], half: bool, embeddings: bool = False) -> Any:
    """Export the network as an ONNX model: ``normalized`` (n, C, size, size) -> ``logits`` (n, K).

    With ``embeddings`` the network returns both, and the model has the output ``embeddings`` (n, D) too.
    """
    size = resizing(card).size
    image = torch.zeros(2, card["preprocessing"]["in_chans"], size, size)
    chosen = copy.deepcopy(network).half() if half else network
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of torch's exporter about itself
        program = torch.onnx.export(
            chosen,
            (image.half() if half else image,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["normalized"],
            output_names=["logits", "embeddings"] if embeddings else ["logits"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _normalized(pixels: NDArray[np.uint8], card: dict[str, Any]) -> NDArray[np.float32]:
    mean, std = (np.asarray(card["preprocessing"][name], np.float32) for name in ("mean", "std"))
    low, high = window_of(card) or (0, 255)
    unit = ((pixels.astype(np.float32) - np.float32(low)) / np.float32(high - low)).clip(0, 1)
    scaled = (unit - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))
