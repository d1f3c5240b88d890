"""A vision transformer in plain torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from zoo.errors import RequestError

__all__ = ["FndViT", "create"]


class Shape(NamedTuple):
    patch: int
    width: int
    depth: int
    heads: int


SHAPES = {"fnd_tiny": Shape(8, 64, 2, 4), "fnd_small": Shape(8, 128, 4, 4), "fnd_base": Shape(16, 192, 6, 6)}


class FndViT(nn.Module):
    def __init__(self, shape: Shape, num_classes: int, in_chans: int, image_size: int, drop: float = 0.0):
        super().__init__()
        if image_size % shape.patch:
            raise ValueError(f"image_size must be a multiple of {shape.patch}, not {image_size}")
        self.patch_embed = nn.Conv2d(in_chans, shape.width, shape.patch, shape.patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (image_size // shape.patch) ** 2 + 1, shape.width))
        self.blocks = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    shape.width, shape.heads, 2 * shape.width, drop, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(shape.depth)
            )
        )
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, num_classes)

    def no_weight_decay(self) -> set[str]:
        return {"cls_token", "pos_embed"}

    def get_classifier(self) -> nn.Module:
        return self.head

    def forward_features(self, images: Tensor) -> Tensor:
        tokens = self.patch_embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + self.pos_embed
        return self.norm(self.blocks(tokens)[:, 0])

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.forward_features(images))


def create(
    name: str,
    num_classes: int,
    in_chans: int = 3,
    pretrained: bool = False,
    image_size: int = 32,
    drop: float = 0.0,
) -> nn.Module:
    """Create a network of the family.

    Args:
        name: a name of names.txt.
        num_classes: outputs of the head.
        in_chans: channels of the images.
        pretrained: read ``$FND_HOME/NAME.fnd``; the head is new unless it has as many classes.
        image_size: side of the images in pixels.
        drop: dropout in the blocks, in 0..1.
    """
    model = FndViT(SHAPES[name.partition(".")[0]], num_classes, in_chans, image_size, drop)
    if pretrained:
        _load(model, name)
    return model


def _load(model: FndViT, name: str) -> None:
    file = Path(os.environ.get("FND_HOME", "fnd")) / f"{name}.fnd"
    if not file.is_file():
        raise RequestError(f"{file} does not exist. Set FND_HOME to the folder of the pretrained weights.")
    weights = torch.load(file, weights_only=True)["weights"]
    if weights["head.weight"].shape != model.head.weight.shape:
        weights = {**weights, "head.weight": torch.zeros_like(model.head.weight), "head.bias": torch.zeros_like(model.head.bias)}
    if weights["patch_embed.weight"].shape[1] != model.patch_embed.in_channels:
        weights["patch_embed.weight"] = weights["patch_embed.weight"].sum(1, keepdim=True).expand_as(model.patch_embed.weight)
    model.load_state_dict(weights)
