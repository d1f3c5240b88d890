"""The panel at the start of a run: data, model, recipe and its reasons, main values with their source, and time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from zoo.reports.parts import ACCENT, Flow, say
from zoo.reports.words import clean, count, figure, parameters_text, setting, short_path
from zoo.runner.job_record import TrainRecord
from zoo.runner.record import Run
from zoo.runner.result_parts import Expectation

__all__ = ["opening_panel"]

CLASSES = 40
"""Characters of class names above which only their number is shown."""
# A text, and the path in the job that decided it; a piece without a path explains the others.
Piece = tuple[str, str]


def opening_panel(run: Run) -> Panel:
    """Show what will run; on the right, the source of each choice."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(style=ACCENT, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", max_width=20)
    for label, pieces in _rows(run):
        for i, (source, texts) in enumerate(_by_source(run, pieces).items()):
            shown = Flow(texts, "" if source else "dim")
            grid.add_row(Text("" if i else label), shown, say(source, "" if source in _BY_HAND else "dim"))
    name, where = say(run.name, "bold"), say(short_path(run.dir), "dim")
    return Panel(grid, title=name, subtitle=where, title_align="left", subtitle_align="right", border_style=ACCENT)


_BY_HAND = ("command line", "--set", "python")


def _by_source(run: Run, pieces: Iterable[Piece]) -> dict[str, list[str]]:
    """Group pieces by the layer that decided them, in the order of appearance."""
    lines: dict[str, list[str]] = {}
    for text, path in pieces:
        lines.setdefault(_source(run, path), []).append(text)
    return lines


def _source(run: Run, path: str) -> str:
    source = run.sources.get(path) or run.sources.get(f"{path}.name") or ""
    # The recipe has its own row; its name would only take room elsewhere.
    return "recipe" if source.startswith("recipe ") else source


def _rows(run: Run) -> Iterable[tuple[str, list[Piece]]]:
    train = run.job.train
    yield "data", _data(run)
    yield "model", _model(run)
    if weights := _weights(run, train):
        yield "weights", weights
    if recipe := _recipe(run):
        yield "recipe", recipe
    yield "images", _images(run, train)
    yield "loss", _component(run, "loss")
    yield "optimizer", [*_component(run, "train.optimizer"), *_rates(train), *_component(run, "train.schedule")]
    yield "training", _training(train)
    yield "device", _device(run)


def _component(run: Run, path: str, shown: str | None = None) -> list[Piece]:
    """A component's name and its chosen parameters, without its own defaults."""
    spec: Any = run.job.document()
    for key in path.split("."):
        spec = spec.get(key) if isinstance(spec, dict) else None
    if not isinstance(spec, dict):
        return [(clean(shown or spec or "–"), path)]
    chosen = [key for key in spec if key not in ("name", "root") and _is_chosen(run, f"{path}.{key}")]
    return [(clean(shown or spec.get("name")), path), *((setting(key, spec[key]), f"{path}.{key}") for key in chosen)]


def _is_chosen(run: Run, path: str) -> bool:
    return not run.sources.get(path, "default").endswith(("default", "'s own"))


def _model(run: Run) -> list[Piece]:
    name, *params = _component(run, "architecture", run.model.id)
    parameters = run.model.parameters
    return [name, *([(parameters_text(run.model), "architecture")] if parameters else []), *params]


def _weights(run: Run, train: TrainRecord) -> list[Piece]:
    """The initial weights, where they are not random, and the frozen layers."""
    begins, freeze, epochs = run.model.begins, train.freeze, train.freeze_epochs
    pieces = [(clean(begins), "weights" if run.job.weights else "pretrained")] if begins else []
    if freeze:
        what = "backbone" if freeze == "backbone" else f"first {freeze} blocks"
        pieces.append((f"{what} frozen" + (f" for {epochs} epochs" if epochs else ""), "train.freeze"))
    if run.model.features:
        pieces.append(("features computed once", "train.freeze"))
    return pieces


def _data(run: Run) -> list[Piece]:
    name, *params = _component(run, "dataset")
    sizes = [(f"{count(split.images)} {clean(part)}", "dataset") for part, split in run.splits.items()]
    listed = ", ".join(run.classes)
    what = "values" if run.task == "regression" else "classes"
    classes = listed if len(listed) <= CLASSES else f"{len(run.classes)} {what}"
    places = dict.fromkeys(split.source or "" for split in run.splits.values())
    return [name, *sizes, *params, *((text, "") for text in (classes, *places) if text)]


def _images(run: Run, train: TrainRecord) -> list[Piece]:
    augment = ", ".join(str(each.name) for each in run.job.augment) or "no augmentation"
    return [(f"{train.image_size or '–'} px", "train.image_size"), (augment, "augment")]


def _rates(train: TrainRecord) -> list[Piece]:
    rates = {"lr": "lr", "weight_decay": "weight decay"}
    return [(f"{label} {train[key]:g}", f"train.{key}") for key, label in rates.items() if train[key]]


def _training(train: TrainRecord) -> list[Piece]:
    pieces = [
        (f"{train.epochs or '–'} epoch{'' if train.epochs == 1 else 's'}", "train.epochs"),
        (f"batches of {train.batch_size or '–'}", "train.batch_size"),
    ]
    patience = train.patience
    return [*pieces, *([(f"stops after {patience} epochs without improvement", "train.patience")] if patience else [])]


def _device(run: Run) -> list[Piece]:
    device = " · ".join(word for word in (run.device.get("name"), run.device.get("description")) if word)
    pieces = [(device, "device"), (run.execution, "precision"), (f"seed {run.job.seed}", "seed")]
    return [(text, path) for text, path in pieces if text]


def _recipe(run: Run) -> list[Piece]:
    """The recipe's name, why it applies, its measured result, and the reasons for values that follow the data."""
    from_sources = (s.removeprefix("recipe ") for s in run.sources.values() if s.startswith("recipe "))
    name = run.job.recipe or next(from_sources, None)
    if not name:
        return [(text, "") for text in _reasons(run)]
    why = "as requested" if run.sources.get("recipe") in _BY_HAND else "matches model and data"
    words = [str(name), why, *_expected(run), *_reasons(run)]
    return [(text, "") for text in words if text]


def _expected(run: Run) -> list[str]:
    """The result that was measured with the recipe, where it is of the run's task."""
    expect = run.expect or Expectation()
    if expect.value is None or (run.task == "regression" and expect.metric == "val/accuracy"):
        return []
    images = f"{count(expect.photos)} images" if expect.photos else ""
    measured = figure(str(expect.metric).rpartition("/")[2], expect.value)
    return [f"measured {expect.metric} {measured}", images, str(expect.measured or "")]


def _reasons(run: Run) -> list[str]:
    """Reasons for values that rules chose for this data, with the names of the values."""
    named: dict[str, list[str]] = {}
    for path, reason in run.reasons.items():
        named.setdefault(reason, []).append(path.rpartition(".")[2].replace("_", " "))
    return [f"{', '.join(names)}: {reason}" for reason, names in named.items()]
