"""All checks, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from zoo.health import device, folders, libraries, machine, settings, shell
from zoo.health.finding import Check, Finding
from zoo.health.probe import Probe

Look = Callable[..., Iterator[Finding]]
LOOKS: dict[str, tuple[Look, ...]] = {
    libraries.GROUP: (libraries.python, libraries.itself, libraries.torch_pair, libraries.others, libraries.extras),
    machine.GROUP: (
        *(machine.capacity, device.cpu, device.accelerators),
        *(machine.shared_memory, machine.open_files, machine.clock),
    ),
    folders.GROUP: (folders.cache, folders.runs),
    settings.GROUP: (settings.registries, settings.variables, settings.network),
    settings.PLUGINS: (settings.plugins,),
    shell.GROUP: (shell.path, shell.characters, shell.terminal),
}
ASKING: tuple[Look, ...] = (libraries.torch_pair, device.cpu, device.accelerators)
"""Those that are given the answer of :class:`Probe`: they come last, for that takes longest."""


def examine() -> list[Finding]:
    """Look at everything; torch is tried in another process meanwhile."""
    probe = Probe()
    try:
        places = [(group, look) for group, looks in LOOKS.items() for look in looks]
        found = {look: _seen(group, look, probe) for group, look in sorted(places, key=lambda at: at[1] in ASKING)}
    finally:
        probe.stop()
    return [finding for _, look in places for finding in found[look]]


def _seen(group: str, look: Look, probe: Probe) -> list[Finding]:
    """What one look finds."""

    def asking() -> Iterator[Finding]:
        answer: dict[str, Any] = probe.answer()
        return look(answer)

    topic = look.__name__.replace("_", " ")
    return list(Check(group, topic, asking if look in ASKING else partial(look)).findings())
