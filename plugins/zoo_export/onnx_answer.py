"""ONNX nodes after a network: from its raw outputs to probabilities, or to values in the unit of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from zoo_export.card import ENDS, REGRESSION, has_quantiles

__all__ = ["Nodes", "add_answer", "answer_names"]

_LEAST = 1e-12
"""Lower bound of a probability that is a difference of two others, as in the zoo."""


class Nodes:
    """Collector of nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"zoo/{output}", **attributes))
        return output

    def constant(self, name: str, value: Any, dtype: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name


def answer_names(card: dict[str, Any]) -> tuple[str, ...]:
    """Names of a model's outputs (n, K): the answer, and of quantiles their ends."""
    if card.get("task") != REGRESSION:
        return ("probabilities",)
    return ("values", *ENDS) if has_quantiles(card) else ("values",)


def add_answer(nodes: Nodes, card: dict[str, Any]) -> None:
    """Add the nodes from ``logits``, the raw outputs (n, M), to the outputs of :func:`answer_names` (n, K)."""
    outputs = nodes.add("Cast", ["logits"], "zoo_logits", to=TensorProto.FLOAT)
    details = card.get("outputs") or {}
    read = _read(nodes, outputs, details.get("link") or {})
    if card.get("task") == REGRESSION:
        scale = [nodes.constant(f"zoo_values_{name}", details[name], np.float64) for name in ("mean", "std")]
        _values(nodes, read, "values", scale)
        if has_quantiles(card):
            _ends(nodes, outputs, details["link"], scale)
    elif card.get("task") == "multi-label":
        nodes.add("Sigmoid", [read], "probabilities")
    else:
        temperature = nodes.constant("zoo_temperature", card.get("temperature", 1.0), np.float32)
        nodes.add("Softmax", [nodes.add("Div", [read, temperature], "zoo_tempered")], "probabilities", axis=1)


def _values(nodes: Nodes, read: str, output: str, scale: list[str]) -> None:
    """Add the conversion of standardised values, in float64 as in the zoo: else whole numbers would be inexact."""
    mean, std = scale
    wide = nodes.add("Cast", [read], f"zoo_{output}_wide", to=TensorProto.DOUBLE)
    placed = nodes.add("Add", [nodes.add("Mul", [wide, std], f"zoo_{output}_stretched"), mean], f"zoo_{output}_placed")
    nodes.add("Cast", [placed], output, to=TensorProto.FLOAT)


def _ends(nodes: Nodes, outputs: str, link: Mapping[str, Any], scale: list[str]) -> None:
    """Add the lowest and the highest quantile of each value."""
    shape = nodes.constant("zoo_levels_shape", [0, -1, len(link["levels"])], np.int64)
    each = nodes.add("Reshape", [outputs, shape], "zoo_levels")
    axis = nodes.constant("zoo_levels_axis", [2], np.int64)
    for op, name in zip(("ReduceMin", "ReduceMax"), ENDS, strict=True):
        _values(nodes, nodes.add(op, [each, axis], f"zoo_{name}_level", keepdims=0), name, scale)


def _read(nodes: Nodes, outputs: str, link: Mapping[str, Any]) -> str:
    """Add the reading of raw outputs; see :mod:`zoo.engine.links`."""
    readers: dict[str, Callable[[Nodes, str, Mapping[str, Any]], str]] = {
        "quantiles": _median,
        "corn": _corn,
        "cumulative": _cumulative,
    }
    kind = link.get("kind")
    return outputs if kind is None else readers[kind](nodes, outputs, link)


def _median(nodes: Nodes, outputs: str, link: Mapping[str, Any]) -> str:
    """Add the choice of the level that is nearest to 0.5, of each value."""
    levels = link["levels"]
    middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
    cut = {"begin": middle, "end": np.iinfo(np.int64).max, "axis": 1, "step": len(levels)}
    bounds = [nodes.constant(f"zoo_level_{name}", [value], np.int64) for name, value in cut.items()]
    return nodes.add("Slice", [outputs, *bounds], "zoo_median")


def _corn(nodes: Nodes, outputs: str, link: Mapping[str, Any]) -> str:
    """Add log P(rank >= k) + log P(rank = k | rank >= k)."""
    axis = nodes.constant("zoo_axis", 1, np.int64)
    falls = nodes.add("Neg", [nodes.add("Softplus", [outputs], "zoo_softplus")], "zoo_stays")
    up = nodes.add("Softplus", [nodes.add("Neg", [outputs], "zoo_negative")], "zoo_softplus_negative")
    above = nodes.add("CumSum", [nodes.add("Neg", [up], "zoo_passes"), axis], "zoo_above")
    padded = [_padded(nodes, above, "first", 0.0), _padded(nodes, falls, "last", 0.0)]
    return nodes.add("Add", padded, "zoo_log_ranks")


def _cumulative(nodes: Nodes, outputs: str, link: Mapping[str, Any]) -> str:
    """Add the differences of P(rank > k), of which a negative one counts as almost 0."""
    above = nodes.add("Sigmoid", [outputs], "zoo_above")
    padded = [_padded(nodes, above, "first", 1.0), _padded(nodes, above, "last", 0.0)]
    least = nodes.constant("zoo_least", _LEAST, np.float32)
    probs = nodes.add("Max", [nodes.add("Sub", padded, "zoo_differences"), least], "zoo_ranks")
    axis = nodes.constant("zoo_axis", [1], np.int64)
    total = nodes.add("ReduceSum", [probs, axis], "zoo_total", keepdims=1)
    return nodes.add("Log", [nodes.add("Div", [probs, total], "zoo_shares")], "zoo_log_ranks")


def _padded(nodes: Nodes, given: str, end: str, value: float) -> str:
    """Add a column with a constant before the first, or after the last one."""
    pads = nodes.constant(f"zoo_{end}_column", [0, int(end == "first"), 0, int(end == "last")], np.int64)
    fill = nodes.constant(f"zoo_{end}_fill", value, np.float32)
    return nodes.add("Pad", [given, pads, fill], f"zoo_with_{end}")
