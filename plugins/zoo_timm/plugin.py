"""Components of the plugin zoo_timm."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Family, Importer, hookimpl


@hookimpl
def zoo_architectures() -> Iterator[Family]:
    yield Family(
        "architecture",
        "zoo_timm.models:create",
        "zoo_timm:models.txt",
        summary="Image model of timm",
        tags=("timm", "pretrained", "imagenet", "backbone"),
        facts="zoo_timm:facts.tsv",
        samples=(
            *("test_byobnet", "test_convnext", "test_efficientnet", "test_mambaout", "test_maxvit", "test_nfnet"),
            *("test_resnet", "test_vit", "lcnet_035", "levit_128s", "mobilenetv3_small_050", "pit_ti_224"),
        ),
    )


@hookimpl
def zoo_importers() -> Iterator[Importer]:
    yield Importer(
        "timm",
        "zoo_timm.importing:read",
        summary="Checkpoints of timm's train.py, and weights of timm models with --architecture",
        tags=("timm", "pytorch", "checkpoint"),
        suffixes=(".pth.tar", ".pth", ".pt", ".tar", ".ckpt", ".bin", ".safetensors"),
    )
