"""Test-time augmentation: which views there are, that symmetric pictures look the same in them, and their mean."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo.engine.tta import NONE, VIEWS, Averaged, account, looking, mean_logits, notices, views
from zoo.errors import RequestError

SIZES = st.integers(1, 20)
WAYS = sorted(VIEWS)


def pictures(height: int, width: int | None = None, seed: int = 0, count: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width or height, generator=generator)


def network(size: int = 8) -> nn.Module:
    """One that tells every pixel from every other."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size * size, 4)).eval()


@pytest.mark.parametrize(("tta", "count"), [("none", 1), ("flip", 2), ("crops", 5), ("flip_crops", 10), ("d4", 8)])
def test_there_are_as_many_views_as_told_each_another(tta: str, count: int):
    images = pictures(16)
    found = list(views(images, tta))
    assert len(found) == count == len(VIEWS[tta])
    assert all(view.shape == images.shape for view in found)
    assert all(not torch.equal(a, b) for i, a in enumerate(found) for b in found[:i])


@given(size=SIZES, tta=st.sampled_from(WAYS))
@settings(max_examples=60, deadline=None)
def test_a_picture_of_one_colour_looks_the_same_in_every_view(size: int, tta: str):
    images = pictures(1).expand(-1, -1, size, size)
    for view in views(images, tta):
        torch.testing.assert_close(view, images)


@given(height=SIZES, width=SIZES)
@settings(max_examples=40, deadline=None)
def test_a_picture_that_is_its_own_mirror_image_is_seen_the_same_both_ways(height: int, width: int):
    half = pictures(height, width)
    images = torch.cat([half, half.flip(-1)], dim=-1)
    first, second = views(images, "flip")
    assert torch.equal(first, second)
    crops = list(views(images, "crops"))
    for left, right in ((0, 1), (2, 3)):
        torch.testing.assert_close(crops[left], crops[right].flip(-1))
    torch.testing.assert_close(crops[4], crops[4].flip(-1))
    flipped = list(views(images, "flip_crops"))
    for plain, mirrored in zip(flipped[:5], flipped[5:], strict=True):
        torch.testing.assert_close(plain, mirrored)


@given(size=st.integers(2, 12))
@settings(max_examples=20, deadline=None)
def test_a_picture_with_all_symmetries_of_the_square_looks_the_same_in_d4(size: int):
    images = torch.stack(list(views(pictures(size), "d4"))).mean(dim=0)
    for view in views(images, "d4"):
        torch.testing.assert_close(view, images)


@given(size=st.integers(2, 12), again=st.integers(0, 7))
@settings(max_examples=30, deadline=None)
def test_d4_is_a_group_so_a_turned_picture_has_the_same_views(size: int, again: int):
    images = pictures(size)
    turned = list(views(images, "d4"))[again]
    found = {tuple(view.flatten().tolist()) for view in views(turned, "d4")}
    assert found == {tuple(view.flatten().tolist()) for view in views(images, "d4")}


def test_crops_are_corners_and_centre_of_a_picture_enlarged_by_a_seventh():
    """A ramp from 0 to 1 across 70 pixels becomes 80 wide, and loses 10 on the right, on the left, or 5 on both."""
    ramp = torch.linspace(0, 1, 70).expand(1, 1, 70, 70)
    columns = [view[0, 0, 35] for view in views(ramp, "crops")]
    rows = [view[0, 0, :, 35] for view in views(ramp.transpose(2, 3), "crops")]
    step = (1 / 69) * 70 / 80
    for places, seen in (((0, 10, 0, 10, 5), columns), ((0, 0, 10, 10, 5), rows)):
        for place, line in zip(places, seen, strict=True):
            wanted = ((torch.arange(70) + place + 0.5) * 70 / 80 - 0.5) / 69
            torch.testing.assert_close(line, wanted.clamp(0, 1))
            assert float(line[30] - line[29]) == pytest.approx(step, rel=1e-3)


@pytest.mark.parametrize("tta", WAYS)
def test_the_mean_is_that_of_predictions_by_hand(tta: str):
    model, images = network(), pictures(8, count=5)
    by_hand = torch.zeros(5, 4)
    for view in VIEWS[tta]:
        by_hand += model(view(images)).softmax(dim=1)
    with torch.inference_mode():
        logits = Averaged(model, tta)(images)
    torch.testing.assert_close(logits.softmax(dim=1), by_hand / len(VIEWS[tta]))
    targets = torch.tensor([0, 1, 2, 3, 0])
    by_hand_loss = -(by_hand / len(VIEWS[tta]))[range(5), targets].log().mean()
    assert cross_entropy(logits, targets).item() == pytest.approx(by_hand_loss.item(), rel=1e-5)


@pytest.mark.parametrize("multilabel", [False, True])
@given(seed=st.integers(0, 1000), count=st.integers(1, 6), scale=st.sampled_from([0.1, 1.0, 30.0]))
@settings(max_examples=40, deadline=None)
def test_means_are_of_probabilities_one_view_is_itself_and_order_is_nothing(
    multilabel: bool, seed: int, count: int, scale: float
):
    generator = torch.Generator().manual_seed(seed)
    each = [scale * torch.randn(3, 4, generator=generator) for _ in range(count)]

    def probabilities(logits: Tensor) -> Tensor:
        return logits.double().sigmoid() if multilabel else logits.double().softmax(dim=1)

    mean = mean_logits(each, multilabel=multilabel)
    wanted = torch.stack([probabilities(one) for one in each]).mean(dim=0)
    torch.testing.assert_close(probabilities(mean), wanted, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(mean_logits(each[:1], multilabel=multilabel), each[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mean_logits(each[::-1], multilabel=multilabel), mean)


def test_one_view_that_is_extremely_sure_has_one_vote():
    sure, others = torch.tensor([[1000.0, 0.0]]), torch.tensor([[-1.0, 1.0]])
    mean = mean_logits([sure, others, others])
    assert mean.isfinite().all()
    assert mean.argmax() == 1
    assert float(mean.softmax(dim=1)[0, 0]) == pytest.approx((1 + 2 / (1 + math.e**2)) / 3, rel=1e-3)


def test_flip_changes_nothing_for_a_network_that_cannot_tell_left_from_right():
    torch.manual_seed(0)
    blind = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    images = pictures(9)
    with torch.inference_mode():
        torch.testing.assert_close(looking(blind, "flip")(images), blind(images))
        torch.testing.assert_close(looking(blind, "d4")(images), blind(images))
        assert not torch.allclose(looking(blind, "crops")(images), blind(images))


def test_without_it_the_network_is_itself_and_nothing_is_told():
    model = network()
    assert looking(model, NONE) is model
    assert account(NONE) == {}
    assert notices(NONE) == []
    assert account("crops") == {"tta": {"name": "crops", "views": 5}}
    assert "mean over 5 views" in notices("crops")[0]


def test_a_network_that_looks_is_put_into_evaluation_with_its_wrapper():
    model = nn.Sequential(nn.Dropout(0.5), network())
    looks = looking(model.train(), "flip").eval()
    assert not model.training
    images = pictures(8)
    torch.testing.assert_close(looks(images), looks(images))


def test_an_unknown_way_is_refused_with_those_there_are():
    with pytest.raises(RequestError, match=r"'flop'. Did you mean 'flip'\?.*flip_crops"):
        looking(network(), "flop")
