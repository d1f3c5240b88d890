"""The engine of this process, and the rows of a predictor."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from zoo.api import load
from zoo.errors import RequestError
from zoo_predict.many.items import ImageItem
from zoo_predict.many.local import LocalEngine
from zoo_predict.many.predictor import DecodedBatch, Predictor
from zoo_predict.many.task import PredictTask


class Slow:
    """Decodes each batch more slowly than the next one, and says how far ahead it is."""

    batch = 3

    def __init__(self) -> None:
        self.decoded, self.answered, self.ahead = 0, 0, 0
        self.lock = threading.Lock()

    def decode(self, items):
        with self.lock:
            self.decoded += 1
            self.ahead = max(self.ahead, self.decoded - self.answered)
        time.sleep(0.01 if int(items[0].name) % 2 else 0.001)
        return DecodedBatch(items, [], [])

    def answer(self, batch):
        self.answered += 1
        return [{"path": item.name} for item in batch.items]


def numbers(count: int):
    return (ImageItem(str(i), str(i)) for i in range(count))


def test_rows_have_the_order_of_the_items_and_few_batches_wait():
    predictor = Slow()
    found = list(LocalEngine(4)(numbers(100), predictor))
    assert [row["path"] for rows in found for row in rows] == [str(i) for i in range(100)]
    assert [len(rows) for rows in found] == [3] * 33 + [1]
    assert predictor.ahead <= 2 * 4 + 1


def test_a_stopped_engine_stops_its_threads():
    predictor = Slow()
    rows = LocalEngine(2)(numbers(10**9), predictor)
    next(rows)
    rows.close()
    decoded = predictor.decoded
    time.sleep(0.05)
    assert predictor.decoded == decoded
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("zoo-decode")]


@pytest.fixture
def predictor(colours_run: Path) -> Predictor:
    return Predictor(PredictTask(str(colours_run)))


def test_a_row_for_each_item_whatever_it_is(predictor, colours):
    good, arrays = colours / "red" / "00.png", Path("pixels.npy")
    np.save(arrays, np.full((3, 8, 8), 9, np.uint8))
    Path("text.jpg").write_text("no picture")
    items = [
        ImageItem(Path(path).name, str(Path(path).absolute())) for path in (good, "none.jpg", "text.jpg", arrays, ".")
    ]
    rows = predictor([*items, ImageItem("damaged.tar", "damaged.tar", problem="cut off")])
    assert [row["error"] for row in rows] == [
        None,
        "no such file",
        "not a readable image",
        None,
        "is a directory",
        "cut off",
    ]
    assert rows[0]["label"] == "red"
    assert rows[0].keys() == {"path", *predictor.example, "depth"}


def test_a_prediction_of_nan_is_an_error_of_that_image(predictor, colours, monkeypatch):
    real = predictor.classifier._outputs

    def broken(pixels, tta=None):
        logits = real(pixels, tta).clone()
        logits[0] = float("nan")
        return logits

    monkeypatch.setattr(predictor.classifier, "_outputs", broken)
    path = str(colours / "red" / "00.png")
    first, second = predictor([ImageItem("1", path), ImageItem("2", path)])
    assert (first["error"], second["label"]) == ("the prediction is NaN", "red")
    with pytest.raises(RequestError, match="black image is NaN"):
        predictor.example  # noqa: B018


def test_an_address_without_a_network_ends_the_job(predictor):
    with pytest.raises(RequestError, match="downloads are disabled"):
        predictor([ImageItem("http://example.org/1.jpg", "http://example.org/1.jpg")])


def test_a_task_names_its_model_for_other_processes(colours_run, monkeypatch):
    monkeypatch.chdir(colours_run.parent.parent)
    assert PredictTask.model_word(colours_run.name) == str(colours_run.resolve())
    assert PredictTask.model_word("hf:owner/name") == "hf:owner/name"
    load(PredictTask.model_word(colours_run.name))
