"""Public: figures of a run's result, as reports read and word them. Imports no rich.

Example::

    from zoo.reports.kit.results import diagnose, main_split

    print(diagnose(result).headline)
"""

from __future__ import annotations

from zoo.reports import reading
from zoo.reports.uncertain import baseline_words, calibration_words, numbers_table
from zoo.reports.verdict import diagnose
from zoo.runner.main_metric import ERROR, MainMetric, main_metric, main_metric_of

__all__ = ["ERROR", "MainMetric", "baseline_words", "calibration_words", "diagnose", "main_metric", "main_metric_of"]
__all__ += ["numbers_table", "reading"]
