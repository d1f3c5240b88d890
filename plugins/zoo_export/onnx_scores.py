"""Scores of a bundle's attachments as ONNX graphs: of logits and embeddings, one number for each image."""

from __future__ import annotations

import copy
import logging
import warnings
from typing import Any

import torch
from onnx import ModelProto, compose
from torch import Tensor, nn

from zoo.api.compute import find_head
from zoo_export.card import OPSET, resizing
from zoo_export.onnx_graph import EMBEDDINGS, LOGITS

__all__ = ["score_graph", "with_embeddings"]


class _WithEmbeddings(nn.Module):
    """A network that also returns what its last layer is given, (N, D): of several positions their mean."""

    def __init__(self, network: nn.Module, head: str):
        super().__init__()
        self.network = network
        seen: list[Tensor] = []
        layer = network.get_submodule(head)
        layer.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        self._seen, self._channels_first = seen, isinstance(layer, nn.Conv2d)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self._seen.clear()
        logits = self.network(images)
        given = self._seen.pop()
        channels = 1 if self._channels_first else given.ndim - 1
        positions = [axis for axis in range(1, given.ndim) if axis != channels]
        return logits, given.mean(positions) if positions else given


class _Score(nn.Module):
    """A score as a module, whatever it is."""

    def __init__(self, score: Any):
        super().__init__()
        self.score = score

    def forward(self, *given: Tensor) -> Tensor:
        found: Tensor = self.score(*given)
        return found


def with_embeddings(network: nn.Module, card: dict[str, Any]) -> nn.Module:
    """Copy a network to one that returns logits (N, K) and embeddings (N, D).

    Args:
        network: network of the bundle, in evaluation mode on the CPU.
        card: content of the bundle's zoo.json.
    """
    size = resizing(card).size
    head = find_head(network, torch.zeros(2, card["preprocessing"]["in_chans"], size, size))
    return _WithEmbeddings(copy.deepcopy(network), head).eval()


def score_graph(name: str, field: Any, network: ModelProto) -> ModelProto:
    """Export a score as a graph of the network's outputs in float32, whose output has the attachment's name.

    Args:
        name: name of the attachment.
        field: object of the attachment, see ``zoo.plugin.PredictionField``.
        network: the network's graph, for the sizes of its outputs.
    """
    widths = {each.name: each.type.tensor_type.shape.dim[-1].dim_value for each in network.graph.output}
    inputs = {LOGITS: widths["logits"]}
    if field.needs_embeddings:
        inputs[EMBEDDINGS] = widths["embeddings"]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of torch's exporter about itself
        program = torch.onnx.export(
            _Score(field.score).eval(),
            tuple(torch.zeros(2, width) for width in inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[name],
            dynamic_shapes=(tuple({0: torch.export.Dim("n")} for _ in inputs),),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    assert not graph.functions
    return compose.add_prefix(graph, f"zoo_{name}/", rename_inputs=False, rename_outputs=False)
