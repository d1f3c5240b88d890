"""Specifications of all hooks; a plugin implements the ones it needs with ``zoo.plugin.hookimpl``.

Contribution hooks return an iterable of components (or yield them), in any order. Lifecycle hooks watch a
run, and get read-only views. Each plugin's hooks are called separately, so that a failure doesn't affect other plugins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from zoo.plugin import (
    Architecture,
    Augmentation,
    CacheKind,
    Command,
    Component,
    Dataset,
    Display,
    Exporter,
    Family,
    Function,
    HealthCheck,
    Importer,
    Kind,
    Loss,
    Metric,
    ModelSource,
    Optimizer,
    Sampler,
    Schedule,
    TrainingCallback,
)

hookspec = pluggy.HookspecMarker("zoo")


@hookspec
def zoo_datasets() -> Iterable[Dataset | Family]:
    """Contribute datasets."""
    return ()


@hookspec
def zoo_architectures() -> Iterable[Architecture | Family]:
    """Contribute architectures."""
    return ()


@hookspec
def zoo_losses() -> Iterable[Loss | Family]:
    """Contribute losses."""
    return ()


@hookspec
def zoo_metrics() -> Iterable[Metric | Family]:
    """Contribute metrics."""
    return ()


@hookspec
def zoo_augmentations() -> Iterable[Augmentation | Family]:
    """Contribute augmentations."""
    return ()


@hookspec
def zoo_optimizers() -> Iterable[Optimizer | Family]:
    """Contribute optimizers."""
    return ()


@hookspec
def zoo_schedules() -> Iterable[Schedule | Family]:
    """Contribute learning-rate schedules."""
    return ()


@hookspec
def zoo_samplers() -> Iterable[Sampler | Family]:
    """Contribute samplers, which choose and order the items of each training epoch.

    Example::

        @hookimpl
        def zoo_samplers():
            return [Sampler("hard_first", "zoo_acme.samplers:HardFirst", summary="Show difficult classes first")]

    ``zoo run simple_cnn digits --set train.sampler=hard_first`` then calls ``zoo_acme.samplers.HardFirst``.
    """
    return ()


@hookspec
def zoo_callbacks() -> Iterable[TrainingCallback | Family]:
    """Contribute callbacks, which a job names and which observe or change its training.

    Example::

        @hookimpl
        def zoo_callbacks():
            return [TrainingCallback("warm_restart", "zoo_acme.callbacks:WarmRestart", summary="Restart the rate")]

    ``zoo run simple_cnn digits --set callbacks=warm_restart`` then calls ``zoo_acme.callbacks.WarmRestart``.
    """
    return ()


@hookspec
def zoo_kinds() -> Iterable[Kind]:
    """Declare kinds of components of the plugin's own, which this and other plugins then contribute.

    Example::

        class Tracker(Component):
            kind = "tracker"

        @hookimpl
        def zoo_kinds():
            return [Kind(Tracker, path="trackers", option="--track", use="zoo_acme.track:as_callback")]

    The components are listed, set, recorded and checked like those of the zoo's kinds. ``zoo run simple_cnn digits
    --track board`` then makes the tracker ``board``, and calls ``zoo_acme.track.as_callback([tracker])``.
    """
    return ()


@hookspec
def zoo_components() -> Iterable[Component | Family]:
    """Contribute components of any kind, those of other plugins' kinds among them.

    Example::

        @hookimpl
        def zoo_components():
            return [Tracker("board", "zoo_acme.board:Board", summary="Logs for our dashboard")]

    The kind of ``Tracker`` is declared by :func:`zoo_kinds` of this or of another plugin.
    """
    return ()


@hookspec
def zoo_exporters() -> Iterable[Exporter | Family]:
    """Contribute exporters."""
    return ()


@hookspec
def zoo_importers() -> Iterable[Importer | Family]:
    """Contribute importers of other frameworks' models."""
    return ()


@hookspec
def zoo_commands() -> Iterable[Command]:
    """Contribute commands of ``zoo``."""
    return ()


@hookspec
def zoo_model_sources() -> Iterable[ModelSource]:
    """Contribute sources that fetch models by a word with a prefix, such as ``hf:owner/name``.

    Example::

        @hookimpl
        def zoo_model_sources():
            return [ModelSource("team", "zoo_acme.store:fetch", summary="Models of our team's store.")]

    ``zoo predict team:digits photo.jpg`` then calls ``zoo_acme.store.fetch("team:digits")``.
    """
    return ()


@hookspec
def zoo_health_checks() -> Iterable[HealthCheck]:
    """Contribute checks to ``zoo doctor``.

    Example::

        @hookimpl
        def zoo_health_checks():
            return [HealthCheck("acme server", "zoo_acme.health:server", summary="The server answers.")]

    ``zoo_acme.health.server()`` returns an iterable of ``zoo.plugin.Finding``.
    """
    return ()


@hookspec
def zoo_functions() -> Iterable[Function]:
    """Contribute functions for Python, which are called as ``zoo.NAME``.

    Example::

        @hookimpl
        def zoo_functions():
            return [Function("count_leaves", "zoo_acme.leaves:count", summary="Count leaves in a picture")]

    ``zoo.count_leaves("photo.jpg")`` then calls ``zoo_acme.leaves.count``, and ``dir(zoo)`` lists it.
    """
    return ()


@hookspec
def zoo_displays() -> Iterable[Display]:
    """Contribute displays of runs and results in environments that are not terminals.

    Example::

        @hookimpl
        def zoo_displays():
            return [Display("acme_pad", "zoo_acme.pad:Pad", summary="Runs and results in Acme's notebook")]

    Where ``Pad().active()`` is true, ``Pad().observer()`` observes ``zoo.run``.
    """
    return ()


@hookspec
def zoo_cache_kinds() -> Iterable[CacheKind]:
    """Describe folders of the user's cache that the plugin fills, so that ``zoo cache`` lists and prunes them.

    Example::

        @hookimpl
        def zoo_cache_kinds():
            return [CacheKind("leaves", "scans of leaves", "fetched again")]

    The plugin keeps its files in ``zoo.storage.cache_folder() / "leaves"``, one file or folder an entry.
    """
    return ()


@hookspec
def zoo_recipes() -> Mapping[str, Mapping[str, Any]] | str:
    """Contribute recipes: a mapping of name to recipe as in registry.yaml, or a packaged file of one.

    Example::

        @hookimpl
        def zoo_recipes():
            return "zoo_acme:recipes.yaml"

    with ``zoo_acme/recipes.yaml``, in the syntax of the section ``recipes`` of a registry.yaml::

        acme/unet+*:
          summary: The network of the paper, as trained there
          architecture: {width: 32}
          train: {epochs: 20, optimizer: adamw, lr: 1.0e-3}

    A recipe is chosen automatically where the job's architecture or dataset belongs to the plugin, and with
    ``--recipe`` everywhere. Its full id begins with the plugin's name (``acme/fast`` for ``fast``). Recipes of plugins
    precede those of the zoo, and those of the user's and the working folder's registry.yaml precede them.
    """
    return {}


@hookspec
def zoo_settings() -> type:
    """Declare the plugin's settings: a dataclass whose fields all have types and defaults.

    Example::

        @dataclass
        class Settings:
            stop_at: float = field(default=1.0, metadata={"option": "--stop-at", "help": "Accuracy to stop at."})

        @hookimpl
        def zoo_settings():
            return Settings

        @hookimpl
        def zoo_epoch_end(run, epoch):
            if epoch["val"]["accuracy"] >= run.settings.stop_at:
                return "it is accurate enough"

    A user sets ``plugins: {acme: {stop_at: 0.9}}`` in a registry.yaml or a job file, ``ZOO_ACME_STOP_AT=0.9``, ``--set
    plugins.acme.stop_at=0.9``, or the option ``--stop-at 0.9`` of ``zoo run``; each precedes the one before. Values are
    converted to the types of the fields; a ``ValueError`` of ``__post_init__`` is a message for the user. A hook of a
    run has the object in ``run.settings``; any other code of the plugin gets it by
    ``zoo.api.plugins.settings_of(Settings)``. ``zoo info acme`` shows every value with its source, and ``job.yaml``
    records them.
    """
    return type


@hookspec
def zoo_run_start(run: Any) -> None:
    """Called before a run trains.

    ``run`` has ``name``, ``dir`` (its folder), ``job`` (the resolved job, as job.yaml has it), ``classes``,
    ``splits``, ``model``, ``device`` and ``notices``: see ``zoo.runner.record.Run``.
    """


@hookspec
def zoo_epoch_end(run: Any, epoch: dict[str, Any]) -> str | None:
    """Called after each epoch; a returned string stops the run, with that reason.

    The reasons of several plugins are joined; result.json records each with its plugin.

    ``epoch`` is its line of metrics.jsonl: ``epoch`` (from 1), ``train`` and ``val`` with their numbers, ``lr``,
    ``seconds``, ``images_per_second``. A stopped run keeps its best weights, is evaluated and reported, and has the
    status ``stopped``.
    """


@hookspec
def zoo_run_end(run: Any, result: dict[str, Any]) -> None:
    """Called when a run is complete and all its files are written; ``result`` is its result.json."""


@hookspec
def zoo_run_failed(run: Any, error: BaseException) -> None:
    """Called when a run ended with ``error``: KeyboardInterrupt for an interruption by the user or by SIGTERM."""


@hookspec
def zoo_report_sections(run: Any, result: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Add ``(title, plain text)`` sections to the report: to the console, report.html and result.json."""
    return ()


CONTRIBUTIONS: dict[str, str] = {
    "dataset": "zoo_datasets",
    "architecture": "zoo_architectures",
    "loss": "zoo_losses",
    "metric": "zoo_metrics",
    "augmentation": "zoo_augmentations",
    "optimizer": "zoo_optimizers",
    "schedule": "zoo_schedules",
    "sampler": "zoo_samplers",
    "callback": "zoo_callbacks",
    "exporter": "zoo_exporters",
    "importer": "zoo_importers",
    "command": "zoo_commands",
    "model_source": "zoo_model_sources",
    "health_check": "zoo_health_checks",
    "function": "zoo_functions",
    "display": "zoo_displays",
}

NAMES: tuple[str, ...] = tuple(name for name in globals() if name.startswith("zoo_"))
"""Every hook, in the order above."""
CACHE_KINDS, RECIPES, SETTINGS = "zoo_cache_kinds", "zoo_recipes", "zoo_settings"
DECLARED_KINDS = "zoo_kinds"
COMPONENTS = "zoo_components"
_OTHER = (*CONTRIBUTIONS.values(), CACHE_KINDS, RECIPES, SETTINGS, DECLARED_KINDS, COMPONENTS)
LIFECYCLE: tuple[str, ...] = tuple(name for name in NAMES if name not in _OTHER)
"""Those of a run."""
