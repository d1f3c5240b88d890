"""``--budget``: what is fitted, that a repeat has the same numbers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import zoo
from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import Request
from zoo.job.resolve import resolve
from zoo.runner import budget as budgets
from zoo.runner.budget import fit, on_noise
from zoo.runner.observer import Observer
from zoo.runner.speed import Speed
from zoo.runner.time_budget import Budget, TooShort, span

SMALL = {"architecture.channels": [8], "train.image_size": 8}


def resolved(*sets: str, **options: Any):
    asked = {"architecture": "simple_cnn", "dataset": "digits", **options}
    words = (*(f"{path}={value}" for path, value in SMALL.items()), *sets)
    return resolve(Request(options=asked, sets=words), open_registry())


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes a tenth of a second, and every evaluation one."""

    def measured(parts: Any, enough_s: float = 0.0) -> Speed:
        phases = tuple((parts.job.train.image_size, 0) for _ in range(parts.job.train.epochs))
        return Speed({phases[0]: 0.1}, 1.0, phases, len(parts.train_batches))

    monkeypatch.setattr(budgets, "measure_speed", measured)


@pytest.mark.usefixtures("slow")
def test_epochs_and_their_images_fill_the_time():
    job, account = fit(resolved(), Budget(100.0), Observer())
    train = job.job.train
    assert 70 < account["seconds"] <= 100
    # 1,437 images are 22 or 23 steps of a batch of 64, and 3.3 s with the evaluation.
    assert train.epochs == pytest.approx(account["seconds"] / 3.3, rel=0.2)
    assert train.images_per_epoch is None or train.images_per_epoch >= 1437
    assert job.sources["train.epochs"] == "budget"
    assert job.reasons["train.epochs"] == "fills --budget 100s"
    assert account["train_images_per_second"] == pytest.approx(640)


@pytest.mark.usefixtures("slow")
def test_what_is_too_short_says_what_is_enough():
    with pytest.raises(TooShort, match=r"A budget of 2s is too short for an epoch of 1,437 images .* --budget \d+s"):
        fit(resolved(), Budget(2.0), Observer())


@pytest.mark.usefixtures("slow")
def test_a_run_that_ends_before_its_budget_is_told_of():
    told: list[str] = []
    shown = Observer()
    shown.notice = told.append  # type: ignore[method-assign]
    fit(resolved("train.epochs=1"), Budget(100.0), shown)
    assert [text.split(":")[0] for text in told] == ["The run will end before its budget of 100s"]
    told.clear()
    fit(resolved(), Budget(100.0), shown)
    assert told == []


@pytest.mark.usefixtures("slow")
def test_epochs_that_somebody_chose_stay():
    job, _ = fit(resolved(train={"epochs": 4}), Budget(12.0), Observer())
    assert job.job.train.epochs == 4
    assert job.job.train.images_per_epoch < 1437


@pytest.mark.slow
def test_a_run_is_fitted_and_its_job_repeats_it(tmp_path: Path):
    result = zoo.run("simple_cnn", "digits", set=SMALL, budget=12, out=tmp_path, name="b", observer=Observer())
    account = json.loads((tmp_path / "b" / "result.json").read_text("utf-8"))["tuning"]["budget"]
    assert account["budget_s"] == 12
    assert set(account) == {
        *("budget_s", "variant", "seconds"),
        *("train_images_per_second", "inference_images_per_second"),
    }
    text = (tmp_path / "b" / "job.yaml").read_text("utf-8")
    assert "# train.epochs: fills --budget 12s" in text
    assert yaml.safe_load(text)["train"]["epochs"] == result["job"]["train"]["epochs"]
    again = zoo.run(job=tmp_path / "b" / "job.yaml", out=tmp_path, name="again", observer=Observer())
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("b", "again")]
    assert weights[0] == weights[1]
    assert again.metrics == result.metrics


def test_a_preparation_that_uses_up_the_budget_is_ended(monkeypatch: pytest.MonkeyPatch):
    """As the features of a frozen backbone may."""
    clock = [0.0]
    monkeypatch.setattr(budgets, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Budget, "spent_s", property(lambda self: clock[0]))
    told: list[tuple[str, int, int]] = []
    shown = Observer()
    shown.preparing = lambda *words: told.append(words)  # type: ignore[method-assign,assignment]
    watched = budgets._Preparation(shown, Budget(20.0))
    watched.preparing("computing features", 0, 100)
    clock[0] = 2.9
    watched.preparing("computing features", 5, 100)
    clock[0] = 4.0
    with pytest.raises(TooShort, match=r"Computing features alone takes about 40 s on this machine, .* --budget 50s"):
        watched.preparing("computing features", 10, 100)
    assert told == [("computing features", done, 100) for done in (0, 5, 10)]


def test_a_machine_that_becomes_slower_ends_at_an_epoch_and_the_job_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Budget, "over", lambda self, more_s: True)
    result = zoo.run("simple_cnn", "digits", set=SMALL, budget=20, out=tmp_path, name="b", observer=Observer())
    assert (result["status"], len(result["epochs"])) == ("stopped", 1)
    assert result["stop_reason"] == "the budget of 20 s is used up"
    monkeypatch.undo()
    again = zoo.run(job=tmp_path / "b" / "job.yaml", out=tmp_path, name="again", observer=Observer())
    assert len(again["epochs"]) == 1
    assert again.metrics == result.metrics


def test_a_variant_is_picked_by_its_speed(make_folder, monkeypatch: pytest.MonkeyPatch):
    """A step takes a hundredth of a second for each channel."""

    def measured(parts: Any, enough_s: float = 0.0) -> Speed:
        phases = tuple((parts.job.train.image_size, 0) for _ in range(parts.job.train.epochs))
        step_s = 0.01 * parts.job.architecture.params["channels"][0]
        return Speed({phases[0]: step_s}, 0.01, phases, len(parts.train_batches))

    monkeypatch.setattr(budgets, "measure_speed", measured)
    folder = make_folder({"train/a": 80, "train/b": 80, "val/a": 4, "val/b": 4}, size=28)
    Path("registry.yaml").write_text(
        yaml.safe_dump(
            {
                "recipes": {
                    "mine": {
                        "architecture": {"channels": [8], "global_pool": "avg", "padding": True},
                        "train": {"epochs": 2, "image_size": 16},
                        "budget": [
                            {"architecture": {"channels": [4]}},
                            {},
                            {"architecture": {"channels": [12]}, "train": {"image_size": 24}},
                        ],
                    }
                }
            }
        )
    )
    options = {"architecture": "simple_cnn", "dataset": str(folder)}
    request = Request(options=options, recipe="mine")
    job, account = fit(resolve(request, open_registry()), Budget(60.0), Observer())
    assert account["variant"] == 2
    assert job.job.architecture.params["channels"] == [12]
    assert job.job.train.image_size == 24
    chosen = Request(options={**options, "train": {"image_size": 20}}, recipe="mine")
    job, _ = fit(resolve(chosen, open_registry()), Budget(60.0), Observer())
    assert job.job.train.image_size == 20, "what somebody chose wins over a variant"


def test_on_noise_it_is_the_same_job():
    job = resolved()
    noisy = on_noise(job)
    assert noisy.job.model_copy(update={"dataset": job.job.dataset}) == job.job
    assert noisy.entries["architecture"] is job.entries["architecture"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--seeds", "2"), "--budget and --seeds can't be combined. Fit a single run first, then repeat its job"),
        (("--folds", "2"), "--budget and --folds can't be combined"),
        (("--resume", "r"), "A resumed run keeps its plan"),
        (("--lr", "auto"), "train.lr=auto and --budget can't be combined"),
    ],
)
def test_what_does_not_go_with_a_budget(zoo, words: tuple[str, ...], told: str):
    code, _, err = zoo("run", "simple_cnn", "digits", "--budget", "20s", *words)
    assert code == 2
    assert told in err
    assert not Path("runs").exists()


def test_from_python_too(tmp_path: Path):
    with pytest.raises(RequestError, match="budget applies to a single new run"):
        zoo.run("simple_cnn", "digits", budget=20, seeds=2, out=tmp_path)


@pytest.mark.parametrize(
    ("seconds", "up", "words"),
    [(90, False, "90s"), (600, False, "10m"), (130, False, "130s"), (91.2, True, "95s"), (130, True, "3m")],
)
def test_a_span_as_it_is_typed(seconds: float, up: bool, words: str):
    assert span(seconds, up) == words


def test_a_long_training_is_asked_about(zoo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.runner.speed.Speed.seconds", lambda self, epochs: 7200.0 if epochs else 0.0)
    code, out, _ = zoo("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture.channels=[4]")
    assert code == 0
    assert "NOTICE: Training will take about 2 h 00 min on this machine." in out
    code, out, _ = zoo("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture.channels=[4]", "--yes")
    assert (code, "NOTICE: Training will take" in out) == (0, False)


def test_no_is_an_answer(zoo, monkeypatch: pytest.MonkeyPatch):
    from zoo.reports import choose

    monkeypatch.setattr("zoo.runner.speed.Speed.seconds", lambda self, epochs: 7200.0 if epochs else 0.0)
    monkeypatch.setattr(choose, "asked_at_a_terminal", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *text, **how: False)
    code, _, err = zoo("run", "simple_cnn", "digits", "--epochs", "1", "--set", "architecture.channels=[4]")
    assert code == 2
    assert "Training was not started. To limit the time: --budget 30m" in err
    assert not Path("runs").exists()


@pytest.mark.slow
def test_a_run_that_goes_on_keeps_the_comments_of_its_job(tmp_path: Path):
    zoo.run("simple_cnn", "digits", set={**SMALL, "train.epochs": 1}, out=tmp_path, name="r", observer=Observer())
    job = tmp_path / "r" / "job.yaml"
    job.write_text("# train.epochs: a reason\n" + job.read_text("utf-8"), "utf-8")
    zoo.run(job=job, out=tmp_path, name="r", resume=True, epochs=2, observer=Observer())
    assert job.read_text("utf-8").startswith("# train.epochs: a reason\narchitecture:")
