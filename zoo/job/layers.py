"""Layers of a job: nested values merged by precedence, each leaf with the name of its layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from zoo.errors import JobError
from zoo.job.names import Identify, canonical
from zoo.job.paths import same_path
from zoo.job.plugin_values import PREFIX, is_setting
from zoo.job.schema import Job, default_of, field_paths
from zoo.registry.entry import PYTHON
from zoo.registry.kinds import CHOICE_LISTS, CHOICES, of_plugins
from zoo.registry.suggest import did_you_mean
from zoo.storage.safe_yaml import parse_typed

OPTIONS: dict[str, str] = {
    "architecture": "architecture",
    "dataset": "dataset",
    "data": "dataset.root",
    "task": "task",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "train.lr",
    "image_size": "train.image_size",
    "pretrained": "pretrained",
    "weights": "weights",
    "teacher": "teacher",
    "freeze": "train.freeze",
    "seed": "seed",
    "device": "device",
    "precision": "precision",
    "tta": "tta",
    "on_bad_image": "data.on_bad_image",
    "loss": "loss",
    "metrics": "metrics",
    "augment": "augment",
}
"""Path in a job of each option of the command line and of ``zoo.run``."""


def options() -> dict[str, str]:
    """Path in a job of each option, with those of plugins' kinds."""
    return OPTIONS | {
        kind.option.removeprefix("--").replace("-", "_"): kind.path for kind in of_plugins() if kind.option
    }


@dataclass
class Layers:
    """Merged values: dotted path -> value, and dotted path -> name of the layer.

    Args:
        identify: function of kind and name with the same result for all names of one component.
    """

    identify: Callable[[str, Any], Any] = lambda _, name: name
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _order: list[str] = field(default_factory=list)

    def put(self, source: str, given: Mapping[str, Any]) -> None:
        """Override existing values by a layer's; choosing another component drops the parameters of the lower one."""
        self._order += [] if source in self._order else [source]
        for path, kind in CHOICES.items():
            name = given.get(f"{path}.name")
            below = self.values.get(f"{path}.name", name)
            if name is not None and name != below and self.identify(kind, name) != self.identify(kind, below):
                self._drop(f"{path}.")
        for path, value in given.items():
            if not self._valid(path):
                self.problems.append(f"{source}: unknown key {path!r}.{_suggest(path, value)}")
                continue
            self.values[path] = value
            self.sources[path] = source

    def fill(self, source: str, given: Mapping[str, Any]) -> None:
        """Add only values that no layer has set."""
        self.put(source, {k: v for k, v in given.items() if k not in self.values})

    def rename(self, old: str, new: str) -> bool:
        """Move the value at an old path to a new one, unless a higher layer has set the new one.

        Returns:
            False where one layer has set both paths.
        """
        value, source = self.values.pop(old), self.sources.pop(old)
        other = self.sources.get(new)
        if other is None or self._order.index(source) > self._order.index(other):
            self.values[new], self.sources[new] = value, source
        return source != other

    def replace(self, source: str, given: Mapping[str, Any]) -> None:
        """Replace values without validation of their paths."""
        self.values.update(given)
        self.sources.update(dict.fromkeys(given, source))

    def _drop(self, prefix: str) -> None:
        for path in [p for p in self.values if p.startswith(prefix)]:
            del self.values[path], self.sources[path]

    def _valid(self, path: str) -> bool:
        return path in field_paths() or path.startswith(tuple(f"{each}." for each in CHOICES))

    def params(self, path: str) -> dict[str, Any]:
        """Parameters of the component at ``path``."""
        prefix = f"{path}."
        return {
            k.removeprefix(prefix): v for k, v in self.values.items() if k.startswith(prefix) and k != f"{path}.name"
        }

    def nested(self) -> dict[str, Any]:
        """Nest the merged values in the structure of a job.

        Raises:
            JobError: one path has a value and another path has a value below it.
        """
        tree: dict[str, Any] = {}
        for path, value in sorted(self.values.items(), key=lambda item: item[0].count(".")):
            *parents, leaf = path.split(".")
            node = tree
            for depth, parent in enumerate(parents, start=1):
                node = node.setdefault(parent, {})
                if not isinstance(node, dict):
                    above = ".".join(parents[:depth])
                    raise JobError([f"{path!r} and {above!r} can't both be set: one is a part of the other."])
            node[leaf] = value
        return tree


def flatten(job: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a nested job from YAML to dotted paths; ``loss: focal`` becomes ``loss.name``."""
    return dict(leaf for key, value in job.items() for leaf in _leaves(str(key), value))


def changes(
    before: Mapping[str, Any],
    now: Job,
    identify: Identify = lambda kind, name: name,
    renamed: Mapping[str, str] | None = None,
) -> list[str]:
    """Describe each difference between a run's job.yaml and a job; keys missing in the file count as defaults.

    Args:
        before: content of the file.
        now: the job.
        identify: function of kind and name with the same result for all names of one component.
        renamed: new paths of renamed parameters by their old paths, ``metrics.0.k`` in a list.
    """
    defaults = flatten({path: default_of(path) for path in field_paths()})
    then, this = _unowned(_renamed(flatten(before), renamed or {})), _unowned(flatten(now.plain()))
    old, new = canonical({**defaults, **then}, identify), canonical(this, identify)
    keys = [key for key in {**then, **this} if old.get(key) != new.get(key)]
    return [
        f"{key}: {then.get(key)!r} before, {this.get(key)!r} now"
        for key in keys
        if not same_path(old.get(key), new.get(key)) and not key.startswith(PREFIX)  # told by setting_changes
    ]


def _unowned(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Write the names of components from Python without their owner, as earlier versions did."""
    return {path: _short(value) if path.endswith(".name") else value for path, value in flat.items()}


def _short(name: Any) -> Any:
    return name.removeprefix(f"{PYTHON}/") if isinstance(name, str) else name


def _renamed(flat: Mapping[str, Any], renamed: Mapping[str, str]) -> Mapping[str, Any]:
    """Replace old paths by new ones, in lists of components too."""
    found = {renamed.get(path, path): value for path, value in flat.items()}
    for path in CHOICE_LISTS.keys() & found.keys():
        found[path] = [
            {
                renamed.get(f"{path}.{i}.{key}", f"{path}.{i}.{key}").rpartition(".")[2]: each
                for key, each in item.items()
            }
            if isinstance(item, Mapping)
            else item
            for i, item in enumerate(found[path] or ())
        ]
    return found


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if path in CHOICES and not isinstance(value, Mapping):
        yield f"{path}.name", value
    elif path in CHOICES:
        yield from ((f"{path}.{key}", item) for key, item in value.items())
    elif isinstance(value, Mapping) and path not in CHOICE_LISTS and path not in field_paths() and not is_setting(path):
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}", item)
    else:
        many = path in CHOICE_LISTS and not isinstance(value, list)
        yield path, (list(value) if isinstance(value, tuple) else [value]) if many else value


def in_full(path: str) -> str:
    """Expand an option's name to its dotted path: ``lr`` becomes ``train.lr``; ``data`` is the section."""
    return path if path == "data" else options().get(path, path)


def parse_sets(words: list[str], problems: list[str]) -> dict[str, Any]:
    """Parse words such as ``["loss=focal", "loss.gamma=2"]`` to dotted paths, with YAML 1.2 values."""
    flat = {}
    for word in words:
        path, equals, text = word.partition("=")
        if not equals or not path:
            problems.append(f"--set {word!r} is not of the form path=value, as in --set train.lr=0.01.")
            continue
        flat.update(flatten({in_full(path.strip()): _read(text)}))
    return flat


def _read(text: str) -> Any:
    try:
        return parse_typed(text)
    except yaml.YAMLError:
        return text


def _suggest(path: str, value: Any) -> str:
    """Suggest similar paths, by the whole path or its last word (``lr`` for ``train.lr``)."""
    if "." not in path and isinstance(value, list):  # as components of a plugin's kind stand in a job
        return " A plugin that is disabled or not installed may declare such components: zoo plugins list"
    known = field_paths()
    leaf = path.rpartition(".")[2]
    same_leaf = [p for p in known if p.rpartition(".")[2] == leaf]
    if same_leaf:
        return f" Did you mean {' or '.join(repr(p) for p in same_leaf)}?"
    near_leaf = did_you_mean(leaf, [p.rpartition(".")[2] for p in known])
    return did_you_mean(path, known) or near_leaf or " See every key: zoo run ARCHITECTURE DATASET --dry-run"
