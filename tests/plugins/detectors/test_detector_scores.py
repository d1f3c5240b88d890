"""The detectors' scores: the formulas of their papers, and foreign clouds apart from known ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from zoo_detectors.distances import Knn, Mahalanobis, RelativeMahalanobis
from zoo_detectors.fitted import FittedDetector, KnownImages
from zoo_detectors.generated import KINDS, generated
from zoo_detectors.logits import Energy, MaxLogit, MaxSoftmax
from zoo_detectors.measure import area, area_interval, separation
from zoo_detectors.subspace import Residual, ViM

ON_FEATURES = [Knn, Mahalanobis, RelativeMahalanobis, Residual, ViM]
ALL = [MaxSoftmax, MaxLogit, Energy, *ON_FEATURES]
CENTRES = torch.tensor([[6.0, 0, 0, 0, 0, 0, 0, 0], [0, 6.0, 0, 0, 0, 0, 0, 0], [0, 0, 6.0, 0, 0, 0, 0, 0]])


def known(count: int = 300, seed: int = 0) -> KnownImages:
    """Three clouds in the first three of eight dimensions, and the logits of a last layer that tells them apart."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    spread = torch.tensor([1.0, 1, 1, 1, 0.1, 0.1, 0.1, 0.1])
    features = CENTRES[labels] + spread * torch.randn(count, 8, generator=generator)
    weight, bias = CENTRES / 6, torch.tensor([0.1, 0.0, -0.1])
    return KnownImages(features @ weight.T + bias, features, labels, weight, bias)


def scores(detector: FittedDetector, features: torch.Tensor) -> np.ndarray:
    images = known()
    logits = features @ images.weight.T + images.bias
    given = (logits, features) if detector.needs_embeddings else (logits,)
    return detector(*given).numpy()


@pytest.mark.parametrize("kind", ALL)
def test_foreign_images_have_higher_scores(kind):
    detector = kind()
    detector.fit(known())
    foreign = torch.zeros(200, 8) + torch.randn(200, 8, generator=torch.Generator().manual_seed(1))

    found = separation(scores(detector, known(300, 2).features), scores(detector, foreign))

    assert found.auroc > 0.9
    assert found.fpr95 < 0.5


@pytest.mark.parametrize("kind", ALL)
def test_a_restored_detector_gives_the_same_scores(kind):
    detector, other = kind(), kind()
    detector.fit(known())
    other.restore(detector.learned())
    features = known(50, 3).features
    assert np.array_equal(scores(detector, features), scores(other, features))


@pytest.mark.parametrize("kind", ON_FEATURES)
def test_fewer_images_than_dimensions_are_enough(kind):
    generator = torch.Generator().manual_seed(0)
    features, labels = torch.randn(30, 64, generator=generator), torch.arange(30) % 3
    detector = kind()
    detector.fit(KnownImages(features[:, :3], features, labels))
    assert np.isfinite(detector(features[:, :3], features).numpy()).all()


def test_the_logits_of_one_output_are_centred():
    """Two classes of one logit have (0, z): its energy alone rises with the second class, and says nothing."""
    logits = torch.tensor([[0.0, 8.0], [0.0, -8.0], [0.0, 0.0]])
    labels = torch.tensor([1, 0, 1])
    for detector in (Energy(), MaxLogit()):
        detector.fit(KnownImages(logits, None, labels))
        first, second, between = detector(logits).tolist()
        assert first == pytest.approx(second)
        assert between > first


def test_knn_is_exact_where_all_images_are_near_each_other():
    """Rounding to float32 would be a tenth of these distances, and an exported file would round in another way."""
    features = 1 + 2e-4 * torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    knn = Knn(k=1)
    knn.fit(KnownImages(torch.zeros(100, 2), features[:100], torch.zeros(100, dtype=torch.int64)))
    bank, queries = (normalize(part.double(), dim=1) for part in (knn.get_buffer("bank"), features[100:]))
    wanted = torch.cdist(queries, bank).min(dim=1).values
    found = knn(torch.zeros(100, 2), features[100:])
    assert (found.double() / wanted - 1).abs().max() < 1e-2


def test_knn_is_the_distance_to_the_kth_neighbour():
    features = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    detector = Knn(k=2)
    detector.fit(KnownImages(torch.zeros(3, 2), features, torch.tensor([0, 1, 1])))
    assert float(detector(torch.zeros(1, 2), torch.tensor([[5.0, 0]]))[0]) == pytest.approx(2**0.5)


def test_mahalanobis_divides_by_the_covariance_within_classes():
    images = known(30_000)
    detector = Mahalanobis()
    detector.fit(images)
    far = CENTRES[:1] + torch.tensor([[0, 0, 0, 0, 0.3, 0, 0, 0]])
    assert float(detector(torch.zeros(1, 3), far)[0]) == pytest.approx(9, rel=0.1)  # three standard deviations of 0.1


def test_vim_is_the_formula_of_its_paper():
    images = known()
    detector = ViM(dimensions=4)
    detector.fit(images)
    origin = -torch.linalg.pinv(images.weight) @ images.bias
    centred = (images.features - origin).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    length = (centred @ vectors[:, :4]).norm(dim=1)
    scale = images.logits.amax(dim=1).mean() / length.mean()
    wanted = scale * length - images.logits.logsumexp(dim=1)
    assert torch.allclose(detector(images.logits, images.features).double(), wanted.double(), atol=1e-4)


def test_the_area_is_the_rate_of_ordered_pairs():
    inside, outside = np.array([1.0, 2, 3, 4]), np.array([2.0, 5])
    assert area(inside, outside) == pytest.approx((1 + 0.5 + 4) / 8)


@pytest.mark.parametrize("wanted", [0.55, 0.8, 0.97])
def test_the_interval_of_an_area_contains_it_nineteen_times_in_twenty(wanted):
    from statistics import NormalDist

    apart, hits = 2**0.5 * NormalDist().inv_cdf(wanted), 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        found = area(rng.normal(size=60), rng.normal(apart, size=40))
        low, high = area_interval(found, 60, 40)
        hits += low <= wanted <= high
    assert 270 <= hits <= 299


@pytest.mark.parametrize("found", [0.0, 1.0])
def test_the_interval_of_a_perfect_area_is_not_a_point(found):
    low, high = area_interval(found, 100, 100)
    assert high - low > 0.01
    assert found in (low, high)


@pytest.mark.parametrize("kind", list(KINDS))
def test_generated_pictures_are_the_same_at_each_call_and_differ(kind):
    first, again = generated(kind, 12), generated(kind, 12)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({picture.tobytes() for picture in first}) == 12
    assert {(picture.size, picture.mode) for picture in first} == {((224, 224), "RGB")}
