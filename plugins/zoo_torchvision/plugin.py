"""Components of the plugin zoo_torchvision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.plugin import CacheKind, Dataset, Family, Importer, hookimpl
from zoo_torchvision.dataset_list import DATASETS


@hookimpl
def zoo_architectures() -> Iterator[Family]:
    """Contribute the architectures."""
    yield Family(
        "architecture",
        "zoo_torchvision.models:create",
        "zoo_torchvision:models.txt",
        summary="Classification model of torchvision",
        tags=("torchvision", "pretrained", "imagenet", "backbone"),
        facts="zoo_torchvision:facts.tsv",
        samples=("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5", "regnet_x_400mf"),
        gives_way=True,  # resnet18 is timm's
    )


@hookimpl
def zoo_importers() -> Iterator[Importer]:
    """Contribute the importer of torchvision's weights."""
    yield Importer(
        "torchvision",
        "zoo_torchvision.importing:read",
        summary="State dicts of torchvision models, and checkpoints of its reference script",
        tags=("torchvision", "pytorch", "checkpoint"),
        suffixes=(".pth", ".pt", ".pth.tar", ".tar", ".ckpt", ".bin", ".safetensors"),
    )


@hookimpl
def zoo_datasets() -> Sequence[Dataset]:
    """Contribute the datasets."""
    return DATASETS


@hookimpl
def zoo_cache_kinds() -> list[CacheKind]:
    """Describe torchvision's datasets, a folder each."""
    return [CacheKind("datasets", "downloaded datasets", "fetched again", groups=("torchvision",))]
