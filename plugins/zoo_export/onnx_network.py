"""ONNX network of another framework: inspected, tested, and converted to the zoo's format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, inliner

from zoo.errors import RequestError
from zoo_export.card import CARD, OPSET
from zoo_export.onnx_graph import around
from zoo_export.onnx_splice import batched, looped, renamed

__all__ = ["Network", "load"]

Floats = NDArray[np.float32]
_PASSING = ("Identity", "Cast", "Flatten", "Reshape", "Squeeze")
_ENDS = {"Softmax": "probabilities", "Sigmoid": "sigmoid"}
_DTYPES = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}
_OTHER_TASKS = ("detect", "segment", "pose", "obb")
_TRIED = 4
_SIDE = 224
_SAME = 1e-3
"""Tolerance of probabilities, to detect networks that mix the images of a batch."""


class Network:
    """Network in an ONNX file.

    Args:
        file: path of the file, for messages.
        model: content of the file, with all weights.
        output: name of the output; None for the only one.
        image_size: side in pixels; None for the file's, or 224 where it is variable.

    Raises:
        RequestError: the model is not an image classifier, or has another fixed size.
    """

    def __init__(self, file: Path, model: ModelProto, output: str | None, image_size: int | None):
        self.file, self.model = file, model
        self.metadata: Mapping[str, str] = {entry.key: entry.value for entry in model.metadata_props}
        self.producer = model.producer_name
        self._check_said()
        self._input = self._only_input()
        self._output = self._chosen_output(output)
        self.dtype = _DTYPES[self._input.type.tensor_type.elem_type]
        self.batch, self.in_chans, self.fixed_size, self.channels_last = self._layout()
        if self.fixed_size and image_size not in (None, self.fixed_size):
            raise RequestError(f"{file} supports only images of {self.fixed_size} pixels. Leave out --image-size.")
        self.size = image_size or self.fixed_size
        self._session = _session(model, file)
        self.ends_with = self._ending()
        side = self.size or _SIDE
        noise = np.random.default_rng(0).standard_normal((_TRIED, self.in_chans, side, side))
        self.tried = self.numbers(noise.astype(np.float32))
        self.binary = self.tried.shape[1] == 1
        self.num_classes = 2 if self.binary else self.tried.shape[1]
        self.kind = "logits"

    def answers_with(self, kind: str) -> None:
        """Set the kind of the outputs: ``logits``, ``probabilities`` or ``sigmoid``.

        Raises:
            RequestError: the number of outputs doesn't fit the kind.
        """
        if self.binary and kind != "sigmoid":
            raise RequestError(
                f"{self.file} has a single output value per image. If it is the probability of the second of two "
                "classes: --set answers=sigmoid"
            )
        self.kind = kind

    def numbers(self, images: Floats) -> Floats:
        """Raw outputs of the file, computed image by image: (n, C, size, size) -> (n, K)."""
        given = images.transpose(0, 2, 3, 1) if self.channels_last else images
        rows = []
        for image in given.astype(self.dtype):
            batch = np.ascontiguousarray(np.repeat(image[None], self.batch or 1, 0))
            try:
                found = self._session.run([self._output.name], {self._input.name: batch})[0]
            except Exception as error:
                reason = (str(error).splitlines() or [""])[0]
                raise RequestError(
                    f"{self.file} fails on an image of {image.shape}: {reason:.200} Give its size: --image-size N"
                ) from error
            rows.append(self._row(np.asarray(found), len(batch)))
        return np.stack(rows).astype(np.float32)

    def answer(self, images: Floats) -> Floats:
        """Probabilities by the file: (n, C, size, size) -> (n, K)."""
        found = self.numbers(images)
        if self.kind == "probabilities":
            return found
        if self.kind == "sigmoid":
            probs = found if self.ends_with == "sigmoid" else 1 / (1 + np.exp(-found))
            return np.concatenate([1 - probs, probs], 1) if self.binary else probs
        powers = np.exp(found - found.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    def write(self, path: Path, card: Mapping[str, Any]) -> None:
        """Write the whole path as one file: uint8 (N, H, W, C) of any size -> probabilities (N, K).

        Raises:
            RequestError: the model can't be converted.
        """
        whole = self._whole(batched, card)
        if self.batch is not None and not self._takes_many(whole, card):
            whole = self._whole(looped, card)
        path.write_bytes(whole.SerializeToString())

    def _whole(self, spliced: Any, card: Mapping[str, Any]) -> ModelProto:
        how = self.kind if self.ends_with or self.kind != "sigmoid" else "logits"
        try:
            inner = spliced(renamed(self.model), self._input.name, self._output.name, self, how)
            return around(inner, dict(card), half=self.dtype is np.float16)
        except Exception as error:  # errors of onnx, for example for operators that changed with the opset
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RequestError(
                f"{self.file} can't be converted: {reason:.300} Export it again with opset_version={OPSET} and a "
                "dynamic batch."
            ) from error

    def _takes_many(self, whole: ModelProto, card: Mapping[str, Any]) -> bool:
        """Check that a network with a fixed batch size gives the same results for a larger batch."""
        shape = card["preprocessing"]
        side = int(shape["image_size"])
        pixels = np.random.default_rng(1).integers(0, 256, (_TRIED + 1, side, side, self.in_chans), np.uint8)
        mean, std = (np.asarray(shape[name], np.float32) for name in ("mean", "std"))
        images = ((pixels / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)
        try:
            found = _session(whole, self.file).run(None, {"images": pixels})[0]
        except Exception:  # a shape in the graph is fixed to the batch size
            return False
        wanted = self.answer(images)
        return found.shape == wanted.shape and bool(np.abs(found - wanted).max() < _SAME)

    def _check_said(self) -> None:
        """Raise RequestError for files of the zoo's exporter and for other tasks."""
        if CARD in self.metadata:
            raise RequestError(
                f"{self.file} is an exported file of the zoo: use it directly. Type: zoo predict {self.file} IMAGE"
            )
        if self.metadata.get("task") in _OTHER_TASKS:
            raise RequestError(
                f"{self.file} is for the task {self.metadata['task']!r}, but only classifiers are supported."
            )

    def _only_input(self) -> Any:
        weights = {each.name for each in self.model.graph.initializer}
        found = [each for each in self.model.graph.input if each.name not in weights]
        if len(found) != 1:
            names = ", ".join(each.name for each in found)
            raise RequestError(f"{self.file} takes {len(found)} inputs ({names}); a classifier has a single one.")
        kind = found[0].type.tensor_type
        if kind.elem_type not in _DTYPES or len(kind.shape.dim) != 4:
            dtype = TensorProto.DataType.Name(kind.elem_type).lower()
            raise RequestError(
                f"{self.file} takes {dtype} {_shown(kind)}, but an image classifier takes float (N, C, H, W)."
            )
        return found[0]

    def _chosen_output(self, asked: str | None) -> Any:
        found = {each.name: each for each in self.model.graph.output}
        if asked is not None and asked not in found:
            raise RequestError(f"{self.file} has no output {asked!r}. It has: {', '.join(found)}.")
        if asked is None and len(found) != 1:
            raise RequestError(
                f"{self.file} gives {len(found)} outputs ({', '.join(found)}); a classifier has one, with a value "
                "per class. To choose an output: --set output=NAME. Detectors are not supported."
            )
        return found[asked] if asked else next(iter(found.values()))

    def _layout(self) -> tuple[int | None, int, int | None, bool]:
        """Batch size, channels, side in pixels, and True for channels last; None for variable sizes."""
        kind = self._input.type.tensor_type
        number, *sides = (d.dim_value if d.dim_value > 0 else None for d in kind.shape.dim)
        last = sides[0] not in (1, 3) and sides[2] in (1, 3)
        channels, height, width = (sides[2], sides[0], sides[1]) if last else sides
        if channels not in (1, 3, None) or height != width:
            raise RequestError(
                f"{self.file} takes {_shown(kind)}; only square images with 1 or 3 channels are supported."
            )
        return number, channels or 3, height, last

    def _ending(self) -> str | None:
        """Kind of the outputs, by the last node other than a reshaping: softmax, sigmoid, or None."""
        makers = {name: node for node in self.model.graph.node for name in node.output}
        node: NodeProto | None = makers.get(self._output.name)
        while node is not None and node.op_type in _PASSING:
            node = makers.get(node.input[0])
        return _ENDS.get(node.op_type) if node is not None else None

    def _row(self, found: NDArray[Any], count: int) -> NDArray[Any]:
        """Output of the first image, (K,)."""
        classifies = found.ndim in (2, 4) and len(found) == count and found.shape[2:] in ((), (1, 1))
        if not classifies or not np.issubdtype(found.dtype, np.floating):
            raise RequestError(
                f"{self.file} answers {count} image{'s' if count > 1 else ''} with {found.dtype} {found.shape}; a "
                "classifier returns (N, K). Detection and segmentation are not supported."
            )
        row: NDArray[Any] = found.reshape(count, -1)[0]
        return row


def load(file: Path, output: str | None, image_size: int | None) -> Network | None:
    """Load the network of a file; None where it is not in ONNX format.

    Raises:
        RequestError: the model is not an image classifier, or its external weights are missing.
    """
    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception:  # errors of protobuf
        return None
    if not model.graph.node:
        return None
    try:
        onnx.load_external_data_for_model(model, str(file.absolute().parent))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise RequestError(f"{file} has its weights in another file, which can't be read: {reason:.300}") from error
    return Network(file, inliner.inline_local_functions(model), output, image_size)


def _session(model: ModelProto, file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"onnxruntime can't run {file}: {reason:.300}") from error


def _shown(kind: Any) -> str:
    sides = [str(d.dim_value) if d.dim_value > 0 else d.dim_param or "?" for d in kind.shape.dim]
    return f"({', '.join(sides)})"
