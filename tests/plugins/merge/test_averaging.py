"""The average of predictions is that of probabilities, whatever the logits."""

from __future__ import annotations

import pytest
import torch

from zoo.engine.task import task_named
from zoo_merge.averaging import average_of, averaged

LOGITS = [torch.randn(7, 4, generator=torch.Generator().manual_seed(i)) * 5 for i in range(3)]


def test_softmax_of_the_average_is_the_mean_probability():
    mean = torch.stack([each.softmax(dim=1) for each in LOGITS]).mean(dim=0)
    assert torch.allclose(averaged(LOGITS, "softmax").softmax(dim=1), mean, atol=1e-6)


def test_the_energy_of_the_average_is_the_mean_energy():
    """Log-probabilities alone would have the energy 0 for every image, and no image would be unfamiliar."""
    energies = torch.stack([each.logsumexp(dim=1) for each in LOGITS]).mean(dim=0)
    assert torch.allclose(averaged(LOGITS, "softmax").logsumexp(dim=1), energies, atol=1e-5)


def test_two_classes_of_one_logit_have_an_energy():
    """Of logits (0, z) the energy of one class alone says nothing; the average has that over the mean logit."""
    logits = torch.tensor([[0.0, 6.0], [0.0, -6.0]])
    found = averaged([logits, logits], "softmax")
    assert torch.allclose(found.softmax(dim=1), logits.softmax(dim=1), atol=1e-6)
    energy = found.logsumexp(dim=1)
    assert energy[0] == pytest.approx(float(energy[1]), abs=1e-5)


def test_sigmoid_of_the_average_is_the_mean_probability():
    mean = torch.stack([each.sigmoid() for each in LOGITS]).mean(dim=0)
    assert torch.allclose(averaged(LOGITS, "sigmoid").sigmoid(), mean, atol=1e-6)


def test_outputs_are_averaged_as_they_are():
    assert torch.allclose(averaged(LOGITS, "outputs"), torch.stack(LOGITS).mean(dim=0))


@pytest.mark.parametrize("how", ["softmax", "sigmoid"])
def test_extreme_logits_stay_finite(how):
    extreme = torch.tensor([[300.0, -300.0], [-300.0, 300.0]])
    found = averaged([extreme, -extreme, extreme], how)
    assert bool(found.isfinite().all())
    assert bool((averaged([extreme], how).argmax(dim=1) == extreme.argmax(dim=1)).all())


@pytest.mark.parametrize("link", ["corn", "cumulative"])
def test_outputs_of_ranks_give_the_mean_probability_back(link):
    task = task_named("ordinal", {"outputs": {"link": {"kind": link}}})
    mean = torch.stack([each.softmax(dim=1) for each in LOGITS]).mean(dim=0)
    found = averaged(LOGITS, link)
    assert found.shape == (7, 3)
    assert torch.allclose(task.read(found).exp(), mean, atol=1e-5)
    assert bool(averaged([LOGITS[0] * 100], link).isfinite().all())


def test_each_task_has_its_average():
    assert average_of("regression", {"kind": "quantiles", "levels": [0.5]}) == "outputs"
    assert average_of("ordinal", {"kind": "corn"}) == "corn"
    assert [average_of(name, None) for name in ("ordinal", "single-label", "multi-label")] == [
        *("softmax", "softmax", "sigmoid")
    ]
