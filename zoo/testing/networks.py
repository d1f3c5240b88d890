"""Networks under test: supported image sizes, and outputs with a valid shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.engine.outputs import return_logits
from zoo.job.resolve import FALLBACK_SIZE
from zoo.plugin import Architecture
from zoo.testing.outcome import skip
from zoo.testing.outputs import class_names
from zoo.testing.subject import CLASSES, Subject

SIZES = (32, 64, 128, 224)
"""Sides in pixels to try; the first two supported ones are used, to limit the time of a check."""


def declared_size(subject: Subject) -> int | None:
    """Declared input_size of the component."""
    return subject.component.input_size if isinstance(subject.component, Architecture) else None


def home_size(subject: Subject) -> int:
    """Side in pixels that a job uses by default."""
    return declared_size(subject) or FALLBACK_SIZE


def all_sizes(subject: Subject) -> list[int]:
    """All sides to try, in ascending order."""
    return sorted({*SIZES, home_size(subject)})


def sizes_of(subject: Subject) -> list[int]:
    """First two supported sides, or the only one; skips networks without any."""
    return find_sizes(subject) or skip("it does not accept images.")


def find_sizes(subject: Subject) -> list[int]:
    """First two supported sides, the only one, or none; cached."""

    def find() -> list[int]:
        found: list[int] = []
        network(subject, home_size(subject))  # failures are reported by another check
        for side in all_sizes(subject):
            if len(found) < 2 and _takes(subject, side):
                found.append(side)
        return found

    return subject.once("sizes", find)


def _takes(subject: Subject, side: int) -> bool:
    try:
        look(return_logits(subject.make(CLASSES, **given(subject, side))).eval(), images_for(subject, side))
    except Exception:
        return False  # too small for its strides, or incompatible with its last layer
    return True


def smallest_size(subject: Subject) -> int:
    """Smallest supported side."""
    return sizes_of(subject)[0]


def trials(subject: Subject) -> list[tuple[int, int]]:
    """Two pairs of a number of classes and a side."""
    sizes = sizes_of(subject)
    return [(2, sizes[0]), (5, sizes[-1])]


def network(subject: Subject, side: int, classes: int = CLASSES, seed: int = 0) -> nn.Module:
    """Create the network for colour images of this side, in evaluation mode."""
    model = subject.made(classes, **given(subject, side, classes), torch_seed=seed)
    return return_logits(model).eval() if isinstance(model, nn.Module) else skip("it is not a torch.nn.Module.")


def given(subject: Subject, side: int, classes: int = CLASSES, chans: int | None = None) -> Mapping[str, Any]:
    """What the runner gives to the factory of an architecture."""
    return {"in_chans": chans or home_chans(subject), "image_size": side, "classes": class_names(classes)}


def home_chans(subject: Subject) -> int:
    """Number of channels of most tests: 3, or the first that the component declares."""
    declared = declared_chans(subject)
    return 3 if declared is None or 3 in declared else declared[0]


def declared_chans(subject: Subject) -> tuple[int, ...] | None:
    """Declared in_chans of the component."""
    return subject.component.in_chans if isinstance(subject.component, Architecture) else None


def images_for(subject: Subject, side: int) -> Tensor:
    """Fixed random images (4, C, side, side) with the channels of the network."""
    return some_images(side=side, chans=home_chans(subject))


def some_images(count: int = 4, side: int = 32, chans: int = 3) -> Tensor:
    """Fixed random images (count, chans, side, side)."""
    return torch.randn(count, chans, side, side, generator=torch.Generator().manual_seed(1))


def look(model: nn.Module, images: Tensor) -> Tensor:
    """Compute the model's logits without gradients."""
    with torch.inference_mode():
        logits: Tensor = model(images)
    return logits


def answer_of(subject: Subject, side: int, classes: int = CLASSES) -> Tensor:
    """Logits (4, classes) for four images."""
    return in_form(look(network(subject, side, classes), images_for(subject, side)), classes)


def in_form(logits: object, classes: int = CLASSES) -> Tensor:
    """Return valid logits; skips others, which another check reports."""
    if not isinstance(logits, Tensor) or logits.shape != (4, classes) or logits.dtype != torch.float32:
        skip("its logits are invalid.")
    return logits


def steady_answer(model: nn.Module, images: Tensor) -> Tensor:
    """Logits that are equal in two calls; skips other networks."""
    first, second = (in_form(look(model, images)) for _ in range(2))
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        skip("its output is not deterministic.")
    return first


def close(one: Tensor, other: Tensor) -> bool:
    """Compare up to the rounding of another summation order."""
    return torch.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True)


def how_far(one: Tensor, other: Tensor) -> str:
    """Format the largest absolute difference with two digits."""
    return f"{float((one - other).abs().max()):.2g}"
