"""Runs compared, on the terminal: what each has, what differs, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from zoo.evaluation.comparison import NO_DIFFERENCE
from zoo.reports.parts import GOOD, WARN, Middle, Page, bare_table, heading, say
from zoo.reports.words import UNKNOWN, VALUES, count, figure, label, number, value_text
from zoo.runner.main_metric import ACCURACY, ERROR, MainMetric

__all__ = ["SHARES", "Document", "caveat", "comparison_table", "gap", "main_figures", "main_metric_in"]
__all__ += ["metric_label", "p_value", "span"]

SHARES = ("accuracy", "f1_macro")
Document = Mapping[str, Any]


def comparison_table(document: Document) -> RenderableType:
    """What :func:`zoo.evaluation.comparison.compare_runs` gives."""
    parts: list[RenderableType] = [_values(document)]
    for row in document["comparisons"]:
        figures = main_figures(row)
        parts += [heading(f"{row['run']} against {row['against']}"), _differences(row), Text(), *_counts(row)]
        parts.append(say(f"{row['verdict']} ({p_value(figures)}).", f"bold {GOOD if figures['significant'] else WARN}"))
    return Page(*parts, *_groups(document), Text(), say(caveat(document), "dim"))


def _groups(document: Document) -> list[RenderableType]:
    """The differences within each group of images, of the first metric."""
    if not document.get("groups"):
        return []
    metric = next(iter(document["runs"][0]["metrics"]))
    heads = ("images", "run", metric_label(metric), "difference", "95% interval", "p")
    table = bare_table(document["column"], *heads, right=(1, 3, 4, 5, 6))
    names = [run["run"] for run in document["runs"][1:]]
    for each in document["groups"]:
        for name, values, row in zip(names, each["values"][1:], each["comparisons"], strict=True):
            figures = row["metrics"][metric]
            p = p_value(figures).removeprefix("p = ").removeprefix("p ")
            table.add_row(
                Middle(each["group"]),
                say(count(each["images"])),
                Middle(name),
                say(figure(metric, values[metric])),
                say(gap(metric, figures["difference"])),
                say(span(metric, figures["interval"]), "dim"),
                say(p, GOOD if figures["significant"] else "dim"),
            )
    against = document["runs"][0]["run"]
    return [heading(f"By {document['column']}", f"against {against}; p-values adjusted for all groups"), table]


def _values(document: Document) -> RenderableType:
    """Every run with its numbers."""
    metrics = list(document["runs"][0]["metrics"])
    table = bare_table(f"{document['split']} images", *map(metric_label, metrics), right=range(1, len(metrics) + 1))
    for run in document["runs"]:
        table.add_row(Middle(run["run"], "bold", 16), *(say(figure(m, run["metrics"][m])) for m in metrics))
    return table


def _differences(row: Document) -> RenderableType:
    table = bare_table("", "difference", "95% interval", "p", "", right=(1, 2, 3))
    for metric, figures in row["metrics"].items():
        words = "differs" if figures["significant"] else NO_DIFFERENCE
        table.add_row(
            Middle(metric_label(metric)),
            say(gap(metric, figures["difference"])),
            say(span(metric, figures["interval"]), "dim"),
            say(p_value(figures).removeprefix("p = ").removeprefix("p ")),
            say(words, GOOD if figures["significant"] else "dim"),
        )
    return table


def _counts(row: Document) -> list[RenderableType]:
    found = row.get("counts")
    if found is None:  # a value is not right or wrong
        return []
    text = (
        f"{count(found['only_second'])} images are right only with {row['run']}, {count(found['only_first'])} only "
        f"with {row['against']}; {count(found['both_right'])} with both, {count(found['both_wrong'])} with neither."
    )
    return [say(text)]


def main_metric_in(found: Document) -> MainMetric:
    """The main metric of a run, or of a comparison with the first run."""
    return ERROR if "mae" in found["metrics"] and "accuracy" not in found["metrics"] else ACCURACY


def main_figures(row: Document) -> Document:
    """The figures of a comparison that its verdict is about: of the accuracy, or of the mean absolute error."""
    found: Document = row["metrics"][main_metric_in(row).key]
    return found


def metric_label(name: str) -> str:
    """A metric as the tables write it."""
    return "log loss" if name == "log_loss" else label(name)


def gap(metric: str, value: float | None) -> str:
    """A difference with its sign: of shares in points."""
    if value is None:
        return UNKNOWN
    if metric in VALUES:
        return f"{'+' if value >= 0 else ''}{value_text(value)}"
    return f"{100 * value:+.1f}" if metric in SHARES else f"{value:+.4f}"


def span(metric: str, interval: list[float] | None) -> str:
    """An interval of a difference: ``-0.4 to +2.1``."""
    return UNKNOWN if interval is None else f"{gap(metric, interval[0])} to {gap(metric, interval[1])}"


def p_value(figures: Document) -> str:
    """The p-value that decides: of several comparisons the enlarged one."""
    p = figures["p_holm"]
    return "p < 0.0001" if p < 0.0001 else f"p = {number(p)}"


def caveat(document: Document) -> str:
    """What such a comparison says, and what not."""
    runs = document["runs"]
    several = " p-values are adjusted for multiple comparisons (Holm)." if len(runs) > 2 else ""
    same = f"On the same {count(document['images'])} {document['split']} images"
    tested = "exact McNemar test for the accuracy"
    if not main_metric_in(runs[0]).is_share:
        tested = "Wilcoxon signed-rank test of the absolute errors"
    return (
        f"{same}; p-values of the {tested}, and of a paired bootstrap for the other "
        "metrics. They concern these trained networks; other seeds may give other results (zoo run … --seeds "
        f"3).{several}"
    )
