"""Every image model of timm."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.plugin import Family, hookimpl


@hookimpl
def zoo_architectures() -> Iterator[Family]:
    yield Family(
        "architecture",
        "zoo_timm.models:create",
        "zoo_timm:models.txt",
        summary="An image model of timm, with or without pretrained weights",
        tags=("timm", "pretrained", "imagenet", "backbone"),
        attributes={"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},  # ImageNet's, as most were trained
    )
