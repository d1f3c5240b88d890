"""A network on trial: the sizes of images that it takes, and its answers, where their form is as it must be."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.job.resolve import FALLBACK_SIZE
from zoo.plugin import Architecture
from zoo.testing.outcome import skip
from zoo.testing.subject import CLASSES, Subject

SIZES = (32, 64, 128, 224)
"""Sides in pixels to try: the first two that the network takes, so that a check takes no longer than it must."""


def declared_size(subject: Subject) -> int | None:
    """The component's input_size."""
    return subject.component.input_size if isinstance(subject.component, Architecture) else None


def home_size(subject: Subject) -> int:
    """The side that a job gives it."""
    return declared_size(subject) or FALLBACK_SIZE


def all_sizes(subject: Subject) -> list[int]:
    """Every side that may be tried, the smallest first."""
    return sorted({*SIZES, home_size(subject)})


def sizes_of(subject: Subject) -> list[int]:
    """The first two sides that it takes, or the only one."""
    return find_sizes(subject) or skip("it takes no images.")


def find_sizes(subject: Subject) -> list[int]:
    """The first two sides that it takes, the only one, or none; found once."""

    def find() -> list[int]:
        found: list[int] = []
        network(subject, home_size(subject))  # that it can be made is a check of its own
        for side in all_sizes(subject):
            if len(found) < 2 and _takes(subject, side):
                found.append(side)
        return found

    return subject.once("sizes", find)


def _takes(subject: Subject, side: int) -> bool:
    try:
        look(subject.make(CLASSES, in_chans=3, image_size=side).eval(), some_images(side=side))
    except Exception:
        return False  # too small for its strides, or of another size than its last layer
    return True


def smallest_size(subject: Subject) -> int:
    """The smallest side that it takes."""
    return sizes_of(subject)[0]


def trials(subject: Subject) -> list[tuple[int, int]]:
    """Numbers of classes, each with a side: two of either."""
    sizes = sizes_of(subject)
    return [(2, sizes[0]), (5, sizes[-1])]


def network(subject: Subject, side: int, classes: int = CLASSES, seed: int = 0) -> nn.Module:
    """The network for colour images of that side, in eval."""
    model = subject.made(classes, in_chans=3, image_size=side, seed=seed)
    return model.eval() if isinstance(model, nn.Module) else skip("it is no torch.nn.Module.")


def some_images(count: int = 4, side: int = 32, chans: int = 3) -> Tensor:
    """(count, chans, side, side), always the same."""
    return torch.randn(count, chans, side, side, generator=torch.Generator().manual_seed(1))


def look(model: nn.Module, images: Tensor) -> Tensor:
    """The model's answer, without a gradient."""
    with torch.inference_mode():
        logits: Tensor = model(images)
    return logits


def answer_of(subject: Subject, side: int, classes: int = CLASSES) -> Tensor:
    """Logits (4, classes) for four images."""
    return in_form(look(network(subject, side, classes), some_images(side=side)), classes)


def in_form(logits: object, classes: int = CLASSES) -> Tensor:
    """The logits, where they are what they must be; that they are is a check of its own."""
    if not isinstance(logits, Tensor) or logits.shape != (4, classes) or logits.dtype != torch.float32:
        skip("its logits are not as they must be.")
    return logits


def steady_answer(model: nn.Module, side: int) -> Tensor:
    """Its answer, where it gives the same one twice."""
    first, second = (in_form(look(model, some_images(side=side))) for _ in range(2))
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        skip("its answers are not deterministic.")
    return first


def close(one: Tensor, other: Tensor) -> bool:
    """Equal but for the rounding of other orders of summation."""
    return torch.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True)


def how_far(one: Tensor, other: Tensor) -> str:
    """The largest difference, to two digits."""
    return f"{float((one - other).abs().max()):.2g}"
