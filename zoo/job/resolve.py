"""Resolution of a request to a Job: command line over ``--set`` over a file over a recipe over defaults.

All problems are reported at once, before data or model are touched.
"""

from __future__ import annotations

import contextlib
import errno
import functools
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.errors import JobError, RequestError, UnknownName, ZooError
from zoo.host.requirements import check_requirements
from zoo.job.apply_rules import SIZE, apply_rules
from zoo.job.dataset_facts import DatasetFacts, JobFacts
from zoo.job.layers import Layers, flatten, parse_sets
from zoo.job.messages import already_reported, describe_error, folder_hint, is_path, missing, order_hint, run_folder
from zoo.job.names import MONITOR, has_ids, shown_name
from zoo.job.paths import anchor_params, anchored
from zoo.job.plugin_values import PREFIX, dotted, take_settings
from zoo.job.recipes import BASE, own_recipe, settings
from zoo.job.reconcile import reconcile_freeze, reconcile_rates, reconcile_sizes, unchosen
from zoo.job.request import Request
from zoo.job.schema import AUTO, MEASURED, MEASURED_OF, Choice, Job, default_of, field_paths
from zoo.job.task_fit import RECIPES, asked_task, problem_of_class_weights, problem_of_component, problem_of_labels
from zoo.plugin import TASKS, Kind, Optimizer
from zoo.registry import signature
from zoo.registry.deprecation import both_given, renamed_in, warn_renamed
from zoo.registry.entry import PYTHON, Entry
from zoo.registry.kinds import ALL, CHOICE_LISTS, CHOICES
from zoo.registry.registry import Registry
from zoo.registry.settings_book import PluginSettings
from zoo.registry.suggest import listing
from zoo.storage.safe_yaml import read_mapping

FALLBACK_SIZE = 128  # image size in pixels, where neither recipe, architecture nor dataset gives one
_WRITTEN = {"data.resize", "data.mean", "data.store"}  # a file with all of these keys is a run's job.yaml


@dataclass(frozen=True)
class Resolved:
    """A valid job, the source of each value, and the registry entries that it uses.

    Args:
        job: the job.
        sources: dotted path -> name of the layer of the value.
        entries: dotted path -> registry entry of the component.
        recipe: recipe of the job; empty for none.
        registry: registry of the entries.
        reasons: dotted path -> reason of a rule for the value.
        facts: facts about the job's images.
        vary: resolves the same request with a part of a job (nested, as in a recipe) over its recipe.
        plugins: settings by plugin.
    """

    job: Job
    sources: dict[str, str]
    entries: dict[str, Entry]
    recipe: Mapping[str, Any]
    registry: Registry
    reasons: dict[str, str] = field(default_factory=dict)
    facts: JobFacts = field(default_factory=lambda: JobFacts(None))
    vary: Callable[[Mapping[str, Any]], Resolved] | None = None
    plugins: Mapping[str, PluginSettings] = field(default_factory=dict)

    def entry(self, path: str) -> Entry:
        return self.entries[path]

    def choices_at(self, path: str) -> list[tuple[str, Choice]]:
        """Place and choice of each component that the job names at the path of a plugin's kind."""
        value: Any = getattr(self.job, path, None)
        if isinstance(value, Choice):
            return [(path, value)]
        return [(f"{path}.{i}", choice) for i, choice in enumerate(value or [])]

    def without(self, paths: Collection[str]) -> Resolved:
        """Return a copy without the components of plugins' kinds at these paths."""
        job = self.job.model_copy()
        job.__pydantic_extra__ = {k: v for k, v in (self.job.model_extra or {}).items() if k not in paths}
        entries = {place: entry for place, entry in self.entries.items() if place.partition(".")[0] not in paths}
        return replace(self, job=job, entries=entries)

    @property
    def task(self) -> str:
        """The job's task, or that which its dataset states before it is opened: one of :data:`zoo.plugin.TASKS`."""
        own = self.facts.dataset.peeked.get("task") if self.facts.dataset is not None else None
        return str(own or TASKS[0]) if self.job.task == AUTO else self.job.task

    @property
    def renamed(self) -> Mapping[str, str]:
        """New paths of renamed parameters by their old paths: ``architecture.width``, ``metrics.0.k``."""
        return {
            f"{path}.{old}": f"{path}.{new}"
            for path, entry in self.entries.items()
            for old, new in entry.component.renamed.items()
        }

    def provenance(self) -> Mapping[str, Mapping[str, Any]]:
        """Provenance of each component, by path."""
        return {path: entry.provenance() for path, entry in self.entries.items()}

    def recipe_provenance(self) -> Mapping[str, Mapping[str, Any]]:
        """Provenance of a plugin's recipe; empty for any other."""
        owner = self.registry.recipes.owners.get(self.job.recipe or "")
        return {} if owner is None else {"recipe": owner.provenance()}

    def settings_provenance(self) -> Mapping[str, Mapping[str, Any]]:
        """Distribution and version of each plugin with settings, and the settings that differ from their defaults."""
        return {f"{PREFIX}{plugin}": each.provenance() for plugin, each in self.plugins.items()}

    def decided(self, values: Mapping[str, Any], source: str, reason: str = "") -> Resolved:
        """Return a copy with values that a run has determined where the job leaves them open.

        Args:
            values: new values by dotted path.
            source: name of the layer of the new values.
            reason: replaces the rules' reasons for the previous values.
        """
        job = self.job
        for path, value in values.items():
            section, _, name = path.rpartition(".")
            if section:
                name, value = section, getattr(job, section).model_copy(update={name: value})
            job = job.model_copy(update={name: value})
        reasons = {path: why for path, why in self.reasons.items() if path not in values}
        reasons.update(dict.fromkeys(values, reason) if reason else {})
        return replace(self, job=job, sources={**self.sources, **dict.fromkeys(values, source)}, reasons=reasons)


def resolve(request: Request, registry: Registry, variant: Mapping[str, Any] | None = None) -> Resolved:
    """Resolve a request to a job.

    Args:
        request: the user's input.
        registry: registry of the components.
        variant: part of a job, with precedence between the recipe and the user's choices.

    Raises:
        JobError: the request is invalid; lists all problems.
    """
    check_requirements(registry.shelf)
    try:
        return _Resolver(request, registry, variant or {}).resolve()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise RequestError(f"A name in the job is too long for a file: {str(error.filename)[:60]!r} …") from error


class _Resolver:
    def __init__(self, request: Request, registry: Registry, variant: Mapping[str, Any]):
        self.request, self.registry, self.variant = request, registry, variant
        self.layers = Layers(self._identity)
        self.entries: dict[str, Entry] = {}
        self.problems = self.layers.problems

    def resolve(self) -> Resolved:
        given = {f"{path}.name": entry.id for path, entry in self.request.given.items() if path in CHOICES}
        options = self._open_paths({**given, **flatten(self.request.options)})
        sets = self._open_paths(parse_sets(list(self.request.sets), self.problems))
        file_name = str(self.request.file.name) if self.request.file else ""
        from_file = self._open_paths(self._read_file(), self._file_folder)
        self.has_ids = has_ids(from_file)
        settings_of_plugins = self._plugins((file_name, from_file), ("--set", sets), ("command line", options))
        chosen = (options, sets, from_file)
        self.facts = self._facts(chosen)
        recipe_name, recipe = self._recipe(*chosen)
        self.layers.put("default", flatten(settings(self.registry.recipes.by_name.get(BASE, {}))))
        if recipe_name:
            self.layers.put(f"recipe {recipe_name}", flatten(settings(recipe)))
        before = dict(self.layers.values)
        self.layers.put("budget", flatten(self.variant))
        self.layers.put(file_name, from_file)
        self.layers.put("--set", sets)
        self.layers.put("command line", options)
        self.layers.values["recipe"] = recipe_name
        self._task_recipe()
        self.reasons = apply_rules(self.layers, self.facts)
        reconcile_sizes(self.layers, before)
        reconcile_freeze(self.layers)
        reconcile_rates(self.layers, before, self._optimizer)
        self._choices()
        self.problems += problem_of_class_weights(self.layers.values, self.task)
        self._component_defaults()
        self.layers.replace("default", settings_of_plugins[0])
        self.layers.sources.update(settings_of_plugins[1])
        return self._finish(recipe)

    def _plugins(self, *layers: tuple[str, MutableMapping[str, Any]]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Move the settings of plugins out of the layers; returns values and sources by dotted path."""
        book, of_a_run = self.registry.settings, [layer.keys() >= _WRITTEN for _, layer in layers]
        taken = [take_settings(layer, source, self.problems) for source, layer in layers]
        taken = [
            (source, book.known_in(each) if old else each) for (source, each), old in zip(taken, of_a_run, strict=True)
        ]
        self.plugins, problems = book.resolve(*taken)
        self.problems += problems
        book.activate(self.plugins)
        return dotted(self.plugins)

    def _identity(self, kind: str, name: Any) -> Any:
        """Id of the component with this name; the name itself where unknown."""
        with contextlib.suppress(RequestError):
            return self._named(kind, str(name)).id
        return name

    def _named(self, kind: str, name: str) -> Entry:
        """Find a component that was passed from Python, or else is registered."""
        return self.request.entry(kind, name) or self.registry.find(kind, name)

    def _optimizer(self, name: str) -> Optimizer | None:
        """Look up the registered optimizer of this name; None where unknown."""
        with contextlib.suppress(RequestError):
            component = self._named("optimizer", name).component
            return component if isinstance(component, Optimizer) else None
        return None

    def _facts(self, chosen: Sequence[Mapping[str, Any]]) -> JobFacts:
        """Facts about the images, where a dataset is named; each is determined on demand.

        Args:
            chosen: dotted values, highest layer first.
        """
        merged = Layers(self._identity)
        for layer in reversed(chosen):
            merged.put("", layer)
        given = {"image_size": SIZE, "val_fraction": "data.val_fraction", "folds": "data.folds"}
        values = {name: merged.values[path] for name, path in given.items() if _is_number(merged.values.get(path))}
        facts = self._dataset_facts(merged)
        return JobFacts(facts, input_size=self._input_size(merged), task=asked_task(merged.values), **values)

    def _dataset_facts(self, merged: Layers) -> DatasetFacts | None:
        """Facts about the dataset; None where its name or its parameters are invalid."""
        with contextlib.suppress(ZooError):
            entry = self._named("dataset", str(merged.values.get("dataset.name")))
            wanted, _ = entry.with_new_names({**entry.params, **merged.params("dataset")}, "dataset")
            factory = entry.factory()
            params, problems = signature.check("dataset", factory, wanted, "")
            params = {**signature.defaults("dataset", factory), **params}
            key = (entry.id, id(entry.given), repr(sorted(params.items())))
            return None if problems else self.registry.remembered.setdefault(key, DatasetFacts(entry, params))
        return None

    def _input_size(self, merged: Layers) -> int | None:
        with contextlib.suppress(ZooError):
            entry = self._named("architecture", str(merged.values.get("architecture.name")))
            return getattr(entry.component, "input_size", None)
        return None

    def _task_recipe(self) -> None:
        """Apply the recipe of the job's task, below the user's choices and later recipes."""
        name = RECIPES.get(self.task or "", "")
        content = self.registry.recipes.by_name.get(name)
        if content is None:
            return
        levels, chosen = self.registry.recipes.levels, self.layers.values.get("recipe")
        later = levels.get(str(chosen), 0) > levels.get(name, 0)
        recipe = flatten(settings(content))
        kept = {path for path, source in self.layers.sources.items() if later and source == f"recipe {chosen}"}
        free = {p: value for p, value in recipe.items() if p not in kept and unchosen(self.layers.sources.get(p))}
        self.layers.put(f"recipe {name}", free)

    @property
    def task(self) -> str | None:
        """The job's task, or that of its dataset; None where the dataset is unknown."""
        return asked_task(self.layers.values) or self.peeked.get("task")

    def _check_task(self, dataset: Entry) -> None:
        """Report a task that the labels of the dataset can't be read for."""
        asked, facts = asked_task(self.layers.values), self.facts.dataset
        if asked is None or facts is None or not facts.peeked:
            return
        own = facts.peeked["task"]
        if problem_of_labels(asked, "", own):  # the object may state a task that the factory does not
            own = facts.opened_task or own
        if problem := problem_of_labels(asked, dataset.component.name, own):
            self.problems.append(problem)

    @property
    def peeked(self) -> Mapping[str, Any]:
        """Facts that the dataset states before it is opened."""
        return self.facts.dataset.peeked if self.facts.dataset is not None else {}

    def _read_file(self) -> dict[str, Any]:
        path = self.request.file
        if path is None:
            return {}
        if not path.is_file():
            raise RequestError(f"There is no job file {str(path)!r}. A job file is YAML, such as runs/NAME/job.yaml.")
        job = flatten(read_mapping(path))
        return {**_unsaid(), **job} if job.keys() >= _WRITTEN else job

    @property
    def _file_folder(self) -> Path | None:
        return self.request.file.parent if self.request.file else None

    def _open_paths(self, layer: dict[str, Any], folder: Path | None = None) -> dict[str, Any]:
        """Replace a dataset given as a path or an address by the component that opens it, and make paths absolute.

        Args:
            folder: folder that relative paths belong to; None for the working folder.
        """
        word = layer.get("dataset.name")
        known = isinstance(word, str) and self.request.entry("dataset", word) is None
        if known and (entry := self.registry.by_scheme(str(word))) is not None:
            layer["dataset.name"] = entry.id
            layer.setdefault("dataset.address", str(word).partition(":")[2])
        elif isinstance(word, Path) or (isinstance(word, str) and self._is_path(word)):
            path = anchored(word, folder) if folder else Path(word).expanduser()
            entry = self._opener(path)
            if entry is not None:
                layer["dataset.name"] = entry.id
                layer.setdefault("dataset.root", str(path))
        root = layer.get("dataset.root")
        if isinstance(root, str | Path) and str(root):
            layer["dataset.root"] = str(anchored(root, folder))
        weights = layer.get("weights")
        if isinstance(weights, str | Path) and (path := anchored(weights, folder)).exists():
            layer["weights"] = str(path)
        teacher = layer.get("teacher")
        if isinstance(teacher, str | Path) and str(teacher):
            layer["teacher"] = run_folder(str(teacher), self.registry)
        return layer

    def _is_path(self, word: str) -> bool:
        return self.request.entry("dataset", word) is None and is_path(word, self.registry)

    def _opener(self, path: Path) -> Entry | None:
        form = path.suffix.lower() if path.is_file() else "folder"
        entry = self.registry.opener(form, path if path.exists() else None)
        if entry is None:
            forms = {form for e in self.registry.entries("dataset") for form in getattr(e.component, "opens", ())}
            what = f"a folder of class folders, or a file ({listing(sorted(forms - {'folder'}), most=20)})"
            self.problems.append(f"No dataset opens {str(path)!r}: give {what}.")
            return self.registry.opener("folder")  # any dataset: avoids further problems in a job that is refused
        if not path.exists():
            self.problems.append(missing(path))
        return entry

    def _recipe(self, *layers: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
        """Look up the requested recipe, else the one that matches the job."""
        book = self.registry.recipes
        # null in a run's job.yaml means that the run had no recipe.
        said = (str(v["recipe"] or "none") for v in layers if "recipe" in v)
        asked = self.request.recipe or next(said, None)
        if asked == "none":
            return None, {}
        if asked is None:
            found = own_recipe(book.by_name, layers, self._all_names, self.facts.condition, book.levels, book.owners)
            return (found, book.by_name[found]) if found else (None, {})
        try:
            name = book.find(asked)
        except UnknownName as error:
            if any(_complete(layer) for layer in layers):
                return asked, {}
            self.problems.append(str(error))
            return None, {}
        return name, book.by_name[name]

    def _all_names(self, kind: str, name: str) -> list[str]:
        """All names by which a recipe may refer to a component, most specific first."""
        try:
            entry = self._named(kind, name)
        except RequestError:
            return [name]
        base = [] if entry.given else [entry.component.name]
        name = entry.component.name if name == entry.id else name  # a full id means what the short name means
        base += [f"{entry.origin.plugin}/{entry.variant_of}", entry.variant_of] if entry.variant_of else []
        family = [f"{entry.origin.plugin}/*"] if entry.member else []
        return list(dict.fromkeys([name, entry.id, *base, *family]))

    def _choices(self) -> None:
        """Find each chosen component, and check the parameters for its factory."""
        for path, kind in CHOICES.items():
            if self._unnamed(path, ALL[kind]):
                continue
            name = self.layers.values.get(f"{path}.name")
            entry = self._find(path, kind, name)
            if entry is not None:
                if entry.origin.plugin != PYTHON and self.has_ids and self._from_file(f"{path}.name"):
                    self.layers.values[f"{path}.name"] = shown_name(kind, str(name), entry, self.registry)
                self._rename(path, entry)
                self._check(path, entry, self.layers.params(path))
                if path == "dataset":
                    self._check_task(entry)
        for path, kind in CHOICE_LISTS.items():
            found = self._choice_list(path, kind)
            if found or path in Job.model_fields:  # an empty list of a plugin's kind would require the plugin
                self.layers.values[path] = found

    def _unnamed(self, path: str, kind: Kind) -> bool:
        """Check that a job names no component at ``path``, after the default of its kind was filled in."""
        key = f"{path}.name"
        if kind.default is not None:
            self.layers.fill("default", {key: kind.default})
        if path in self.request.given or self.layers.values.get(key) not in (None, "none"):
            return False
        if kind.choose != "optional":
            self.problems.append(f"{path} is missing; see: zoo list {kind.name}")
        for each in [each for each in self.layers.values if each.startswith(f"{path}.")]:
            del self.layers.values[each]
        return True

    def _find(self, path: str, kind: str, name: Any) -> Entry | None:
        try:
            self.entries[path] = self._given(path, kind, str(name)) or self.registry.find(kind, str(name))
        except UnknownName as error:
            self.problems.append(str(error) + order_hint(path, str(name), self.registry) + folder_hint(path))
        except RequestError as error:
            self.problems.append(str(error))
        self._keep_origin(path)
        return self.entries.get(path)

    def _keep_origin(self, path: str) -> None:
        """Record the id of a component from Python, by which another process finds its origin."""
        entry = self.entries.get(path)
        if entry is not None and entry.origin.plugin == PYTHON and path in CHOICES:
            self.layers.values[f"{path}.name"] = entry.id

    def _given(self, path: str, kind: str, name: str) -> Entry | None:
        """What was passed from Python for this place; for another place, under the same id."""
        own = self.request.given.get(path)
        found = own if own is not None and own.id == name else self.request.entry(kind, name)
        if found is not None and path in CHOICES:
            self.layers.sources[f"{path}.name"] = PYTHON
        return found

    def _rename(self, path: str, entry: Entry) -> None:
        """Move values under old names of parameters to the new names; the higher layer wins, as for equal names."""
        for old, new in renamed_in(entry.component, self.layers.params(path)).items():
            warn_renamed(entry.title, path, old, new)
            if not self.layers.rename(f"{path}.{old}", f"{path}.{new}"):
                self.problems.append(both_given(path, old, new))
            elif f"{path}.{old}" in self.reasons:
                self.reasons[f"{path}.{new}"] = self.reasons.pop(f"{path}.{old}")

    def _check(self, path: str, entry: Entry, given: Mapping[str, Any]) -> None:
        try:
            factory = entry.factory()
        except RequestError as error:
            self.problems.append(str(error))
            return
        preset, twice = entry.with_new_names(entry.params, path)
        checked, problems = signature.check(entry.kind, factory, {**preset, **given}, path)
        self.problems += twice + problems + self._fits_task(entry, factory)
        folders = {key: self._file_folder if self._from_file(f"{path}.{key}") else None for key in given}
        values = self._anchored(entry, checked, folders)
        self.layers.fill("registry.yaml", {f"{path}.{k}": None for k in preset if k in values})
        for key, value in values.items():
            self.layers.values[f"{path}.{key}"] = signature.plain(value)
        defaults = signature.defaults(entry.kind, factory)
        label = f"{entry.component.name}'s own"
        self.layers.fill(label, {f"{path}.{k}": signature.plain(v) for k, v in defaults.items()})

    def _from_file(self, path: str) -> bool:
        """Check that a value is the job file's."""
        return self.request.file is not None and self.layers.sources.get(path) == self.request.file.name

    def _anchored(
        self, entry: Entry, values: Mapping[str, Any], folders: Mapping[str, Path | None]
    ) -> Mapping[str, Any]:
        """Make paths among the parameters of a component absolute; presets are relative to their registry.yaml."""
        presets = dict.fromkeys(entry.params, entry.home)
        return anchor_params(values, signature.parameters(entry.kind, entry.factory()), {**presets, **folders})

    def _fits_task(self, entry: Entry, factory: Any) -> list[str]:
        """Problem of a component that does not support the job's task; empty where it fits."""
        return problem_of_component(entry, factory, self.task, self.registry)

    def _choice_list(self, path: str, kind: str) -> list[dict[str, Any]]:
        found = []
        for i, item in enumerate(self.layers.values.get(path) or []):
            try:
                choice = Choice.model_validate(item)
            except ValidationError:
                self.problems.append(f"{path}: {item!r} is not a name or {{name: …, parameter: …}}.")
                continue
            key = f"{path}.{i}"
            entry = self._find(key, kind, choice.name)
            if entry is None:
                continue
            try:
                factory = entry.factory()
            except RequestError as error:
                self.problems.append(str(error))
                continue
            where = f"{path}.{choice.name}"
            (preset, twice), (own, both) = (entry.with_new_names(p, where) for p in (entry.params, choice.params))
            checked, problems = signature.check(kind, factory, {**preset, **own}, where)
            problems = twice + both + problems
            self.problems += problems + self._fits_task(entry, factory) + _taken(kind, choice.name, entry, self.task)
            folder = self._file_folder if self._from_file(path) else None
            values = self._anchored(entry, checked, dict.fromkeys(own, folder))
            defaults = signature.defaults(kind, factory)
            name = entry.id if entry.origin.plugin == PYTHON else choice.name
            if entry.origin.plugin != PYTHON and (kind == "metric" or (self.has_ids and self._from_file(path))):
                name = shown_name(kind, name, entry, self.registry)
                self._rename_monitor(choice.name, name)
            found.append(signature.plain({"name": name, **defaults, **values}))
        return found

    def _rename_monitor(self, typed: str, name: str) -> None:
        """Let a monitor that names a metric by its full id follow the name in results."""
        split, _, monitored = str(self.layers.values.get(MONITOR, "")).partition("/")
        if "/" in typed and monitored == typed:
            self.layers.values[MONITOR] = f"{split}/{Choice(name=name).label}"

    def _component_defaults(self) -> None:
        """Fill in values that architecture and dataset declare, where no layer has set them."""
        architecture, dataset = self.entries.get("architecture"), self.entries.get("dataset")
        own = self.peeked.get("in_chans") or (dataset and getattr(dataset.component, "in_chans", None))
        in_chans = self.layers.values.get("data.in_chans") or own
        for entry, source in ((architecture, "architecture"), (dataset, "dataset")):
            known = vars(entry.component) if entry else {}
            values = {
                "train.image_size": known.get("input_size"),
                "data.mean": _for_channels(known.get("mean"), in_chans),
                "data.std": _for_channels(known.get("std"), in_chans),
                "data.in_chans": own if source == "dataset" else None,
                **_resizing(known, self.layers.values),
            }
            self.layers.fill(source, {k: signature.plain(v) for k, v in values.items() if v is not None})
        self.layers.fill(
            "default",
            {"train.image_size": FALLBACK_SIZE, "data.in_chans": 3, "data.mean": [0.5], "data.std": [0.25]},
        )

    def _finish(self, recipe: Mapping[str, Any]) -> Resolved:
        try:
            job = Job.model_validate(self.layers.nested())
        except ValidationError as error:
            self.problems += [describe_error(e, self.layers.sources) for e in error.errors() if not already_reported(e)]
            raise JobError(self.problems) from None
        self.problems += _other_channels(self.entries.get("architecture"), job)
        if self.problems:
            raise JobError(self.problems)
        for path in flatten(job.plain()):
            self.layers.sources.setdefault(path, "default")
        vary = functools.partial(resolve, self.request, self.registry)
        return Resolved(
            job,
            self.layers.sources,
            self.entries,
            recipe,
            self.registry,
            self.reasons,
            self.facts,
            vary,
            plugins=self.plugins,
        )


def _other_channels(architecture: Entry | None, job: Job) -> list[str]:
    """Problem of an architecture that can't take the job's number of channels; empty where it can."""
    declared = getattr(architecture and architecture.component, "in_chans", None)
    if architecture is None or declared is None or job.data.in_chans in declared:
        return []
    return [
        f"{architecture.title} takes images with {' or '.join(map(str, declared))} channels, but those of the job have "
        f"{job.data.in_chans}. Convert the images: --set data.in_chans={declared[0]}, or choose another architecture: "
        "zoo list architecture"
    ]


def _taken(kind: str, name: str, entry: Entry, task: str | None) -> list[str]:
    """Problem of a metric whose name is that of a number in every evaluation; empty where it is free."""
    if kind != "metric" or entry.origin.bundled:
        return []
    if name.rpartition("/")[2] in MEASURED_OF.get(task or "", ()):
        short = name.rpartition("/")[2]
        return [f"metrics: every evaluation of this task already has a {short!r}. Give the metric another name."]
    name = name.removeprefix(f"{PYTHON}/")  # its number has the short name
    if name not in MEASURED:
        return []
    if entry.origin.plugin == PYTHON:
        return [f"metrics: every evaluation already has a {name!r}. Give the metric another name."]
    return [
        f"metrics: every evaluation already has a {name!r}, and the metric {entry.id} would replace it. Use another "
        f"name, or its full id: --set 'metrics=[{entry.id}]'."
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unsaid() -> dict[str, Any]:
    """Defaults of all optional fields, for a run's job file that predates them."""
    optional = set(field_paths()).difference(field_paths(required=True), {"recipe", *CHOICE_LISTS})
    return flatten({path: default_of(path) for path in optional})


def _resizing(known: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Resizing that the network was trained with; the crop is dropped where the user asked for squashing."""
    crop_pct = known.get("crop_pct") if said.get("data.resize", "crop") == "crop" else None
    resize = None if crop_pct is None else "crop"
    return {"data.interpolation": known.get("interpolation"), "data.crop_pct": crop_pct, "data.resize": resize}


def _for_channels(values: tuple[float, ...] | None, in_chans: Any) -> tuple[float, ...] | None:
    """Channel statistics for another number of channels: the mean, for all channels."""
    if values is None or len(values) in (1, in_chans):
        return values
    return (sum(values) / len(values),)


def _complete(layer: Mapping[str, Any]) -> bool:
    """Check that a layer is complete, as job.yaml is, so that its recipe adds nothing."""
    return all(path in layer or f"{path}.name" in layer for path in field_paths(required=True))
