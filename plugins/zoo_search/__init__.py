"""Search: sweeps of a job's values, comparisons of architectures, and range tests of the learning rate."""

from __future__ import annotations

from typing import ClassVar

from zoo.plugin import Component

__all__ = ["SweepEngine"]


class SweepEngine(Component):
    """``f(**params)`` returns an engine: ``engine(sweep)`` runs the trials of a sweep until none is open.

    ``sweep`` is a ``zoo_search.sweep.Sweep``; ``zoo sweep --on NAME`` uses the engine. It calls
    ``zoo_search.joining.SweepTask.of(sweep)`` in other processes or on other machines until ``sweep.open_trials()`` is
    0, and gives what each call returns to ``sweep.receive``. Values, pruning and results are those of the journal in
    the sweep's folder, which all machines need at the same path.
    """

    kind: ClassVar[str] = "sweep_engine"
