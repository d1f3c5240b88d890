"""The checks of mergers for ``zoo plugins check``."""

from __future__ import annotations

from typing import Any

from zoo.testing import CheckFailed, contract
from zoo_merge.mergers import RunMerger

__all__: list[str] = []


@contract("merger", "derived from RunMerger", "Derive the class from zoo_merge.mergers.RunMerger.")
def _derived(subject: Any) -> None:
    made = subject.entry.make()
    if not isinstance(made, RunMerger):
        raise CheckFailed(f"the factory returns a {type(made).__name__}")


@contract("merger", "merges", "Define merge(members, held, place), which writes the merged run into place.home.")
def _merges(subject: Any) -> None:
    if type(subject.entry.make()).merge is RunMerger.merge:
        raise CheckFailed("its class does not define merge()")
