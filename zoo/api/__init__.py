"""The zoo from Python: ``zoo.run`` and ``zoo.load``; the command line stands on the same functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import RequestError
from zoo.host.loader import components, open_registry
from zoo.job.request import entry_of, make_request
from zoo.job.resolve import Resolved, resolve
from zoo.model import provenance
from zoo.registry.registry import Registry

if TYPE_CHECKING:
    from zoo.model.classifier import Classifier
    from zoo.runner.observer import Observer
    from zoo.runner.repeats import Repeats, RepeatsWatcher
    from zoo.runner.repeats_summary import RepeatsSummary
    from zoo.runner.run_result import RunResult
    from zoo.runner.runner import RunPlace

__all__ = ["Result", "components", "execute", "execute_several", "load", "make_request", "run"]


class _Numbers(dict[str, Any]):
    """Numbers of a split by name; a metric is found by its full id, too."""

    def __missing__(self, key: str) -> Any:
        short = key.rpartition("/")[2]
        if short == key or short not in self:
            raise KeyError(key)
        return self[short]


class Result(dict[str, Any]):
    """A document: result.json of a run or an evaluation, summary.json of several runs. Notebooks show its report."""

    @property
    def dir(self) -> Path:
        """The run's folder."""
        return Path(self["dir"])

    @property
    def metrics(self) -> dict[str, Any]:
        """``{"val": {"accuracy": …}}``."""
        return {split: _Numbers(numbers) for split, numbers in self["metrics"].items()}

    @property
    def record(self) -> RunResult | RepeatsSummary:
        """The document as a typed object."""
        from zoo.runner.repeats_summary import RepeatsSummary
        from zoo.runner.run_result import RunResult

        return RepeatsSummary.read(self) if "members" in self else RunResult.read(self)

    def show(self) -> None:
        """Display the report in a notebook; elsewhere print it, as ``zoo run`` does."""
        for display in self._displays():
            display.show(self)

    def __repr__(self) -> str:
        from zoo.reports.repeats import last_line
        from zoo.reports.verdict import diagnose

        record: Any = self.record
        several = "members" in self
        return f"<Result {last_line(record) if several else f'{record.brief}, verdict {diagnose(record).kind}'}>"

    def _repr_html_(self) -> str | None:
        return next((display.html(self) for display in self._displays()), None)

    def _displays(self) -> list[Any]:
        return [entry.make() for entry in open_registry().entries("display")[:1]]


def run(
    architecture: str | Callable[..., Any] | None = None,
    dataset: str | Path | Any | None = None,
    *,
    job: str | Path | None = None,
    recipe: str | None = None,
    set: Mapping[str, Any] | None = None,
    out: str | Path = "runs",
    name: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    seeds: int | None = None,
    folds: int | None = None,
    budget: float | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Result:
    """Train, evaluate and keep a model; or several, with ``seeds`` or ``folds``.

    A component is given by its name, by its class or a function that makes it, or as an object. An object is copied,
    and never changed.

    Args:
        architecture: a name, a factory ``f(num_classes, …)`` such as a module's class, or an ``nn.Module``, trained or
            not.
        dataset: a name, a folder of class folders, a CSV file; a dataset of torch, torchvision or Hugging Face, or any
            map-style object; or ``{"train": …, "val": …}`` of such objects. With ``classes`` where it has no names.
        job: a YAML file that says the rest, or all.
        recipe: a recipe's name; ``"none"`` for none.
        set: dotted path -> value, as ``--set`` has it: ``{"architecture.dropout": 0.3}``.
        out, name: the run lives in ``out/name``.
        overwrite, resume: what to do when it is there already; to resume, give the same objects again.
        seeds: run so many times, with seeds from ``seed`` on.
        folds: run so many times, each with another part of train for validation.
        budget: seconds that all of it may take, from here on; epochs, and where the recipe has variants the image size
            or the width, are fitted to it. Of one run, not of several.
        observer: notified of the progress, in each of the runs; by default the console's report, in a notebook a bar
            and a chart.
        options: as on the command line: epochs, batch_size, lr, image_size, pretrained, weights, teacher, freeze, seed,
            device, precision, data, task, on_bad_image; and components: loss (also a function of logits and targets),
            metrics (names, torchmetrics' objects, functions of logits and targets), augment (names, transforms of
            torchvision or Kornia, functions of an image), optimizer and schedule (names, torch's classes),
            sampler, callbacks (names, objects of ``zoo.api.running.Callback``), and those of plugins' kinds; classes
            (names of the classes of a dataset's object).

    Returns:
        The run's result, which a notebook shows as a report. Of several runs their summary, as summary.json has it:
        ``result.metrics["val"]["accuracy"]["mean"]``.

    Raises:
        ZooError: of the tree in :mod:`zoo.errors`.
    """
    begun = time.monotonic()
    from zoo.runner.repeats import RepeatsWatcher, recorded
    from zoo.runner.repeats import asked as asked_for
    from zoo.runner.runner import RunPlace
    from zoo.runner.time_budget import Budget

    asked = {"architecture": architecture, "dataset": dataset, **options, "set": set or {}}
    registry = components()  # first: the options include those of the kinds that plugins declare
    request = make_request(asked, file=Path(job) if job else None, recipe=recipe)
    place = RunPlace(Path(out), name, overwrite, resume)
    repeats = asked_for(seeds, folds) or (recorded(place.out / name) if resume and name else None)
    if budget is not None and (repeats is not None or resume):
        raise RequestError("budget applies to a single new run: leave out seeds, folds and resume.")
    if observer is None:
        displays = (entry.make() for entry in registry.entries("display"))
        observer = next((display.observer() for display in displays if display.active()), None)
    if repeats is None:
        span = None if budget is None else Budget(float(budget), begun)
        return execute(resolve(request, registry), registry, place, observer, budget=span)
    watcher = None if observer is None else RepeatsWatcher(observer)
    return execute_several(resolve(request, registry), registry, repeats, place, watcher)


def execute(
    resolved: Resolved, registry: Registry, place: RunPlace, observer: Observer | None = None, **how: Any
) -> Result:
    """Run a resolved job, report it, and write report.html.

    Args:
        how: ``callbacks``, ``budget`` and ``confirm``, as :func:`zoo.runner.runner.run_job` has them.
    """
    return Result(_executed(resolved, registry, place, observer, **how).document())


def _executed(
    resolved: Resolved, registry: Registry, place: RunPlace, observer: Observer | None, **how: Any
) -> RunResult:
    """Run a resolved job, watched by an observer that is closed at its end."""
    from zoo.reports.choose import make_observer
    from zoo.runner.repeats_callbacks import check_single

    check_single(resolved)
    watcher = make_observer() if observer is None else observer
    try:
        watcher.loading()
        from zoo.reports.html import write_report
        from zoo.runner.runner import run_job

        return run_job(resolved, registry.plugins, watcher, place, write_report, **how)
    finally:
        watcher.close()


def execute_several(
    resolved: Resolved, registry: Registry, repeats: Repeats, place: RunPlace, watcher: RepeatsWatcher | None = None
) -> Result:
    """Run a resolved job with several seeds or folds; each is reported and kept as one run is, and all in a summary."""
    from zoo.reports.choose import make_watcher
    from zoo.runner.repeats import run_several

    def one(member: Resolved, where: RunPlace, observer: Observer) -> RunResult:
        return _executed(member, registry, where, observer)

    return Result(run_several(resolved, repeats, place, one, watcher or make_watcher()).document())


def load(
    run: str | Path,
    *,
    device: str = "auto",
    architecture: Callable[..., Any] | None = None,
    reject_below: float | None = None,
    registry: Registry | None = None,
) -> Classifier:
    """Load a trained model from a run, a bundle, or a file that ``zoo export`` wrote.

    Args:
        run: its name or path; or ``hf:owner/name``, a model of the hub, which is fetched when it is first asked for.
        architecture: the class, factory or a network like it, for a model that was trained with one given from Python.
        reject_below: the confidence below which it isn't sure, 0..1; by default what the bundle says.
        registry: where its architecture is found; by default that of the installed plugins.

    Raises:
        BundleError: there is none, it is damaged, or its architecture is not here.
    """
    from zoo.engine.execution import choose_execution
    from zoo.model.bundle import find_bundle, load_model
    from zoo.model.classifier import Classifier
    from zoo.model.formats import artifact_at
    from zoo.model.sources import find_model

    known = components() if registry is None else registry
    if artifact_at(run, known) is not None:
        from zoo.model.exported import as_network, open_file

        return Classifier(*as_network(open_file(run, known), device), choose_execution("cpu", "fp32"), reject_below)
    folder = find_bundle(find_model(str(run), known))
    given = None if architecture is None else entry_of("architecture", architecture)
    model, card = load_model(folder, known, given)
    used = {"architecture": provenance.recorded(card)["architecture"]}
    provenance.say(provenance.changes(used, known))
    return Classifier(model, card, choose_execution(device, "fp32"), reject_below, _scored(folder))


def _scored(bundle: Path) -> str:
    """Accuracy in the result of a bundle's run, such as ``val accuracy 97.3%``; empty without one."""
    from zoo.reports import reading, words
    from zoo.runner.run_result import read_result

    try:
        result = read_result(bundle.parent)
    except (RequestError, OSError):
        return ""  # a bundle without a run, or a run that has not ended
    split = reading.main_split(result)
    accuracy = None if split is None else result.metrics_of(split).accuracy
    return "" if accuracy is None else f"{split} {reading.accuracy_name(result)} {words.percent(accuracy)}"
