"""The parts of a result beside its numbers: times, the machine, the network, the recipe, and accounts of choices."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from zoo.model.provenance import PLUGIN
from zoo.runner.records import Number, Record

__all__ = [
    "BudgetAccount",
    "ExecutionEnvironment",
    "ExecutionSpeed",
    "ExecutionTrial",
    "Expectation",
    "InputFigures",
    "ModelSummary",
    "ObservingPlugin",
    "RecipeSummary",
    "TeacherSummary",
    "Timing",
    "TuningAccount",
    "VerdictFacts",
]


class Timing(Record):
    """Seconds by phase, and training images per second."""

    setup_s: Number | None = None
    data_s: Number | None = None
    train_s: Number | None = None
    evaluate_s: Number | None = None
    total_s: Number | None = None
    train_images_per_second: Number | None = None


class ExecutionEnvironment(Record):
    """The machine, the command line and the versions."""

    platform: str | None = None
    processor: str | None = None
    cpus: int | None = None
    device: str | None = None
    execution: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    command: list[str] = Field(default_factory=list)


class ModelSummary(Record):
    """The network.

    Args:
        id: the full name of its architecture.
        parameters: their number.
        loss_parameters: number of those of the loss that are trained; None for a loss without any.
        begins: the weights that training began with, in words; None for random ones.
        features: whether the output of a frozen backbone is computed once.
        weights: the file that training began with, or ``pretrained``.
        bundle: the folder of the best weights, within the run's.
    """

    id: str | None = None
    parameters: int | None = None
    loss_parameters: int | None = None
    plugin: str | None = None
    version: str | None = None
    begins: str | None = None
    features: bool = False
    weights: Record | None = None
    teacher: TeacherSummary | None = None
    bundle: str | None = None


class TeacherSummary(Record):
    """The model that a network was distilled from, and its accuracy where its run has one."""

    run: str = ""
    bundle: str = ""
    sha256: str = ""
    architecture: str = ""
    accuracy: Number | None = None


class ObservingPlugin(Record):
    """A plugin that observed a run by its hooks, and what it changed.

    Args:
        hooks: names of its lifecycle hooks.
        stopped: the ``epoch`` after which it stopped the run, and the ``reason``.
        sections: titles of the sections that it added to the report.
        failed: the ``hook`` after whose failure it was left out, and the ``problem``.
        settings: those of its settings that are not the defaults.
    """

    kind: str = PLUGIN
    id: str = ""
    distribution: str | None = None
    version: str | None = None
    hooks: list[str] = Field(default_factory=list)
    stopped: Record | None = None
    sections: list[str] = Field(default_factory=list)
    failed: Record | None = None
    settings: Record | None = None


class Expectation(Record):
    """The value that a recipe has reached, and how it was measured."""

    metric: str = ""
    value: Number | None = None
    photos: Any = None
    measured: Any = None


class RecipeSummary(Record):
    """The recipe that a job stands on."""

    name: str = ""
    expect: Expectation | None = None


class InputFigures(Record):
    """Mean and standard deviation of the network's input."""

    mean: Number | None = None
    std: Number | None = None


class VerdictFacts(Record):
    """Facts for the verdict on a training; what could not be measured is None.

    Args:
        shared_with_train: validation images that are also training images, pixel for pixel.
        confidence_in_mistakes: area under the ROC curve of the confidence, of right against wrong answers.
        wrong_among_the_surest: error rate of the surest tenth of the answers, as a multiple of that of all.
    """

    input: InputFigures = InputFigures()
    shared_with_train: int | None = None
    confidence_in_mistakes: Number | None = None
    wrong_among_the_surest: Number | None = None


class ExecutionSpeed(Record):
    """The measured speed of one way to execute a network."""

    precision: str = ""
    memory_format: str = ""
    compiled: bool = False
    images_per_second: Number = 0.0


class ExecutionTrial(Record):
    """The ways to execute the network that were tried: of training, compiled or not, and of evaluation."""

    how: str = ""
    candidates: list[ExecutionSpeed] = Field(default_factory=list)
    compiled: list[ExecutionSpeed] = Field(default_factory=list)
    evaluation: list[ExecutionSpeed] = Field(default_factory=list)


class BudgetAccount(Record):
    """The plan that fits a run into its budget of time.

    Args:
        variant: the place of the chosen variant among the recipe's; None where it has none.
        seconds: planned for the epochs; None where there is no time for one.
    """

    budget_s: Number | None = None
    variant: int | None = None
    seconds: Number | None = None
    train_images_per_second: Number | None = None
    inference_images_per_second: Number | None = None


class TuningAccount(Record):
    """The values that a run has found before it trained, where its job says ``auto``, and its budget."""

    budget: BudgetAccount | None = None
