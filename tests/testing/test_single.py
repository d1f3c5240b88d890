"""The contract of a single class, function or object, without a plugin."""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy
from torchvision.transforms import v2

import zoo
from zoo.errors import RequestError
from zoo.testing import CheckFailed
from zoo.testing.single import guessed_kind


def cost(logits: Tensor, targets: Tensor, weight: float = 1.0) -> Tensor:
    return nn.functional.cross_entropy(logits, targets) * weight


class Net(nn.Module):
    """Any images -> logits."""

    def __init__(self, num_classes: int, in_chans: int = 3):
        super().__init__()
        self.layer = nn.Linear(in_chans, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layer(images.mean((2, 3)))
        return logits


class Leaky(Net):
    """Its logits depend on the other images of the batch."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images - images.mean(0))


class Colours(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Two classes of plain images."""

    classes = ("dark", "light")

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if index >= 8:
            raise IndexError(index)
        return torch.full((3, 4, 4), 200 * (index % 2), dtype=torch.uint8), index % 2


@pytest.mark.parametrize(
    ("component", "kind", "params"),
    [
        (cost, "loss", {}),
        (nn.CrossEntropyLoss(), None, {}),
        (nn.CrossEntropyLoss, None, {}),
        (Net, None, {}),
        (Net(7), None, {}),
        (MulticlassAccuracy(10), None, {}),
        (lambda logits, targets: (logits.argmax(1) == targets).float().mean(), "metric", {}),
        (v2.RandomHorizontalFlip(), "augmentation", {}),
        (torch.optim.SGD, None, {}),
        (torch.optim.lr_scheduler.StepLR, None, {"step_size": 2}),
        (Colours(), None, {}),
    ],
)
def test_what_keeps_the_contract_passes(component: Any, kind: str | None, params: dict[str, Any], capsys):
    report = zoo.testing.check(component, kind, **params)
    assert not report.failed
    assert len(report.passed) >= 5
    assert ": " in capsys.readouterr().out


def spread(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy, and a small one of logits that are scaled by the whole batch."""
    return cost(logits, targets) + 0.1 * cost(logits / (1 + logits.detach().std()), targets)


def test_a_loss_that_needs_the_whole_batch_passes_and_is_told_so(capsys: pytest.CaptureFixture[str]):
    report = zoo.testing.check(spread, "loss")
    assert [each.check.name for each in report.skipped] == ["weight of a batch"]
    out = capsys.readouterr().out
    assert "skipped: weight of a batch: it needs the whole batch, so train.accumulate and several processes are" in out
    assert re.search(r"with \d classes, the gradients of a batch and of its parts differ by [\d.]+%\.", out)
    assert "declare needs_whole_batch = True" in out


def test_a_wrong_weight_is_told_with_both_numbers(capsys: pytest.CaptureFixture[str]):
    class Weighed(nn.CrossEntropyLoss):
        def weight_of(self, targets: Tensor) -> Tensor:
            return 1.0 + (targets if targets.ndim == 1 else targets.argmax(1)).sum()

    with pytest.raises(CheckFailed, match=r"the loss of a batch is [\d.]+, and that of its parts [\d.]+\."):
        zoo.testing.check(Weighed(), "loss")
    capsys.readouterr()


def test_a_failure_names_the_check_and_its_remedy(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(CheckFailed, match=r"1 failed.*\nbatch independence in eval: .*Do not use batch statistics"):
        zoo.testing.check(Leaky(4))
    assert "architecture an object of Leaky: 4 passed, 1 failed" in capsys.readouterr().out
    with pytest.raises(CheckFailed, match="right order"):
        zoo.testing.check(lambda logits, targets: -cost(logits, targets), "loss")
    with pytest.raises(CheckFailed, match="per-sample randomness"):
        zoo.testing.check(lambda images, targets: (images * torch.rand(()), targets), "augmentation")


def test_a_network_is_left_as_it_was():
    own = Net(3).train()
    before = own.layer.weight.clone()
    zoo.testing.check(own)
    assert own.training
    assert torch.equal(own.layer.weight, before)


@pytest.mark.parametrize(
    ("component", "kind"),
    [
        (Net, "architecture"),
        (lambda num_classes, in_chans=3: None, "architecture"),
        (nn.CrossEntropyLoss(), "loss"),
        (MulticlassAccuracy, "metric"),
        (torch.optim.AdamW, "optimizer"),
        (torch.optim.lr_scheduler.StepLR, "schedule"),
        (lambda size: None, "augmentation"),
        ({"train": Colours()}, "dataset"),
        (Colours, "dataset"),
    ],
)
def test_the_kind_is_guessed_where_it_is_clear(component: Any, kind: str):
    assert guessed_kind(component) == kind


@pytest.mark.parametrize("component", [cost, print, 5, v2.RandomHorizontalFlip(), functools.partial(cost, weight=2.0)])
def test_a_kind_that_is_not_clear_must_be_named(component: Any):
    with pytest.raises(RequestError, match=r'Name it: zoo.testing.check\(…, "loss"\)'):
        zoo.testing.check(component)


def test_a_word_that_is_no_kind_is_refused():
    with pytest.raises(RequestError, match="There is no kind 'lose'"):
        zoo.testing.check(cost, "lose")
