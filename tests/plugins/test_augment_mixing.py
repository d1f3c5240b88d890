"""Mixup and cutmix: soft targets that say what is seen; a job gives the number of classes, each loss trains on them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import zoo
from zoo.engine.totals import Totals
from zoo.errors import JobError
from zoo.registry.signature import check, parameters
from zoo_augment.choosing import rand_augment
from zoo_augment.colour import colour
from zoo_augment.erasing import random_erasing
from zoo_augment.geometry import affine, flip, random_resized_crop
from zoo_augment.mixing import cutmix, mixup, soft_targets
from zoo_augment.policies import heavy, light, medium, none

LOSSES = ("cross_entropy", "binary_cross_entropy", "mse", "focal", "soft_f1")
both = pytest.mark.parametrize("factory", [mixup, cutmix], ids=lambda factory: factory.__name__)


def flat(n: int, height: int = 16, width: int = 16) -> Tensor:
    """Images (n, 1, H, W), each of one value: its place in the batch, over n."""
    return (torch.arange(n) / n).view(n, 1, 1, 1).expand(n, 1, height, width).contiguous()


@both
@given(
    n=st.integers(1, 12),
    classes=st.integers(1, 6),
    alpha=st.floats(0.01, 10.0),
    p=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**20),
)
@settings(deadline=None, max_examples=60)
def test_shares_of_classes_add_up_to_one_and_none_is_negative(
    factory: Any, n: int, classes: int, alpha: float, p: float, seed: int
):
    torch.manual_seed(seed)
    labels = torch.randint(0, classes, (n,))
    given_labels = labels.clone()
    augment = factory(16, alpha=alpha, p=p, num_classes=classes)
    images, soft = augment(torch.rand(n, 3, 16, 16), labels)
    assert soft.shape == (n, classes)
    assert soft.dtype == torch.float32
    torch.testing.assert_close(soft.sum(1), torch.ones(n))
    assert float(soft.min()) >= 0
    assert torch.equal(labels, given_labels)
    again = augment(images, soft)[1]  # one mix after another
    torch.testing.assert_close(again.sum(1), torch.ones(n))


@both
def test_the_share_of_a_class_is_what_is_seen_of_it(factory: Any):
    """Each image is of its own value and class: the mean of what is seen tells the shares, whatever was drawn."""
    n = 40
    torch.manual_seed(0)
    images, soft = factory(16, alpha=1.0, num_classes=n)(flat(n), torch.arange(n))
    torch.testing.assert_close(images.mean((1, 2, 3)), soft @ (torch.arange(n) / n), rtol=0, atol=1e-5)
    assert bool(((soft > 0).sum(1) <= 2).all()), "of two images at the most"
    own = soft.diagonal()
    assert own.unique().numel() > n / 2, "each sample has a share of its own"
    assert float(own.min()) < 0.5
    assert soft.fill_diagonal_(0).argmax(1).unique().numel() > n / 2, "and a partner"


@pytest.mark.parametrize(("height", "width"), [(16, 16), (9, 31)])
def test_cutmix_pastes_one_rectangle_and_its_share_is_the_area_kept(height: int, width: int):
    n = 200
    torch.manual_seed(0)
    images, soft = cutmix((height, width), num_classes=n)(flat(n, height, width), torch.arange(n))
    kept = (images == flat(n, height, width)).float()
    torch.testing.assert_close(soft.diagonal(), kept.mean((1, 2, 3)))
    pasted = kept[:, 0] == 0
    rows, columns = pasted.any(2), pasted.any(1)
    assert torch.equal(pasted, rows[:, :, None] & columns[:, None, :])
    assert bool(((rows.int().diff(dim=1) == 1).sum(1) <= 1).all()), "in one piece"
    assert float(pasted.any(0).float().mean()) == 1, "anywhere"


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixups_shares_are_drawn_from_the_beta_distribution(alpha: float):
    from scipy.stats import beta, kstest

    n = 3000
    torch.manual_seed(0)
    soft = mixup(2, alpha=alpha, num_classes=n)(torch.zeros(n, 1, 2, 2), torch.arange(n))[1]
    own = soft.diagonal()[(soft > 0).sum(1) > 1].double()  # without those that are their own partner, or nearly
    low, high = float(own.min()), float(own.max())
    kept = beta(alpha, alpha).cdf(high) - beta(alpha, alpha).cdf(low)
    cdf = (beta(alpha, alpha).cdf(own.numpy()) - beta(alpha, alpha).cdf(low)) / kept
    assert kstest(cdf, "uniform").statistic < 0.04


@both
def test_about_the_share_of_samples_that_it_is_told_is_mixed(factory: Any):
    n = 1000
    torch.manual_seed(0)
    images, soft = factory(8, alpha=1.0, p=0.3, num_classes=n)(flat(n, 8, 8), torch.arange(n))
    changed = (images != flat(n, 8, 8)).flatten(1).any(1)
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.05)
    assert torch.equal(changed, soft.diagonal() < 1)


def test_labels_become_shares_and_shares_stay():
    labels = torch.tensor([2, 0])
    assert soft_targets(labels, 4).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert soft_targets(labels).shape == (2, 3)
    assert soft_targets(soft_targets(labels, 4)) is not None
    shares = torch.tensor([[0.25, 0.75]])
    assert soft_targets(shares, 9) is shares


def test_none_does_nothing():
    images, labels = torch.rand(4, 3, 8, 8), torch.arange(4)
    assert none(8)(images, labels)[0] is images
    assert none(8)(images, labels)[1] is labels


def test_policies_are_made_of_what_they_say():
    images, labels = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 4
    steps = {
        light: [affine(32, 5.0, (0.95, 1.15), shift=0.03)],
        medium: [affine(32, 12.0, (0.95, 1.67), 0.15, 0.025), colour(32, 0.3, 0.3, 0.3)],
        heavy: [
            *(flip(32), random_resized_crop(32, (0.35, 1.0)), rand_augment(32, 2, 9)),
            *(random_erasing(32, 0.25), cutmix(32, p=0.5, num_classes=4)),
        ],
    }
    for policy, made_of in steps.items():
        told: dict[str, Any] = {"num_classes": 4} if policy is heavy else {}
        torch.manual_seed(0)
        seen, targets = policy(32, **told)(images, labels)
        torch.manual_seed(0)
        expected, wanted = images, labels
        for step in made_of:
            expected, wanted = step(expected, wanted)
        assert torch.equal(seen, expected)
        assert torch.equal(targets, wanted)
    assert 0.3 < float((targets.amax(1) == 1).float().mean()) < 0.8, "about half of heavy's targets are of one class"


@pytest.mark.parametrize("policy", [light, medium, heavy])
def test_a_policy_mirrors_only_where_it_may(policy: Any):
    """A ramp that rises to the right still does, unless mirrored."""
    ramp = torch.linspace(0.2, 0.8, 32).expand(200, 3, 32, 32).contiguous()
    falling = {}
    for mirrored in (False, True):
        torch.manual_seed(0)
        seen = policy(32, flip=mirrored)(ramp, torch.zeros(200, dtype=torch.int64))[0]
        falling[mirrored] = float((seen[..., 20:28].mean((1, 2, 3)) < seen[..., 4:12].mean((1, 2, 3))).float().mean())
    assert falling[True] == pytest.approx(0.5, abs=0.12)
    assert falling[False] < (0.25 if policy is heavy else 0.02)  # solarize and shift of rand_augment may turn it round


@both
def test_the_number_of_classes_is_the_jobs_to_give(factory: Any):
    assert [p.name for p in parameters("augmentation", factory)] == ["alpha", "p"]
    problems = check("augmentation", factory, {"num_classes": 3}, "augment.mix")[1]
    assert problems == ["augment.mix has no parameter 'num_classes'. It has: alpha, p."]


def trained(folder: Path, augment: list[Any], loss: str = "cross_entropy") -> Any:
    """Two epochs of the recipe for digits, the first with smaller images: each size has augmentations of its own."""
    options = {"train.start_size": 12, "train.batch_size": 32}
    return zoo.run("simple_cnn", "digits", epochs=2, augment=augment, loss=loss, set=options, out=folder, name="r")


@pytest.mark.parametrize("loss", [LOSSES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in LOSSES[1:])])
def test_each_loss_trains_on_mixed_images(loss: str, tmp_path: Path):
    result = trained(tmp_path, ["mixup", {"name": "cutmix", "p": 0.5}], loss)
    assert result["status"] == "completed"
    last = result["epochs"][-1]
    assert math.isfinite(last["train"]["loss"])
    assert 0.25 < last["train"]["accuracy"] < 1
    assert last["val"]["accuracy"] > 0.5


@pytest.mark.parametrize("policy", [pytest.param("light", marks=pytest.mark.slow), "heavy"])
def test_a_job_takes_a_policy_by_name(policy: str, tmp_path: Path):
    result = trained(tmp_path, [{"name": policy, "flip": False}])
    assert result["job"]["augment"] == [{"name": policy, "flip": False}]
    assert result["metrics"]["val"]["accuracy"] > 0.15


def test_a_job_can_not_set_the_number_of_classes(tmp_path: Path):
    with pytest.raises(JobError, match="has no parameter 'num_classes'"):
        trained(tmp_path, [{"name": "mixup", "num_classes": 3}])


def test_an_image_counts_as_right_when_the_class_that_most_is_seen_of_is_said():
    """So that a network which tells everything apart has an accuracy of 1 on mixed images too."""
    torch.manual_seed(0)
    soft = cutmix(16, num_classes=5)(torch.rand(50, 3, 16, 16), torch.arange(50) % 5)[1]
    totals = Totals(torch.device("cpu"))
    totals.add(torch.tensor(0.0), soft.log(), soft)
    assert totals.accuracy == 1


# -- values -------------------------------------------------------------------------------------------


@both
@given(n=st.integers(1, 12), count=st.integers(1, 3), alpha=st.floats(0.01, 10.0), seed=st.integers(0, 2**20))
@settings(deadline=None, max_examples=40)
def test_values_are_mixed_as_their_images_are(factory: Any, n: int, count: int, alpha: float, seed: int):
    """Of images that are as bright as their value, the mixed ones are so too, in the mean of their pixels."""
    torch.manual_seed(seed)
    images = flat(n)
    values = images.mean((1, 2, 3))[:, None] * torch.tensor([1.0, -3.0, 100.0])[:count]
    before = values.clone()
    mixed, targets = factory(16, alpha=alpha, num_classes=count)(images, values)
    expected = mixed.mean((1, 2, 3))[:, None] * torch.tensor([1.0, -3.0, 100.0])[:count]
    torch.testing.assert_close(targets, expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(values, before)


@both
@pytest.mark.parametrize("name", ["mse", "l1", "huber", "quantile"])
def test_a_regression_trains_on_mixed_values(factory: Any, name: str):
    from zoo.engine.links import link_of
    from zoo.host.loader import open_registry
    from zoo.model.build import build

    entry = open_registry().find("loss", name)
    link = getattr(entry.factory(), "link", None)
    _, targets = factory(16, alpha=1.0, num_classes=2)(flat(8), torch.randn(8, 2))
    outputs = torch.zeros(8, link_of(link() if link else None).width(2), requires_grad=True)
    build(entry, {}, "loss", regression=True)(outputs, targets).backward()
    assert outputs.grad is not None
    assert outputs.grad.abs().sum() > 0
