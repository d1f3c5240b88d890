"""A batch in pieces: a weighted loss takes the whole batch's step, and a loss that has no parts is told from others."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.engine.batch_weights import is_of_whole_batch
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


MEANS = [
    losses.CrossEntropy(),
    losses.CrossEntropy(0.1, WEIGHTS),
    losses.BinaryCrossEntropy(),
    losses.MSE(),
    losses.Focal(alpha=WEIGHTS),
    nn.CrossEntropyLoss(),
    Drawing(),
]
OF_BATCHES = [losses.SoftF1(), nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS)), nn.CrossEntropyLoss(reduction="sum")]


@pytest.mark.parametrize("loss", MEANS, ids=lambda loss: type(loss).__name__)
def test_a_mean_over_images_has_parts(loss: nn.Module):
    assert not is_of_whole_batch(loss, 3, CPU)


@pytest.mark.parametrize("loss", OF_BATCHES, ids=lambda loss: type(loss).__name__)
def test_a_loss_of_the_whole_batch_has_none(loss: nn.Module):
    assert is_of_whole_batch(loss, 3, CPU)


def test_several_labels_are_tried_with_several_labels():
    assert not is_of_whole_batch(losses.BinaryCrossEntropy(multilabel=True), 3, CPU, multilabel=True)
    assert is_of_whole_batch(losses.SoftF1(multilabel=True), 3, CPU, multilabel=True)
