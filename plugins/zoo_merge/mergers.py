"""The protocol of a merger: it makes one model of several runs, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.api.jobs import Registry, Resolved
from zoo.runs import RunResult
from zoo_merge.held_out import HeldOut
from zoo_merge.members import Member

__all__ = ["MergePlace", "RunMerger"]

Telling = Callable[[str], None]


@dataclass(frozen=True)
class MergePlace:
    """Where and how runs are merged.

    Args:
        home: an empty folder, for the files of the merged run.
        target: folder that the merged run will have.
        registry: registry of all components.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:i`` or ``mps``.
        force: merge weights that did not begin as the same ones.
        tell: receives a line for each step.
    """

    home: Path
    target: Path
    registry: Registry
    device: str = "auto"
    force: bool = False
    tell: Telling = lambda text: None


class RunMerger:
    """Make one model of several runs."""

    def check_repeats(self, resolved: Resolved, by: str) -> None:
        """Check before the training of repeated runs that they can be merged; by default they can.

        Args:
            resolved: the job.
            by: what varies between the runs: ``seed`` or ``fold``.

        Raises:
            RequestError: they can't be.
        """

    def check(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> None:
        """Check that runs can be merged; by default they can.

        Raises:
            RequestError: they can't be.
        """

    def merge(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> RunResult:
        """Write the merged run into ``place.home``: job.yaml, result.json, its bundle and its predictions."""
        raise NotImplementedError
