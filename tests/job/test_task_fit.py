"""The task of a job: from the dataset or the user, with its own defaults, and what does not fit it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.errors import ContractError, JobError
from zoo.host.loader import open_registry
from zoo.job.dataset_facts import peek
from zoo.job.request import Request, make_request
from zoo.job.resolve import Resolved, resolve
from zoo.job.task_fit import numbers_notice
from zoo.plugin import TASKS, Dataset, Loss, Metric
from zoo.registry.entry import Entry, Origin


class Ages:
    """Images with an age each."""

    task = "regression"

    def __init__(self, root: Path | None, split: str):
        self.classes = ["age"]

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> tuple[Any, float]:
        return np.full((3, 16, 16), index, np.uint8), index / 2


def job(*sets: str, dataset: Any = "digits", recipe: str | None = None, **options: Any) -> Resolved:
    request = make_request({"architecture": "simple_cnn", "dataset": dataset, **options}, recipe=recipe)
    return resolve(Request(request.options, sets, None, recipe, request.given), open_registry())


def problems(*sets: str, **options: Any) -> list[str]:
    with pytest.raises(JobError) as caught:
        job(*sets, **options)
    return caught.value.problems


# -- the task -----------------------------------------------------------------------------------------


def test_a_job_has_the_task_of_its_dataset():
    found = job()
    assert (found.job.task, found.task) == ("auto", "single-label")
    assert job(dataset=Ages).task == "regression"


def test_a_typed_task_goes_first():
    found = job(task="ordinal")
    assert (found.job.task, found.task, found.sources["task"]) == ("ordinal", "ordinal", "command line")


def test_an_unknown_task_is_refused_with_those_there_are():
    (problem,) = problems(task="regresion")
    assert "task" in problem
    assert "'regression'" in problem


def test_tasks_and_flag_of_a_dataset_agree():
    """The flag is the older way to state a multi-label task."""

    def stating(**said: Any) -> Any:
        def factory(root: Path | None, split: str) -> Any:
            raise AssertionError("peeking opens nothing")

        factory.peek = lambda: said  # type: ignore[attr-defined]
        return factory

    for said, task in (
        ({}, "single-label"),
        ({"multilabel": False}, "single-label"),
        ({"multilabel": True}, "multi-label"),
        ({"task": "multi-label"}, "multi-label"),
        ({"task": "ordinal"}, "ordinal"),
        ({"task": "regression", "multilabel": False}, "regression"),
    ):
        assert peek(stating(**said), {}) == {"task": task, "multilabel": task == "multi-label"}
    with pytest.raises(ContractError, match=r"'regresion'. Did you mean 'regression'\?"):
        peek(stating(task="regresion"), {})


def test_a_class_attribute_states_the_task():
    assert peek(Ages, {})["task"] == "regression"

    class Several:
        multilabel = True

    assert peek(Several, {})["task"] == "multi-label"


# -- defaults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"dataset": Ages}, {"task": "regression"}], ids=["of the dataset", "typed"])
def test_a_regression_has_a_loss_and_a_monitor_of_values_and_no_augmentation(options: dict[str, Any]):
    found = job(**options)
    assert (found.job.loss.name, found.job.loss.params) == ("mse", {})
    assert found.job.train.monitor == "val/mae"
    assert found.job.metrics == found.job.augment == []
    assert (found.job.train.size_fraction, found.job.train.start_size) == (1.0, None)
    assert found.sources["loss.name"] == "recipe regression"


def test_ordered_classes_have_their_loss_and_keep_the_augmentation():
    found = job(task="ordinal")
    assert (found.job.loss.name, found.job.train.monitor) == ("ordinal", "val/mae_ranks")
    assert found.job.augment == job().job.augment != []


@pytest.mark.parametrize("options", [{"loss": "huber"}, {"recipe": "none", "loss": "huber"}])
def test_the_users_choices_go_over_the_tasks_recipe(options: dict[str, Any]):
    found = job("train.monitor=val/rmse", "augment=[colour]", task="regression", **options)
    assert (found.job.loss.name, found.job.train.monitor) == ("huber", "val/rmse")
    assert [each.name for each in found.job.augment] == ["colour"]


def test_a_recipe_of_the_users_own_goes_over_the_tasks():
    Path("registry.yaml").write_text("recipes: {'*+digits': {loss: l1, augment: [colour]}}")
    found = job(task="regression")
    assert (found.job.loss.name, found.sources["loss.name"]) == ("l1", "recipe *+digits")
    assert found.job.train.monitor == "val/mae"


@pytest.mark.parametrize("symmetries", [None, (), ("horizontal_flip",)])
def test_values_are_flipped_only_where_the_dataset_declares_it(symmetries: tuple[str, ...] | None):
    entry = Entry(Dataset("ages", "ages:Ages", symmetries=symmetries), Origin("test"), given=Ages)
    request = Request(options={"architecture": "simple_cnn", "dataset": "test/ages"}, given={"dataset": entry})
    found = resolve(request, open_registry())
    assert [each.name for each in found.job.augment] == (["flip"] if symmetries else [])


def test_a_job_file_with_a_task_repeats_it():
    import yaml

    first = job(task="ordinal")
    Path("job.yaml").write_text(yaml.safe_dump(first.job.plain()))
    again = resolve(Request(file=Path("job.yaml")), open_registry())
    assert again.job == first.job


# -- what does not fit --------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_the_labels_are_not_for_is_refused(task: str, tmp_path: Path):
    table = tmp_path / "several.csv"
    table.write_text("path,labels\na.png,cat;dog\nb.png,dog\n")
    refused = {"digits": {"multi-label"}, "several": {*TASKS} - {"multi-label"}, "ages": {*TASKS} - {"regression"}}
    for name, dataset in (("digits", "digits"), ("several", str(table)), ("ages", Ages)):
        if task not in refused[name]:
            job(task=task, dataset=dataset)
            continue
        problem = problems(task=task, dataset=dataset)[0]
        assert f"--task {task} does not fit the dataset" in problem
        assert "Leave out --task" in problem


def test_an_object_that_states_the_task_late_is_believed():
    class Late(Ages):
        task = None

        def __init__(self, root: Path | None, split: str):
            super().__init__(root, split)
            self.multilabel = True

    assert job(task="multi-label", dataset=Late, loss="binary_cross_entropy").task == "multi-label"


def test_a_loss_of_another_task_is_refused_with_those_that_fit():
    assert problems("loss=focal", task="regression") == [
        "loss 'focal' does not support regression. Those that do: huber, l1, mse, quantile."
    ]
    assert problems("loss=huber") == [
        "loss 'huber' does not support single-label datasets. Those that do: binary_cross_entropy, cross_entropy, "
        "focal, mse, soft_f1. It is for another task. Type: --task regression"
    ]
    (problem,) = problems("loss=corn", task="regression")
    assert problem.endswith("It is for another task. Type: --task ordinal")
    job("loss=focal", task="ordinal")


def test_a_metric_of_another_task_is_refused():
    (problem,) = problems("metrics=[auroc]", task="regression")
    assert problem.startswith("metric 'auroc' does not support regression.")
    job("metrics=[auroc]", task="ordinal")


def test_class_weights_and_balanced_classes_are_refused_in_a_regression():
    assert problems("train.class_weights=balanced", task="regression") == [
        "train.class_weights=balanced needs classes, and a regression has none. Type: --set train.class_weights=none"
    ]
    assert problems("train.sampler=balanced", task="regression") == [
        "sampler 'balanced' does not support regression. Those that do: shuffle."
    ]
    job("train.class_weights=balanced", "train.sampler=balanced", task="ordinal")


def test_functions_from_python_are_trusted():
    found = job(task="regression", loss=lambda outputs, targets: (outputs - targets).abs().mean())
    assert found.task == "regression"
    job(task="regression", metrics=[lambda outputs, targets: 1.0])


def test_a_local_loss_without_a_declaration_is_refused_with_the_line_to_add():
    Path("mine.py").write_text("def f():\n    return None\n")
    Path("registry.yaml").write_text("components: {loss: {mine: {target: './mine.py:f'}}}")
    (problem,) = problems("loss=mine", task="regression")
    assert "tasks: [regression] in registry.yaml" in problem
    Path("registry.yaml").write_text("components: {loss: {mine: {target: './mine.py:f', tasks: [regression]}}}")
    assert job("loss=mine", task="regression").job.loss.name == "mine"


def test_a_metric_of_a_users_own_has_no_name_of_a_number_of_the_task():
    def mae(outputs: Any, targets: Any) -> float:
        return 0.0

    (problem,) = problems(task="regression", metrics=[mae])
    assert problem == "metrics: every evaluation of this task already has a 'mae'. Give the metric another name."
    assert [each.label for each in job(metrics=[mae]).job.metrics] == ["mae"]
    assert [each.label for each in job("metrics=[mae]", task="regression").job.metrics] == ["mae"]


@pytest.mark.parametrize("kind", [Loss, Metric])
def test_a_declaration_of_an_unknown_task_is_refused(kind: Any):
    with pytest.raises(ValueError, match="'regresion' is not one of single-label, multi-label, regression, ordinal"):
        kind("x", "a:b", tasks=("regresion",))


# -- classes that may be amounts ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "images", "said"),
    [
        ([str(i) for i in range(10)], 50, False),  # digits
        ([str(i) for i in range(60)], 10_000, True),
        ([str(i) for i in range(20)], 100, True),
        ([str(i) for i in range(20)], 1000, False),
        ([f"{i}.0" for i in range(60)], 10_000, True),
        ([f"n{i:08}" for i in range(1000)], 10_000, False),
        ([*(str(i) for i in range(60)), "other"], 10_000, False),
    ],
)
def test_many_whole_numbers_may_be_amounts(classes: list[str], images: int, said: bool):
    notice = numbers_notice("auto", classes, images, "age")
    assert (notice is not None) is said
    assert notice is None or f"{len(classes)} different whole numbers (age)" in notice
    assert numbers_notice("single-label", classes, images) is None
