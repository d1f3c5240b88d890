"""The zoo from Python: ``zoo.run`` and ``zoo.load``; the command line stands on the same functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import provenance
from zoo.entry import PYTHON, Entry, Origin
from zoo.errors import RequestError
from zoo.host import say_failures
from zoo.names import did_you_mean, listing
from zoo.plugin import KINDS
from zoo.registry import Registry, open_registry
from zoo.resolve import Request, Resolved, resolve

if TYPE_CHECKING:
    from zoo.predict import Classifier
    from zoo.runner.observer import Observer
    from zoo.runner.runner import Place

# What the command line's options, and `zoo.run`'s, are called in a job.
OPTIONS: dict[str, str] = {
    "architecture": "architecture",
    "dataset": "dataset",
    "data": "dataset.root",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "train.lr",
    "image_size": "train.image_size",
    "seed": "seed",
    "device": "device",
    "precision": "precision",
    "on_bad_image": "data.on_bad_image",
    "loss": "loss",
    "metrics": "metrics",
    "augment": "augment",
}
_GIVABLE = ("architecture", "dataset", "loss")


class Result(dict[str, Any]):
    """A run's result document (``result.json``), with the things one asks for first."""

    @property
    def dir(self) -> Path:
        """The run's folder."""
        return Path(self["dir"])

    @property
    def metrics(self) -> dict[str, Any]:
        """``{"val": {"accuracy": …}}``."""
        found: dict[str, Any] = self["metrics"]
        return found


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
    observer: Observer | None = None,
    **options: Any,
) -> Result:
    """Train, evaluate and keep a model.

    Args:
        architecture: a name, or a factory ``f(num_classes, …)`` such as a module's class.
        dataset: a name, a folder of class folders, a CSV file, a map-style object with ``classes``, or
            ``{"train": …, "val": …}`` of such objects.
        job: a YAML file that says the rest, or all.
        recipe: a recipe's name; ``"none"`` for none.
        set: dotted path -> value, as ``--set`` has it: ``{"architecture.dropout": 0.3}``.
        out, name: the run lives in ``out/name``.
        overwrite, resume: what to do when it is there already.
        observer: told what happens; by default the console's report.
        options: as on the command line: epochs, batch_size, lr, image_size, seed, device, precision, data,
            loss, metrics, augment, on_bad_image.

    Raises:
        ZooError: of the tree in :mod:`zoo.errors`.
    """
    from zoo.runner.runner import Place

    unknown = [key for key in options if key not in OPTIONS]
    if unknown:
        raise RequestError(
            f"zoo.run has no option {unknown[0]!r}.{did_you_mean(unknown[0], OPTIONS)} It has: {listing(OPTIONS)}; "
            "anything else of a job goes by set={'train.patience': 5}."
        )
    asked = {"architecture": architecture, "dataset": dataset, **options, "set": set or {}}
    request = make_request(asked, file=Path(job) if job else None, recipe=recipe)
    registry = open_registry(say=say_failures)
    place = Place(Path(out), name, overwrite, resume)
    return execute(resolve(request, registry), registry, place, observer)


def make_request(asked: Mapping[str, Any], *, file: Path | None = None, recipe: str | None = None) -> Request:
    """A request from options by name; objects given in place of names become entries of their own."""
    options: dict[str, Any] = {}
    given: dict[str, Entry] = {}
    for key, value in asked.items():
        if key == "set" or value is None:
            continue
        if (key in _GIVABLE and not isinstance(value, str | Path | Mapping)) or (
            key == "dataset" and isinstance(value, Mapping) and "train" in value
        ):
            given[key] = _entry_of(key, value)
        else:
            _assign(options, OPTIONS[key], value)
    for path, value in (asked.get("set") or {}).items():
        _assign(options, path, value)
    return Request(options=options, file=file, recipe=recipe, given=given)


def _assign(options: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a dotted path of a nested job; a component's name goes beside its parameters."""
    *parents, leaf = path.split(".")
    node = options
    for parent in parents:
        inner = node.get(parent)
        node[parent] = node = inner if isinstance(inner, dict) else ({} if inner is None else {"name": inner})
    if isinstance(node.get(leaf), dict) and not isinstance(value, Mapping):
        node[leaf]["name"] = value
    else:
        node[leaf] = value


def _entry_of(kind: str, value: Any) -> Entry:
    """An entry for a factory or an object handed over from Python."""
    factory = _dataset_factory(value) if kind == "dataset" else value
    if not callable(factory):
        raise RequestError(f"{kind} {value!r} is neither a name nor something that makes one (a class, a function).")
    name = re.sub(r"\W", "", getattr(value, "__name__", type(value).__name__)) or "object"
    module = getattr(value, "__module__", None) or "__main__"
    return Entry(KINDS[kind](name, f"{module}:{name}"), Origin(PYTHON), given=factory)


def _dataset_factory(value: Any) -> Callable[..., Any]:
    """``f(split)`` for a map-style object, a dict of them by split, or a factory as it is."""
    if isinstance(value, type) or (callable(value) and not hasattr(value, "__getitem__")):
        return value  # type: ignore[no-any-return]
    splits: Mapping[str, Any] = value if isinstance(value, Mapping) else {"train": value}

    def given(split: str) -> Any:
        return splits[split]

    given.available_splits = lambda: tuple(splits)  # type: ignore[attr-defined]
    return given


def execute(resolved: Resolved, registry: Registry, place: Place, observer: Observer | None = None) -> Result:
    """Run a resolved job, report it, and write report.html."""
    from zoo.reports.choose import make_observer
    from zoo.reports.html import write_report
    from zoo.runner.runner import run_job

    watcher = make_observer() if observer is None else observer
    try:
        result = run_job(resolved, registry.plugins, watcher, place, write_report)
    finally:
        watcher.close()
    return Result(result)


def load(run: str | Path, *, device: str = "auto", architecture: Callable[..., Any] | None = None) -> Classifier:
    """A trained model, from a run's folder or a bundle's.

    Args:
        architecture: the factory, for a model that was trained with one given from Python.

    Raises:
        BundleError: there is none, it is damaged, or its architecture is not here.
    """
    from zoo.bundle import find_bundle, load_model
    from zoo.engine.execution import choose_execution
    from zoo.predict import Classifier
    from zoo.runner.folder import find_run

    folder = find_bundle(find_run(str(run)))
    given = None if architecture is None else _entry_of("architecture", architecture)
    registry = open_registry(say=say_failures)
    model, card = load_model(folder, registry, given)
    used = {"architecture": provenance.recorded(card)["architecture"]}
    provenance.say(provenance.changes(used, registry))
    return Classifier(model, card, choose_execution(device, "fp32"))
