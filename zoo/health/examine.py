"""All checks, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zoo.health import device, folders, libraries, machine, settings, shell
from zoo.health.finding import Check, Finding
from zoo.health.probe import Probe


def examine() -> list[Finding]:
    """Look at everything; torch is tried in another process meanwhile."""
    probe = Probe()
    try:
        told = [(check, list(check.findings())) for check in _checks()]
        asked = [(check, list(check.findings())) for check in _asking(probe)]
    finally:
        probe.stop()
    found = sorted((*told, *asked), key=lambda pair: _place(pair[0]))
    return [finding for _, findings in found for finding in findings]


_GROUPS = (libraries.GROUP, machine.GROUP, folders.GROUP, settings.GROUP, "Plugins", shell.GROUP)
_FIRST = ("python", "zoo", "torch", "others", "extras", "capacity", "cpu", "accelerators")


def _place(check: Check) -> tuple[int, int]:
    """Where a check's findings are told."""
    return _GROUPS.index(check.group), _FIRST.index(check.topic) if check.topic in _FIRST else len(_FIRST)


def _checks() -> Iterator[Check]:
    looks: tuple[tuple[str, str, Callable[[], Iterator[Finding]]], ...] = (
        (libraries.GROUP, "python", libraries.python),
        (libraries.GROUP, "zoo", libraries.itself),
        (libraries.GROUP, "others", libraries.others),
        (libraries.GROUP, "extras", libraries.extras),
        (machine.GROUP, "capacity", machine.capacity),
        (machine.GROUP, "shared memory", machine.shared_memory),
        (machine.GROUP, "open files", machine.open_files),
        (machine.GROUP, "clock", machine.clock),
        (folders.GROUP, "cache", folders.cache),
        (folders.GROUP, "runs", folders.runs),
        (settings.GROUP, "registry", settings.registries),
        (settings.GROUP, "variables", settings.variables),
        (settings.GROUP, "network", settings.network),
        ("Plugins", "plugins", settings.plugins),
        (shell.GROUP, "path", shell.path),
        (shell.GROUP, "characters", shell.characters),
        (shell.GROUP, "terminal", shell.terminal),
    )
    return (Check(*look) for look in looks)


def _asking(probe: Probe) -> Iterator[Check]:
    """Those that torch's answer is needed for."""
    yield Check(libraries.GROUP, "torch", lambda: libraries.torch_pair(probe.answer()))
    yield Check(machine.GROUP, "cpu", lambda: device.cpu(probe.answer()))
    yield Check(machine.GROUP, "accelerators", lambda: device.accelerators(probe.answer()))
