"""The evaluation of a model that was trained on images of a split says so, and does not keep their predictions."""

from __future__ import annotations

import json
from pathlib import Path

RUN = (
    *("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture={channels: [4], global_pool: avg}"),
    *("--set", "train.images_per_epoch=64", "--name", "r", "--quiet"),
)
SEEN = "It was trained on these."


def test_it_says_so(zoo):
    assert zoo(*RUN)[0] == 0
    card = Path("runs/r/model/zoo.json")
    card.write_text(json.dumps({**json.loads(card.read_text("utf-8")), "trained_on": {"val": SEEN}}))
    code, out, _ = zoo("evaluate", "r", "--json")
    assert code == 0
    assert SEEN in json.loads(out)["notices"]
    before = Path("runs/r/predictions_val.npz").read_bytes()
    code, _, error = zoo("evaluate", "r", "--keep")
    assert code == 2
    assert "not saved" in error
    assert SEEN in error
    assert Path("runs/r/predictions_val.npz").read_bytes() == before
    code, out, _ = zoo("evaluate", "r", "digits", "--split", "val", "--json")
    assert SEEN not in json.loads(out)["notices"]
