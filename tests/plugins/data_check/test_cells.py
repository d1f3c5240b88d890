"""The index of near duplicates: what it finds against comparing all pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_data_check import candidates as module
from zoo_data_check.candidates import candidates
from zoo_data_check.cells import CellIndex, centres_of


def vectors(count: int, seed: int, width: int = 6) -> torch.Tensor:
    """Unit vectors (count, width), a tenth of them zeros."""
    draw = np.random.default_rng(seed)
    found = torch.from_numpy(draw.normal(size=(count, width)).astype(np.float32))
    found[draw.random(count) < 0.1] = 0
    return torch.nn.functional.normalize(found, dim=1)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 9), st.integers(0, 99), st.floats(0.1, 0.95))
def test_with_all_probes_the_index_finds_exactly_the_similar_pairs(stored, asked, cells, seed, least):
    own, others, centres = vectors(stored, seed), vectors(asked, seed + 1), vectors(cells, seed + 2)
    hits = CellIndex(centres, own, cells).hits(others, least)
    similarity = others @ own.T
    a, s = torch.nonzero(similarity >= least, as_tuple=True)
    close = {tuple(pair) for pair in torch.nonzero((similarity - least).abs() < 1e-5).tolist()}
    found = set(zip(hits.asked.tolist(), hits.stored.tolist(), strict=True))
    assert found ^ set(zip(a.tolist(), s.tolist(), strict=True)) <= close
    torch.testing.assert_close(hits.similarity, similarity[hits.asked, hits.stored])


def test_few_probes_find_no_pair_twice_and_most_of_the_near_ones():
    own = vectors(3000, 0, 16)
    noisy = torch.nn.functional.normalize(own + 0.05 * vectors(3000, 1, 16), dim=1)
    centres = centres_of(own[own.any(1)])
    assert len(centres) == int(own.any(1).sum()) // 64
    hits = CellIndex(centres, own, 4).hits(noisy, 0.9)
    pairs = list(zip(hits.asked.tolist(), hits.stored.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    kept = np.flatnonzero(own.any(1))
    assert sum((int(i), int(i)) in set(pairs) for i in kept) > 0.99 * len(kept)


@pytest.fixture
def thumbs() -> np.ndarray:
    """160 pictures, of which 20 are windows of others."""
    from PIL import Image

    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (140, 12, 12), np.uint8)
    pictures = [Image.fromarray(each).resize((64, 64), Image.Resampling.BICUBIC) for each in coarse]
    parts = [each.crop((3, 3, 61, 61)).resize((64, 64)) for each in pictures[:20]]
    return np.stack([np.asarray(each) for each in [*pictures, *parts]])


def test_images_are_compared_the_same_by_the_index(thumbs, monkeypatch):
    done: list[int] = []
    every = candidates(thumbs, done.append)
    monkeypatch.setattr(module, "EXACT", 0)
    monkeypatch.setattr(module, "_PROBES", 10**6)
    monkeypatch.setattr(module, "_LEAST_OF_MANY", module._LEAST)
    monkeypatch.setattr(module, "_COLUMNS", 50)  # blocks, whose best pairs are merged
    found = candidates(thumbs, done.append)
    assert done == [160, 50, 100, 150, 160]
    pairs = [
        dict(zip(zip(each.whole.tolist(), each.part.tolist(), strict=True), each.window.tolist(), strict=True))
        for each in (every, found)
    ]
    assert pairs[0] == pairs[1]
    assert {(i, 140 + i) for i in range(20)} <= set(pairs[1])
    assert all((found.part == row).sum() <= 5 for row in range(160))


def test_the_index_finds_windows_with_few_probes(thumbs, monkeypatch):
    monkeypatch.setattr(module, "EXACT", 0)
    found = candidates(thumbs, lambda done: None)
    assert {(i, 140 + i) for i in range(20)} <= set(zip(found.whole.tolist(), found.part.tolist(), strict=True))


def test_empty_windows_have_no_pair(monkeypatch):
    monkeypatch.setattr(module, "EXACT", 0)
    flat = np.full((30, 64, 64), 7, np.uint8)
    assert len(candidates(flat, lambda done: None).whole) == 0
    flat[0] = np.random.default_rng(0).integers(0, 255, (64, 64))
    assert len(candidates(flat, lambda done: None).whole) == 0
