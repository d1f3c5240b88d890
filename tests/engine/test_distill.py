"""Distillation: its loss against torch's and by hand, its part in a step, and that a student learns what is taught."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, cross_entropy, kl_div

from zoo.engine.distill import Distillation, soft_loss
from zoo.engine.execution import Execution
from zoo.engine.step import StepConfig
from zoo.engine.train import train_epoch
from zoo.errors import TrainingError

PLAIN = Execution(torch.device("cpu"))


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def stepped(model: nn.Module, images: Tensor, targets: Tensor, **more: object) -> nn.Module:
    model = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    train_epoch(model, [(images, targets)], cross_entropy, optimizer, PLAIN, StepConfig(**more))  # type: ignore[arg-type]
    return model


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@given(seed=st.integers(0, 500), temperature=st.sampled_from([0.5, 1.0, 4.0, 20.0]), scale=st.sampled_from([0.1, 5.0]))
@settings(max_examples=30, deadline=None)
def test_the_soft_loss_is_torchs_divergence(seed: int, temperature: float, scale: float):
    student, teacher = draw(5, 4, seed=seed, scale=scale), draw(5, 4, seed=seed + 1, scale=scale)
    soft = (teacher / temperature).softmax(dim=1)
    reference = kl_div((student / temperature).log_softmax(dim=1), soft, reduction="batchmean") * temperature**2
    torch.testing.assert_close(soft_loss(student, teacher, temperature), reference)
    by_hand = (soft * (soft.log() - (student / temperature).softmax(dim=1).log())).sum(dim=1).mean() * temperature**2
    torch.testing.assert_close(soft_loss(student, teacher, temperature), by_hand, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("multilabel", [False, True])
@given(seed=st.integers(0, 500), temperature=st.sampled_from([1.0, 4.0]))
@settings(max_examples=20, deadline=None)
def test_it_is_positive_and_nothing_where_student_and_teacher_agree(multilabel: bool, seed: int, temperature: float):
    student, teacher = draw(5, 4, seed=seed), draw(5, 4, seed=seed + 1)
    assert float(soft_loss(student, teacher, temperature, multilabel=multilabel)) > 0
    assert float(soft_loss(teacher, teacher, temperature, multilabel=multilabel)) == pytest.approx(0, abs=1e-5)


def test_of_several_labels_it_is_the_divergence_of_each_yes_or_no():
    student, teacher = draw(5, 4), draw(5, 4, seed=1)
    soft, guess = (teacher / 2).sigmoid(), (student / 2).sigmoid()
    entropy = binary_cross_entropy(soft, soft)
    torch.testing.assert_close(
        soft_loss(student, teacher, 2.0, multilabel=True), 4 * (binary_cross_entropy(guess, soft) - entropy)
    )


def test_its_gradient_keeps_its_size_as_the_temperature_rises():
    """Hinton et al. 2015, section 2: T^2 times it goes to (student - teacher) / K for logits of mean zero."""
    teacher = draw(6, 3)
    student = draw(6, 3, seed=1)
    teacher, student = (logits - logits.mean(dim=1, keepdim=True) for logits in (teacher, student))
    student.requires_grad_()
    soft_loss(student, teacher, 1000.0).backward()
    torch.testing.assert_close(student.grad, ((student - teacher) / 3 / 6).detach(), rtol=2e-2, atol=1e-4)


def test_a_step_minimises_the_weighted_sum():
    images, targets, teacher, model = draw(8, 6), torch.arange(8) % 3, network(9), network()
    mine = stepped(model, images, targets, distill=Distillation(lambda x: teacher(x).detach(), 0.3, 2.0))
    logits = model(images)
    (0.7 * cross_entropy(logits, targets) + 0.3 * soft_loss(logits, teacher(images).detach(), 2.0)).backward()
    by_hand = torch.cat([(p - 0.5 * p.grad).detach().flatten() for p in model.parameters()])
    torch.testing.assert_close(weights(mine), by_hand)


def test_of_weight_0_it_is_no_teacher_at_all():
    def never(images: Tensor) -> Tensor:
        raise AssertionError("nobody asked")

    images, targets = draw(8, 6), torch.arange(8) % 3
    mine = stepped(network(), images, targets, distill=Distillation(never, 0.0, 4.0))
    assert torch.equal(weights(mine), weights(stepped(network(), images, targets)))


@pytest.mark.parametrize("pieces", [2, 3])
def test_a_batch_in_pieces_is_the_same_step(pieces: int):
    images, targets, teacher = draw(8, 6), torch.arange(8) % 3, network(9)
    distill = Distillation(lambda x: teacher(x).detach(), 0.6, 3.0)
    whole = stepped(network(), images, targets, distill=distill)
    torch.testing.assert_close(
        weights(stepped(network(), images, targets, distill=distill, accumulate=pieces)), weights(whole)
    )


def test_the_loss_that_is_told_is_that_of_the_targets():
    images, targets, teacher, model = draw(8, 6), torch.arange(8) % 3, network(9), network()
    wanted = cross_entropy(model(images), targets).item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    distill = Distillation(lambda x: teacher(x).detach(), 0.5, 4.0)
    totals = train_epoch(model, [(images, targets)], cross_entropy, optimizer, PLAIN, StepConfig(distill=distill))
    assert totals.loss == pytest.approx(wanted)


def test_a_teacher_whose_answers_are_no_numbers_stops_the_training():
    distill = Distillation(lambda x: torch.full((len(x), 3), torch.nan), 0.5, 4.0)
    with pytest.raises(TrainingError, match="step 1"):
        stepped(network(), draw(8, 6), torch.arange(8) % 3, distill=distill)


def test_soft_targets_of_mixed_pictures_go_with_it():
    images, mixed, teacher = draw(8, 6), draw(8, 3).softmax(dim=1), network(9)
    mine = stepped(network(), images, mixed, distill=Distillation(lambda x: teacher(x).detach(), 0.5, 4.0))
    assert not torch.equal(weights(mine), weights(stepped(network(), images, mixed)))


def test_a_student_of_weight_1_learns_what_the_teacher_knows_from_shuffled_labels():
    """Labels that say nothing: without a teacher it stays at chance, with one it answers as that does."""
    teacher, images = network(9), draw(512, 6)
    truth = teacher(images).argmax(dim=1)
    shuffled = truth[torch.randperm(512, generator=torch.Generator().manual_seed(5))]
    fresh = draw(2000, 6, seed=77)
    wanted = teacher(fresh).argmax(dim=1)
    right = {}
    for weight in (0.0, 1.0):
        student = network(1)
        optimizer = torch.optim.Adam(student.parameters(), lr=0.02)
        distill = Distillation(lambda x: teacher(x).detach(), weight, 2.0)
        for _ in range(20):
            batches = list(zip(images.split(64), shuffled.split(64), strict=True))
            train_epoch(student, batches, cross_entropy, optimizer, PLAIN, StepConfig(distill=distill))
        right[weight] = float((student(fresh).argmax(dim=1) == wanted).double().mean())
    assert right[1.0] > 0.9
    assert right[0.0] < 0.7
