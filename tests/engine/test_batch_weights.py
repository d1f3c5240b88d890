"""A batch in pieces: a weighted loss takes the whole batch's step, and a loss that has no parts is told from others."""

from __future__ import annotations

import copy
import functools
import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.engine.batch_weights import compare_parts, reason_against_cuts, weight_of
from zoo.engine.distill import Distillation
from zoo.engine.execution import Execution
from zoo.engine.step import StepConfig
from zoo.engine.train import train_epoch
from zoo_losses import losses

CPU = torch.device("cpu")
WEIGHTS = [0.1, 1.0, 7.0]


def step(model: nn.Module, loss: nn.Module, targets: Tensor, pieces: int, **more: object) -> tuple[float, Tensor]:
    """The loss that is told, and what the weights are after one step."""
    model = copy.deepcopy(model)
    images = torch.randn(len(targets), 4, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    totals = train_epoch(
        model, [(images, targets)], loss, optimizer, Execution(CPU), StepConfig(accumulate=pieces, **more)
    )  # type: ignore[arg-type]
    return totals.loss, nn.utils.parameters_to_vector(model.parameters()).detach()


@pytest.mark.parametrize("pieces", [2, 3, 12])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("taught", [False, True])
def test_weighted_cross_entropy_in_pieces_is_the_same_step(pieces: int, soft: bool, taught: bool):
    torch.manual_seed(0)
    model, teacher = nn.Linear(4, 3), nn.Linear(4, 3).requires_grad_(False)
    loss = losses.CrossEntropy(label_smoothing=0.1, class_weights=WEIGHTS)
    labels = torch.arange(12) // 4  # every piece has another mix of classes
    targets = functional.one_hot(labels, 3).float() * 0.8 + 0.2 / 3 if soft else labels
    more = {"distill": Distillation(teacher, 0.3, 2.0)} if taught else {}
    whole, parts = (step(model, loss, targets, n, **more) for n in (1, pieces))
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    torch.testing.assert_close(parts[1], whole[1], rtol=1e-4, atol=1e-5)


def test_a_piece_whose_images_weigh_nothing_adds_nothing():
    loss = losses.CrossEntropy(class_weights=[0.0, 1.0, 1.0])
    model = nn.Linear(4, 3)
    for targets in (torch.tensor([0, 0, 1, 2]), torch.zeros(4, dtype=torch.int64)):
        whole, parts = (step(model, loss, targets, n) for n in (1, 2))
        assert parts[0] == pytest.approx(whole[0], rel=1e-5)
        torch.testing.assert_close(parts[1], whole[1], rtol=1e-4, atol=1e-5)


class Drawing(nn.Module):
    """A mean that draws by chance."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(functional.dropout(logits), targets)


class OldName(nn.CrossEntropyLoss):
    """torch's weighted mean, with its divisor under the older name."""

    def batch_weight(self, targets: Tensor) -> Tensor:
        return torch.tensor(WEIGHTS)[targets].sum()


MEANS = [
    losses.CrossEntropy(),
    losses.CrossEntropy(0.1, WEIGHTS),
    losses.BinaryCrossEntropy(),
    losses.MSE(),
    losses.Focal(alpha=WEIGHTS),
    nn.CrossEntropyLoss(),
    nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS), label_smoothing=0.1),
    OldName(weight=torch.tensor(WEIGHTS)),
    Drawing(),
]


class Wrong(nn.CrossEntropyLoss):
    """A mean over images that returns another divisor."""

    def weight_of(self, targets: Tensor) -> Tensor:
        return (targets + 1.0).sum()


class Scaled(nn.Module):
    """Standard deviations of the batch in the gradient alone."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        scaled = logits / logits.std(0)
        return functional.cross_entropy(logits, targets) + scaled.mean() - scaled.mean().detach()


class Nearest(nn.Module):
    """A triplet loss: each image against the hardest of its own and of another class in the batch."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        away = (logits[:, None] - logits[None]).square().sum(2)
        same = targets[:, None] == targets[None]
        return (away.where(same, 0).amax(1) - away.where(~same, 99).amin(1) + 1).relu().mean()


def declared(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits, targets)


declared.needs_whole_batch = True  # type: ignore[attr-defined]
OF_BATCHES = [
    (losses.SoftF1(), "needs the whole batch$"),
    (declared, "needs the whole batch$"),
    (
        nn.CrossEntropyLoss(reduction="sum"),
        r"is not a mean over images \(in a trial, the loss of a batch is .*, and that of its parts .*\)$",
    ),
    (Scaled(), r"is not a mean over images \(in a trial, the gradients of a batch and of its parts differ by .*%\)$"),
    (Nearest(), "is not a mean over images"),
    (Wrong(), r"is not the mean of its parts by weight_of\(\)"),
]


@pytest.mark.parametrize("loss", MEANS, ids=lambda loss: type(loss).__name__)
def test_a_mean_over_images_has_parts(loss: nn.Module):
    assert reason_against_cuts(loss, 3, CPU) is None


@pytest.mark.parametrize(("loss", "reason"), OF_BATCHES, ids=lambda given: type(given).__name__)
def test_a_loss_of_the_whole_batch_has_none(loss: nn.Module, reason: str):
    for classes in (2, 3, 1000):
        if classes != 2 or not isinstance(loss, Wrong):
            assert re.match(reason, str(reason_against_cuts(loss, classes, CPU)))


def test_several_labels_are_tried_with_several_labels():
    assert reason_against_cuts(losses.BinaryCrossEntropy(multilabel=True), 3, CPU, multilabel=True) is None
    assert reason_against_cuts(losses.SoftF1(multilabel=True), 3, CPU, multilabel=True)


def test_values_and_ranks_are_tried_with_the_outputs_that_they_need():
    from zoo_losses import ranks, values

    for loss, width in ((values.Huber(), 3), (losses.MSE(regression=True), 3), (values.Quantile(), 9)):
        assert reason_against_cuts(loss, 3, CPU, regression=True, width=width) is None
    for loss in (ranks.CornLoss(4), ranks.OrdinalLoss()):
        assert reason_against_cuts(loss, 4, CPU, width=3) is None

    class Unweighted(ranks.CornLoss):
        weight_of = None  # type: ignore[assignment]

    assert "is not a mean over images" in str(reason_against_cuts(Unweighted(4), 4, CPU, width=3))


def test_a_stochastic_loss_is_taken_for_what_it_declares():
    class Declared(Drawing):
        needs_whole_batch = True

    assert reason_against_cuts(Drawing(), 3, CPU) is None
    assert reason_against_cuts(Declared(), 3, CPU)


def test_the_weight_of_torchs_cross_entropy_is_its_divisor():
    loss = nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS), ignore_index=1, label_smoothing=0.1)
    labels = torch.arange(24) % 3
    assert weight_of(loss, labels) == pytest.approx(8 * (WEIGHTS[0] + WEIGHTS[2]))
    logits = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    assert compare_parts(loss, logits, labels).agree
    plain = nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS))
    assert compare_parts(plain, logits, logits.softmax(1)).agree, "soft targets are divided by their number"
    assert weight_of(nn.CrossEntropyLoss(), labels) is None


def test_a_wrapped_loss_declares_what_its_function_does():
    @functools.wraps(declared)
    def wrapped(logits: Tensor, targets: Tensor) -> Tensor:
        return 2 * declared(logits, targets)

    assert reason_against_cuts(wrapped, 3, CPU)
