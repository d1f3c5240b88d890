"""Names of commands: which command a name means, and the names that several plugins provide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from zoo.errors import RequestError
from zoo.registry.entry import LOCAL, Entry, owners_of

OWN = {
    "": ("run", "train", "evaluate", "list", "info", "runs", "plugins", "completion"),
    "runs": ("list", "show", "compare"),
    "plugins": ("list", "install", "uninstall", "disable", "enable", "doctor", "check"),
}
"""The core's commands by group; no plugin can replace them."""


def find_command(entries: Iterable[Entry], name: str, group: str = "") -> Entry | None:
    """Find the contributed command that a name means in a group.

    A full id means exactly its command. A short name means the bundled command, else that of registry.yaml, else the
    only one of a plugin; the core's own commands go before all of them.

    Raises:
        RequestError: several plugins have the name.
    """
    rivals = _in_group(entries, group)
    if "/" in name:
        return next((e for e in rivals if e.id == name), None)
    meant = _meant([e for e in rivals if e.component.name == name])
    if len(meant) > 1:
        first = " ".join(filter(None, ["zoo", group, meant[0].id]))
        raise RequestError(
            f"command {name!r} is provided by several plugins: {owners_of(meant)}. Type the full id: {first}"
        )
    return meant[0] if meant else None


def typed_names(entries: Iterable[Entry], group: str = "") -> dict[str, Entry]:
    """Contributed commands of a group by the shortest name that means each: its own, else its full id."""
    named: dict[str, list[Entry]] = defaultdict(list)
    for entry in _in_group(entries, group):
        named[entry.component.name].append(entry)
    found = {}
    for name, rivals in named.items():
        meant = [] if name in OWN.get(group, ()) else _meant(rivals)
        found.update({name if [e] == meant else e.id: e for e in rivals})
    return found


def shadowed(entries: Iterable[Entry], name: str, group: str = "") -> list[Entry]:
    """Contributed commands that a short name doesn't mean, because the core or a bundled plugin has it."""
    having = [e for e in _in_group(entries, group) if e.component.name == name]
    return having if name in OWN.get(group, ()) else [e for e in having if e not in _meant(having)]


def command_clashes(entries: Iterable[Entry], group: str | None = None) -> Iterator[tuple[list[Entry], str]]:
    """Yield the commands of one name in one group, and a sentence about what the name means.

    Args:
        entries: the contributed commands.
        group: only names of this group; all by default.
    """
    named: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        named[str(getattr(entry.component, "group", "")), entry.component.name].append(entry)
    for (place, name), rivals in sorted(named.items()):
        found = sorted(rivals, key=lambda e: (not e.origin.bundled, e.id))
        own = name in OWN.get(place, ())
        if group in (None, place) and (own or len(found) > 1):
            words = " ".join(filter(None, [place, name]))
            yield found, f"command {words!r} is provided by {owners_of(found)}: {_meaning(found, own=own)}."


def _meaning(rivals: list[Entry], *, own: bool) -> str:
    meant = _meant(rivals)
    if own:
        return "it means the zoo's own; use the full id"
    if len(meant) > 1:
        return "use the full id"
    return f"it means {meant[0].id}{', of the zoo' if meant[0].origin.bundled else ''}"


def _in_group(entries: Iterable[Entry], group: str) -> list[Entry]:
    return [e for e in entries if getattr(e.component, "group", "") == group]


def _meant(having: list[Entry]) -> list[Entry]:
    """The commands among which a short name chooses; more than one is an ambiguity."""
    bundled = [e for e in having if e.origin.bundled]
    return bundled or [e for e in having if e.origin.plugin == LOCAL] or having
