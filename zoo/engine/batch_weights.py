"""How the losses of a batch's parts, per process or per piece, combine to the loss of the whole batch.

A mean over images is the mean of its parts by their numbers of images. A weighted mean is the mean of its parts by
their weights, which the loss returns by an optional method ``weight_of(targets)``: its divisor over these targets, a
scalar, or None where that is the number of images. Any other loss depends on the whole batch, which can't be cut: it
declares ``needs_whole_batch = True``, or a trial shows it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.engine.outputs import NO_OUTPUTS, Outputs, call_scored, loss_module
from zoo.engine.ranks import ALONE, Ranks

__all__ = ["Parts", "compare_parts", "declares_whole_batch", "reason_against_cuts", "weighed", "weight_of"]

Loss = Callable[..., Tensor]
_IMAGES = 24
_CUTS = (slice(0, 3), slice(3, 11), slice(11, _IMAGES))
"""Parts of unequal size, which separate images of the same class."""
_CLOSE = 1e-3


def weighed(loss_fn: Loss, targets: Tensor, share: float = 1.0, ranks: Ranks = ALONE) -> Loss:
    """Wrap a loss so that the mean of its values over a batch's parts, weighted by images, is the whole batch's loss.

    Args:
        targets: targets of this process, (n,) or (n, K).
        share: weight of this process's part in the whole batch; see :meth:`Ranks.share`.
    """
    own = _weight_of_an_image(loss_fn, targets)
    if own is None:
        return loss_fn
    whole = own * share
    ranks.all_reduce([whole])
    whole = (whole / ranks.size).clamp_min(torch.finfo(whole.dtype).tiny)  # 0 if every image has weight 0

    def loss(logits: Tensor, some: Tensor, **outputs: Tensor) -> Tensor:
        part = _weight_of_an_image(loss_fn, some)
        assert part is not None
        value: Tensor = loss_fn(logits, some, **outputs) * (part / whole)
        return value

    loss.__wrapped__ = loss_fn  # type: ignore[attr-defined]
    return loss


def _weight_of_an_image(loss_fn: Loss, targets: Tensor) -> Tensor | None:
    """Mean weight per image, a scalar; None where all images weigh the same."""
    weight = weight_of(loss_fn, targets)
    return None if weight is None else torch.as_tensor(weight, device=targets.device).detach() / len(targets)


def weight_of(loss_fn: Loss, targets: Tensor) -> Any:
    """Divisor of a loss over these targets, as its ``weight_of`` returns it; None for the number of images.

    ``batch_weight`` is the older name. torch's own weighted cross entropy is known without either.
    """
    tell = _declared(loss_fn, "weight_of", "batch_weight")
    if tell is not None:
        return tell(targets)
    module = loss_module(loss_fn)
    return _weight_of_torch(module, targets) if type(module) is nn.CrossEntropyLoss else None


def _weight_of_torch(loss: nn.CrossEntropyLoss, targets: Tensor) -> Tensor | None:
    """Divisor of torch's cross entropy: the weights of labels, but the number of images for soft targets."""
    if loss.weight is None or loss.reduction != "mean":
        return None
    if targets.is_floating_point():
        return loss.weight.new_tensor(len(targets))
    counted = targets != loss.ignore_index
    return (loss.weight[targets.where(counted, 0)] * counted).sum()


def declares_whole_batch(loss_fn: Loss) -> bool:
    """Check for a loss that declares ``needs_whole_batch``."""
    return bool(_declared(loss_fn, "needs_whole_batch"))


def _declared(loss_fn: Any, *names: str) -> Any:
    """First attribute that a loss has, or the function that it wraps; None where it has none."""
    for name in names:
        if (found := getattr(loss_fn, name, None)) is not None:
            return found
    return _declared(loss_fn.__wrapped__, *names) if hasattr(loss_fn, "__wrapped__") else None


class Parts(NamedTuple):
    """The loss of a batch, and the losses of its parts combined by their weights.

    Args:
        whole: loss of the batch.
        combined: that of the parts.
        gradient: norm of the difference of the gradients, relative to that of the batch.
        repeatable: the same batch has the same loss twice, so that a difference is not by chance.
    """

    whole: float
    combined: float
    gradient: float
    repeatable: bool

    @property
    def agree(self) -> bool:
        """The values and the gradients are equal, to float tolerance."""
        return self._values_agree and self.gradient <= _CLOSE

    @property
    def _values_agree(self) -> bool:
        return abs(self.combined - self.whole) <= _CLOSE * abs(self.whole) + 1e-6

    @property
    def difference(self) -> str:
        """What differs, as a clause."""
        if self._values_agree:
            return f"the gradients of a batch and of its parts differ by {self.gradient:.2%}"
        return f"the loss of a batch is {self.whole:.5g}, and that of its parts {self.combined:.5g}"


def reason_against_cuts(
    loss_fn: Loss,
    num_classes: int,
    device: torch.device,
    *,
    multilabel: bool = False,
    regression: bool = False,
    width: int | None = None,
    outputs: Outputs = NO_OUTPUTS,
) -> str | None:
    """Reason why a batch can't be cut for this loss, as the predicate of a sentence; None where it can.

    A stochastic loss can't be tried: it is taken for what it declares.

    Args:
        num_classes: K, the number of classes or values.
        multilabel: targets are (N, K) of 0 and 1.
        regression: targets are values (N, K).
        width: number of outputs that the loss takes; K by default.
        outputs: examples of the network's further outputs, which the loss may take.
    """
    if declares_whole_batch(loss_fn):
        return "needs the whole batch"
    targets = _targets(num_classes, multilabel=multilabel, regression=regression)
    logits, given = _outputs(num_classes if width is None else width, outputs)
    given = {name: value.to(device) for name, value in given.items()}
    found = compare_parts(loss_fn, logits.to(device), targets.to(device), given)
    if found.agree or not found.repeatable:
        return None
    weighted = _declared(loss_fn, "weight_of", "batch_weight") is not None
    why = "is not the mean of its parts by weight_of()" if weighted else "is not a mean over images"
    return f"{why} (in a trial, {found.difference})"


def compare_parts(loss_fn: Loss, logits: Tensor, targets: Tensor, outputs: Outputs = NO_OUTPUTS) -> Parts:
    """Compute the loss of 24 images at once, and in three parts of unequal size.

    Args:
        logits: (24, K).
        targets: (24,) or (24, K).
        outputs: outputs of the network that the loss may take, (24, …) each.
    """
    loss_fn = copy.deepcopy(loss_fn) if loss_module(loss_fn) is loss_fn else loss_fn  # one may count its calls
    given = {"logits": logits, **outputs}

    def scored(cut: slice) -> tuple[Tensor, Tensor]:
        return _value_and_gradient(loss_fn, {name: value[cut] for name, value in given.items()}, targets[cut])

    with torch.enable_grad(), torch.random.fork_rng(devices=[logits.device] if logits.is_cuda else []):
        (whole, gradient), (again, _) = (scored(slice(None)) for _ in range(2))
        parts = [scored(cut) for cut in _CUTS]
    weights = _shares(loss_fn, targets)
    combined = sum(weight * value for weight, (value, _) in zip(weights, parts, strict=True))
    slopes = torch.cat([weight * slope for weight, (_, slope) in zip(weights, parts, strict=True)])
    error = (slopes - gradient).norm() / gradient.norm().clamp_min(1e-8)
    return Parts(float(whole), float(combined), float(error), bool(torch.equal(whole, again)))


def _shares(loss_fn: Loss, targets: Tensor) -> list[Tensor]:
    """Weight of each part in the whole batch's loss."""
    found = [weight_of(loss_fn, targets[cut]) for cut in (slice(None), *_CUTS)]
    counts = [len(targets[cut]) for cut in (slice(None), *_CUTS)]
    whole, *parts = (
        torch.as_tensor(count if weight is None else weight, dtype=torch.float32, device=targets.device).detach()
        for count, weight in zip(counts, found, strict=True)
    )
    return [part / whole.clamp_min(torch.finfo(whole.dtype).tiny) for part in parts]


def _value_and_gradient(loss_fn: Loss, given: dict[str, Tensor], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Value of a loss, and its gradient with respect to all that it is given, (n, …)."""
    leaves = {name: value.clone().requires_grad_(value.is_floating_point()) for name, value in given.items()}
    outputs = {name: value.clone() for name, value in leaves.items()}  # no leaves, as in training
    value: Tensor = call_scored(loss_fn, outputs.pop("logits"), targets.clone(), outputs)
    wanted = [leaf for leaf in leaves.values() if leaf.requires_grad]
    slopes = torch.autograd.grad(value, wanted, allow_unused=True) if value.requires_grad else [None] * len(wanted)
    filled = [torch.zeros_like(x) if slope is None else slope for x, slope in zip(wanted, slopes, strict=True)]
    return value.detach(), torch.cat([slope.reshape(len(targets), -1) for slope in filled], dim=1)


def _outputs(width: int, examples: Outputs) -> tuple[Tensor, Outputs]:
    """Random outputs (24, width), and further outputs like the examples."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(_IMAGES, width, generator=generator)
    return logits, {
        name: torch.randn(_IMAGES, *value.shape[1:], generator=generator).to(value.dtype)
        for name, value in examples.items()
    }


def _targets(count: int, *, multilabel: bool, regression: bool) -> Tensor:
    """Random values or binary labels, or classes with an unequal distribution, each at least twice."""
    generator = torch.Generator().manual_seed(1)
    if regression:
        return torch.randn(_IMAGES, count, generator=generator)
    if multilabel:
        return (torch.rand(_IMAGES, count, generator=generator) > 0.5).float()
    return (torch.arange(_IMAGES) // 2 * count) // (_IMAGES // 2)
