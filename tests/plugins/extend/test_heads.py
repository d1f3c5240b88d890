"""Heads of extended networks, without a network around them."""

from __future__ import annotations

import pytest
import torch

from zoo_extend.fitting import FittingData, fit
from zoo_extend.heads import WiderHead, head_of

FEATURES = 6


def clusters(per_class: int = 40, classes: int = 3, spread: float = 0.4) -> FittingData:
    """Features around one centre for each class; the old logits tell the first two apart."""
    generator = torch.Generator().manual_seed(0)
    centres = 2 * torch.eye(classes, FEATURES)
    targets = torch.arange(classes).repeat_interleave(per_class)
    features = centres[targets] + spread * torch.randn(len(targets), FEATURES, generator=generator)
    logits = torch.stack([features[:, 0], features[:, 1]], dim=1)
    return FittingData(features, logits, targets)


def fitted(name: str, refitted: bool = False, data: FittingData | None = None) -> tuple[WiderHead, FittingData]:
    found = clusters() if data is None else data
    head = head_of({"name": name, "refitted": refitted, "stored": len(found.targets)}, FEATURES, 2, 1)
    fit(head, found)
    return head.eval(), found


def accuracy(head: WiderHead, data: FittingData) -> float:
    with torch.no_grad():
        return float((head(data.features, data.logits).argmax(dim=1) == data.targets).float().mean())


@pytest.mark.parametrize("name", ["linear", "prototypes", "knn"])
@pytest.mark.parametrize("refitted", [False, True])
def test_a_fitted_head_tells_the_classes_apart(name: str, refitted: bool):
    head, data = fitted(name, refitted)
    assert accuracy(head, data) > 0.95


@pytest.mark.parametrize("name", ["linear", "prototypes", "knn"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_old_logits_pass_with_the_same_bits(name: str, dtype: torch.dtype):
    head, data = fitted(name)
    old = (data.logits * 1e3).to(dtype)
    for size in (1, 3, len(old)):
        with torch.no_grad():
            assert torch.equal(head(data.features[:size], old[:size])[:, :2], old[:size])


@pytest.mark.parametrize("name", ["prototypes", "knn"])
def test_a_new_class_has_the_probability_that_the_scores_give_it(name: str):
    """The old classes divide the rest in the old proportions."""
    head, data = fitted(name)
    with torch.no_grad():
        probs = head(data.features, data.logits).softmax(dim=1)
        alone = head.scores(data.features).softmax(dim=1)
    assert torch.allclose(probs[:, 2], alone[:, 2], atol=1e-5)
    assert torch.allclose(probs[:, 0] / probs[:, 1], (data.logits[:, 0] - data.logits[:, 1]).exp(), rtol=1e-3)


def test_the_linear_head_is_logistic_regression():
    """Refitted, it has the probabilities of scikit-learn's with C = 1 on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    head, data = fitted("linear", refitted=True)
    inputs = StandardScaler().fit_transform(data.features.double().numpy())
    theirs = LogisticRegression(C=1, tol=1e-8, max_iter=1000).fit(inputs, data.targets.numpy()).predict_proba(inputs)
    with torch.no_grad():
        ours = head(data.features, data.logits).softmax(dim=1).numpy()
    assert abs(ours - theirs).max() < 1e-3


def test_a_feature_that_is_constant_does_no_harm():
    data = clusters()
    data.features[:, 5] = 7.0
    head, _ = fitted("linear", data=data)
    assert all(bool(value.isfinite().all()) for value in head.state_dict().values())
    assert accuracy(head, data) > 0.95


def test_prototypes_of_one_image_a_class_are_finite():
    head, data = fitted("prototypes", data=clusters(per_class=1))
    assert all(bool(value.isfinite().all()) for value in head.state_dict().values())
    assert accuracy(head, data) == 1.0


def test_fewer_stored_features_than_neighbours_all_vote():
    head, data = fitted("knn", data=clusters(per_class=2))
    assert head.scores.neighbours == 6
    with torch.no_grad():
        assert torch.allclose(head.scores(data.features).exp().sum(dim=1), torch.ones(6), atol=1e-5)


def test_fitting_gives_the_same_bits_again():
    for name in ("linear", "prototypes", "knn"):
        first, second = fitted(name)[0].state_dict(), fitted(name)[0].state_dict()
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match="linear, prototypes or knn, not 'forest'"):
        head_of({"name": "forest"}, FEATURES, 2, 1)
