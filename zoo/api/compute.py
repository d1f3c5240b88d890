"""Public: where and how networks compute, and what is computed of them.

Example::

    execution = choose_execution("auto", "fp32")
    network = fold_norms(execution.place(model).eval(), images[:2])
"""

from __future__ import annotations

from zoo.engine.autotune import pass_of
from zoo.engine.calibration import Calibration, calibrate, calibrate_outputs
from zoo.engine.confidence_intervals import correct_images
from zoo.engine.conformal import conformal_quantile
from zoo.engine.evaluate import Answers, evaluate_logits, predict_logits
from zoo.engine.execution import Execution, choose_execution, keep_freed_memory
from zoo.engine.features import FeatureBatches
from zoo.engine.final import final_numbers
from zoo.engine.fuse_bn import fold_norms
from zoo.engine.gradcam import painted
from zoo.engine.layer_groups import find_head, is_last_step
from zoo.engine.optimizers import needs_closure, to_evaluation_weights, to_training_weights
from zoo.engine.outputs import call_scored, with_outputs
from zoo.engine.part_numbers import part_of
from zoo.engine.statistics import mcnemar, paired_interval, wilson_interval
from zoo.engine.task import MULTI_LABEL, SINGLE_LABEL, Task, task_named, task_of, task_of_card
from zoo.engine.timing import call_rates, compared, now
from zoo.engine.tta import NONE, account, views_named

__all__ = [
    "MULTI_LABEL",
    "NONE",
    "SINGLE_LABEL",
    "Answers",
    "Calibration",
    "Execution",
    "FeatureBatches",
    "Task",
    "account",
    "calibrate",
    "calibrate_outputs",
    "call_rates",
    "call_scored",
    "choose_execution",
    "compared",
    "conformal_quantile",
    "correct_images",
    "evaluate_logits",
    "final_numbers",
    "find_head",
    "fold_norms",
    "is_last_step",
    "keep_freed_memory",
    "mcnemar",
    "needs_closure",
    "now",
    "painted",
    "paired_interval",
    "part_of",
    "pass_of",
    "predict_logits",
    "task_named",
    "task_of",
    "task_of_card",
    "to_evaluation_weights",
    "to_training_weights",
    "views_named",
    "wilson_interval",
    "with_outputs",
]
