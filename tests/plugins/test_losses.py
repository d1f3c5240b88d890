"""The losses against torch.nn.functional, formulas written out here, and each other."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from zoo_losses import plugin
from zoo_losses.losses import MSE, BinaryCrossEntropy, CrossEntropy, Focal, SoftF1

COMPONENTS = {component.name: component for component in plugin.zoo_losses()}
LOSSES = {
    name: getattr(importlib.import_module(component.target.split(":")[0]), component.target.split(":")[1])
    for name, component in COMPONENTS.items()
    if not component.tasks or "single-label" in component.tasks
}
"""Those of classes; ``test_value_losses.py`` and ``test_rank_losses.py`` have the others."""
VARIANTS = {
    **{name: cls() for name, cls in LOSSES.items()},
    "cross_entropy smoothed and weighted": CrossEntropy(label_smoothing=0.1, class_weights=[1.0, 2.0, 0.5]),
    "binary_cross_entropy smoothed": BinaryCrossEntropy(label_smoothing=0.1),
    "focal of a small gamma": Focal(gamma=0.3, alpha=[0.2, 0.3, 0.5]),
    "focal of gamma 0": Focal(gamma=0.0),
}
every_loss = pytest.mark.parametrize("loss", VARIANTS.values(), ids=VARIANTS.keys())


def batch(n: int = 12, k: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, k, generator=generator) * 3, torch.randint(0, k, (n,), generator=generator)


def soft(n: int = 12, k: int = 3, seed: int = 1) -> Tensor:
    return torch.rand(n, k, generator=torch.Generator().manual_seed(seed)).softmax(1)


def test_the_plugin_brings_exactly_these_losses():
    assert set(LOSSES) == {"cross_entropy", "binary_cross_entropy", "mse", "focal", "soft_f1"}
    assert set(COMPONENTS) - set(LOSSES) == {"l1", "huber", "quantile", "corn", "ordinal"}


@every_loss
def test_labels_and_one_hot_targets_give_the_same(loss: nn.Module):
    logits, labels = batch()
    torch.testing.assert_close(loss(logits, labels), loss(logits, F.one_hot(labels, 3).float()))


@every_loss
def test_loss_is_a_finite_scalar_with_a_gradient(loss: nn.Module):
    logits, labels = batch()
    logits.requires_grad_()
    value = loss(logits, labels)
    value.backward()
    assert value.shape == ()
    assert value.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().sum() > 0


@every_loss
@pytest.mark.parametrize("targets", ["labels", "soft"])
def test_gradient_is_finite_at_extreme_logits(loss: nn.Module, targets: str):
    values = [[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [0.0, 0.0, 0.0], [1e4, 1e4, 1e4], [-1e4, 0.0, 1e4]]
    logits = torch.tensor(values, requires_grad=True)
    wanted = torch.tensor([0, 0, 1, 2, 0]) if targets == "labels" else soft(5)
    value = loss(logits, wanted)
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()


@every_loss
def test_better_prediction_has_lower_loss(loss: nn.Module):
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    right = F.one_hot(labels, 3).float()
    confident, unsure, wrong = 2 * right, 0.5 * right, -2 * right
    assert loss(confident, labels) < loss(unsure, labels) < loss(wrong, labels)


@every_loss
def test_a_step_along_the_gradient_lowers_the_loss(loss: nn.Module):
    logits, labels = batch()
    logits.requires_grad_()
    before = loss(logits, labels)
    (slope,) = torch.autograd.grad(before, logits)
    assert loss(logits - 1e-2 * slope, labels) < before


@every_loss
def test_half_precision_logits_are_worked_on_in_float32(loss: nn.Module):
    logits, labels = batch()
    half = logits.bfloat16()
    value = loss(half, labels)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(half.float(), labels))


@every_loss
def test_targets_of_another_shape_are_refused_with_both_shapes(loss: nn.Module):
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(4, 3\)"):
        loss(torch.zeros(4, 3), torch.zeros(4, 2))


@given(st.integers(1, 20), st.integers(2, 6), st.floats(0, 1), st.integers(0, 2**20))
@settings(max_examples=25, deadline=None)
def test_cross_entropy_is_torchs_for_labels_and_soft_targets(n: int, k: int, smoothing: float, seed: int):
    logits, labels = batch(n, k, seed)
    loss, targets = CrossEntropy(label_smoothing=smoothing), soft(n, k, seed)
    torch.testing.assert_close(loss(logits, labels), F.cross_entropy(logits, labels, label_smoothing=smoothing))
    torch.testing.assert_close(loss(logits, targets), F.cross_entropy(logits, targets, label_smoothing=smoothing))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weighted_cross_entropy_is_torchs_for_labels(smoothing: float):
    logits, labels = batch()
    weights = [0.5, 1.0, 3.0]
    expected = F.cross_entropy(logits, labels, weight=torch.tensor(weights), label_smoothing=smoothing)
    torch.testing.assert_close(CrossEntropy(smoothing, weights)(logits, labels), expected)


def test_weighted_cross_entropy_of_weightless_classes_alone_is_zero():
    logits = torch.randn(4, 2, requires_grad=True)
    value = CrossEntropy(class_weights=[0.0, 1.0])(logits, torch.zeros(4, dtype=torch.int64))
    value.backward()
    assert value == 0
    assert logits.grad.abs().sum() == 0


@given(st.integers(0, 2**20), st.floats(0, 0.5))
@settings(max_examples=20, deadline=None)
def test_two_columns_train_like_one_sigmoid(seed: int, smoothing: float):
    z = batch(8, 1, seed)[0][:, 0].requires_grad_()
    labels = torch.arange(8) % 2
    two = BinaryCrossEntropy(smoothing)(torch.stack([torch.zeros(8), z], 1), labels)
    wanted = labels * (1 - smoothing) + smoothing / 2
    p = z.double().sigmoid()  # in single precision 1 - p loses the digits that are compared
    one = -(wanted * p.log() + (1 - wanted) * (1 - p).log()).mean().float()
    torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*(torch.autograd.grad(v, z)[0] for v in (two, one)), rtol=1e-4, atol=1e-5)


def test_binary_cross_entropy_of_two_columns_is_their_softmax_cross_entropy():
    logits, labels = batch(k=2)
    torch.testing.assert_close(BinaryCrossEntropy()(logits, labels), F.cross_entropy(logits, labels))


def test_binary_cross_entropy_of_more_classes_is_the_mean_over_one_vs_rest():
    logits, labels = batch()
    parts = [F.binary_cross_entropy(logits[:, k].sigmoid(), (labels == k).float()) for k in range(3)]
    torch.testing.assert_close(BinaryCrossEntropy()(logits, labels), sum(parts) / 3)


def test_mse_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 and 1/4
    torch.testing.assert_close(MSE()(logits, torch.tensor([0])), torch.tensor((0.25**2 + 0.25**2) / 2))
    torch.testing.assert_close(MSE()(logits, torch.tensor([[0.5, 0.5]])), torch.tensor(0.25**2))


def test_focal_by_hand():
    logits, labels = torch.tensor([[math.log(3.0), 0.0]] * 2), torch.tensor([0, 1])
    expected = (0.7 * 0.25**2 * -math.log(0.75) + 0.3 * 0.75**2 * -math.log(0.25)) / 2
    torch.testing.assert_close(Focal(2.0, [0.7, 0.3])(logits, labels), torch.tensor(expected))


def test_focal_of_gamma_zero_is_cross_entropy():
    logits, labels = batch()
    torch.testing.assert_close(Focal(gamma=0.0)(logits, labels), F.cross_entropy(logits, labels))
    torch.testing.assert_close(Focal(gamma=0.0)(logits, soft()), F.cross_entropy(logits, soft()))


def test_focal_turns_easy_samples_down():
    easy, hard = torch.tensor([[4.0, 0.0]]), torch.tensor([[-1.0, 0.0]])
    label = torch.tensor([0])
    share = [float(loss(easy, label) / loss(hard, label)) for loss in (Focal(0.0), Focal(1.0), Focal(3.0))]
    assert share == sorted(share, reverse=True)


def test_soft_f1_of_certain_predictions_is_the_f1_score():
    labels, predicted = torch.tensor([0, 0, 1, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 1, 2, 0, 2])
    f1 = (2 * 1 / (2 + 2) + 2 * 2 / (3 + 2) + 2 * 2 / (2 + 3)) / 3  # 2 tp / (predicted + actual), class by class
    value = SoftF1()(F.one_hot(predicted, 3).float() * 1e3, labels)
    assert float(value) == pytest.approx(1 - f1, abs=1e-6)


def test_soft_f1_leaves_absent_classes_out_and_stays_finite():
    labels = torch.tensor([0, 0, 3])
    logits = (F.one_hot(labels, 5).float() * 1e4).requires_grad_()
    value = SoftF1()(logits, labels)
    value.backward()
    assert float(value.detach()) == pytest.approx(0, abs=1e-6)
    assert logits.grad.isfinite().all()


@given(st.integers(1, 20), st.integers(2, 6), st.integers(0, 2**20))
@settings(max_examples=20, deadline=None)
def test_soft_f1_and_mse_lie_in_0_to_1(n: int, k: int, seed: int):
    logits, labels = batch(n, k, seed)
    for loss in (SoftF1(), MSE()):
        for targets in (labels, soft(n, k, seed)):
            assert -1e-6 <= float(loss(logits, targets)) <= 1 + 1e-6


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda k: CrossEntropy(class_weights=[1.0, 2.0], num_classes=k), "class_weights"),
        (lambda k: Focal(alpha=[1.0, 2.0], num_classes=k), "alpha"),
    ],
)
def test_weights_of_the_wrong_length_name_both_numbers(build, name: str):
    with pytest.raises(ValueError, match=rf"{name} has 2 values, but there are 3 classes"):
        build(3)
    late = build(None)
    with pytest.raises(ValueError, match=rf"{name} has 2 values, but there are 3 classes"):
        late(*batch())
    late(*batch(k=2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CrossEntropy(label_smoothing=1.5), "label_smoothing is 1.5"),
        (lambda: BinaryCrossEntropy(label_smoothing=-0.1), "label_smoothing is -0.1"),
        (lambda: CrossEntropy(class_weights=[1.0, -1.0]), "class_weights"),
        (lambda: CrossEntropy(class_weights=[0.0, 0.0]), "class_weights"),
        (lambda: Focal(alpha=[math.nan, 1.0]), "alpha"),
        (lambda: Focal(gamma=-1.0), "gamma is -1.0"),
        (lambda: Focal(gamma=math.nan), "gamma is nan"),
    ],
)
def test_values_out_of_bounds_are_refused(build, message: str):
    with pytest.raises(ValueError, match=message):
        build()


def test_weights_move_with_the_module():
    assert CrossEntropy(class_weights=[1.0, 2.0]).to("meta").class_weights.device.type == "meta"
    assert Focal(alpha=[1.0, 2.0]).to("meta").alpha.device.type == "meta"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_loss
def test_loss_on_cuda_equals_that_on_cpu(loss: nn.Module):
    logits, labels = batch()
    expected = loss(logits, labels)
    value = loss.to("cuda")(logits.cuda(), labels.cuda())
    loss.to("cpu")
    torch.testing.assert_close(value.cpu(), expected)


# -- several labels an image --------------------------------------------------------------------------


def _several(k: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits, and targets of which some rows have no label and some have all."""
    generator = torch.Generator().manual_seed(seed)
    targets = (torch.rand(20, k, generator=generator) < 0.4).float()
    targets[0], targets[1] = 0, 1
    return 3 * torch.randn(20, k, generator=generator), targets


@pytest.mark.parametrize("k", [1, 2, 5])
def test_binary_cross_entropy_of_several_labels_is_the_mean_of_each_classes_own(k: int):
    from sklearn.metrics import log_loss

    logits, targets = _several(k)
    each = [log_loss(targets[:, i], logits[:, i].double().sigmoid()) for i in range(k)]
    assert float(BinaryCrossEntropy(multilabel=True)(logits, targets)) == pytest.approx(np.mean(each), rel=1e-5)


def test_two_classes_of_several_labels_are_two_questions():
    """Of one label an image they are one: its log-odds."""
    logits = torch.tensor([[4.0, 4.0]])
    both = torch.tensor([[1.0, 1.0]])
    assert float(BinaryCrossEntropy(multilabel=True)(logits, both)) < 0.02
    assert float(BinaryCrossEntropy()(logits, both)) > 0.6


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_of_several_labels_is_torchvisions(k: int, gamma: float):
    from torchvision.ops import sigmoid_focal_loss

    logits, targets = _several(k, 1)
    wanted = sigmoid_focal_loss(logits, targets, alpha=-1, gamma=gamma, reduction="mean")
    assert float(Focal(gamma=gamma, multilabel=True)(logits, targets)) == pytest.approx(float(wanted), rel=1e-4)


def test_focal_of_several_labels_weighs_each_class():
    logits, targets = _several(3, 2)
    weighted = Focal(alpha=[0.0, 1.0, 2.0], multilabel=True)(logits, targets)
    each = [Focal(multilabel=True)(logits[:, [i]], targets[:, [i]]) for i in range(3)]
    assert float(weighted) == pytest.approx(float(each[1] + 2 * each[2]) / 3, rel=1e-5)


def test_soft_f1_of_several_labels_is_scikit_learns_for_sure_answers():
    from sklearn.metrics import f1_score

    logits, targets = _several(4, 3)
    answers = logits > 0
    value = SoftF1(multilabel=True)(200 * (answers.float() - 0.5), targets)
    assert float(value) == pytest.approx(1 - f1_score(targets, answers, average="macro"), abs=1e-5)


@pytest.mark.parametrize("make", [BinaryCrossEntropy, Focal, SoftF1])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_several_labels_have_a_finite_gradient_however_sure_the_answer(make: type[nn.Module], scale: float):
    logits, targets = _several(3, 4)
    leaf = (scale * logits).requires_grad_()
    make(multilabel=True)(leaf, targets).backward()
    assert leaf.grad is not None
    assert leaf.grad.isfinite().all()
