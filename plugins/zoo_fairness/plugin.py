"""The contributions of the plugin ``fairness``."""

from __future__ import annotations

from zoo.plugin import Analysis, AnalysisOption, hookimpl


@hookimpl
def zoo_analyses() -> list[Analysis]:
    """``--group`` of ``zoo evaluate`` and ``zoo run``."""
    column = AnalysisOption(
        "--group",
        "column",
        "Report every metric by group: a column of the dataset's CSV file, or FILE.csv:COLUMN.",
        "COLUMN",
        in_runs=True,
    )
    summary = "Every metric by group of images, with the worst group and the gap"
    return [Analysis("groups", "zoo_fairness.analysis:Groups", summary=summary, tags=("fairness",), options=(column,))]
