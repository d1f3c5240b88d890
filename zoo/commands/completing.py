"""Completions for the TAB key: computed fast, and silent on any error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from zoo.commands.arguments import VARIABLE
from zoo.host.context import registry_of
from zoo.plugin import TASKS

if TYPE_CHECKING:
    from zoo.registry.entry import Entry

FAMILY = 3
"""Components with one target form a family if they are more than this; names of families need a typed beginning."""
Item = CompletionItem
Values = Callable[[click.Context, str], Iterable[Item]]


def answer(app: click.Command) -> int:
    """Print the completions at the cursor, none where an error occurs, and return the exit code."""
    shell, _, instruction = os.environ[VARIABLE].partition("_")
    kind = get_completion_class(shell)
    if kind is None or instruction not in ("complete", "source"):
        return 1
    with _silence():  # a message of a plugin or a registry.yaml would be printed into the user's command line
        try:
            asked = kind(app, {}, "zoo", VARIABLE)
            text = asked.complete() if instruction == "complete" else asked.source()
        except Exception:
            return 0
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.flush()
    return 0


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stderr(nothing):
        yield


def script(shell: str, app: click.Command) -> str:
    """Shell script that requests completions: a function and its registration."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(app, {}, "zoo", VARIABLE).source()


def attach(command: click.Command) -> None:
    """Attach completions to a command's parameters, by parameter name."""
    for parameter in command.params:
        found = _values_for(command, parameter)
        if found is not None:
            parameter.shell_complete = _filtered(found)  # type: ignore[method-assign, assignment]


def _filtered(values: Values) -> Callable[[click.Context, str], list[CompletionItem]]:
    def complete(context: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith((".", "/", "~")):
            return [CompletionItem(incomplete, type="file")]  # completed by the shell itself
        return [item for item in values(context, incomplete) if str(item.value).startswith(incomplete)]

    return complete


def _values_for(command: click.Command, parameter: click.Parameter) -> Values | None:
    if not isinstance(parameter.type, click.types.StringParamType):
        return None
    if parameter.name in ("name", "names", "what"):
        return _NAMED.get(str(command.name))
    return _VALUES.get(str(parameter.name))


# -- components -------------------------------------------------------------------------------------------------------


def _components(kind: str) -> Values:
    return lambda context, typed: _typed_names(context, kind, typed)


def _typed_names(context: click.Context, kind: str | None, typed: str) -> list[Item]:
    """Names of components: of families only once a name is begun, full ids only once a plugin's name is."""
    registry = registry_of(context, quiet=True)
    entries = registry.entries(kind)
    if "." in typed:
        entries += registry.variants(kind, typed)
    many = Counter(entry.component.target for entry in entries)
    found: dict[str, str] = {}
    for entry in entries:
        family = many[entry.component.target] > FAMILY
        if typed or not family:
            found.update(dict.fromkeys(_names(entry, typed, family=family), entry.component.summary))
    aliases = registry.shelf.aliases.get(kind, {}) if kind else {}
    found.update({name: f"alias of {meant}" for name, meant in aliases.items()})
    return [CompletionItem(name, help=summary) for name, summary in sorted(found.items())]


def _names(entry: Entry, typed: str, *, family: bool) -> tuple[str, ...]:
    """Names of an entry that start with the typed text; of a family's members also full ids such as ``timm/…``."""
    names = (*entry.names, entry.id) if family or "/" in typed else entry.names
    return tuple(name for name in names if name.startswith(typed))


def _dataset(context: click.Context, typed: str) -> Iterable[Item]:
    """Complete a dataset's name, or a folder."""
    return [*_typed_names(context, "dataset", typed), *_local_names(lambda path: path.is_dir())]


def _words(context: click.Context, typed: str) -> Iterable[Item]:
    """Complete ARCHITECTURE DATASET, or JOB.yaml."""
    if not context.params.get("words"):
        return [
            *_typed_names(context, "architecture", typed),
            *_local_names(lambda path: path.suffix in (".yaml", ".yml")),
        ]
    return _dataset(context, typed) if len(context.params["words"]) == 1 else []


def _several(kind: str) -> Values:
    """Complete comma-separated names."""

    def values(context: click.Context, typed: str) -> Iterable[Item]:
        before, comma, last = typed.rpartition(",")
        return [Item(before + comma + str(item.value), help=item.help) for item in _typed_names(context, kind, last)]

    return values


# -- runs, files, plugins, recipes ------------------------------------------------------------------------------------


def _runs(context: click.Context, typed: str) -> Iterable[Item]:
    """Complete names of runs in the output folder."""
    from zoo.job.run_folder import JOB

    out = context.params.get("out") or Path("runs")
    if not isinstance(out, Path) or out.suffix:  # of zoo export, --out is a file
        out = Path("runs")
    try:
        names = sorted(path.parent.name for path in out.glob(f"*/{JOB}"))
    except OSError:
        return []
    return [Item(name) for name in names]


def _local_names(wanted: Callable[[Path], bool]) -> list[Item]:
    """Names of entries in the working folder."""
    try:
        return [Item(p.name) for p in sorted(Path().iterdir()) if wanted(p) and not p.name.startswith(".")]
    except OSError:
        return []


def _plugins(context: click.Context, typed: str) -> Iterable[Item]:
    from zoo.registry.distributions import installed

    return [Item(found.name, help=found.distribution) for found in installed()]


def _checked(context: click.Context, typed: str) -> Iterable[Item]:
    """Complete a plugin, or full ids of components once a plugin's name and a slash are typed."""
    return _typed_names(context, None, typed) if "/" in typed else _plugins(context, typed)


def _catalogue(context: click.Context, typed: str) -> Iterable[Item]:
    from zoo.registry.config import open_shelf

    return [Item(name, help=str(item.get("summary") or "")) for name, item in open_shelf().catalogue.items()]


def _recipes(context: click.Context, typed: str) -> Iterable[Item]:
    return [Item(name) for name in ("none", *registry_of(context, quiet=True).recipes.by_name)]


def _kinds(context: click.Context, typed: str) -> Iterable[Item]:
    from zoo.registry.kinds import KINDS

    return [Item(name) for name in KINDS]


def _any_component(context: click.Context, typed: str) -> Iterable[Item]:
    return _typed_names(context, None, typed)


def _fixed(*words: str) -> Values:
    return lambda context, typed: [Item(word) for word in words]


_NAMED: dict[str, Values] = {
    "info": _any_component,
    "install": _catalogue,
    **dict.fromkeys(("uninstall", "disable", "enable", "doctor"), _plugins),
    "check": _checked,
}
"""Completions of the argument NAME, by command."""
_VALUES: dict[str, Values] = {
    "words": _words,
    "architecture": _components("architecture"),
    "architectures": _several("architecture"),
    "dataset": _dataset,
    "format": _components("exporter"),
    "kind": _kinds,
    "recipe": _recipes,
    **dict.fromkeys(("run", "runs", "resume", "teacher", "weights", "join"), _runs),
    "device": _fixed("auto", "cpu", "cuda", "mps"),
    "precision": _fixed("auto", "fp32", "bf16", "fp16"),
    "on_bad_image": _fixed("skip", "fail"),
    "task": _fixed(*TASKS),
    "split": _fixed("train", "val", "test"),
    "freeze": _fixed("backbone"),
}
"""Completions by parameter name, which has the same meaning in all commands."""
