"""Public: the runs on the disk. Imports neither torch nor numpy.

Example::

    from zoo.runs import find_run, read_result

    print(read_result(find_run("brave-otter")).metrics["val"].accuracy)
"""

from __future__ import annotations

from zoo.job.run_folder import (
    ATTACHMENTS,
    CARD,
    CHECKPOINTS,
    IMPORTED,
    JOB,
    METRICS,
    MODEL,
    PICTURES,
    REPORT,
    RESULT,
    WEIGHTS,
    find_run,
    is_run,
)
from zoo.runner.folder import LOCK, check_name, claim, forget_replaced, hold, made_up_name
from zoo.runner.measurements import EpochRecord, Mistake, SkippedImage, SplitMetrics, SplitSummary
from zoo.runner.repeats_summary import SUMMARY, RepeatsSummary, read_summary
from zoo.runner.result_parts import ExecutionTrial
from zoo.runner.run_result import RunResult, damage_reported, read_epochs, read_result

__all__ = [
    "ATTACHMENTS",
    "CARD",
    "CHECKPOINTS",
    "IMPORTED",
    "JOB",
    "LOCK",
    "METRICS",
    "MODEL",
    "PICTURES",
    "REPORT",
    "RESULT",
    "SUMMARY",
    "WEIGHTS",
    "EpochRecord",
    "ExecutionTrial",
    "Mistake",
    "RepeatsSummary",
    "RunResult",
    "SkippedImage",
    "SplitMetrics",
    "SplitSummary",
    "check_name",
    "claim",
    "damage_reported",
    "find_run",
    "forget_replaced",
    "hold",
    "is_run",
    "made_up_name",
    "read_epochs",
    "read_result",
    "read_summary",
]
