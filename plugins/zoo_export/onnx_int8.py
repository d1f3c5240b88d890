"""Quantization of a network to 8 bits: weights per channel, activations with calibrated ranges.

Static post-training quantization by onnxruntime, with QuantizeLinear and DequantizeLinear nodes (QDQ).
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

__all__ = ["quantized"]

BATCH = 16


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Calibration images in batches."""

    def __init__(self, images: NDArray[np.float32]):
        self.batches = iter([images[i : i + BATCH] for i in range(0, len(images), BATCH)])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"normalized": batch}


def quantized(network: ModelProto, images: NDArray[np.float32], folder: Path) -> ModelProto:
    """Quantize a network to 8 bits.

    Args:
        network: model ``normalized`` (n, C, size, size) -> ``logits`` (n, K).
        images: (N, C, size, size) float32, for the calibration.
        folder: folder for temporary files.
    """
    with tempfile.TemporaryDirectory(dir=folder) as home, _quietly():
        given, prepared, done = (Path(home) / f"{name}.onnx" for name in ("given", "prepared", "done"))
        onnx.save(network, given)
        quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(done),
            _Images(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        found: ModelProto = onnx.load(done)
        return found


@contextlib.contextmanager
def _quietly() -> Iterator[Any]:
    """Suppress onnxruntime's advice within the context."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
