"""Public: train and evaluate a resolved job from Python, and observe it.

Example::

    resolved = resolve(make_request({"architecture": "simple_cnn", "dataset": "digits", "epochs": 2}), registry)
    result = run_job(resolved, registry.plugins, Observer(), RunPlace(Path("runs"), "mine"))
"""

from __future__ import annotations

from zoo.evaluation.comparison import compare, compare_runs
from zoo.evaluation.evaluate import EvaluationOptions, evaluate, evaluate_run, own_split, request_of
from zoo.evaluation.thresholds import Below, by_costs, by_precision, by_recall
from zoo.evaluation.untrained import UntrainedRun, write_untrained
from zoo.runner.analyses import Evaluated, Findings
from zoo.runner.callbacks import Callback
from zoo.runner.components import RunComponents, build_components
from zoo.runner.environment import environment, versions
from zoo.runner.features import FeatureStore, feature_store
from zoo.runner.lr_find import find_lr
from zoo.runner.noise import noise
from zoo.runner.observer import Observer
from zoo.runner.predictions import Predictions, predictions_file, read_predictions, write_predictions
from zoo.runner.record import Run
from zoo.runner.repeats import ended_result
from zoo.runner.repeats_callbacks import RepeatsCallback
from zoo.runner.runner import RunPlace, run_job
from zoo.runner.time_budget import Budget, TooShort
from zoo.runner.train_state import TrainState
from zoo.runner.trainable_model import blank
from zoo.runner.tuning import trial_parts
from zoo.runner.weights import load_weights

__all__ = [
    "Below",
    "Budget",
    "Callback",
    "Evaluated",
    "EvaluationOptions",
    "FeatureStore",
    "Findings",
    "Observer",
    "Predictions",
    "RepeatsCallback",
    "Run",
    "RunComponents",
    "RunPlace",
    "TooShort",
    "TrainState",
    "UntrainedRun",
    "blank",
    "build_components",
    "by_costs",
    "by_precision",
    "by_recall",
    "compare",
    "compare_runs",
    "ended_result",
    "environment",
    "evaluate",
    "evaluate_run",
    "feature_store",
    "find_lr",
    "load_weights",
    "noise",
    "own_split",
    "predictions_file",
    "read_predictions",
    "request_of",
    "run_job",
    "trial_parts",
    "versions",
    "write_predictions",
    "write_untrained",
]
