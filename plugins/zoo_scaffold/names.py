"""Names within a new plugin, and restrictions on plugin names."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo import __version__
from zoo.api.plugins import LOCAL
from zoo.errors import RequestError
from zoo.plugin import KINDS

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST = 24  # longer names would make lines that a formatter has to wrap
_TAKEN = (LOCAL, "python")  # prefixes of ids for components without a plugin

# For each kind: suffix of the example's name, its description with an article, and its place in a job.
_EXAMPLES: dict[str, tuple[str, str, str]] = {
    "architecture": ("cnn", "a small CNN of depthwise separable convolutions", "architecture"),
    "dataset": ("shapes", "drawn circles, squares and triangles, without a download", "dataset"),
    "loss": ("poly1", "cross entropy with an additional polynomial term", "loss"),
    "metric": ("kappa", "Cohen's kappa, agreement beyond chance", "metrics"),
    "augmentation": ("noise", "Gaussian noise with a random strength per sample", "augment"),
    "optimizer": ("signum", "steps along the sign of the momentum", "train.optimizer"),
    "schedule": ("trapezoid", "a warm-up, a plateau, and down to 0", "train.schedule"),
    "sampler": ("fraction", "another random part of the images in each epoch", "train.sampler"),
    "callback": ("weight_norm", "the norm of the weights, recorded while training", "callbacks"),
    "exporter": ("npz", "the weights as a NumPy archive", ""),
    "importer": ("npz", "a model from a NumPy archive", ""),
    "command": ("", "lists what the plugin provides", ""),
}
EXAMPLE_KINDS = tuple(_EXAMPLES)
"""Kinds of components that a package can have an example of."""

# For each part beside components: its file in the package, and its description with an article.
PARTS: dict[str, tuple[str, str]] = {
    "reader": ("", "an exporter with a reader, whose files the zoo checks and predicts with"),
    "hooks": ("hooks.py", "hooks that observe a run, stop it, and add to its report"),
    "kind": ("logs.py", "a new kind of component, which jobs name, and a component of that kind"),
    "settings": ("settings.py", "settings that users change, with an option of zoo run"),
    "recipes": ("recipes.yaml", "a recipe in a packaged file"),
}


def check_name(name: str) -> None:
    """Raise RequestError unless ``name`` is valid for a new plugin."""
    if reason := _reason(name):
        raise RequestError(f"{name!r} can't be the name of a plugin: {reason}. For example: zoo plugins new acme")


def _reason(name: str) -> str | None:
    bare = re.sub(r"^zoo[-_]", "", name)
    if bare != name:
        return f"the name of the distribution is zoo-NAME; use {bare!r}"
    if not _NAME.fullmatch(name):
        return "use lower-case letters and digits, a letter first, with - or _ between words"
    if len(name) > _LONGEST:
        return f"it has {len(name)} characters; the limit is {_LONGEST}"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "it is a keyword of Python"
    if name in sys.stdlib_module_names:
        return f"it is a module of Python's standard library; use for example '{name}-acme'"
    if name in _TAKEN:
        return f"'{name}/…' is reserved for the ids of components without a plugin"
    if owner := _owner(name):
        return f"{owner} already has a plugin of that name"
    return None


def _owner(name: str) -> str | None:
    """Find another installed distribution that provides a plugin of this name; None where there is none."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="zoo.plugins", name=name):
        distribution = entry.dist.name if entry.dist else "something installed"
        if normal(distribution) != distribution_of(name):
            return distribution
    return None


def normal(name: str) -> str:
    """Normalise a distribution's name as package indexes do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_of(name: str) -> str:
    """Distribution of a plugin: ``zoo-my-leaves`` for ``my_leaves``."""
    return f"zoo-{normal(name)}"


def in_order(kinds: Iterable[str]) -> tuple[str, ...]:
    """Sort kinds without duplicates, in the order in which a package lists them; a reader needs an exporter."""
    asked = set(kinds)
    asked |= {"exporter"} if "reader" in asked else set()
    return tuple(kind for kind in _EXAMPLES if kind in asked)


def plural(kind: str) -> str:
    """Module for components of a kind, named like its hook: ``losses``."""
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


@dataclass(frozen=True)
class TemplateNames:
    """The names in a new plugin.

    Components are prefixed with the plugin's name, so that two new plugins don't conflict.
    """

    name: str
    kinds: tuple[str, ...]
    parts: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """First word of the names of components."""
        return self.package.removeprefix("zoo_")

    @property
    def option(self) -> str:
        """First words of the names of options."""
        return self.distribution.removeprefix("zoo-")

    @property
    def distribution(self) -> str:
        return distribution_of(self.name)

    @property
    def package(self) -> str:
        return self.distribution.replace("-", "_")

    def of(self, kind: str) -> str:
        """Name of the example component of a kind."""
        ending = _EXAMPLES[kind][0]
        return f"{self.prefix}_{ending}" if ending else self.name

    def words(self) -> dict[str, Any]:
        """Variables of the templates."""
        names = {kind: self.of(kind) for kind in self.kinds}
        return {
            "name": self.name,
            "distribution": self.distribution,
            "package": self.package,
            "kinds": self.kinds,
            "parts": self.parts,
            "prefix": self.prefix,
            "option": self.option,
            "classes": sorted({*(KINDS[kind].__name__ for kind in self.kinds), *self._classes()}),
            "names": names,
            "shown": names[self.kinds[0]] if self.kinds else f"{self.prefix}_csv" if "kind" in self.parts else "NAME",
            "brings": _enumerate(self._contents()),
            "rows": [{"kind": kind, "name": names[kind], "about": _EXAMPLES[kind][1]} for kind in self.kinds]
            + self._rows_of_parts(),
            "job": self.job(full=True),
            "use": self.use(),
            "minimum": minimum(__version__),
        }

    def _classes(self) -> tuple[str, ...]:
        """Names that the parts import from ``zoo.plugin``."""
        return ("Component", "Kind") if "kind" in self.parts else ()

    def _rows_of_parts(self) -> list[dict[str, str]]:
        rows = {
            "kind": (f"{self.prefix}_log", f"{self.prefix}_csv", "a table of all epochs, as CSV"),
            "hooks": ("hooks", "zoo_epoch_end", "stops a run at an accuracy; names the fastest epoch in the report"),
            "settings": ("settings", "team", "the team that runs belong to, noted in their folders"),
            "recipes": ("recipe", f"{self.prefix}_quick", "a first look, in seconds"),
        }
        found = [rows[part] for part in rows if part in self.parts]
        return [{"kind": kind, "name": name, "about": about} for kind, name, about in found]

    def _contents(self) -> list[str]:
        found = [f"{'an' if kind[0] in 'aeio' else 'a'} {kind}" for kind in self.kinds]
        found += ["hooks that observe a run"] if "hooks" in self.parts else []
        found += ["a kind of component"] if "kind" in self.parts else []
        found += ["settings"] if "settings" in self.parts else []
        return found + (["a recipe"] if "recipes" in self.parts else [])

    def job(self, *, full: bool) -> dict[str, str]:
        """Dotted path in a job -> short name, or full id, of each component."""
        places = {_EXAMPLES[kind][2]: self.of(kind) for kind in self.kinds if _EXAMPLES[kind][2]}
        return {place: f"{self.name}/{name}" if full else name for place, name in places.items()}

    def use(self) -> str:
        """Command that uses as many of the components as possible, and takes only seconds."""
        job = self.job(full=False)
        job |= {f"{self.prefix}_logs": f"{self.prefix}_csv"} if "kind" in self.parts else {}
        if not job and "command" in self.kinds:
            return f"zoo {self.of('command')}"
        length = f"--recipe {self.prefix}_quick" if "recipes" in self.parts else "--epochs 5"
        words = ["zoo run", job.pop("architecture", "simple_cnn"), job.pop("dataset", "digits"), length]
        if "optimizer" in self.kinds:
            words.append("--lr 0.001")
        elif "architecture" in self.kinds and "recipes" not in self.parts:  # no recipe covers the architecture
            words.append("--lr 0.01")
        for place, name in job.items():
            several = place in ("metrics", "augment", "callbacks") or place.endswith("_logs")
            setting = f"'{place}=[{name}]'" if several else f"{place}={name}"
            words.append(f"--set {setting}")
        words += [f"--{self.option}-team leaves"] if "settings" in self.parts else []
        return " ".join(words)


def minimum(version: str) -> str:
    """Oldest supported zoo: the minor version that the plugin was written with; a pre-release itself."""
    released = re.fullmatch(r"(\d+\.\d+)(\.\d+)*", version)
    return released[1] if released else version


def _enumerate(parts: Iterable[str]) -> str:
    """Join phrases: ``an architecture, a dataset and a loss``."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
