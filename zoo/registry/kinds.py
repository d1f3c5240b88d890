"""The kinds of components: those of the zoo, and those that plugins declare by the hook ``zoo_kinds``.

The tables are of the whole process and updated in place: schema, registry and checks read the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from zoo.errors import PluginError, UnknownName
from zoo.plugin import (
    GIVEN_PARAMETERS,
    Analysis,
    Architecture,
    Augmentation,
    Command,
    Dataset,
    Display,
    Exporter,
    Function,
    HealthCheck,
    Importer,
    Kind,
    Loss,
    Metric,
    ModelSource,
    Optimizer,
    PictureReader,
    PredictionField,
    Sampler,
    Schedule,
    TrainingCallback,
)
from zoo.registry.suggest import did_you_mean, listing

_OF_OPTIMIZERS = ("params", "lr", "weight_decay")
_CORE = (
    Kind(
        Architecture,
        path="architecture",
        choose="one",
        given=("num_classes", "in_chans", "image_size", "pretrained", "classes", "separate_outputs"),
        checks="zoo.testing.architectures",
    ),
    Kind(Dataset, path="dataset", choose="one", given=("split",), checks="zoo.testing.datasets"),
    Kind(
        Loss,
        plural="losses",
        path="loss",
        choose="one",
        given=("num_classes", "num_features", "multilabel", "regression", "classes"),
        checks="zoo.testing.losses",
    ),
    Kind(Metric, path="metrics", given=("num_classes", "multilabel", "classes"), checks="zoo.testing.metrics"),
    Kind(Augmentation, path="augment", given=("size", "num_classes", "classes"), checks="zoo.testing.augmentations"),
    Kind(Optimizer, path="train.optimizer", choose="one", given=_OF_OPTIMIZERS, checks="zoo.testing.optimizers"),
    Kind(
        Schedule,
        path="train.schedule",
        choose="one",
        given=("optimizer", "total_steps"),
        checks="zoo.testing.schedules",
    ),
    Kind(
        Sampler,
        path="train.sampler",
        choose="one",
        default="shuffle",
        given=("count", "labels", "seed", "shards", "processes", "multilabel", "regression"),
        checks="zoo.testing.samplers",
    ),
    Kind(
        TrainingCallback,
        path="callbacks",
        given=GIVEN_PARAMETERS,
        use="zoo.runner.callbacks:Callbacks",
        checks="zoo.testing.callbacks",
    ),
    Kind(Analysis, plural="analyses", path="analyses"),
    Kind(Exporter, given=("bundle", "path", "network", "pixels", "fields"), checks="zoo.testing.exporters"),
    Kind(Importer, given=("file", "architecture", "content", "image_size"), checks="zoo.testing.importers"),
    Kind(Command, given=("arguments",), checks="zoo.testing.commands"),
    Kind(ModelSource, given=("word",), listed=False),
    Kind(PictureReader, given=("file",), listed=False),
    Kind(HealthCheck, listed=False),
    Kind(Function, listed=False),
    Kind(Display, listed=False),
    Kind(PredictionField, given=("facts", "tensors", "registry"), listed=False),
)

ALL: dict[str, Kind] = {}
"""Every known kind, by name."""
KINDS: dict[str, Kind] = {}
"""Those that ``zoo list`` shows."""
CHOICES: dict[str, str] = {}
"""Paths of single components in a job, with their kinds."""
CHOICE_LISTS: dict[str, str] = {}
"""Paths of lists of components in a job, with their kinds."""
_FIELDS = "train data plugins device precision evaluation_precision memory_format compile tta seed pretrained weights"
JOB_FIELDS = frozenset((*_FIELDS.split(), "task", "teacher", "recipe"))
"""Keys of a job that are no components."""
_owners: dict[str, str] = {}


def of_plugins() -> list[Kind]:
    """The kinds that plugins have declared."""
    return [ALL[name] for name in _owners]


def declared_by(plugin: str) -> list[Kind]:
    """The kinds that a plugin has declared."""
    return [ALL[name] for name, owner in _owners.items() if owner == plugin]


def owner_of(kind: Kind) -> str:
    """Name of the plugin that has declared a kind; empty for a kind of the zoo."""
    return _owners.get(kind.name, "")


def declare(kind: Kind, owner: str) -> None:
    """Add the kind of a plugin.

    Raises:
        PluginError: the kind or its place in a job is taken or malformed; the message says what is wrong.
    """
    name = kind.name
    if name in ALL and _owners.get(name) != owner:
        whose = f"plugin {_owners[name]!r}" if name in _owners else "the zoo"
        raise PluginError(f"the kind {name!r} is already declared by {whose}: use another name")
    if kind.path:
        _check_place(kind)
    elif kind.option or kind.use or kind.repeats or kind.default or kind.given:
        unused = "option, use, repeats, default and given have no effect without a path in the job"
        raise PluginError(f"kind {name!r}: {unused}")
    _add(kind)
    _owners[name] = owner


def _check_place(kind: Kind) -> None:
    """Raise PluginError unless the kind can stand at its path in a job."""
    name, path = kind.name, kind.path
    taken = {other.path: other.name for other in ALL.values() if other.name != name}
    taken |= dict.fromkeys(JOB_FIELDS, "job")
    if path in taken or not re.fullmatch(r"[a-z][a-z0-9_]*", path):
        why = f"belongs to the kind {taken[path]!r}" if path in taken else "is not a lower-case word"
        raise PluginError(f"kind {name!r}: the path {path!r} {why}")
    if not kind.use and not kind.repeats:
        raise PluginError(f"kind {name!r}: nothing uses its components at {path!r} of a job: set use='module:function'")
    if kind.default is not None and kind.choose != "one":
        raise PluginError(f"kind {name!r}: a default has no effect with choose={kind.choose!r}; set choose='one'")
    if kind.default is None and kind.choose == "one":
        raise PluginError(f"kind {name!r}: choose='one' needs a default, since existing jobs name none")
    if unknown := [word for word in kind.given if word not in GIVEN_PARAMETERS]:
        raise PluginError(f"kind {name!r}: given {unknown[0]!r} is not one of {listing(GIVEN_PARAMETERS)}")
    if kind.option and not re.fullmatch(r"--[a-z][a-z0-9-]*", kind.option):
        raise PluginError(f"kind {name!r}: option {kind.option!r} is not of the form '--word'")


def keep_only(owners: Iterable[str] = ()) -> None:
    """Remove the kinds of all plugins but these, as before another discovery of plugins."""
    for owner in set(_owners.values()).difference(owners):
        forget(owner)


def forget(owner: str) -> None:
    """Remove the kinds of a plugin that was set aside."""
    for name in [name for name, each in _owners.items() if each == owner]:
        path = ALL.pop(name).path
        KINDS.pop(name, None)
        _owners.pop(name)
        CHOICES.pop(path, None)
        CHOICE_LISTS.pop(path, None)


def _add(kind: Kind) -> None:
    ALL[kind.name] = kind
    if kind.listed:
        KINDS[kind.name] = kind
    if kind.path:
        (CHOICE_LISTS if kind.choose == "many" else CHOICES)[kind.path] = kind.name


def check_kind(word: str) -> str:
    """Parse a kind on the command line, singular or plural.

    Raises:
        UnknownName: the word is not a kind.
    """
    plural = {kind.names: name for name, kind in ALL.items()}
    name = plural.get(word, word)
    if name not in ALL:
        raise UnknownName(f"Unknown kind {word!r}.{did_you_mean(word, [*KINDS, *plural])} Kinds: {listing(KINDS)}.")
    return name


for _kind in _CORE:
    _add(_kind)
