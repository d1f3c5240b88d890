"""Several runs of one job: each is what it would be alone, and the summary says what they say together."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import zoo
from zoo.errors import DataError, Interrupted, OutputError, RequestError, ZooError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import Resolved, resolve
from zoo.reports.repeats import last_line, summary_lines
from zoo.runner.observer import Observer
from zoo.runner.repeats import Repeats, RepeatsWatcher, asked, recorded, run_several
from zoo.runner.runner import RunPlace, run_job
from zoo.runner.summary import spread

TINY: dict[str, Any] = {"epochs": 1, "set": {"architecture.channels": [8, 16]}}
DIGITS = ("simple_cnn", "digits")
FEW = {"architecture.channels": [4]}
PICTURES: dict[str, Any] = {"epochs": 1, "image_size": 16, "set": FEW}


def run(**more: Any) -> zoo.api.Result:
    return zoo.run(*DIGITS, **{**TINY, "observer": Observer(), **more})


class Shades:
    """Thirty pictures, each of its class's shade."""

    classes = ("dark", "light")
    targets = tuple(i % 2 for i in range(30))

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return np.full((1, 8, 8), 60 + 120 * (index % 2) + index, np.uint8), index % 2


def quick(seeds: int | None = None, folds: int | None = None, **more: Any) -> dict[str, Any]:
    """As ``run``, on few pictures and without report.html: for what has nothing to do with the numbers."""
    place = RunPlace(Path("runs"), **{key: more.pop(key) for key in ("name", "overwrite", "resume") if key in more})
    observer = more.pop("observer", None) or Observer()
    asked_for = {**PICTURES, "architecture": "simple_cnn", "dataset": {"train": Shades(), "val": Shades()}, **more}
    registry = open_registry()
    resolved = resolve(make_request({**asked_for, "image_size": more.get("image_size", 8)}, recipe="none"), registry)

    def one(job: Resolved, where: RunPlace, watching: Observer) -> dict[str, Any]:
        return run_job(job, registry.plugins, watching, where)

    repeats = asked(seeds, folds)
    if repeats is None:
        return one(resolved, place, observer)
    return run_several(resolved, repeats, place, one, RepeatsWatcher(observer))


def result_of(run: Path | str) -> dict[str, Any]:
    return json.loads((Path("runs") / run / "result.json").read_text("utf-8"))


def numbers(result: dict[str, Any]) -> dict[str, Any]:
    """All that job and seed decide."""
    timed = ("seconds", "images_per_second")
    epochs = [{k: v for k, v in epoch.items() if k not in timed} for epoch in result["epochs"]]
    return {"epochs": epochs, **{k: result[k] for k in ("metrics", "mistakes", "best", "classes")}}


@pytest.fixture(scope="module")
def _done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of digits, ``seeds``, and three folds of it, ``folds``, made once; to look at, never to change."""
    work = tmp_path_factory.mktemp("several")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(work / "config"))
        patch.setenv("ZOO_CACHE", str(work / "cache"))
        patch.chdir(work)
        run(seeds=2, seed=4, name="seeds", set={**TINY["set"], "metrics": ["auroc"]})
        run(folds=3, name="folds")
    return work


@pytest.fixture
def done(_done: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(_done)
    return _done


def summary_of(name: str) -> dict[str, Any]:
    return json.loads((Path("runs") / name / "summary.json").read_text("utf-8"))


# -- what is asked for -------------------------------------------------------------------------------


def test_one_of_seeds_and_folds():
    assert asked(None, None) is None
    assert asked(3, None) == Repeats("seed", 3)
    assert asked(None, 5) == Repeats("fold", 5)
    with pytest.raises(RequestError, match="seeds and folds can't be combined"):
        asked(3, 5)


@pytest.mark.parametrize("count", [1, 0, -2, 1001, 2.0, "3", True])
def test_a_number_that_makes_no_spread_is_refused(count: Any):
    for words in ((count, None), (None, count)):
        with pytest.raises(RequestError, match="must be a whole number from 2 to 1000"):
            asked(*words)


def test_the_last_seed_must_be_one():
    with pytest.raises(RequestError, match=r"below 2\*\*63"):
        run(seeds=2, seed=2**63 - 1, name="s")
    assert not Path("runs").exists()


# -- each run is whole -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("seed", [4, 5])
def test_a_seed_is_to_the_last_digit_what_it_is_alone(seed: int, tmp_path: Path):
    """Whatever was run before it in the same process."""
    alone = run(seed=seed, out=tmp_path, name="alone", set={**TINY["set"], "metrics": ["auroc"]})
    assert numbers(result_of(f"seeds-seed{seed}")) == numbers(json.loads((alone.dir / "result.json").read_text()))
    assert (alone.dir / "job.yaml").read_text() == (Path("runs") / f"seeds-seed{seed}/job.yaml").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("done")
def test_a_folds_own_job_file_does_that_fold_again(tmp_path: Path):
    job = Path("runs/folds-fold2/job.yaml")
    again = zoo.run(job=job, out=tmp_path, name="again", observer=Observer())
    before = result_of("folds-fold2")
    assert numbers(json.loads((again.dir / "result.json").read_text())) == numbers(before)
    assert again["splits"]["val"]["fingerprint"] == before["splits"]["val"]["fingerprint"]
    data = yaml.safe_load(job.read_text())["data"]
    assert (data["folds"], data["fold"]) == (3, 2)


@pytest.mark.slow
@pytest.mark.usefixtures("done")
def test_a_fold_is_measured_again_on_what_it_held_out():
    from zoo.evaluation.evaluate import evaluate_run

    for name in ("folds-fold1", "folds-fold3"):
        again, before = evaluate_run(f"runs/{name}", registry=open_registry()).document(), result_of(name)
        assert again["metrics"]["val"] == before["metrics"]["val"]
        assert again["splits"]["val"]["fingerprint"] == before["splits"]["val"]["fingerprint"]


@pytest.mark.slow
@pytest.mark.usefixtures("done")
def test_one_fold_alone_is_a_job_like_any(tmp_path: Path):
    alone = run(out=tmp_path, name="one", set={**TINY["set"], "data.folds": 3, "data.fold": 3})
    assert alone.metrics == result_of("folds-fold3")["metrics"]


# -- folds ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("done")
def test_every_training_image_is_validated_once():
    results = [result_of(f"folds-fold{i}") for i in (1, 2, 3)]
    sizes = [(r["splits"]["train"]["images"], r["splits"]["val"]["images"]) for r in results]
    assert sizes == [(958, 479)] * 3
    assert all("val split of the dataset is not used" in r["notices"][0] for r in results)
    assert len({r["splits"]["val"]["fingerprint"] for r in results}) == 3
    found = summary_of("folds")["out_of_fold"]
    matrices = np.array([r["metrics"]["val"]["confusion_matrix"] for r in results])
    assert found["images"] == 1437
    assert found["confusion_matrix"] == matrices.sum(axis=0).tolist()
    assert found["accuracy"] == matrices.sum(axis=0).trace() / 1437
    in_train = {digit: sum(r["splits"]["val"]["per_class"][digit] for r in results) for digit in results[0]["classes"]}
    assert {name: per["support"] for name, per in found["per_class"].items()} == in_train


@pytest.mark.slow
def test_test_stays_test(make_folder: Callable[..., Path]):
    folder = make_folder({f"{split}/{name}": 6 for split in ("train", "val", "test") for name in ("red", "blue")})
    found = zoo.run("simple_cnn", folder, folds=2, name="t", **PICTURES, recipe="none", observer=Observer())
    assert found.metrics.keys() == {"val", "test"}
    splits = [result_of(f"t-fold{i}")["splits"] for i in (1, 2)]
    assert [{name: split["images"] for name, split in each.items()} for each in splits] == [
        {"train": 6, "val": 6, "test": 12}
    ] * 2
    assert splits[0]["test"]["fingerprint"] == splits[1]["test"]["fingerprint"]


def test_a_class_too_small_for_the_folds_is_refused_and_nothing_is_left(make_folder: Callable[..., Path]):
    folder = make_folder({"red": 6, "blue": 3})
    before = sorted(Path().iterdir())
    with pytest.raises(
        DataError, match=r"4 folds need at least 4 training images of every class.*'blue'.*at most 3 folds"
    ):
        zoo.run("simple_cnn", folder, folds=4, **PICTURES, recipe="none", observer=Observer())
    assert sorted(Path().iterdir()) == before


# -- the summary -------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_the_spread_is_numpys(values: list[float]):
    found = spread(values)
    assert found["mean"] == pytest.approx(np.mean(values), abs=1e-6)
    assert found["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-3)
    assert (found["min"], found["max"], found["values"]) == (min(values), max(values), values)


def test_what_is_no_number_has_no_spread():
    assert spread([0.5])["std"] is None, "one run says nothing of the spread"
    assert spread([0.5, None]).document() == {
        "mean": None,
        "std": None,
        "min": None,
        "max": None,
        "values": [0.5, None],
    }


@pytest.mark.slow
@pytest.mark.usefixtures("done")
def test_the_summary_is_of_the_runs():
    summary, results = summary_of("seeds"), [result_of(f"seeds-seed{seed}") for seed in (4, 5)]
    assert (summary["schema"], summary["status"], summary["by"], summary["count"]) == (1, "completed", "seed", 2)
    assert [(m["run"], m["seed"], m["fold"], m["status"]) for m in summary["members"]] == [
        ("seeds-seed4", 4, None, "completed"),
        ("seeds-seed5", 5, None, "completed"),
    ]
    assert summary["metrics"]["val"].keys() == {"loss", "accuracy", "f1_macro", "f1_micro", "auroc"}
    for name, figures in summary["metrics"]["val"].items():
        values = [result["metrics"]["val"][name] for result in results]
        assert figures["values"] == values
        assert figures["mean"] == pytest.approx(sum(values) / 2)
        assert figures["std"] == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))
    assert summary["out_of_fold"] is None
    assert summary["notices"] == [], "digits has a val split of its own: both were measured on the same"
    assert summary["timing"]["total_s"] == sum(result["timing"]["total_s"] for result in results)
    assert summary["job"]["data"] == results[0]["job"]["data"]
    assert summary_of("folds")["job"]["data"]["folds"] == 3
    assert summary_of("folds")["job"]["data"]["fold"] is None


@pytest.mark.slow
def test_seeds_that_hold_out_other_images_say_so(make_folder: Callable[..., Path]):
    found = zoo.run(
        "simple_cnn", make_folder({"red": 10, "blue": 10}), seeds=2, **PICTURES, recipe="none", observer=Observer()
    )
    assert any("held out different images" in text for text in found["notices"])


# -- interrupted, failed, resumed ----------------------------------------------------------------------


class Fails(Observer):
    """Raises in the given epoch of the given run, both counted from 1."""

    def __init__(self, error: BaseException, run: int, epoch: int = 1):
        self.error, self.run, self.epoch, self.runs = error, run, epoch, 0

    def preparing(self, what: str, done: int, total: int) -> None:
        if self.run == self.runs + 1 and self.epoch == 0:
            raise self.error

    def started(self, run: Any) -> None:
        self.runs += 1

    def epoch_ended(self, record: dict[str, Any]) -> None:
        if (self.runs, record["epoch"]) == (self.run, self.epoch):
            raise self.error


@pytest.mark.slow
def test_interrupted_runs_are_resumed_and_finished_ones_kept():
    with pytest.raises(Interrupted, match=r"run 2 of 3 \(r-seed1\); 1 finished and kept.*zoo run --resume runs/r"):
        quick(seeds=3, name="r", epochs=2, observer=Fails(KeyboardInterrupt(), run=2))
    summary = summary_of("r")
    assert summary["status"] == "interrupted"
    assert [member["status"] for member in summary["members"]] == ["completed", "interrupted", "missing"]
    assert len(summary["metrics"]["val"]["loss"]["values"]) == 1
    first = Path("runs/r-seed0/result.json").stat().st_mtime_ns
    assert len(Path("runs/r-seed1/metrics.jsonl").read_text().splitlines()) == 1

    heard = Fails(AssertionError(), run=99)
    quick(seeds=3, name="r", epochs=2, resume=True, observer=heard)
    assert heard.runs == 2, "the first was kept"
    assert Path("runs/r-seed0/result.json").stat().st_mtime_ns == first
    quick(seeds=3, name="whole", epochs=2)
    for seed in range(3):
        assert numbers(result_of(f"r-seed{seed}")) == numbers(result_of(f"whole-seed{seed}"))
    assert summary_of("r")["metrics"] == summary_of("whole")["metrics"]


@pytest.mark.slow
def test_more_seeds_go_on_where_fewer_ended():
    quick(seeds=2, name="m")
    heard = Fails(AssertionError(), run=99)
    found = quick(seeds=3, name="m", resume=True, observer=heard)
    assert heard.runs == 1
    assert len(found["metrics"]["val"]["loss"]["values"]) == 3


@pytest.mark.slow
def test_resume_without_a_number_goes_on_with_what_it_was():
    shades = {**PICTURES, "dataset": {"train": Shades()}, "recipe": "none", "name": "f"}
    with pytest.raises(Interrupted):
        zoo.run("simple_cnn", **shades, folds=2, observer=Fails(KeyboardInterrupt(), run=1))
    assert zoo.run("simple_cnn", **shades, resume=True, observer=Observer())["by"] == "fold"
    assert [m["status"] for m in summary_of("f")["members"]] == ["completed", "completed"]
    assert not Path("runs/f/job.yaml").exists()


def test_interrupted_before_training_leaves_nothing():
    with pytest.raises(Interrupted, match="nothing was written"):
        quick(seeds=2, name="n", observer=Fails(KeyboardInterrupt(), run=1, epoch=0))
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "error", [RuntimeError("no more memory"), pytest.param(ZooError("no more memory"), marks=pytest.mark.slow)]
)
def test_a_run_that_fails_is_named_and_the_others_kept(error: Exception):
    with pytest.raises(ZooError, match=r"run 2 of 2 \(x-seed1\); 1 finished and kept.*no more memory") as caught:
        quick(seeds=2, name="x", observer=Fails(error, run=2))
    assert caught.value.exit_code == 1
    assert [m["status"] for m in summary_of("x")["members"]] == ["completed", "failed"]
    assert result_of("x-seed0")["status"] == "completed"
    quick(seeds=2, name="x", resume=True)
    assert summary_of("x")["status"] == "completed"


@pytest.mark.slow
def test_resume_of_another_job_or_of_other_folds_is_refused_before_anything_runs():
    quick(folds=2, name="f")
    for more, said in (
        ({"folds": 3}, r"data.folds: 2 before, 3 now"),
        ({"folds": 2, "epochs": 2}, r"train.epochs: 1 before, 2 now"),
        ({"seeds": 2}, r"has 2 folds, not 2 seeds"),
    ):
        with pytest.raises(RequestError, match=said):
            quick(**{**more, "name": "f", "resume": True, "observer": Fails(AssertionError(), run=1)})
    assert summary_of("f")["status"] == "completed"


# -- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", ["n", "n-seed1"])
def test_a_taken_name_is_refused_before_anything_runs(taken: str):
    (Path("runs") / taken).mkdir(parents=True)
    (Path("runs") / taken / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match="Choose another --name" if taken == "n" else "'n-seed1' exists"):
        quick(seeds=2, name="n", observer=Fails(AssertionError(), run=1))
    assert sorted(path.name for path in Path("runs").rglob("*")) == [taken, "notes.txt"]


@pytest.mark.slow
def test_a_single_run_is_no_place_for_several_nor_the_other_way_round():
    quick(name="one")
    for how in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(RequestError, match="is a single run"):
            quick(seeds=2, name="one", **how)
    quick(seeds=2, name="two")
    for how in ({}, {"overwrite": True}):
        with pytest.raises(RequestError):  # as of any folder that is no run
            quick(name="two", **how)
    assert recorded(Path("runs/two")) == Repeats("seed", 2)
    assert recorded(Path("runs/one")) is None


@pytest.mark.slow
def test_overwrite_replaces_all_of_them_and_nothing_else():
    quick(seeds=3, name="o")
    quick(name="o-seeds-of-mine")
    quick(seeds=2, seed=7, name="o", overwrite=True)
    assert sorted(p.name for p in Path("runs").iterdir()) == ["o", "o-seed7", "o-seed8", "o-seeds-of-mine"]
    assert [member["seed"] for member in summary_of("o")["members"]] == [7, 8]


@pytest.mark.slow
def test_overwrite_keeps_the_old_ones_where_the_new_can_not_begin():
    quick(seeds=2, name="o")
    before = {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    with pytest.raises(RequestError):
        quick(seeds=2, name="o", overwrite=True, image_size=1)
    assert {path: path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()} == before


def test_a_place_that_is_no_folder_is_told():
    Path("runs").write_text("a file")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        quick(seeds=2, name="n")


@pytest.mark.parametrize("text", ["{", *(pytest.param(text, marks=pytest.mark.slow) for text in ("[]", "{}"))])
def test_a_damaged_summary_is_told(text: str):
    quick(seeds=2, name="d")
    Path("runs/d/summary.json").write_text(text)
    with pytest.raises(RequestError, match=r"summary\.json is damaged.*the command with --resume"):
        zoo.run("simple_cnn", "digits", name="d", resume=True)
    Path("runs/d/summary.json").unlink()
    assert quick(seeds=2, name="d", resume=True)["status"] == "completed", "as the message says"


# -- one process ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_run_holds_on_to_the_model_of_another():
    alive: list[int] = []

    class Net(nn.Module):
        def __init__(self, num_classes: int, in_chans: int = 3):
            alive.append(sum(type(thing) is Net for thing in gc.get_objects()))
            super().__init__()
            self.out = nn.Linear(in_chans * 64, num_classes)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.out(images.flatten(1))

    zoo.run(Net, "digits", seeds=3, epochs=1, image_size=8, observer=Observer())
    assert alive == [1, 1, 1], "itself alone"


@pytest.mark.slow
def test_images_are_decoded_once(make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    decoded: list[str] = []

    class Counts(Observer):
        def preparing(self, what: str, done: int, total: int) -> None:
            decoded.extend([what] if done == total else [])

    zoo.run("simple_cnn", make_folder({"red": 10, "blue": 10}), folds=2, **PICTURES, recipe="none", observer=Counts())
    assert decoded == ["decoding train images"]


@pytest.mark.slow
def test_the_watching_process_sees_each_run_in_turn():
    class Names(Observer):
        def __init__(self) -> None:
            self.told: list[str] = []

        def started(self, run: Any) -> None:
            self.told.append(f"{run.name} seed {run.job['seed']}")

        def ended(self, run: Any, result: dict[str, Any]) -> None:
            self.told.append(f"{run.name} {result['status']}")

    names = Names()
    quick(seeds=2, name="w", observer=names)
    assert names.told == ["w-seed0 seed 0", "w-seed0 completed", "w-seed1 seed 1", "w-seed1 completed"]


def test_the_errors_of_folds_are_pooled_by_image(tmp_path: Path, regression_result: dict[str, Any]):
    from types import SimpleNamespace

    from zoo.runner.predictions import write_predictions
    from zoo.runner.run_result import RunResult
    from zoo.runner.summary import RepeatedRun, summarise

    members, results = [], {}
    for fold, errors in ((1, [0.0, 2.0]), (2, [4.0])):
        name = f"r-fold{fold}"
        (tmp_path / name).mkdir()
        true = torch.arange(float(len(errors)))[:, None]
        names = [f"{fold}/{i}" for i in range(len(errors))]
        write_predictions(tmp_path / name, "val", names, ["value"], true + torch.tensor(errors)[:, None], true.double())
        document = {**regression_result, "run": name, "dir": str(tmp_path / name)}
        results[name] = RunResult.read(document)
        job = SimpleNamespace(seed=0, data=SimpleNamespace(fold=fold), plain=lambda: {"data": {}})
        members.append(RepeatedRun(name, "fold", fold, SimpleNamespace(job=job)))
    found = summarise(tmp_path / "r", "completed", members, results, {})
    assert found.task == "regression"
    assert (found.out_of_fold.images, found.out_of_fold.mae) == (3, 2.0)
    assert found.out_of_fold.accuracy is None
    assert found.metrics["val"]["mae"].mean == pytest.approx(0.6943, abs=1e-4)
    lines = "\n".join(summary_lines(found))
    assert "val MAE 0.6943 ± 0" in lines
    assert "each held out once: MAE 2, RMSE 2.582" in lines
    assert "val MAE 0.6943 ± 0, val R² 0.8833" in last_line(found)
    (tmp_path / "r-fold1" / "predictions_val.npz").unlink()
    assert summarise(tmp_path / "r", "completed", members, results, {}).out_of_fold is None
