"""The contributions of the plugin ``export``: formats, importers, and the commands that use them."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Command, Exporter, Importer, hookimpl


@hookimpl
def zoo_exporters() -> Iterator[Exporter]:
    yield Exporter(
        "onnx",
        "zoo_export.onnx_file:export",
        reader="zoo_export.onnx_file:read",
        suffix=".onnx",
        summary="ONNX, for onnxruntime and others, also int8 (quantize=int8) or float16 (half)",
        tags=("onnxruntime", "int8"),
    )
    yield Exporter(
        "pt2",
        "zoo_export.torch_files:export_pt2",
        reader="zoo_export.torch_files:read_pt2",
        suffix=".pt2",
        summary="Program of torch.export, for torch.export.load and AOTInductor",
        tags=("torch",),
    )
    yield Exporter(
        "torchscript",
        "zoo_export.torch_files:export_torchscript",
        reader="zoo_export.torch_files:read_torchscript",
        suffix=".torchscript",
        summary="TorchScript, for torch.jit.load and libtorch",
        tags=("torch", "libtorch"),
    )
    yield Exporter(
        "safetensors",
        "zoo_export.weights_file:export",
        reader="zoo_export.weights_file:read",
        suffix=".safetensors",
        summary="Weights with a description of the network, to be loaded by the zoo",
        tags=("weights",),
    )


@hookimpl
def zoo_importers() -> Iterator[Importer]:
    yield Importer(
        "onnx",
        "zoo_export.onnx_import:read",
        summary="ONNX classifiers of any framework, with logits or probabilities as output",
        tags=("onnxruntime",),
        suffixes=(".onnx",),
    )


@hookimpl
def zoo_commands() -> Iterator[Command]:
    """``zoo export`` and ``zoo import``."""
    yield Command(
        "export",
        "zoo_export.export_command:export",
        summary="Export a trained model to a standalone file",
        heading="Use",
        tags=("onnx", "int8"),
    )
    yield Command(
        "import",
        "zoo_export.import_command:import_model",
        summary="Import a model trained with another framework",
        heading="Use",
    )
