"""All checks of ``zoo doctor``, in the order of the report."""

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
"""Check functions of this package, by heading.

Each module is imported only when its check runs, so that a missing library fails only the checks that need it.
"""
ASKING = ("libraries:torch_pair", "device:cpu", "device:accelerators")
"""Checks that take the answer of :class:`Probe`; they run last, as the probe takes longest."""


def examine() -> list[Diagnosis]:
    """Run all checks, while a separate process tests torch."""
    probe = Probe()
    try:
        places = [(group, look) for group, looks in LOOKS.items() for look in looks]
        found = {look: _run_check(group, look, probe) for group, look in sorted(places, key=lambda at: at[1] in ASKING)}
    finally:
        probe.stop()
    return [finding for _, look in places for finding in found[look]]


def _run_check(group: str, look: str, probe: Probe) -> list[Diagnosis]:
    """Run one check, and return its findings."""
    module, _, name = look.partition(":")

    def findings() -> Iterator[Diagnosis]:
        function = getattr(importlib.import_module(f"zoo_doctor.{module}"), name)
        yield from function(probe.answer()) if look in ASKING else function()

    return list(Examination(group, name.replace("_", " "), findings).findings())
