"""ONNX nodes around a network: from pixels of any size to its input, and from its outputs to its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper

from zoo_export.card import Resizing, metadata, resizing, window_of
from zoo_export.onnx_answer import Nodes, add_answer, answer_names

__all__ = ["EMBEDDINGS", "LOGITS", "around"]

LOGITS, EMBEDDINGS = "zoo_logits", "zoo_embeddings"
"""Names of the network's outputs in float32."""

# As in Pillow, pixels outside the image are excluded: by default ONNX repeats the border pixels, a difference of up to
# 15 grey values at the edges of a large photo. -0.5 is Pillow's coefficient.
_SMOOTHED = {"antialias": 1, "exclude_outside": 1, "coordinate_transformation_mode": "half_pixel"}
_MODES: dict[str, dict[str, Any]] = {
    "bilinear": {"mode": "linear", **_SMOOTHED},
    "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.5, **_SMOOTHED},
    "nearest": {
        "mode": "nearest",
        "nearest_mode": "round_prefer_ceil",
        "coordinate_transformation_mode": "half_pixel",
    },
}


def around(
    network: ModelProto, card: dict[str, Any], half: bool = False, scores: Sequence[ModelProto] = ()
) -> ModelProto:
    """Build the whole model: ``images`` (N, H, W, C) -> ``probabilities``, or ``values``, (N, K) float32.

    Images are uint8, with a window float32. The ends of quantiles (N, K) and scores (N,) are further outputs.

    Args:
        network: model ``normalized`` (n, C, size, size) -> ``logits``, its raw outputs (n, M).
        card: content of the bundle's zoo.json, which becomes the model's metadata.
        half: input and output of the network are float16.
        scores: models of :func:`zoo_export.onnx_scores.score_graph`, each with one output (N,).
    """
    shape = card["preprocessing"]
    before, after = Nodes(), Nodes()
    _prepare(before, card, half)
    add_answer(after, card)
    if any(each.name == "embeddings" for each in network.graph.output):
        after.add("Cast", ["embeddings"], EMBEDDINGS, to=TensorProto.FLOAT)
    inner = network.graph
    graph = helper.make_graph(
        [*before.nodes, *inner.node, *after.nodes, *(node for each in scores for node in each.graph.node)],
        "zoo",
        [helper.make_tensor_value_info("images", _kind(card), ["N", "H", "W", shape["in_chans"]])],
        [
            *(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", len(card["classes"])])
                for name in answer_names(card)
            ),
            *(helper.make_tensor_value_info(each.graph.output[0].name, TensorProto.FLOAT, ["N"]) for each in scores),
        ],
        [
            *(*before.constants, *inner.initializer, *after.constants),
            *(each for score in scores for each in score.graph.initializer),
        ],
        value_info=inner.value_info,
    )
    model = helper.make_model(
        graph, opset_imports=network.opset_import, functions=network.functions, ir_version=network.ir_version
    )
    model.producer_name = "visionzoo"
    helper.set_model_props(model, metadata(card))
    checker.check_model(model)
    return model


def _kind(card: dict[str, Any]) -> int:
    """Type of the images: float32 where the card has a window."""
    return int(TensorProto.UINT8 if window_of(card) is None else TensorProto.FLOAT)


def _prepare(nodes: Nodes, card: dict[str, Any], half: bool) -> None:
    """Add the preprocessing; pixels are resized in their type: in uint8 onnxruntime rounds where Pillow does."""
    how, mean, std = resizing(card), card["preprocessing"]["mean"], card["preprocessing"]["std"]
    planes = nodes.add("Transpose", ["images"], "zoo_planes", perm=[0, 3, 1, 2])
    size = nodes.constant("zoo_size", [how.size, how.size], np.int64)
    axes = nodes.constant("zoo_axes", [2, 3], np.int64)
    sides = _cropped_sides(nodes, planes, how) if how.crop else size
    whole = nodes.add("Shape", [planes], "zoo_count", start=0, end=2)
    sizes = nodes.add("Concat", [whole, sides], "zoo_sizes", axis=0)
    found = nodes.add("Resize", [planes, "", "", sizes], "zoo_resized", **_MODES[how.mode])
    if how.crop:
        found = _crop(nodes, found, sides, size, axes)
    unit = _unit(nodes, found, window_of(card))
    channels = (1, -1, 1, 1)
    middle = nodes.constant("zoo_mean", np.reshape(mean, channels), np.float32)
    spread = nodes.constant("zoo_std", np.reshape(std, channels), np.float32)
    centred = nodes.add("Sub", [unit, middle], "zoo_centred")
    if half:
        scaled = nodes.add("Div", [centred, spread], "zoo_scaled")
        nodes.add("Cast", [scaled], "normalized", to=TensorProto.FLOAT16)
    else:
        nodes.add("Div", [centred, spread], "normalized")


def _unit(nodes: Nodes, found: str, window: tuple[float, float] | None) -> str:
    """Add the scaling to 0..1: by 255, or by the window, outside of which values are 0 or 1."""
    if window is None:
        floats = nodes.add("Cast", [found], "zoo_floats", to=TensorProto.FLOAT)
        return nodes.add("Div", [floats, nodes.constant("zoo_255", 255, np.float32)], "zoo_unit")
    above = nodes.add("Sub", [found, nodes.constant("zoo_low", window[0], np.float32)], "zoo_above")
    unit = nodes.add("Div", [above, nodes.constant("zoo_range", window[1] - window[0], np.float32)], "zoo_unbounded")
    ends = [nodes.constant("zoo_zero", 0, np.float32), nodes.constant("zoo_one", 1, np.float32)]
    return nodes.add("Clip", [unit, *ends], "zoo_unit")


def _cropped_sides(nodes: Nodes, planes: str, how: Resizing) -> str:
    """Add the computation of height and width after scaling the shorter side."""
    sides = nodes.add("Shape", [planes], "zoo_sides", start=2, end=4)
    short = nodes.add("ReduceMin", [sides], "zoo_short", keepdims=1)
    times = nodes.add("Mul", [sides, nodes.constant("zoo_shorter", how.shorter, np.int64)], "zoo_times")
    return nodes.add("Div", [times, short], "zoo_scaled_sides")


def _crop(nodes: Nodes, found: str, sides: str, size: str, axes: str) -> str:
    """Add the centre crop at the position of Python's ``round``, which rounds halves to even."""
    two = nodes.constant("zoo_two", 2, np.int64)
    rest = nodes.add("Sub", [sides, size], "zoo_rest")
    floor = nodes.add("Div", [rest, two], "zoo_floor")
    parts = [nodes.add("Mod", [rest, two], "zoo_odd"), nodes.add("Mod", [floor, two], "zoo_floor_odd")]
    odd = nodes.add("Mul", parts, "zoo_up")
    begin = nodes.add("Add", [floor, odd], "zoo_begin")
    end = nodes.add("Add", [begin, size], "zoo_end")
    return nodes.add("Slice", [found, begin, end, axes], "zoo_middle")
