"""Comparing runs: what is chance isn't called a difference, and what is one is; only the same images are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.engine.regression import RegressionTask
from zoo.errors import RequestError
from zoo.evaluation.comparison import NO_DIFFERENCE, compare, compare_runs
from zoo.host.loader import open_registry
from zoo.runner.matching import matched
from zoo.runner.predictions import Predictions, write_predictions

Rng = np.random.Generator


def seeds(rng: Rng, accuracies: tuple[float, ...], images: int = 1000, classes: int = 5) -> dict[str, Predictions]:
    """Simulated answers of some networks to the same images, of which some are harder than others for all of them."""
    targets = rng.integers(0, classes, images)
    hard = rng.normal(size=images)
    found = {}
    for i, accuracy in enumerate(accuracies):
        score = 0.7 * hard + 0.714 * rng.normal(size=images)  # standard normal; two networks' correlate by half
        right = score < np.quantile(rng.normal(size=200_000), accuracy)
        other = (targets + rng.integers(1, classes, images)) % classes
        predicted = np.where(right, targets, other)
        logits = rng.normal(size=(images, classes)).astype(np.float32) * 0.1
        logits[np.arange(images), predicted] += 2
        names = [f"image {n}" for n in range(images)]
        found[f"run{i}"] = Predictions(names, list("abcde"), targets, logits.argmax(axis=1), logits)
    return found


@pytest.mark.slow
def test_two_seeds_of_one_job_differ_as_seldom_as_the_test_says():
    """100 pairs of equally good networks: at 5 % some 5 are called different, at most 10 in 99 of 100 such trials."""
    rng, called = np.random.default_rng(0), {"accuracy": 0, "f1_macro": 0, "log_loss": 0}
    for _ in range(100):
        (row,) = compare(seeds(rng, (0.9, 0.9)))["comparisons"]
        for metric in called:
            called[metric] += row["metrics"][metric]["significant"]
        if not row["metrics"]["accuracy"]["significant"]:
            assert NO_DIFFERENCE in row["verdict"]
    assert max(called.values()) <= 10
    assert called["accuracy"] <= 8, "the exact test is on the safe side"


def test_five_points_on_a_thousand_images_are_called():
    rng, called = np.random.default_rng(1), 0
    for _ in range(20):
        (row,) = compare(seeds(rng, (0.85, 0.90)))["comparisons"]
        called += row["metrics"]["accuracy"]["significant"] and row["verdict"].startswith("run1 is better than run0 by")
    assert called >= 18


def test_the_interval_of_the_difference_holds_it():
    rng, inside = np.random.default_rng(2), 0
    for _ in range(50):
        (row,) = compare(seeds(rng, (0.85, 0.90)))["comparisons"]
        low, high = row["metrics"]["accuracy"]["interval"]
        inside += low <= 0.05 <= high
    assert inside >= 45


def test_it_counts_who_is_right_where():
    found = seeds(np.random.default_rng(0), (0.8, 0.9))
    (row,) = compare(found)["comparisons"]
    one, other = (each.right for each in found.values())
    assert row["counts"] == {
        "both_right": int((one & other).sum()),
        "only_first": int((one & ~other).sum()),
        "only_second": int((other & ~one).sum()),
        "both_wrong": int((~one & ~other).sum()),
    }
    assert row["metrics"]["accuracy"]["difference"] == pytest.approx(other.mean() - one.mean())
    assert len(row["only_first"]) == 20
    assert all(one[int(name.split()[1])] for name in row["only_first"])


def test_each_of_several_is_compared_with_the_first_and_none_is_called_for_their_number():
    found = compare(seeds(np.random.default_rng(3), (0.85, 0.85, 0.85, 0.92)))
    assert [row["run"] for row in found["comparisons"]] == ["run1", "run2", "run3"]
    assert all(row["against"] == "run0" for row in found["comparisons"])
    for row in found["comparisons"]:
        assert all(figures["p_holm"] >= figures["p"] for figures in row["metrics"].values())
    assert found["comparisons"][2]["metrics"]["accuracy"]["significant"]


def test_a_run_against_its_own_answers_is_no_difference():
    (one,) = seeds(np.random.default_rng(0), (0.9,)).values()
    (row,) = compare({"a": one, "b": one})["comparisons"]
    assert all(not figures["significant"] for figures in row["metrics"].values())
    assert row["metrics"]["accuracy"]["p"] == 1


def test_a_metric_of_a_plugin_is_compared_by_the_bootstrap():
    found = seeds(np.random.default_rng(0), (0.8, 0.9))

    def accuracy(logits, targets):
        return float((logits.argmax(axis=1) == targets).mean())

    document = compare(found, {"hits": accuracy})
    (row,) = document["comparisons"]
    assert row["metrics"]["hits"]["difference"] == pytest.approx(row["metrics"]["accuracy"]["difference"])
    assert row["metrics"]["hits"]["interval"] == pytest.approx(row["metrics"]["accuracy"]["interval"], abs=0.01)
    assert document["values"][0]["hits"] == document["values"][0]["accuracy"]


def test_several_labels_are_compared_too():
    rng = np.random.default_rng(0)
    targets = rng.random((400, 3)) < 0.4

    def network(noise: float) -> Predictions:
        logits = (4 * targets - 2 + noise * rng.normal(size=targets.shape)).astype(np.float32)
        return Predictions([str(i) for i in range(400)], ["a", "b", "c"], targets, logits >= 0, logits)

    (row,) = compare({"good": network(1.0), "poor": network(2.0)})["comparisons"]
    assert all(figures["significant"] for figures in row["metrics"].values())
    assert row["metrics"]["f1_macro"]["difference"] < 0 < row["metrics"]["log_loss"]["difference"]


# -- the same images --------------------------------------------------------------------------------------


def test_other_orders_of_images_and_classes_are_matched():
    one = seeds(np.random.default_rng(0), (0.9,))["run0"]
    order, columns = np.random.default_rng(1).permutation(1000), np.array([3, 1, 4, 0, 2])
    place = np.argsort(columns)
    turned = one.part(order)
    other = Predictions(
        turned.names,
        [one.classes[i] for i in columns],
        place[turned.targets],
        place[turned.predicted],
        turned.logits[:, columns],
    )
    found = matched({"one": one, "other": other}, "val")["other"]
    assert found.names == one.names
    assert found.classes == one.classes
    assert (found.targets == one.targets).all()
    assert (found.predicted == one.predicted).all()
    assert (found.logits == one.logits).all()


def refusal(one: Predictions, other: Predictions, **how: bool) -> str:
    with pytest.raises(RequestError) as raised:
        matched({"one": one, "other": other}, "val", **how)
    return str(raised.value)


def test_other_images_are_refused_and_counted():
    one = seeds(np.random.default_rng(0), (0.9,))["run0"]
    half = one.part(np.arange(500, 1000))
    error = refusal(one, half)
    assert "500 are shared (of one 1,000, other 500)" in error
    assert "--shared" in error
    found = matched({"one": one, "other": half}, "val", shared=True)
    assert [len(each.names) for each in found.values()] == [500, 500]
    assert "0 are shared" in refusal(one.part(np.arange(500)), half, shared=True)


def test_other_classes_labels_or_names_twice_are_refused():
    one = seeds(np.random.default_rng(0), (0.9,))["run0"]
    fields = (one.targets, one.predicted, one.logits)
    assert "different classes" in refusal(one, Predictions(one.names, list("abcdx"), *fields))
    relabelled = Predictions(one.names, one.classes, (one.targets + 1) % 5, one.predicted, one.logits)
    assert "images differ, such as image 0" in refusal(one, relabelled)
    assert "same name" in refusal(one, Predictions(["x"] * 1000, one.classes, *fields))


def test_a_run_with_a_further_class_is_compared_on_the_images_of_both():
    """An extended run with the one it was extended from; the smaller one has no chance for the further class."""
    one = seeds(np.random.default_rng(0), (0.9,))["run0"]
    wider = Predictions(
        [*one.names, "new"],
        list("fabcde"),
        np.append(one.targets + 1, 0),
        np.append(one.predicted + 1, 0),
        np.pad(one.logits, ((0, 1), (1, 0))),
    )
    for first, second in ((one, wider), (wider, one)):
        found = matched({"one": first, "other": second}, "val", shared=True)
        assert [len(each.names) for each in found.values()] == [1000, 1000]
        assert found["one"].classes == found["other"].classes == list(dict.fromkeys([*first.classes, *second.classes]))
        assert (found["one"].predicted == found["other"].predicted).all()
        (row,) = compare(found)["comparisons"]
        assert row["counts"]["only_first"] == row["counts"]["only_second"] == 0
        assert np.isfinite(row["metrics"]["log_loss"]["difference"])
    assert "--shared" in refusal(one, wider)


def test_runs_on_the_disk(tmp_path: Path):
    for name, each in seeds(np.random.default_rng(0), (0.85, 0.9)).items():
        (tmp_path / name).mkdir()
        write_predictions(
            tmp_path / name,
            "val",
            each.names,
            each.classes,
            torch.from_numpy(each.logits),
            torch.from_numpy(each.targets),
        )
    folders = [tmp_path / "run0", tmp_path / "run1"]
    found = compare_runs(folders, open_registry())
    assert "mae_ranks" not in found["comparisons"][0]["metrics"]
    assert (found["split"], found["images"]) == ("val", 1000)
    assert [run["run"] for run in found["runs"]] == ["run0", "run1"]
    with pytest.raises(RequestError, match="with itself"):
        compare_runs([tmp_path / "run0", tmp_path / "run0"], open_registry())
    (tmp_path / "several").mkdir()
    (tmp_path / "several" / "summary.json").write_text("{}")
    with pytest.raises(RequestError, match="several runs"):
        compare_runs([tmp_path / "run0", tmp_path / "several"], open_registry())


def test_the_errors_in_ranks_of_ordinal_runs_are_compared(tmp_path: Path):
    ranks = np.arange(300) % 5
    for name, off in {"near": 1, "far": 3}.items():
        logits = np.eye(5, dtype=np.float32)[np.where(np.arange(300) < 60, (ranks + off) % 5, ranks)]
        (tmp_path / name).mkdir()
        images, classes = [f"{i}.png" for i in range(300)], list("abcde")
        write_predictions(tmp_path / name, "val", images, classes, torch.from_numpy(logits), torch.from_numpy(ranks))
        (tmp_path / name / "result.json").write_text(json.dumps({"task": "ordinal", "status": "completed"}))
    found = compare_runs([tmp_path / "near", tmp_path / "far"], open_registry())
    (row,) = found["comparisons"]
    assert row["metrics"]["accuracy"]["difference"] == 0
    errors = [np.abs((ranks[:60] + off) % 5 - ranks[:60]).sum() / 300 for off in (1, 3)]
    assert [run["metrics"]["mae_ranks"] for run in found["runs"]] == pytest.approx(errors)
    assert row["metrics"]["mae_ranks"]["significant"]


def test_values_that_differ_by_rounding_alone_are_the_same():
    """Each run reads its targets back from its own scale in float32; a price of 0 is then some hundred-thousandth."""
    prices = np.append(0.0, np.linspace(1000, 9000, 50))[:, None]
    kept = {}
    for name, part in (("one", prices[:30]), ("other", prices[15:])):
        task = RegressionTask().fitted(part)
        labels = task.read_labels(torch.from_numpy(task.standardise(prices)).float()).numpy().astype(np.float32)
        kept[name] = Predictions([str(i) for i in range(51)], ["price"], labels, labels, labels)
    assert kept["one"].targets[0] != kept["other"].targets[0]
    assert len(matched(kept, "val")["other"].names) == 51
    wrong = kept["other"].targets + np.eye(51, 1, dtype=np.float32)
    assert "different labels: 1 of 51" in refusal(kept["one"], replace(kept["other"], targets=wrong))
