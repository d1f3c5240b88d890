"""Public: the runs on the disk. Imports neither torch nor numpy.

Example::

    from zoo.runs import find_run, read_result

    print(read_result(find_run("brave-otter"))["metrics"]["val"]["accuracy"])
"""

from __future__ import annotations

from zoo.job.run_folder import CARD, CHECKPOINTS, IMPORTED, JOB, METRICS, MODEL, RESULT, WEIGHTS, find_run, is_run
from zoo.runner.documents import read_document, read_result
from zoo.runner.folder import LOCK, check_name, claim, forget_replaced, hold, made_up_name

__all__ = [
    "CARD",
    "CHECKPOINTS",
    "IMPORTED",
    "JOB",
    "LOCK",
    "METRICS",
    "MODEL",
    "RESULT",
    "WEIGHTS",
    "check_name",
    "claim",
    "find_run",
    "forget_replaced",
    "hold",
    "is_run",
    "made_up_name",
    "read_document",
    "read_result",
]
