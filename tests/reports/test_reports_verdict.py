"""What a result is judged to say, case by case."""

from __future__ import annotations

import copy
import shlex
from typing import Any

import pytest

from zoo.reports.advice import next_commands, split_advice
from zoo.reports.verdict import diagnose
from zoo.runner.run_result import RunResult

Document = dict[str, Any]


def result(
    train: list[float],
    val: list[float],
    *,
    val_loss: list[float] | None = None,
    matrix: list[list[int]] | None = None,
    **changes: Any,
) -> Document:
    """A result with these accuracies, epoch by epoch."""
    losses = val_loss or [1.1 - value for value in val]
    epochs = [
        {"epoch": i + 1, "train": {"accuracy": a, "loss": 1 - a}, "val": {"accuracy": b, "loss": c}}
        for i, (a, b, c) in enumerate(zip(train, val, losses, strict=True))
    ]
    best = max(range(len(val)), key=val.__getitem__)
    right = round(500 * val[best])
    matrix = matrix or [[right, 500 - right], [500 - right, right]]
    accuracy = (matrix[0][0] + matrix[1][1]) / sum(map(sum, matrix))
    return {
        "status": "completed",
        "dir": "runs/x",
        "job": {
            "architecture": {"name": "simple_cnn", "dropout": 0.1},
            "dataset": {"name": "cats_dogs"},
            "augment": [],
            "train": {"epochs": len(val), "lr": 0.01, "weight_decay": 0.05},
        },
        "classes": ["cat", "dog"],
        "metrics": {"val": {"accuracy": accuracy, "confusion_matrix": matrix}},
        "best": {"epoch": best + 1},
        "epochs": epochs,
        **changes,
    }


def ramp(start: float, end: float, epochs: int = 12) -> list[float]:
    return [start + (end - start) * i / (epochs - 1) for i in range(epochs)]


def level(start: float, end: float, epochs: int = 12) -> list[float]:
    """Up in the first half, then flat."""
    return [*ramp(start, end, epochs // 2), *[end] * (epochs - epochs // 2)]


def test_a_gap_between_train_and_val_is_overfitting() -> None:
    verdict = diagnose(RunResult.read(result(ramp(0.6, 0.99), level(0.6, 0.75))))
    assert verdict.kind == "overfitting"
    assert any("95.5%" in line and "75.0%" in line for line in verdict.evidence)
    commands = [split_advice(advice)[1] for advice in verdict.advice]
    assert "zoo run runs/x/job.yaml --set 'augment=[flip,affine,colour]'" in commands
    assert "zoo run runs/x/job.yaml --set architecture.dropout=0.5" in commands


def test_a_rising_validation_loss_is_overfitting_without_a_gap() -> None:
    loss = [0.6, 0.5, 0.4, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6]
    verdict = diagnose(RunResult.read(result(ramp(0.7, 0.93), level(0.7, 0.9), val_loss=loss)))
    assert verdict.kind == "overfitting"
    assert any("1.71 times" in line for line in verdict.evidence)
    assert verdict.headline == "Overfitting: validation loss rose after its minimum."


def test_a_loss_near_zero_that_rises_by_a_few_thousandths_is_no_overfitting() -> None:
    """As the README's first run: from 0.0163 to 0.0207, at a validation accuracy of 100 %."""
    loss = [1.6, 0.4, 0.2, 0.1, 0.06, 0.05, 0.016, 0.037, 0.025, 0.022, 0.021, 0.019]
    assert diagnose(RunResult.read(result(level(0.6, 0.99), level(0.6, 1.0), val_loss=loss))).kind == "good"


def test_a_rising_validation_loss_is_no_overfitting_when_the_training_loss_rises_too() -> None:
    loss = [0.3, 0.2, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]
    assert diagnose(RunResult.read(result(ramp(0.93, 0.88), level(0.9, 0.9), val_loss=loss))).kind != "overfitting"


def test_what_the_job_has_already_is_not_advised_again() -> None:
    document = result(ramp(0.6, 0.99), level(0.6, 0.75))
    document["job"]["augment"] = [{"name": "flip"}]
    document["job"]["architecture"] = {"name": "resnet18"}
    assert [split_advice(advice)[1] for advice in diagnose(RunResult.read(document)).advice] == [""]


def test_low_and_rising_is_underfitting_that_needs_epochs() -> None:
    verdict = diagnose(RunResult.read(result(ramp(0.5, 0.7), ramp(0.5, 0.7))))
    assert verdict.kind == "underfitting"
    assert split_advice(verdict.advice[0])[1] == "zoo run runs/x/job.yaml --epochs 24"


def test_low_and_flat_is_underfitting_that_needs_something_else() -> None:
    verdict = diagnose(RunResult.read(result(level(0.5, 0.7), level(0.5, 0.7))))
    assert verdict.kind == "underfitting"
    assert split_advice(verdict.advice[0])[1] == "zoo run runs/x/job.yaml --lr 0.03"
    assert any("timm/resnet18 cats_dogs" in advice for advice in verdict.advice)


def test_high_and_close_is_good() -> None:
    verdict = diagnose(RunResult.read(result(level(0.6, 0.93), level(0.6, 0.92))))
    assert (verdict.kind, verdict.advice) == ("good", [])


def test_one_epoch_is_judged_too() -> None:
    assert diagnose(RunResult.read(result([0.6], [0.62]))).kind == "underfitting"
    assert diagnose(RunResult.read(result([0.96], [0.97]))).kind == "good"


def test_a_short_training_is_judged_by_its_last_epoch() -> None:
    """As `zoo run simple_cnn digits --epochs 3` goes: the first epoch is no part of the end."""
    verdict = diagnose(RunResult.read(result([0.57, 0.93, 0.965], [0.55, 0.97, 0.99])))
    assert verdict.kind == "good"
    assert split_advice(verdict.advice[0])[1] == "zoo run runs/x/job.yaml --epochs 6"


def test_everything_in_one_column_is_a_collapse() -> None:
    verdict = diagnose(RunResult.read(result([0.5] * 4, [0.5] * 4, matrix=[[2, 498], [0, 500]])))
    assert verdict.kind == "collapsed"
    assert "dog" in verdict.headline
    assert any("--lr 0.001" in advice for advice in verdict.advice)


def test_one_that_learned_its_images_by_heart_has_not_collapsed() -> None:
    document = result([0.9, 1.0, 1.0, 1.0], [0.5] * 4, matrix=[[2, 498], [0, 500]])
    document["splits"] = {"train": {"images": 1000, "per_class": {"cat": 500, "dog": 500}}, "val": {"images": 1000}}
    verdict = diagnose(RunResult.read(document))
    assert verdict.kind == "overfitting"
    assert "memorised" in verdict.headline
    assert not any("--lr" in advice for advice in verdict.advice)


def test_a_rare_class_is_no_collapse() -> None:
    """97 % of the images are dogs, and so are the predictions: that is as it should be."""
    assert diagnose(RunResult.read(result([0.99] * 4, [0.99] * 4, matrix=[[25, 5], [5, 965]]))).kind == "good"


def test_no_better_than_the_commonest_class_is_told() -> None:
    verdict = diagnose(RunResult.read(result([0.8] * 4, [0.8] * 4, matrix=[[30, 170], [30, 770]])))
    assert verdict.kind == "baseline"
    assert any("80.0%" in line for line in verdict.evidence)


def test_one_class_alone_has_no_baseline() -> None:
    document = result([0.9], [0.9], matrix=[[90, 10], [0, 0]])
    assert diagnose(RunResult.read({**document, "epochs": [], "status": "evaluated"})).kind == "scored"


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_cut_short_says_how_far_it_came_and_how_to_go_on(status: str) -> None:
    document = result([0.5, 0.6], [0.5, 0.6], status=status)
    document["job"]["train"]["epochs"] = 30
    verdict = diagnose(RunResult.read(document))
    assert (verdict.kind, "after epoch 2 of 30" in verdict.headline) == (status, True)
    assert split_advice(verdict.advice[0])[1] == "zoo run --resume runs/x"


def test_a_run_cut_short_before_its_first_epoch(cut_short: Document) -> None:
    assert diagnose(RunResult.read(cut_short)).headline == "Interrupted before the end of the first epoch."


def test_nothing_scored_is_not_judged() -> None:
    assert diagnose(RunResult.read({})).kind == "unscored"
    assert diagnose(RunResult.read({"metrics": {"val": {}}, "best": None, "epochs": []})).kind == "unscored"


def test_an_early_stop_is_evidence() -> None:
    verdict = diagnose(
        RunResult.read(
            result(level(0.6, 0.93), level(0.6, 0.92), status="stopped", stop_reason="no better for 5 epochs")
        )
    )
    assert "Training ended early: no better for 5 epochs." in verdict.evidence


def test_few_images_are_pointed_out_with_the_interval() -> None:
    few = diagnose(RunResult.read(result([0.95] * 4, [0.95] * 4, matrix=[[18, 2], [1, 19]])))
    assert any(line.startswith("With few images, on 40 val images") and "80.1%" in line for line in few.evidence)
    many = diagnose(RunResult.read(result([0.95] * 4, [0.95] * 4, matrix=[[450, 50], [50, 450]])))
    assert any(line.startswith("On 1,000 val images") for line in many.evidence)


def test_drawings_are_no_photos_whatever_the_accuracy() -> None:
    verdict = diagnose(
        RunResult.read(result(level(0.6, 0.99), level(0.6, 0.99), notices=["These are drawn cats and dogs."]))
    )
    assert verdict.kind == "good"
    assert "says nothing about photos" in verdict.headline
    assert split_advice(verdict.advice[0])[1] == "zoo run runs/x/job.yaml --data FOLDER"


@pytest.mark.parametrize(("value", "word"), [(0.99, "below the 99.0%"), (0.5, "above the 50.0%"), (0.92, "")])
def test_a_recipe_is_held_against_the_interval(value: float, word: str) -> None:
    recipe = {"name": "article", "expect": {"metric": "val/accuracy", "value": value, "photos": 2000}}
    evidence = " ".join(diagnose(RunResult.read(result(level(0.6, 0.93), level(0.6, 0.92), recipe=recipe))).evidence)
    assert (word in evidence) if word else ("recipe" not in evidence)


def test_a_good_fit_that_was_still_rising_is_good_so_far() -> None:
    rising = diagnose(RunResult.read(result([0.92], [0.91])))
    assert rising.headline == "Good fit so far: validation accuracy was still rising when the training ended."
    assert any("--epochs 2" in advice for advice in rising.advice)
    assert diagnose(RunResult.read(result(level(0.6, 0.93), level(0.6, 0.92)))).headline.startswith("Good fit: no sign")


def test_six_images_are_too_few_to_judge_by_and_not_a_poor_network() -> None:
    """Thirty photos leave six to validate: 5 of 6 right is no better than chance, and no worse."""
    few = diagnose(RunResult.read(result(level(0.6, 0.97), level(0.5, 0.83), matrix=[[3, 0], [1, 2]])))
    assert few.kind == "few"
    assert any("--folds 5" in advice for advice in few.advice)
    guessing = diagnose(RunResult.read(result(level(0.5, 0.55), level(0.5, 0.5), matrix=[[3, 0], [3, 0]])))
    assert guessing.kind in ("baseline", "collapsed")


def test_a_training_loss_that_jumps_after_all_was_learned_is_no_divergence() -> None:
    jumps = result(level(0.6, 0.98, 24), level(0.6, 0.97, 24))
    for i, epoch in enumerate(jumps["epochs"]):
        epoch["train"]["loss"] = 0.2 + 0.05 * (i % 2)
    assert diagnose(RunResult.read(jumps)).kind == "good"
    for epoch in jumps["epochs"]:
        epoch["train"]["accuracy"] = 0.7
    verdict = diagnose(RunResult.read(jumps))
    assert verdict.kind == "rate-too-high"
    assert [split_advice(advice)[1] for advice in verdict.advice][1] == "zoo lr-find runs/x/job.yaml"


def test_diagnosing_changes_nothing(two_classes: Document) -> None:
    before = copy.deepcopy(two_classes)
    diagnose(RunResult.read(two_classes))
    assert two_classes == before


def test_every_command_advised_is_one_that_zoo_takes(two_classes: Document, thirty_classes: Document) -> None:
    from zoo.commands import app

    context = app.make_context("zoo", ["list"])
    flat = result(level(0.5, 0.7), level(0.5, 0.7), notices=["drawn images"])
    collapsed = result([0.5] * 4, [0.5] * 4, matrix=[[0, 500], [0, 500]])
    cut = result([0.5], [0.5], status="interrupted")
    for document in (two_classes, thirty_classes, flat, collapsed, cut):
        advised = [split_advice(advice)[1] for advice in diagnose(RunResult.read(document)).advice]
        typed = [command for _, command in next_commands(RunResult.read(document))]
        for command in filter(None, [*advised, *typed]):
            _, name, *words = shlex.split(command)
            command = app.get_command(context, name)
            assert command is not None, f"zoo {name}"
            command.make_context(name, words).close()


def leaked(document: Document, shared: int) -> Document:
    return {**document, "signs": {"shared_with_train": shared}}


def test_one_duplicate_in_a_hundred_does_not_hide_a_class_that_is_overlooked() -> None:
    document = result(level(0.6, 0.9), level(0.6, 0.9), matrix=[[84, 1], [7, 8]])
    figures = {"cat": {"recall": 84 / 85, "support": 85}, "dog": {"recall": 8 / 15, "support": 15}}
    document["metrics"]["val"]["per_class"] = figures
    document["splits"] = {"train": {"images": 910, "per_class": {"cat": 850, "dog": 60}}}
    verdict = diagnose(RunResult.read(leaked(document, 1)))
    assert verdict.kind == "imbalance"
    said = " ".join(verdict.evidence)
    assert "53.3%" in said
    assert "Also: Leakage" in said
    assert "1 of the 100 validation images is also in the training set, pixel for pixel." in said
    assert any("zoo data check" in advice for advice in verdict.advice), "what finds the duplicate"


@pytest.mark.parametrize("shared", [20, 500])
def test_an_accuracy_that_nobody_believes_in_anyway_is_not_too_good(shared: int) -> None:
    document = result(level(0.1, 0.2), level(0.1, 0.2), matrix=[[200, 400, 400], [400, 200, 400], [0, 0, 0]])
    document["metrics"]["val"]["accuracy"] = 0.2
    verdict = diagnose(RunResult.read(leaked(document, shared)))
    assert verdict.kind != "leakage"
    assert any(f"{shared} of the 2,000 validation images are" in line for line in verdict.evidence)


def test_a_leakage_that_costs_most_tells_of_the_rest() -> None:
    document = result(ramp(0.6, 0.96), level(0.6, 0.82), matrix=[[410, 90], [90, 410]])
    assert diagnose(RunResult.read(document)).kind == "overfitting"
    verdict = diagnose(RunResult.read(leaked(document, 600)))
    assert verdict.kind == "leakage"
    said = " ".join(verdict.evidence)
    assert "600 of the 1,000" in said
    assert "Accuracy is at least 55.0% on the others, and 82.0% on all." in said
    assert "Also: Overfitting" in said


@pytest.mark.parametrize("shared", [10, 1000])
def test_a_leakage_alone_is_the_verdict(shared: int) -> None:
    verdict = diagnose(RunResult.read(leaked(result(level(0.6, 0.93), level(0.6, 0.92)), shared)))
    assert verdict.kind == "leakage"
    assert not any("Besides" in line for line in verdict.evidence)
    assert diagnose(RunResult.read(leaked(result(level(0.6, 0.93), level(0.6, 0.92)), 9))).kind == "good", (
        "below a hundredth"
    )


# -- a regression ----------------------------------------------------------------------------------


def regression(
    train: list[float], val: list[float], *, val_loss: list[float] | None = None, **changes: Any
) -> RunResult:
    """A regression with these mean absolute errors, epoch by epoch; always the median has one of 10."""
    losses = val_loss or [value / 10 for value in val]
    epochs = [
        {"epoch": i + 1, "train": {"mae": a, "loss": a / 10}, "val": {"mae": b, "loss": c}}
        for i, (a, b, c) in enumerate(zip(train, val, losses, strict=True))
    ]
    best = min(val)
    metrics = {"mae": best, "baseline": {"answer": 30.0, "mae": 10.0}, "intervals": {"mae": [0.9 * best, 1.1 * best]}}
    document = result(train, val)
    return RunResult.read(
        {
            **document,
            "task": "regression",
            "classes": ["age"],
            "metrics": {"val": metrics},
            "splits": {"val": {"images": 500}},
            "epochs": epochs,
            "best": {"epoch": val.index(best) + 1},
            **changes,
        }
    )


def test_an_error_like_that_of_the_median_is_no_result() -> None:
    verdict = diagnose(regression(level(10, 9.5), level(10, 9.6)))
    assert verdict.kind == "baseline"
    assert verdict.headline == "Not significantly better than always answering the median."
    assert verdict.evidence[0] == "Always answering the median has an MAE of 10."
    assert "On 500 val images, the MAE is between 8.64 and 10.56 (95% confidence interval)." in verdict.evidence


def test_a_training_error_far_below_is_overfitting() -> None:
    verdict = diagnose(regression(ramp(9, 0.5), level(9, 4)))
    assert verdict.kind == "overfitting"
    assert verdict.headline == "Overfitting: training MAE is far below validation MAE."
    assert any("validation MAE 4." in line for line in verdict.evidence)
    assert any("if it leaves the values as they are" in advice for advice in verdict.advice)


def test_small_errors_apart_are_no_overfitting() -> None:
    assert diagnose(regression(level(9, 0.2), level(9, 0.6))).kind == "good"


def test_a_rising_validation_loss_is_overfitting_of_values_too() -> None:
    loss = [0.6, 0.5, 0.4, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.6, 0.6, 0.6]
    verdict = diagnose(regression(ramp(6, 2.5), level(6, 3), val_loss=loss))
    assert verdict.kind == "overfitting"
    assert verdict.headline == "Overfitting: validation loss rose after its minimum."


def test_values_that_were_not_learned_are_underfitting() -> None:
    stopped = diagnose(regression(level(9, 7), level(9, 7)))
    assert stopped.kind == "underfitting"
    assert "stopped falling" in stopped.headline
    falling = diagnose(regression(ramp(9, 6), ramp(9, 6)))
    assert falling.kind == "underfitting"
    assert "MAE was still falling" in falling.headline
    assert "zoo run runs/x/job.yaml --epochs 24" in [split_advice(advice)[1] for advice in falling.advice]


def test_a_good_regression_and_one_that_still_gets_better() -> None:
    done = diagnose(regression(level(9, 1), level(9, 1.2)))
    assert (done.kind, done.headline) == ("good", "Good fit: no sign of overfitting or underfitting.")
    assert done.evidence[0] == "Training MAE ends 0.2 below validation MAE."
    early = diagnose(regression(ramp(9, 1), ramp(9, 1.2)))
    assert early.kind == "good"
    assert "still falling" in early.headline


def test_few_images_and_images_of_both_splits_are_told_of_values() -> None:
    wide = {"mae": 2.0, "baseline": {"answer": 30.0, "mae": 10.0}, "intervals": {"mae": [1.2, 2.9]}}
    few = diagnose(regression(level(9, 2), level(9, 2), metrics={"val": wide}, splits={"val": {"images": 12}}))
    assert few.kind == "few"
    assert "With few images, on 12 val images, the MAE is between 1.2 and 2.9" in few.evidence[-1]
    leaked = diagnose(regression(level(9, 2), level(9, 2), signs={"shared_with_train": 50}))
    assert leaked.kind == "leakage"
    assert "the MAE is too low" in leaked.headline


def test_an_evaluation_and_an_interrupted_regression() -> None:
    scored = diagnose(regression([9, 2], [9, 2], epochs=[], best=None))
    assert (scored.kind, scored.headline) == ("scored", "MAE 2 on the val images.")
    assert diagnose(regression([9, 2], [9, 2], status="interrupted")).kind == "interrupted"
    assert diagnose(RunResult.read({"task": "regression", "status": "completed"})).kind == "unscored"
    broken = diagnose(regression([9, 9], [9, 9], status="failed", stop_reason="loss became NaN in epoch 2"))
    assert broken.kind == "rate-too-high"


def test_a_recipe_for_classes_says_nothing_of_values() -> None:
    recipe = {"name": "r", "expect": {"metric": "val/accuracy", "value": 0.99}}
    assert not any("recipe" in line for line in diagnose(regression(level(9, 1), level(9, 1), recipe=recipe)).evidence)
