"""A good network, and for each check one that breaks it."""

import os
from pathlib import Path

import torch
from torch import Tensor, nn


class Good(nn.Module):
    """A convolution, batch norm, the mean over the image, and a linear layer."""

    def __init__(self, num_classes: int, in_chans: int = 3, width: int = 8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_chans, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stem(images).mean((2, 3)))


class WithFeatures(Good):
    """Good, too: it returns features beside the logits."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        features = self.stem(images).mean((2, 3))
        return {"logits": self.head(features), "features": features}


class MeanFeatures(WithFeatures):
    """Its features are those of the batch."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        found = super().forward(images)
        return {**found, "features": found["features"].mean(0)}


class SaysItsSize(nn.Module):
    """Good, too: flattened, so that it takes images with 32 px alone; its component declares that."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__()
        self.head = nn.Linear(in_chans * 32 * 32, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))


class ToldItsSize(nn.Module):
    """Good, too: flattened, and told the size."""

    def __init__(self, num_classes: int, in_chans: int = 3, image_size: int = 64):
        super().__init__()
        self.head = nn.Linear(in_chans * image_size**2, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))


class NotMade(Good):
    """Its constructor raises."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        raise ValueError("no such width")


def no_module(num_classes: int, in_chans: int = 3) -> object:
    """A network that is none."""
    return object()


class TakesNothing(Good):
    """It takes no image of any size."""

    def forward(self, images: Tensor) -> Tensor:
        raise RuntimeError("shapes cannot be multiplied")


class OneSize(SaysItsSize):
    """Flattened, without a word about the size."""


class OneTooMany(Good):
    """A logit for one more class than there are."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__(num_classes + 1, in_chans)


class Double(Good):
    """Logits in double precision."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).double()


class ThreeClasses(Good):
    """Three classes, whatever is asked."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__(3, in_chans)


class ColourOnly(Good):
    """Three channels, whatever is asked."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__(num_classes, 3)


class Infinite(Good):
    """Divided by zero."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) / 0.0


class Detached(Good):
    """Nothing flows back."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).detach()


class Forgetful(Good):
    """A number that decides, in neither a parameter nor a buffer."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__(num_classes, in_chans)
        self.scale = 1 + torch.rand(())

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * self.scale


class Undecided(Good):
    """Dropout that is never off."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(images), 0.5, training=True)


class Sociable(Good):
    """An image's logits less the batch's mean."""

    def forward(self, images: Tensor) -> Tensor:
        logits = super().forward(images)
        return logits - logits.mean(0)


class Unseeded(Good):
    """Weights from the operating system's randomness."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__(num_classes, in_chans)
        own = torch.Generator().manual_seed(int.from_bytes(os.urandom(6)))
        nn.init.normal_(self.head.weight, generator=own)


class ReadsItsWeights(Good):
    """A parameter of its own names a file of weights."""

    def __init__(self, num_classes: int, in_chans: int = 3, weights: str | None = None):
        super().__init__(num_classes, in_chans)
        if weights is not None:
            self.load_state_dict(torch.load(weights, weights_only=True))


def passes_all_on(num_classes: int, in_chans: int = 3, pretrained: bool = False, **kwargs: object) -> Good:
    """A library's network, whose every keyword is passed on."""
    network = Good(num_classes, in_chans)
    config = kwargs.get("pretrained_cfg")
    if pretrained and isinstance(config, dict):
        network.load_state_dict(torch.load(Path(config["file"]), weights_only=True))
    return network
