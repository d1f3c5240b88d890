"""What a check of the data has left out, in words."""

from __future__ import annotations

from zoo_data_check.report import left_out_words


def test_one_is_not_several() -> None:
    left_out = {"near": 1, "exact": 2, "conflict": 1, "suspect": 1, "unreadable": 1}
    fixed = {"path": "clean.csv", "kept": 2000, "splits": {"train": 2000}, "left_out": left_out}
    assert left_out_words(fixed) == (
        "clean.csv: 2,000 images (2,000 train); left out: 1 near duplicate, 2 exact duplicates, 1 under two labels, "
        "1 suspect, 1 unreadable"
    )
