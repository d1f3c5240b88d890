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
from zoo.model.bundle import WEIGHTS
from zoo.runner.checkpoint import (
    BEST_SHA256,
    INDEX,
    Keeper,
    load_checkpoint,
    random_states,
    restore_random_states,
    save_checkpoint,
)
from zoo.storage.files import sha256_of


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


def test_the_last_one_is_read_and_the_one_before_kept(tmp_path: Path):
    folder = tmp_path / "checkpoints"
    for epoch in (1, 2, 3):
        save_checkpoint(folder, {"epoch": epoch})
    assert load_checkpoint(folder) == {"epoch": 3}
    assert sorted(path.name for path in folder.iterdir()) == ["000002.pt", "000003.pt", INDEX]


def test_a_state_that_cannot_be_saved_leaves_the_last_one(tmp_path: Path):
    folder = tmp_path / "checkpoints"
    save_checkpoint(folder, {"epoch": 1})
    before = sorted(folder.iterdir())
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        save_checkpoint(folder, {"epoch": lambda: 2})
    assert load_checkpoint(folder) == {"epoch": 1}
    assert sorted(folder.iterdir()) == before


def changed(path: Path, part: float) -> None:
    """Cut off at a place, or with a bit turned over."""
    whole = bytearray(path.read_bytes())
    if part == -2:
        whole[len(whole) // 2] ^= 1
    path.write_bytes(whole if part == -2 else whole[: int(part * len(whole)) if isinstance(part, float) else int(part)])


DAMAGES = [0, 10, 0.5, -1, -2]


@pytest.mark.parametrize("part", DAMAGES)
def test_in_the_place_of_a_damaged_one_the_one_before_is_read(tmp_path: Path, part: float):
    save_checkpoint(tmp_path, {"weights": torch.zeros(100)})
    last = save_checkpoint(tmp_path, {"weights": torch.ones(100)})
    changed(last, part)
    notices: list[str] = []
    state = load_checkpoint(tmp_path, notices.append)
    assert state is not None
    assert torch.equal(state["weights"], torch.zeros(100))
    assert str(last) in notices[0]
    assert "Continuing from the previous one" in notices[0]


@pytest.mark.parametrize("part", DAMAGES)
def test_damaged_ones_alone_are_told_with_what_to_type(tmp_path: Path, part: float):
    path = save_checkpoint(tmp_path, {"weights": torch.rand(100)})
    changed(path, part)
    with pytest.raises(RequestError, match=r"can't be read .* Start over with --overwrite") as caught:
        load_checkpoint(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "{", "[1]", '{"../x.pt": "0"}', '{"x": 1}'])
def test_without_its_index_a_whole_one_is_found_all_the_same(tmp_path: Path, content: str | None):
    for epoch in (1, 2):
        save_checkpoint(tmp_path, {"epoch": epoch})
    (tmp_path / INDEX).unlink() if content is None else (tmp_path / INDEX).write_text(content, "utf-8")
    assert load_checkpoint(tmp_path) == {"epoch": 2}
    save_checkpoint(tmp_path, {"epoch": 3})
    assert load_checkpoint(tmp_path) == {"epoch": 3}


def test_code_in_one_is_not_run(tmp_path: Path):
    class Boom:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "boom",)

    torch.save({"epoch": Boom()}, tmp_path / "000001.pt")
    with pytest.raises(RequestError, match="can't be read"):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "boom").exists()
    torch.load(tmp_path / "000001.pt", weights_only=False)
    assert (tmp_path / "boom").exists(), "a loader that trusts it would have run it"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        save_checkpoint(tmp_path / "file" / "checkpoints", {})


def test_what_is_kept_is_the_state_as_it_was_when_it_was_saved(tmp_path: Path):
    weights, history = torch.zeros(2, 3), [{"epoch": 1}]
    keeper = Keeper(tmp_path / "checkpoints", tmp_path)
    keeper.save({"weights": weights, "history": history, "pair": (weights, None)})
    weights.fill_(9)
    history.append({"epoch": 2})
    keeper.wait()
    state = load_checkpoint(tmp_path / "checkpoints")
    assert state is not None
    assert state["weights"].sum() == state["pair"][0].sum() == 0
    assert state["history"] == [{"epoch": 1}]


def test_what_could_not_be_written_is_told_at_the_next_occasion(tmp_path: Path):
    (tmp_path / "file").write_text("")
    keeper = Keeper(tmp_path / "file" / "checkpoints", tmp_path)
    keeper.save({})
    with pytest.raises(OutputError, match="can't be written"):
        keeper.save({})
    keeper.wait()  # once


def test_a_bit_that_turned_over_is_found_without_the_index_too(tmp_path: Path):
    """Each byte of the archive in turn: either what was saved is read, or it is told as damaged."""
    saved = {"weights": torch.arange(4, dtype=torch.float64), "history": [0.25], "epoch": 2}
    path = save_checkpoint(tmp_path, saved)
    (tmp_path / INDEX).unlink()
    whole, told = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            found = load_checkpoint(tmp_path)
        except RequestError:
            told += 1
            continue
        assert found is not None
        assert torch.equal(found.pop("weights"), saved["weights"]), place
        assert found == {"history": [0.25], "epoch": 2}, place
    assert told > 100


def test_without_the_index_the_one_before_a_damaged_one_is_read(tmp_path: Path):
    save_checkpoint(tmp_path, {"weights": torch.zeros(100)})
    last = save_checkpoint(tmp_path, {"weights": torch.ones(100)})
    (tmp_path / INDEX).unlink()
    content = bytearray(last.read_bytes())
    place = content.index(torch.ones(100).numpy().tobytes())
    content[place + 2] ^= 0x40
    last.write_bytes(content)
    notices: list[str] = []
    state = load_checkpoint(tmp_path, notices.append)
    assert state is not None
    assert torch.equal(state["weights"], torch.zeros(100))
    assert "Continuing from the previous one" in notices[0]


def test_a_checkpoint_says_which_weights_are_the_best(tmp_path: Path):
    keeper = Keeper(tmp_path / "checkpoints", tmp_path)
    assert keeper.intact() is None
    keeper.save({"epoch": 1}, nn.Linear(2, 2), "first")
    keeper.save({"epoch": 2})
    keeper.wait()
    state = load_checkpoint(tmp_path / "checkpoints")
    assert state == {"epoch": 2, BEST_SHA256: sha256_of(tmp_path / WEIGHTS)}
    assert keeper.intact() is True
    (tmp_path / WEIGHTS).write_bytes(b"else")
    assert keeper.intact() is False
    (tmp_path / WEIGHTS).unlink()
    assert keeper.intact() is False
