import pytest
import torch
import zoo
from zoo.testing import parametrize
from zoo_logbook import book

SMALL = {"image_size": 8, "set": {"architecture.channels": [8]}}


@parametrize("logbook")
def test_contract(check):
    check()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(page):
    return [(row["run"], row["event"]) for row in book.read(page)]


def test_a_run_is_written_down(folder):
    result = zoo.run("simple_cnn", "digits", epochs=2, name="one", **SMALL)
    page = folder / "runs" / "logbook.jsonl"
    assert events(page) == [("one", e) for e in ("start", "epoch", "epoch", "end")]
    rows = book.read(page)
    assert rows[0]["architecture"] in ("simple_cnn", "simple/simple_cnn")
    assert rows[0]["images"] == {"train": 1437, "val": 360}
    assert rows[1]["train_loss"] == pytest.approx(result["epochs"][0]["train"]["loss"])
    assert rows[-1]["accuracy"] == result.metrics["val"]["accuracy"]


def test_the_report_counts_runs(folder):
    zoo.run("simple_cnn", "digits", epochs=1, name="one", **SMALL)
    result = zoo.run("simple_cnn", "digits", epochs=1, name="two", **SMALL)
    (text,) = [text for title, text in result["sections"] if title == "Logbook"]
    assert "1 finished runs before this one" in text
    assert "Logbook" in (result.dir / "report.html").read_text("utf-8")


def test_a_run_is_stopped(folder, monkeypatch):
    monkeypatch.setenv("LOGBOOK_STOP_AT", "0.01")
    result = zoo.run("simple_cnn", "digits", epochs=5, name="one", **SMALL)
    assert (result["status"], len(result["epochs"])) == ("stopped", 1)
    assert book.read(folder / "runs" / "logbook.jsonl")[-1]["status"] == "stopped"


class BreaksLater(torch.nn.CrossEntropyLoss):
    calls = 0

    def forward(self, logits, targets):
        self.calls += 1
        if self.calls > 60:
            raise ArithmeticError("on purpose")
        return super().forward(logits, targets)


def test_a_failure_is_written_down(folder):
    with pytest.raises(Exception, match="on purpose"):
        zoo.run("simple_cnn", "digits", epochs=9, name="bad", loss=BreaksLater, **SMALL)
    last = book.read(folder / "runs" / "logbook.jsonl")[-1]
    assert last["event"] == "failed"
    assert "on purpose" in last["error"]


def test_switched_off(folder, monkeypatch):
    monkeypatch.setenv("LOGBOOK", "off")
    zoo.run("simple_cnn", "digits", epochs=1, name="one", **SMALL)
    assert not list(folder.rglob("logbook.jsonl"))
