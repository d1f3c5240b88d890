"""Adaptation of another framework's ONNX graph to ``normalized`` (n, C, size, size) -> ``logits`` (n, K)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper, version_converter

from zoo_export.card import OPSET

__all__ = ["Form", "batched", "looped", "renamed"]

_THEIRS = "other/"
"""Prefix of the other graph's names, to avoid conflicts with the zoo's."""
_LEAST = 1e-30
_EDGE = 1e-7
"""Lower bound of softmax probabilities, and margin of sigmoid probabilities at both ends, before the logarithm."""


class Form(Protocol):
    """Input and output format of the other graph.

    Args:
        batch: batch size; None for any.
        in_chans: number of channels.
        channels_last: images are (N, H, W, C).
        binary: the output is one number, for the second of two classes.
    """

    batch: int | None
    in_chans: int
    channels_last: bool
    binary: bool


def renamed(model: ModelProto) -> ModelProto:
    """Copy a model, converted to the zoo's opset, with prefixed names."""
    opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    copy = version_converter.convert_version(model, OPSET) if opset < OPSET else model
    found = compose.add_prefix(copy, _THEIRS)
    found.ir_version = max(found.ir_version, 8)  # minimum for that opset
    del found.graph.value_info[:]  # contains the fixed batch size
    return found


def batched(model: ModelProto, taken: str, given: str, form: Form, kind: str) -> ModelProto:
    """Adapt the graph to process all images at once.

    Args:
        model: result of :func:`renamed`, changed in place.
        taken, given: original names of its input and output.
        form: format of its input and output.
        kind: kind of its outputs: ``logits``, ``probabilities`` or ``sigmoid``.
    """
    graph = model.graph
    before = _images("normalized", _THEIRS + taken, form)
    after, constants = _logits(_THEIRS + given, kind, form.binary)
    nodes = [*before, *graph.node, *after]
    _replace(model, nodes, constants)
    return model


def looped(model: ModelProto, taken: str, given: str, form: Form, kind: str) -> ModelProto:
    """Wrap the graph in a loop over the images, each repeated to the fixed batch size.

    Args:
        model, taken, given, form, kind: see :func:`batched`.
    """
    graph = model.graph
    batch = form.batch or 1
    constants = [
        numpy_helper.from_array(np.array([0], np.int64), "joint_first_axis"),
        numpy_helper.from_array(np.array(0, np.int64), "joint_first"),
        numpy_helper.from_array(np.array([batch, 1, 1, 1], np.int64), "joint_times"),
    ]
    element = next(each for each in graph.input if each.name == _THEIRS + taken).type.tensor_type.elem_type
    made = next(each for each in graph.output if each.name == _THEIRS + given).type.tensor_type.elem_type
    inner = [
        helper.make_node("Unsqueeze", ["joint_image", "joint_first_axis"], ["joint_one"]),
        helper.make_node("Tile", ["joint_one", "joint_times"], ["joint_batch"]),
        *_images("joint_batch", _THEIRS + taken, form),
        *graph.node,
        helper.make_node("Gather", [_THEIRS + given, "joint_first"], ["joint_row"], axis=0),
    ]
    body = helper.make_graph(
        inner,
        "one_image",
        [helper.make_tensor_value_info("joint_image", element, [form.in_chans, None, None])],
        [helper.make_tensor_value_info("joint_row", made, None)],
    )
    loop = helper.make_node("Scan", ["normalized"], ["joint_rows"], body=body, num_scan_inputs=1)
    after, more = _logits("joint_rows", kind, form.binary)
    _replace(model, [loop, *after], [*constants, *more])
    return model


def _images(given: str, taken: str, form: Form) -> list[Any]:
    if form.channels_last:
        return [helper.make_node("Transpose", [given], [taken], perm=[0, 2, 3, 1])]
    return [helper.make_node("Identity", [given], [taken])]


def _logits(given: str, kind: str, binary: bool) -> tuple[list[Any], list[Any]]:
    """Nodes and constants that convert outputs to logits."""
    flat, numbers = "joint_flat", "joint_numbers"
    nodes = [
        helper.make_node("Flatten", [given], [flat], axis=1),
        helper.make_node("Cast", [flat], [numbers], to=TensorProto.FLOAT),
    ]
    constants = []
    last = "joint_evidence" if binary else "logits"
    if kind == "logits":
        nodes.append(helper.make_node("Identity", [numbers], [last]))
    else:
        low, high = (_LEAST, 1.0) if kind == "probabilities" else (_EDGE, 1 - _EDGE)
        constants += [_constant("joint_low", low), _constant("joint_high", high)]
        nodes.append(helper.make_node("Clip", [numbers, "joint_low", "joint_high"], ["joint_clipped"]))
        log = last if kind == "probabilities" else "joint_log"
        nodes.append(helper.make_node("Log", ["joint_clipped"], [log]))
    if kind == "sigmoid":
        constants.append(_constant("joint_whole", 1.0))
        nodes += [
            helper.make_node("Sub", ["joint_whole", "joint_clipped"], ["joint_rest_of_it"]),
            helper.make_node("Log", ["joint_rest_of_it"], ["joint_log_rest"]),
            helper.make_node("Sub", ["joint_log", "joint_log_rest"], [last]),
        ]
    if binary:  # softmax of (0, z) is (1 - sigmoid(z), sigmoid(z))
        nodes += [
            helper.make_node("Sub", [last, last], ["joint_nothing"]),
            helper.make_node("Concat", ["joint_nothing", last], ["logits"], axis=1),
        ]
    return nodes, constants


def _constant(name: str, value: float) -> Any:
    return numpy_helper.from_array(np.array(value, np.float32), name)


def _replace(model: ModelProto, nodes: list[Any], constants: list[Any]) -> None:
    kept = [*nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(constants)
