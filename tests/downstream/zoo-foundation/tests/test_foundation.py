from __future__ import annotations

import json

import pytest
import torch
import zoo
from zoo.testing import parametrize
from zoo_foundation.training import inverse_sqrt, split_adam
from zoo_foundation.vit import create


@parametrize("foundation")
def test_contract(check) -> None:
    check()


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """What the fnd trainer writes for two classes of colour images."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model = create("fnd_tiny", 2)
    file = tmp_path / "fnd_tiny.fnd"
    content = {"fnd": 1, "model": "fnd_tiny", "classes": ["ash", "oak"], "image_size": 32, "weights": model.state_dict()}
    torch.save({**content, "epoch": 7}, file)
    return file


def test_vectors_do_not_decay() -> None:
    model = create("fnd_tiny", 2)
    optimizer = split_adam([{"params": list(model.parameters()), "lr": 0.1}], lr=1.0)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.1, 0.05), (0.1, 0.0)]


def test_schedule_rises_then_falls() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = inverse_sqrt(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates.index(max(rates)) == 9


def test_the_whole_recipe(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    parts = {"loss": "agreement", "train.optimizer": "split_adam", "train.schedule": "inverse_sqrt"}
    parts = {place: f"foundation/{name}" for place, name in parts.items()}
    result = zoo.run("foundation/fnd_tiny", "digits", epochs=1, image_size=16, set=parts, recipe="none")
    assert {row["id"] for row in result["provenance"].values()} >= set(parts.values())
    card = json.loads((result.dir / "model" / "zoo.json").read_text())
    assert card["architecture"]["id"] == "foundation/fnd_tiny"


def test_pretrained_weights_are_used(checkpoint, monkeypatch) -> None:
    monkeypatch.setenv("FND_HOME", str(checkpoint.parent))
    result = zoo.run("foundation/fnd_tiny", "digits", pretrained=True, freeze="backbone", epochs=1, image_size=32)
    assert result["status"] == "completed"
    with pytest.raises(zoo.errors.RequestError, match="FND_HOME"):
        zoo.run("foundation/fnd_small", "digits", pretrained=True, epochs=1)
