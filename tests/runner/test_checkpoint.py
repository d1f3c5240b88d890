"""Checkpoints: the state comes back to the last bit, and reading one runs no code."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zoo.errors import OutputError, RequestError
from zoo.runner.checkpoint import LAST, load_checkpoint, random_states, restore_random_states, save_checkpoint


def draws() -> list[float]:
    """One number from each source that a component may draw from, and the second normal of a pair."""
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.rand()),
        float(np.random.randn()),
        float(torch.rand(())),
        float(torch.randn(3)[2]),
    ]


def test_random_states_come_back_through_a_file(tmp_path: Path):
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(5)
    draws()  # an odd number of normals: the other one of the pair is waiting
    save_checkpoint(tmp_path / "checkpoints", {"random": random_states()})
    expected = draws() + draws()
    state = load_checkpoint(tmp_path / "checkpoints")
    assert state is not None
    restore_random_states(state["random"])
    assert draws() + draws() == expected


def test_training_goes_on_as_if_it_had_not_stopped(tmp_path: Path):
    def fresh() -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        return model, optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=8)

    def steps(model: nn.Module, optimizer: torch.optim.Optimizer, schedule: Any, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            model(torch.randn(6, 3)).square().mean().backward()
            optimizer.step()
            schedule.step()

    straight = fresh()
    steps(*straight, 4)
    state = {"parts": [part.state_dict() for part in straight], "random": random_states(), "history": [{"loss": 0.5}]}
    save_checkpoint(tmp_path, state)
    steps(*straight, 4)
    resumed = fresh()
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    for part, part_state in zip(resumed, loaded["parts"], strict=True):
        part.load_state_dict(part_state)
    restore_random_states(loaded["random"])
    steps(*resumed, 4)
    assert loaded["history"] == [{"loss": 0.5}]
    for one, other in zip(straight[0].state_dict().values(), resumed[0].state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_there_may_be_none(tmp_path: Path):
    assert load_checkpoint(tmp_path) is None
    assert load_checkpoint(tmp_path / "missing") is None


def test_the_last_one_takes_the_place_of_the_one_before(tmp_path: Path):
    folder = tmp_path / "checkpoints"
    for epoch in (1, 2):
        save_checkpoint(folder, {"epoch": epoch})
    assert load_checkpoint(folder) == {"epoch": 2}
    assert [path.name for path in folder.iterdir()] == [LAST]


def test_a_state_that_cannot_be_saved_leaves_the_last_one(tmp_path: Path):
    folder = tmp_path / "checkpoints"
    save_checkpoint(folder, {"epoch": 1})
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        save_checkpoint(folder, {"epoch": lambda: 2})
    assert load_checkpoint(folder) == {"epoch": 1}
    assert [path.name for path in folder.iterdir()] == [LAST]


@pytest.mark.parametrize("part", [0, 10, 0.5, -1])
def test_a_damaged_one_is_told_with_what_to_type(tmp_path: Path, part: float):
    save_checkpoint(tmp_path, {"weights": torch.rand(100)})
    whole = (tmp_path / LAST).read_bytes()
    (tmp_path / LAST).write_bytes(whole[: int(part * len(whole)) if isinstance(part, float) else part])
    with pytest.raises(RequestError, match=r"can't be read .* Start afresh with --overwrite") as caught:
        load_checkpoint(tmp_path)
    assert str(tmp_path / LAST) in str(caught.value)


def test_code_in_one_is_not_run(tmp_path: Path):
    class Boom:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "boom",)

    torch.save({"epoch": Boom()}, tmp_path / LAST)
    with pytest.raises(RequestError, match="can't be read"):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "boom").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        save_checkpoint(tmp_path / "file" / "checkpoints", {})
