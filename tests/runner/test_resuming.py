"""Going on: within an epoch, from a damaged checkpoint, and to more epochs than were planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

import zoo
from zoo.errors import Interrupted, RequestError, TrainingError
from zoo.runner.checkpoint import BEST_SHA256, INDEX, load_checkpoint, save_checkpoint
from zoo.runner.observer import Observer
from zoo.storage.files import sha256_of

JOB: dict[str, Any] = {
    "augment": ["shift"],
    "set": {"architecture.channels": [8], "architecture.batch_norm": True, "train.ema_decay": 0.9},
    "precision": "fp32",
    "device": "cpu",
}


class Listens(Observer):
    """Hears notices, and is interrupted at a step of an epoch."""

    def __init__(self, epoch: int | None = None, step: int = 0):
        self.at, self.step_number = (epoch, step), 0
        self.epoch, self.notices = 0, list[str]()

    def epoch_started(self, epoch: int, epochs: int, images: int) -> None:
        self.epoch, self.step_number = epoch, 0

    def step(self, seen: int, totals: Any) -> None:
        self.step_number += 1
        if self.at == (self.epoch, self.step_number):
            raise KeyboardInterrupt

    def notice(self, text: str) -> None:
        self.notices.append(text)


def run(name: str, epochs: int = 2, observer: Observer | None = None, **more: Any) -> dict[str, Any]:
    sets = {**JOB["set"], **more.pop("set", {})}
    job = {**JOB, "set": sets, **more}
    return zoo.run("simple_cnn", "digits", epochs=epochs, name=name, observer=observer or Listens(), **job)


def numbers_of(name: str) -> list[dict[str, Any]]:
    timed = ("seconds", "images_per_second")
    epochs = json.loads(Path("runs", name, "result.json").read_text("utf-8"))["epochs"]
    return [{k: v for k, v in epoch.items() if k not in timed} for epoch in epochs]


def weights_of(name: str) -> bytes:
    return Path("runs", name, "model", "model.safetensors").read_bytes()


SLOW = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epoch", "step"), [(1, 9), *(pytest.param(*place, marks=SLOW) for place in ((1, 1), (2, 1), (2, 23)))]
)
def test_interrupted_at_any_step_a_run_ends_as_if_it_had_not_been(epoch: int, step: int):
    often = {"train.checkpoint_s": 1e-6}
    run("whole", set=often)
    with pytest.raises(Interrupted, match="zoo run --resume"):
        run("part", set=often, observer=Listens(epoch, step))
    state = load_checkpoint(Path("runs/part/checkpoints"))
    if step > 1:
        assert state is not None
        assert state["position"]["steps"] == step - 1
    run("part", set=often, resume=True)
    assert numbers_of("part") == numbers_of("whole")
    assert weights_of("part") == weights_of("whole")


@pytest.mark.slow
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before():
    often = {"train.checkpoint_s": 1e-6}
    run("whole", set=often)
    with pytest.raises(Interrupted):
        run("part", set=often, observer=Listens(2, 9))
    folder = Path("runs/part/checkpoints")
    last = folder / next(iter(json.loads((folder / INDEX).read_text("utf-8"))))
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 4
    last.write_bytes(content)
    heard = Listens()
    run("part", set=often, resume=True, observer=heard)
    assert any(last.name in text and "Continuing from the previous one" in text for text in heard.notices)
    assert numbers_of("part") == numbers_of("whole")
    assert weights_of("part") == weights_of("whole")


@pytest.mark.slow
@pytest.mark.parametrize(
    "schedule", ["one_cycle", *(pytest.param(name, marks=SLOW) for name in ("constant", "cosine", "plateau"))]
)
def test_a_longer_training_goes_by_a_schedule_of_its_length(schedule: str):
    made = {"train.schedule": schedule}
    run("long", epochs=4, set=made)
    run("short", epochs=2, set=made)
    before = numbers_of("short")
    heard = Listens()
    run("short", epochs=4, set=made, resume=True, observer=heard)
    found, wanted = numbers_of("short"), numbers_of("long")
    assert found[:2] == before
    assert len(found) == 4
    if schedule != "plateau":
        assert [epoch["lr"] for epoch in found[2:]] == [epoch["lr"] for epoch in wanted[2:]]
    (told,) = [text for text in heard.notices if "from 2 to" in text]
    assert f"the {schedule} schedule" in told
    assert yaml.safe_load(Path("runs/short/job.yaml").read_text("utf-8"))["train"]["epochs"] == 4


def test_what_is_trained_already_is_not_trained_shorter():
    run("done", epochs=3)
    with pytest.raises(RequestError, match=r"trained for 3 epochs.*--epochs 4"):
        run("done", epochs=2, resume=True)
    with pytest.raises(RequestError, match="another job"):
        run("done", epochs=4, resume=True, seed=5)


def test_other_words_and_options_extend_a_run_too(zoo: Any):
    assert (
        zoo("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture.channels=[4]", "--name", "r")[0] == 0
    )
    code, out, _ = zoo("run", "--resume", "runs/r", "--epochs", "2")
    assert code == 0
    assert "from 1 to" in " ".join(out.split())
    assert len(numbers_of("r")) == 2


FIRST_IS_BEST = {"train.min_delta": 1.0}
"""No later epoch is better by so much."""


def bundle_of(name: str) -> Path:
    return Path("runs", name, "model", "model.safetensors")


def flip(path: Path) -> None:
    """Turn bits over in the last bytes, which are weights."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) - 400, len(content)):
        content[place] ^= 0x55
    path.write_bytes(content)


def test_lost_best_weights_are_written_anew_where_the_checkpoint_has_them():
    sets = {"train.swa_epochs": 1, "train.ema_decay": None, "train.monitor": "train/loss"}
    run("r", set=sets)
    assert json.loads(Path("runs/r/result.json").read_text("utf-8"))["best"]["epoch"] == 2
    before, metrics = weights_of("r"), zoo_metrics("r")
    for lose in (flip, Path.unlink):  # without them it is as if it was killed after its checkpoint
        lose(bundle_of("r"))
        run("r", set=sets, resume=True)
        assert weights_of("r") == before
        assert zoo_metrics("r") == metrics


def zoo_metrics(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("runs", name, "result.json").read_text("utf-8"))["metrics"]
    return found


@pytest.mark.slow
def test_damaged_best_weights_of_an_earlier_epoch_are_never_measured():
    run("r", set=FIRST_IS_BEST)
    flip(bundle_of("r"))
    damaged = weights_of("r")
    with pytest.raises(
        RequestError, match=r"model\.safetensors no longer contains the best .* epoch 1 .*--epochs 3, or"
    ):
        run("r", set=FIRST_IS_BEST, resume=True)
    assert weights_of("r") == damaged, "what is left of it may be worth a look"
    heard = Listens()
    run("r", epochs=3, set=FIRST_IS_BEST, resume=True, observer=heard)
    assert any("The best of the epochs from 3 on is kept" in text for text in heard.notices)
    result = json.loads(Path("runs/r/result.json").read_text("utf-8"))
    assert result["best"]["epoch"] == 3
    assert result["metrics"]["val"]["accuracy"] == result["epochs"][2]["val"]["accuracy"]
    assert any("The best of the epochs from 3 on is kept" in text for text in result["notices"])


def test_weights_that_change_while_a_run_goes_on_are_told():
    class Flips(Listens):
        def epoch_ended(self, record: dict[str, Any]) -> None:
            if record["epoch"] == 2:
                flip(bundle_of("r"))

    with pytest.raises(TrainingError, match=r"model\.safetensors was changed since it was written"):
        run("r", set=FIRST_IS_BEST, observer=Flips())


@pytest.mark.slow
def test_a_checkpoint_of_an_older_zoo_is_gone_on_from():
    run("whole", epochs=3)
    with pytest.raises(Interrupted):
        run("old", epochs=3, observer=Listens(3, 2))
    folder = Path("runs/old/checkpoints")
    state = load_checkpoint(folder)
    assert state is not None
    assert state.pop(BEST_SHA256) == sha256_of(bundle_of("old"))
    save_checkpoint(folder, state)
    run("old", epochs=3, resume=True)
    assert numbers_of("old") == numbers_of("whole")
    assert weights_of("old") == weights_of("whole")


@pytest.mark.slow
def test_a_batch_that_an_older_version_cut_is_whole_again():
    """After an out-of-memory retry, soft F1 went on in pieces."""
    run("whole", loss="soft_f1")
    with pytest.raises(Interrupted):
        run("old", loss="soft_f1", observer=Listens(2, 3))
    folder = Path("runs/old/checkpoints")
    state = load_checkpoint(folder)
    assert state is not None
    state["accumulate"] = 4
    save_checkpoint(folder, state)
    run("old", loss="soft_f1", resume=True)
    assert numbers_of("old") == numbers_of("whole")


SPOILS = """
from torch.nn.functional import cross_entropy

class Spoils:
    '''Cross entropy; at one training step its gradient is no number, and its value still is.'''
    def __init__(self, step: int = 1):
        self.step, self.steps = step, 0
    def __call__(self, logits, targets):
        self.steps += logits.requires_grad
        spoilt = (0 * logits).sum().sqrt() if self.steps == self.step and logits.requires_grad else 0
        return cross_entropy(logits, targets) + spoilt
"""


@pytest.mark.parametrize("step", [9, 23, 46])  # within an epoch, and at the end of the first and of the last one
def test_a_state_that_is_no_numbers_is_never_kept(step: int):
    Path("spoils.py").write_text(SPOILS, "utf-8")
    Path("registry.yaml").write_text("components: {loss: {spoils: {target: './spoils.py:Spoils'}}}\n", "utf-8")
    often = {"train.checkpoint_s": 1e-6, "loss": "spoils", "loss.step": step}
    with pytest.raises(TrainingError, match=r"Weights became NaN or infinite"):
        run("r", set=often)
    files = sorted(Path("runs/r/checkpoints").glob("*.pt"))
    assert len(files) == 2
    for file in files:
        state = torch.load(file, weights_only=True)
        tensors = [*state["parts"]["model"].values(), *state["parts"]["average"].values()]
        assert all(tensor.isfinite().all() for tensor in tensors)
    if step > 23:
        assert all(tensor.isfinite().all() for tensor in load_file(bundle_of("r")).values())
    sound = load_checkpoint(Path("runs/r/checkpoints"))
    assert sound is not None
    assert 23 * len(sound["history"]) + (sound["position"] or {"steps": 0})["steps"] == step - 1
