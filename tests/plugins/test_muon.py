"""Muon: what it makes orthogonal, what it leaves to AdamW, and that it trains and resumes."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zoo_optim.muon import _by_gram, _by_matrix, is_matrix, muon, orthogonal


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 40), st.integers(5, 40), st.integers(0, 1000))
def test_every_singular_value_comes_near_one(rows: int, columns: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=generator)).Q
    right = torch.linalg.qr(torch.randn(columns, columns, generator=generator)).Q
    k = min(rows, columns)
    values = torch.rand(k, generator=generator) * 0.95 + 0.05  # nothing so small that five steps can't lift it
    matrix = left[:, :k] @ torch.diag(values) @ right[:k]
    found = torch.linalg.svdvals(orthogonal(matrix))
    assert found.min() > 0.5
    assert found.max() < 1.3


@pytest.mark.parametrize("smallest", [1.0, 1e-2, 1e-4, 1e-6])
def test_the_way_by_the_gram_matrix_is_the_same(smallest: float):
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(32, 32))
    right, _ = torch.linalg.qr(torch.randn(200, 32))
    values = torch.logspace(0, float(torch.tensor(smallest).log10()), 32)
    matrix = left @ torch.diag(values) @ right.T
    matrix = matrix / matrix.norm()
    wanted = _by_matrix(matrix.double(), 5)
    torch.testing.assert_close(_by_gram(matrix, 5).double(), wanted, rtol=0.05, atol=0.03)


def test_only_wide_matrices_are_made_orthogonal():
    assert is_matrix(torch.zeros(64, 32, 3, 3))
    assert is_matrix(torch.zeros(10, 256))
    assert not is_matrix(torch.zeros(32, 3, 3, 3))  # reads the pixels
    assert not is_matrix(torch.zeros(1, 256))  # one output
    assert not is_matrix(torch.zeros(256))


def test_biases_move_exactly_as_adamw_moves_them():
    torch.manual_seed(0)
    mine = nn.Parameter(torch.randn(8))
    theirs = nn.Parameter(mine.detach().clone())
    ours = muon([{"params": [mine], "weight_decay": 0.1}], lr=0.02, adamw_scale=0.5)
    adamw = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    for _ in range(5):
        gradient = torch.randn(8)
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step()
        adamw.step()
    torch.testing.assert_close(mine, theirs)


def test_it_learns_and_goes_on_from_its_state_bit_for_bit():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 5))
    images, targets = torch.randn(20, 8, 8, 8), torch.randint(0, 5, (20,))
    optimizer = muon(model.parameters(), lr=0.02)

    def steps(net: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> float:
        for _ in range(count):
            loss = nn.functional.cross_entropy(net(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss)

    first = steps(model, optimizer, 1)
    assert steps(model, optimizer, 20) < 0.5 * first
    other = copy.deepcopy(model)
    resumed = muon(other.parameters(), lr=0.5)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert steps(model, optimizer, 3) == steps(other, resumed, 3)


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"lr": 0.1, "momentum": 1.0}, {"lr": 0.1, "steps": 0}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match="muon needs"):
        muon([nn.Parameter(torch.zeros(2))], **wrong)
