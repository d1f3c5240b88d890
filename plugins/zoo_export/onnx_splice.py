"""Another framework's graph between the zoo's nodes: ``normalized`` (n, C, size, size) -> ``logits`` (n, K)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper, version_converter

from zoo_export.onnx_file import OPSET

__all__ = ["Form", "freed", "one_by_one", "renamed"]

_THEIRS = "other/"
"""Stands before each of their names, so that none is one of ours."""
_LEAST = 1e-30
_EDGE = 1e-7
"""Of probabilities, before their logarithm is taken; of those of yes and no, at both ends."""


class Form(Protocol):
    """How the other graph takes images.

    Args:
        batch: so many at a time; None for any number.
        in_chans: their channels.
        size: their side in pixels.
        channels_last: (N, H, W, C).
        binary: it answers with one number, for the second of two classes.
    """

    batch: int | None
    in_chans: int
    channels_last: bool
    binary: bool


def renamed(model: ModelProto) -> ModelProto:
    """A copy in an opset that has the zoo's nodes, with names that are none of the zoo's."""
    opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    copy = version_converter.convert_version(model, OPSET) if opset < OPSET else model
    found = compose.add_prefix(copy, _THEIRS)
    found.ir_version = max(found.ir_version, 8)  # the first that knows that opset
    del found.graph.value_info[:]  # they say for how many images it was
    return found


def freed(model: ModelProto, taken: str, given: str, form: Form, kind: str) -> ModelProto:
    """The graph as it is, given all images at once.

    Args:
        model: as :func:`renamed` gives it; it is changed.
        taken, given: the names of its input and output before that.
        kind: what its numbers are: ``logits``, ``probabilities`` or ``sigmoid``.
    """
    graph = model.graph
    before = _images("normalized", _THEIRS + taken, form)
    after, constants = _logits(_THEIRS + given, kind, form.binary)
    nodes = [*before, *graph.node, *after]
    _replace(model, nodes, constants)
    return model


def one_by_one(model: ModelProto, taken: str, given: str, form: Form, kind: str) -> ModelProto:
    """The graph within a loop over the images, for one that takes a fixed number: an image is given so often.

    Args:
        model, taken, given, kind: as :func:`freed` has them.
    """
    graph = model.graph
    batch = form.batch or 1
    constants = [
        numpy_helper.from_array(np.array([0], np.int64), "zoo_first_axis"),
        numpy_helper.from_array(np.array(0, np.int64), "zoo_first"),
        numpy_helper.from_array(np.array([batch, 1, 1, 1], np.int64), "zoo_times"),
    ]
    element = next(each for each in graph.input if each.name == _THEIRS + taken).type.tensor_type.elem_type
    made = next(each for each in graph.output if each.name == _THEIRS + given).type.tensor_type.elem_type
    inner = [
        helper.make_node("Unsqueeze", ["zoo_image", "zoo_first_axis"], ["zoo_one"]),
        helper.make_node("Tile", ["zoo_one", "zoo_times"], ["zoo_batch"]),
        *_images("zoo_batch", _THEIRS + taken, form),
        *graph.node,
        helper.make_node("Gather", [_THEIRS + given, "zoo_first"], ["zoo_row"], axis=0),
    ]
    body = helper.make_graph(
        inner,
        "one_image",
        [helper.make_tensor_value_info("zoo_image", element, [form.in_chans, None, None])],
        [helper.make_tensor_value_info("zoo_row", made, None)],
    )
    loop = helper.make_node("Scan", ["normalized"], ["zoo_rows"], body=body, num_scan_inputs=1)
    after, more = _logits("zoo_rows", kind, form.binary)
    _replace(model, [loop, *after], [*constants, *more])
    return model


def _images(given: str, taken: str, form: Form) -> list[Any]:
    if form.channels_last:
        return [helper.make_node("Transpose", [given], [taken], perm=[0, 2, 3, 1])]
    return [helper.make_node("Identity", [given], [taken])]


def _logits(given: str, kind: str, binary: bool) -> tuple[list[Any], list[Any]]:
    """Nodes and constants from their numbers to logits whose softmax, or sigmoid, is what they mean."""
    flat, numbers = "zoo_flat", "zoo_numbers"
    nodes = [
        helper.make_node("Flatten", [given], [flat], axis=1),
        helper.make_node("Cast", [flat], [numbers], to=TensorProto.FLOAT),
    ]
    constants = []
    last = "zoo_evidence" if binary else "logits"
    if kind == "logits":
        nodes.append(helper.make_node("Identity", [numbers], [last]))
    else:
        low, high = (_LEAST, 1.0) if kind == "probabilities" else (_EDGE, 1 - _EDGE)
        constants += [_constant("zoo_low", low), _constant("zoo_high", high)]
        nodes.append(helper.make_node("Clip", [numbers, "zoo_low", "zoo_high"], ["zoo_clipped"]))
        log = last if kind == "probabilities" else "zoo_log"
        nodes.append(helper.make_node("Log", ["zoo_clipped"], [log]))
    if kind == "sigmoid":
        constants.append(_constant("zoo_whole", 1.0))
        nodes += [
            helper.make_node("Sub", ["zoo_whole", "zoo_clipped"], ["zoo_rest_of_it"]),
            helper.make_node("Log", ["zoo_rest_of_it"], ["zoo_log_rest"]),
            helper.make_node("Sub", ["zoo_log", "zoo_log_rest"], [last]),
        ]
    if binary:  # softmax of (0, z) is (1 - sigmoid(z), sigmoid(z))
        nodes += [
            helper.make_node("Sub", [last, last], ["zoo_nothing"]),
            helper.make_node("Concat", ["zoo_nothing", last], ["logits"], axis=1),
        ]
    return nodes, constants


def _constant(name: str, value: float) -> Any:
    return numpy_helper.from_array(np.array(value, np.float32), name)


def _replace(model: ModelProto, nodes: list[Any], constants: list[Any]) -> None:
    kept = [*nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    model.graph.initializer.extend(constants)
