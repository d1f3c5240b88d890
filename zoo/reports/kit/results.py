"""Public: figures of a run's result, as reports read and word them. Imports no rich.

Example::

    from zoo.reports.kit.results import diagnose, main_split

    print(diagnose(result).headline)
"""

from __future__ import annotations

from zoo.reports import reading
from zoo.reports.uncertain import calibration_words, numbers_table
from zoo.reports.verdict import diagnose

__all__ = ["calibration_words", "diagnose", "numbers_table", "reading"]
