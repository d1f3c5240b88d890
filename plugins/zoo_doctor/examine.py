"""All checks, in the order in which they are told."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from zoo_doctor.finding import Diagnosis, Examination
from zoo_doctor.probe import Probe

LOOKS = {
    "Software": (
        "libraries:python",
        "libraries:itself",
        "libraries:torch_pair",
        "libraries:others",
        "libraries:extras",
    ),
    "Machine": (
        *("machine:capacity", "device:cpu", "device:accelerators"),
        *("machine:shared_memory", "machine:open_files", "machine:clock"),
    ),
    "Folders": ("folders:cache", "folders:runs"),
    "Settings": ("settings:registries", "settings:variables", "settings:network"),
    "Plugins": ("settings:plugins",),
    "Shell": ("shell:path", "shell:characters", "shell:terminal"),
}
"""Functions of the modules here, by heading. Each is imported when it is its turn: where a library that one needs is
missing, the others still look."""
ASKING = ("libraries:torch_pair", "device:cpu", "device:accelerators")
"""Those that are given the answer of :class:`Probe`: they come last, for that takes longest."""


def examine() -> list[Diagnosis]:
    """Look at everything; torch is tried in another process meanwhile."""
    probe = Probe()
    try:
        places = [(group, look) for group, looks in LOOKS.items() for look in looks]
        found = {look: _seen(group, look, probe) for group, look in sorted(places, key=lambda at: at[1] in ASKING)}
    finally:
        probe.stop()
    return [finding for _, look in places for finding in found[look]]


def _seen(group: str, look: str, probe: Probe) -> list[Diagnosis]:
    """What one look finds."""
    module, _, name = look.partition(":")

    def findings() -> Iterator[Diagnosis]:
        function = getattr(importlib.import_module(f"zoo_doctor.{module}"), name)
        yield from function(probe.answer()) if look in ASKING else function()

    return list(Examination(group, name.replace("_", " "), findings).findings())
