"""``report.html``: one file with everything in it, that asks the network for nothing and runs no script."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.job.run_folder import PICTURES
from zoo.reports import plots, reading, words
from zoo.reports.advice import again, next_commands, split_advice
from zoo.reports.trial import tried
from zoo.reports.uncertain_page import uncertain_sections
from zoo.reports.verdict import diagnose
from zoo.runner.measurements import SplitMetrics
from zoo.runner.run_result import RunResult
from zoo.storage.files import read_plain, write_text

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["read_pictures", "render_html", "write_report"]


def write_report(result: RunResult, path: Path) -> None:
    """Write the report of a result, whole or not at all, with the pictures that lie in its folder.

    Raises:
        OutputError: the folder can't be written, or the disk is full.
    """
    write_text(path, render_html(result, read_pictures(path.parent)))


def render_html(result: RunResult, pictures: Mapping[str, Any] | None = None) -> str:
    """The report of a result as a page.

    Args:
        pictures: ``mistakes`` and ``augmented``, as :mod:`zoo.runner.pictures` lists them, files as addresses.
    """
    from markupsafe import Markup

    split = reading.main_split(result)
    verdict = diagnose(result)
    return template("report.html.j2").render(
        result=result,
        split=split,
        scores=list(_scores(result)),
        accuracy=reading.accuracy_name(result),
        chosen=reading.at_thresholds(result),
        thresholds=dict(zip(result.classes, result.thresholds or [], strict=False)),
        plots=[(title, Markup(svg)) for title, svg in _plots(result) if svg],
        confusion=Markup(plots.confusion_plot(result, split)),
        confusion_rem=min(46, 18 + 2 * len(result.classes)),
        pairs=_pairs(result, split),
        classes=reading.per_class(result, split),
        verdict=verdict,
        advice=[split_advice(advice) for advice in verdict.advice],
        best=result.best_epoch,
        job=list(leaves(result.job.document())),
        environment=[*leaves(result.environment.document()), *tried(result.trial)],
        provenance=list(leaves({path: each.document() for path, each in result.provenance.items()})),
        again=again(result),
        next=next_commands(result),
        pictures=pictures or {},
        uncertain=list(uncertain_sections(result)),
    )


@cache
def template(name: str, package: str = "zoo.reports") -> Template:
    """Load a template of a page, with the words of every report as filters.

    Args:
        name: its file.
        package: where the file is; what it includes or extends may be one of the zoo's own.
    """
    from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(place, ".") for place in dict.fromkeys((package, "zoo.reports"))]),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for word in ("clean", "clock", "count", "duration", "number", "percent", "short_path", "shown"):
        environment.filters[word] = _or_none(getattr(words, word))
    environment.globals.update(image_name=reading.image_name, on_images=reading.on_images)
    environment.globals.update(label_names=reading.label_names)
    return environment.get_template(name)


def _or_none(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """A filter for which a key that a document lacks is None, as it is everywhere else."""
    from jinja2 import Undefined

    return lambda value: show(None if isinstance(value, Undefined) else value)


def read_pictures(folder: Path) -> dict[str, Any]:
    """The pictures of a run's folder, each file as a data URL; none where there is no list."""
    folder /= PICTURES
    try:
        listed = json.loads(read_plain(folder / "index.json"))
        return {
            kind: [{k: _address(folder, v) if k in ("file", "heat") else v for k, v in row.items()} for row in rows]
            for kind, rows in listed.items()
        }
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _address(folder: Path, name: str | None) -> str | None:
    """The file as a data URL; None for one that could not be made."""
    if name is None:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(read_plain(folder / Path(name).name)).decode()}"


def _plots(result: RunResult) -> Iterable[tuple[str, str]]:
    yield reading.accuracy_name(result).capitalize(), plots.accuracy_plot(result)
    yield "Loss", plots.loss_plot(result)


@dataclass(frozen=True)
class _Tiles:
    """The figures of a split at the top of the page."""

    split: str
    metrics: SplitMetrics
    images: int | None
    interval: tuple[float, float] | None
    extra: Mapping[str, float]


def _scores(result: RunResult) -> Iterable[_Tiles]:
    """The tiles of each split that was scored."""
    for split in reading.scored_splits(result):
        metrics, interval = result.metrics[split], reading.interval_of(result, split)
        yield _Tiles(split, metrics, reading.images_in(result, split), interval, reading.extra_metrics(metrics))


def _pairs(result: RunResult, split: str | None) -> list[tuple[str, str, int, float]]:
    matrix, classes = reading.confusion_of(result, split), result.classes
    if not matrix or not len(classes) == len(matrix) > 2:  # with two classes the matrix says it all
        return []
    return reading.confused_pairs(matrix, classes, 15)


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Every value of nested mappings with its dotted path; a list of components is one value, in words."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield f"{prefix}{key}", ", ".join(map(words.component, value))
        else:
            yield f"{prefix}{key}", value
