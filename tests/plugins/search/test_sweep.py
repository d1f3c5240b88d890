"""The loop of a sweep, with runs that train nothing: what is drawn, who works on what, what is left of a kill."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.errors import Interrupted, OutputError, RequestError, TrainingError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import Resolved
from zoo.runner.callbacks import Callback
from zoo.runner.measurements import EpochRecord
from zoo.runner.observer import Observer
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult
from zoo.runner.runner import RunPlace
from zoo_search.plan import SweepPlan, load_plan, make_plan
from zoo_search.space import check, make_space
from zoo_search.store import Store, TrialOutcome
from zoo_search.sweep import Sweep, SweepWatcher, begin
from zoo_search.sweep_report import opening

pytestmark = pytest.mark.slow


VARY = {"train.lr": "log:1e-4..1e-1", "architecture.dropout": "0..0.6", "train.optimizer": "adam,sgd"}
EPOCHS = 4


def make(trials: int = 8, vary: dict[str, str] = VARY, name: str = "s", pruner: str = "none", **options: Any) -> Path:
    """A sweep that was begun."""
    request = make_request({"architecture": "simple_cnn", "dataset": "digits", "epochs": EPOCHS, **options})
    first = check(make_space(vary), request, open_registry())
    return begin(Path("runs"), name, make_plan(request, vary, first, trials, pruner), None)


class Runs:
    """Runs a job by writing what a run leaves: as good as its learning rate is near 0.01."""

    def __init__(self, on_epoch: Callable[[str, int], None] = lambda name, epoch: None):
        self.on_epoch, self.jobs, self.resumed = on_epoch, {}, []

    def __call__(
        self, resolved: Resolved, callbacks: Sequence[Callback], place: RunPlace, observer: Observer
    ) -> RunResult:
        folder, job = place.out / str(place.name), resolved.job
        self.jobs[place.name] = job
        if place.resume:
            self.resumed.append(place.name)
        folder.mkdir(exist_ok=place.resume)
        (folder / "job.yaml").write_text(yaml.safe_dump(job.plain()), "utf-8")
        before = (folder / "metrics.jsonl").read_text("utf-8").splitlines() if place.resume else []
        epochs, reason = [json.loads(line) for line in before], None
        record = Run(str(place.name), folder, job.plain())
        good = 1 / (1 + abs(job.train.lr - 0.01) * 100) - job.architecture.params["dropout"] / 10
        while len(epochs) < job.train.epochs and not reason:
            epoch = {"epoch": len(epochs) + 1, "val": {"accuracy": good * (len(epochs) + 1) / job.train.epochs}}
            epochs.append(epoch)
            with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(epoch) + "\n")
            (pruning,) = callbacks
            reason = pruning.epoch_end(record, EpochRecord.read(epoch))
            self.on_epoch(str(place.name), len(epochs))
        best = {"epoch": len(epochs), "metric": "val/accuracy", "value": epochs[-1]["val"]["accuracy"]}
        status = "stopped" if reason else "completed"
        result = {"status": status, "stop_reason": reason, "best": best, "epochs": epochs, "timing": {"total_s": 1.0}}
        (folder / "result.json").write_text(json.dumps(result), "utf-8")
        return RunResult.read(result)


def work(folder: Path, runs: Any = None, watcher: SweepWatcher | None = None, new: bool = False) -> dict[str, Any]:
    return Sweep(folder, load_plan(folder), open_registry(), runs or Runs(), watcher or SweepWatcher(), new=new).run()


def params(found: dict[str, Any]) -> list[dict[str, str]]:
    return [row["params"] for row in found["trials"]]


def figures(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in ("number", "status", "value", "epochs")) for row in found["trials"]]


def killed_at(trial: str, epoch: int) -> Callable[[str, int], None]:
    """Ends the process as it stands, as far as that goes in this one: nothing is told, the lock is free."""

    def end(name: str, done: int) -> None:
        if (name, done) == (trial, epoch):
            raise MemoryError("killed")

    return end


# -- what is drawn ------------------------------------------------------------------------------------


def test_as_many_trials_as_asked_for_each_a_run_with_its_values():
    runs = Runs()
    found = work(make(trials=6), runs)
    assert [row["run"] for row in found["trials"]] == [f"trial-{i:04}" for i in range(1, 7)] == list(runs.jobs)
    assert found["status"] == "completed"
    for row in found["trials"]:
        job = runs.jobs[row["run"]]
        assert job.train.lr == float(row["params"]["train.lr"])
        assert job.architecture.params["dropout"] == float(row["params"]["architecture.dropout"])
        assert job.train.optimizer.name == row["params"]["train.optimizer"]
        assert 1e-4 <= job.train.lr <= 0.1
    assert json.loads(Path("runs/s/sweep.json").read_text("utf-8")) == found


def test_of_few_combinations_each_is_tried_once():
    vary = {"train.optimizer": "adamw,sgd,lion", "train.epochs": "2..3"}
    found = work(make(trials=20, vary=vary))
    assert found["count"] == found["combinations"] == 6
    assert len({tuple(sorted(row["params"].items())) for row in found["trials"]}) == 6
    assert opening(found).startswith("s: 6 trials of simple_cnn on digits, every combination, 6 done; ")


def test_of_more_combinations_than_trials_as_many_are_tried_as_asked_for():
    found = work(make(trials=2, vary={"train.optimizer": "adamw,sgd,lion"}))
    assert (found["count"], found["combinations"], len(found["trials"])) == (2, 3, 2)
    assert "every combination" not in opening(found)


def test_the_best_trials_job_is_kept():
    found = work(make(trials=6))
    best = max(found["trials"], key=lambda row: row["value"])
    assert (found["best"]["number"], found["best"]["value"]) == (best["number"], best["value"])
    assert Path("runs/s/best.yaml").read_text("utf-8") == Path("runs/s", best["run"], "job.yaml").read_text("utf-8")


def test_less_is_better_of_a_loss():
    folder = make(trials=2, set={"train.monitor": "val/loss"})
    assert load_plan(folder).maximize is False


def test_the_same_seed_draws_the_same_and_another_others():
    same = [params(work(make(trials=14, name=name))) for name in ("a", "b")]
    assert same[0] == same[1]
    assert params(work(make(trials=14, name="c", seed=1))) != same[0]


def test_later_trials_are_drawn_where_it_is_good():
    found = work(make(trials=40))
    rates = [float(row["params"]["train.lr"]) for row in found["trials"]]

    def near(some: list[float]) -> float:
        return sum(0.003 < rate < 0.03 for rate in some) / len(some)

    assert near(rates[20:]) > near(rates[:10])
    assert max(found["importance"], key=found["importance"].get) == "train.lr"


# -- kills -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [("trial-0001", 1), ("trial-0005", 2), ("trial-0012", 4)])
def test_a_killed_sweep_goes_on_and_is_as_if_it_never_was(moment: tuple[str, int]):
    whole = work(make(trials=14, name="whole"))
    folder = make(trials=14, name="killed")
    with pytest.raises(MemoryError):
        work(folder, Runs(killed_at(*moment)))
    runs = Runs()
    found = work(folder, runs)
    assert runs.resumed == [moment[0]], "the one that was left, from where it was"
    assert len(found["trials"]) == 14
    assert params(found) == params(whole)
    assert figures(found) == figures(whole)


def test_a_run_that_had_ended_is_not_run_again():
    folder = make(trials=3)

    class Dying(Store):
        def tell(self, *args: Any) -> None:
            raise MemoryError("killed")

    sweep = Sweep(folder, load_plan(folder), open_registry(), Runs(), SweepWatcher())
    sweep.store = Dying(folder, load_plan(folder))
    with pytest.raises(MemoryError):
        sweep.run()
    runs = Runs()
    assert len(work(folder, runs)["trials"]) == 3
    assert list(runs.jobs) == ["trial-0002", "trial-0003"]


def test_a_half_written_last_line_of_the_journal_is_cut_off():
    folder = make(trials=3)
    with pytest.raises(MemoryError):
        work(folder, Runs(killed_at("trial-0002", 1)))
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"op_code": 4, "wor')
    assert len(work(folder)["trials"]) == 3


def test_interrupted_it_says_how_to_go_on():
    folder = make(trials=3)

    def interrupt(name: str, epoch: int) -> None:
        if name == "trial-0002":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"after 1 of 3 trials.*zoo sweep --resume runs/s"):
        work(folder, Runs(interrupt))
    assert json.loads((folder / "sweep.json").read_text("utf-8"))["status"] == "interrupted"
    assert work(folder)["status"] == "completed"


def test_more_trials_go_on_where_fewer_ended():
    whole = work(make(trials=6, name="whole"))
    folder = make(trials=4, name="grown")
    work(folder)
    plan = load_plan(folder)
    SweepPlan(**{**vars(plan), "trials": 6}).save(folder)
    assert params(work(folder)) == params(whole)


# -- several at once ----------------------------------------------------------------------------------


def test_several_at_once_share_the_trials():
    folder, together = make(trials=12), threading.Barrier(2, timeout=60)
    once = {"trial-0001", "trial-0002"}
    ran: list[Runs] = [Runs(lambda n, e: together.wait() if n in once and e == 1 else None) for _ in range(2)]
    plan, registry = load_plan(folder), open_registry()
    threads = [threading.Thread(target=Sweep(folder, plan, registry, r, SweepWatcher()).run) for r in ran]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    each = [set(r.jobs) for r in ran]
    assert all(each)
    assert not each[0] & each[1], "no trial was run twice"
    assert each[0] | each[1] == {f"trial-{i:04}" for i in range(1, 13)}
    found = json.loads((folder / "sweep.json").read_text("utf-8"))
    assert [row["status"] for row in found["trials"]] == ["completed"] * 12


def test_who_finds_nothing_left_waits_and_takes_over_what_is_left_behind():
    folder = make(trials=2)
    plan = load_plan(folder)
    other = Store(folder, plan)
    held = other.claim()
    assert held is not None

    class Waits(SweepWatcher):
        asked = 0

        def waiting(self, running: int) -> None:
            assert running == 1
            self.asked += 1
            held.lock.release()  # its holder was killed

    watcher, runs = Waits(), Runs()
    found = work(folder, runs, watcher)
    assert watcher.asked == 1
    assert set(runs.jobs) == {"trial-0001", "trial-0002"}
    assert found["status"] == "completed"


def test_a_trial_that_ends_while_another_asks_for_work_is_not_given_out_again(monkeypatch: pytest.MonkeyPatch):
    folder = make(trials=3)
    plan = load_plan(folder)
    first, second = Store(folder, plan), Store(folder, plan)
    held = first.claim()
    assert held is not None
    whole, ended = second._trials, []

    def looks() -> Any:
        found = copy.deepcopy(whole())
        if not ended:  # just after it was looked at
            ended.append(held)
            first.tell(held, TrialOutcome("completed", 0.5))
            held.lock.release()
        return found

    monkeypatch.setattr(second, "_trials", looks)
    given = second.claim()
    assert given is not None
    assert (given.number, given.again) == (2, False)
    given.lock.release()


# -- what goes wrong -----------------------------------------------------------------------------------


def test_a_trial_that_cannot_be_trained_counts_and_is_told():
    def fails(name: str, epoch: int) -> None:
        if name == "trial-0002":
            raise TrainingError("the loss is not finite")

    found = work(make(trials=4), Runs(fails))
    assert [row["status"] for row in found["trials"]] == ["completed", "failed", "completed", "completed"]
    assert found["trials"][1]["reason"] == "the loss is not finite"


def test_where_all_fail_it_stops():
    def fails(name: str, epoch: int) -> None:
        raise TrainingError("the loss is not finite")

    with pytest.raises(TrainingError, match=r"All of the first 5 trials failed. The last one: the loss is not finite"):
        work(make(trials=20), Runs(fails))


def test_what_would_fail_again_ends_the_sweep_and_leaves_the_trial_to_be_gone_on_with():
    def full(name: str, epoch: int) -> None:
        if name == "trial-0002":
            raise OutputError("the disk is full.")

    folder = make(trials=4)
    with pytest.raises(OutputError, match=r"the disk is full. The sweep is blocked after 1 of 4 trials"):
        work(folder, Runs(full))
    assert figures(work(folder))[-1][0] == 4


def test_a_sweep_of_which_nothing_was_trained_leaves_nothing():
    folder = make(trials=4)

    def refuses(*args: Any) -> dict[str, Any]:
        raise RequestError("train.monitor 'val/nothing' is not measured.")

    with pytest.raises(RequestError, match=r"not measured\.$"):
        work(folder, refuses, new=True)
    assert not folder.exists()


def test_a_trial_that_falls_behind_is_pruned():
    found = work(make(trials=12, pruner="median"))
    pruned = [row for row in found["trials"] if row["status"] == "pruned"]
    assert pruned
    assert all(2 <= row["epochs"] < EPOCHS for row in pruned), "no sooner than after two epochs"
    assert all("pruned: val/accuracy is behind other trials" in row["reason"] for row in pruned)
    assert found["best"]["number"] not in [row["number"] for row in pruned]


def test_a_taken_name_is_refused():
    make()
    with pytest.raises(RequestError, match=r"The sweep runs/s exists. Resume it: zoo sweep --resume runs/s"):
        make()
    Path("runs/other").mkdir()
    Path("runs/other/file").touch()
    with pytest.raises(RequestError, match="exists, but is not a sweep"):
        make(name="other")


@pytest.mark.parametrize("text", ["", "trials: many", "[1]", "trials: 3\nvary: {}", "unknown: 1"])
def test_a_damaged_plan_is_told(text: str):
    folder = make()
    (folder / "sweep.yaml").write_text(text, "utf-8")
    with pytest.raises(RequestError, match=r"sweep.yaml"):
        load_plan(folder)


@pytest.mark.parametrize(
    ("monitor", "higher"),
    [("val/mae", False), ("val/r2", True), ("val/mae_ranks", False), ("val/qwk", True), ("val/accuracy", True)],
)
def test_the_direction_follows_the_monitored_number(monitor: str, higher: bool):
    from types import SimpleNamespace

    from zoo_search.plan import _higher_is_better

    job = SimpleNamespace(train=SimpleNamespace(monitor=monitor), metrics=[])
    assert _higher_is_better(SimpleNamespace(job=job)) is higher
