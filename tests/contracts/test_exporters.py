"""Every exporter writes models of every task: the file's answers are the model's, and it is read back as a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.decode import framed
from zoo.engine.execution import choose_execution
from zoo.host.loader import open_registry
from zoo.model.build import build
from zoo.model.bundle import Preprocessing
from zoo.model.classifier import Classifier
from zoo.model.exported import as_network, open_artifact
from zoo.model.formats import suffix_of
from zoo.testing.sample_bundle import SampleBundle, sample_bundle

EXPORTERS = {entry.id: entry for entry in open_registry().entries("exporter") if entry.origin.bundled}
RANKS = ("0", "1", "2", "3")
CARDS: dict[str, dict[str, Any]] = {
    "several labels": {"task": "multi-label", "thresholds": [0.3, 0.5, 0.7]},
    "a value": {"task": "regression", "classes": ["age"], "outputs": {"mean": [1990.25], "std": [12.5]}},
    "values": {
        "task": "regression",
        "classes": ["x", "y"],
        "outputs": {"mean": [0.0, 1e6], "std": [1e-3, 2e4]},
    },
    "quantiles": {
        "task": "regression",
        "classes": ["x", "y"],
        "outputs": {
            "mean": [3.0, -5.0],
            "std": [2.0, 1.0],
            "link": {"kind": "quantiles", "levels": [0.05, 0.25, 0.5, 0.75, 0.95]},
        },
    },
    "ranks": {"task": "ordinal", "classes": list(RANKS)},
    "corn": {"task": "ordinal", "classes": list(RANKS), "outputs": {"link": {"kind": "corn"}}},
    "corn of two": {"task": "ordinal", "classes": ["0", "1"], "outputs": {"link": {"kind": "corn"}}},
    "cumulative": {"task": "ordinal", "classes": list(RANKS), "outputs": {"link": {"kind": "cumulative"}}},
}


@pytest.fixture(params=CARDS)
def bundle(request: pytest.FixtureRequest) -> Iterator[SampleBundle]:
    with sample_bundle(**CARDS[request.param]) as made:
        yield made


def written(bundle: SampleBundle, entry: Any) -> Any:
    """The file of an exporter, read back."""
    path = Path("export", f"model{suffix_of(entry.component)}")
    path.parent.mkdir(exist_ok=True)
    build(entry, {}, "exporter", bundle.folder, path, network=bundle.network, pixels=bundle.pixels)
    return open_artifact(entry, path, bundle.registry)


def spread(bundle: SampleBundle) -> torch.Tensor:
    """The unit of the differences of answers: a standard deviation of each value, or 1."""
    return torch.tensor((bundle.card.get("outputs") or {}).get("std") or [1.0])


def test_there_are_exporters():
    assert len(EXPORTERS) >= 4


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_file_answers_as_its_model(exporter, bundle):
    artifact, images = written(bundle, EXPORTERS[exporter]), bundle.pixels(5)
    shape = Preprocessing(**bundle.card["preprocessing"]).shape
    wanted = bundle.probabilities(images)
    found = torch.from_numpy(artifact(framed(images, shape)))
    assert found.shape == wanted.shape == (5, len(bundle.card["classes"]))
    assert found.dtype == torch.float32
    assert float(((found - wanted) / spread(bundle)).abs().max()) < 1e-4
    assert float((wanted.std(dim=0) / spread(bundle)).max()) > 1e-3, "all images have one answer, so nothing is tested"
    assert artifact.card["task"] == bundle.card["task"]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_file_predicts_as_its_model(exporter, bundle):
    artifact, images = written(bundle, EXPORTERS[exporter]), list(bundle.pixels(4))
    network, card = as_network(artifact)
    execution = choose_execution("cpu", "fp32", "channels_first")
    own, read = (Classifier(*each, execution) for each in ((bundle.network, bundle.card), (network, card)))
    for wanted, found in zip(own.answers(images, tta="none"), read.answers(images), strict=True):
        assert flat(found) == pytest.approx(flat(wanted), rel=1e-4, abs=1e-4)


def flat(answer: dict[str, Any]) -> dict[str, float]:
    """Numbers of an answer by name."""
    if "value" in answer:
        return {"value": answer["value"]}
    return answer["values"] if "values" in answer else {t["class"]: t["probability"] for t in answer["top"]}
