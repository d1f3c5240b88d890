"""An ensemble: the members' networks in one, with the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.api.jobs import Registry, plain
from zoo.api.models import Preprocessing, load_model
from zoo.runs import RunResult
from zoo_merge.averaging import AVERAGES
from zoo_merge.draft import Draft, write_run
from zoo_merge.held_out import HeldOut
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace, RunMerger
from zoo_merge.networks import Ensemble, EnsembleMember
from zoo_merge.words import member_lines

__all__ = ["EnsembleMerger", "ensemble_draft"]

ARCHITECTURE = "merge/ensemble"
_FINE_TUNING = (
    *("freeze", "freeze_epochs", "unfreeze_epochs", "freeze_norms", "head_lr", "layer_decay"),
    *("distill_weight", "distill_temperature"),
)
"""Values of ``train`` that concern the first run's weights or teacher; the job has the defaults in their place."""


class EnsembleMerger(RunMerger):
    """Average the probabilities of all runs, with each run's own normalisation and temperature."""

    def merge(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> RunResult:
        return write_run(ensemble_draft(members, held, place.registry), place)


def ensemble_draft(members: Sequence[Member], held: HeldOut, registry: Registry) -> Draft:
    """Build the ensemble of runs, to be written."""
    average = AVERAGES[members[0].task]
    described = [_described(members[0], member) for member in members]
    networks = [load_model(member.bundle, registry)[0] for member in members]
    model = Ensemble(networks, described, average).eval()
    params = {"members": [plain(each.model_dump()) for each in described], "average": average}
    entry = registry.find("architecture", ARCHITECTURE)
    scored = held.averaged(members, average)
    account = ["The probabilities of these runs are averaged:", *member_lines(members)]
    return Draft(
        "ensemble",
        members,
        held,
        model,
        {**entry.provenance(), "params": params},
        scored,
        account,
        _notices(members, held),
        {"architecture": {"name": entry.id, **params}, **untrained(members[0].job)},
    )


def untrained(job: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of a job whose training can't be repeated for another network: it begins with random weights."""
    train = {name: value for name, value in job.get("train", {}).items() if name not in _FINE_TUNING}
    return {"train": train, "pretrained": False, "weights": None, "teacher": None, "recipe": None}


def _described(first: Member, member: Member) -> EnsembleMember:
    """Describe a run's network, with the input and output of the first run's."""
    scale, shift = _normalisation(Preprocessing(**first.card["preprocessing"]), member)
    order = [member.classes.index(name) for name in first.classes]
    return EnsembleMember(
        architecture=member.architecture,
        params=plain(member.params),
        scale=scale,
        shift=shift,
        order=None if order == list(range(len(order))) else order,
        temperature=member.temperature,
    )


def _normalisation(given: Preprocessing, member: Member) -> tuple[list[float] | None, list[float] | None]:
    """Factor and offset that turn images normalised as ``given`` into those that a run's network takes."""
    own = Preprocessing(**member.card["preprocessing"])
    mean, std, own_mean, own_std = (np.array(each) for each in (given.mean, given.std, own.mean, own.std))
    if (mean == own_mean).all() and (std == own_std).all():
        return None, None
    return (std / own_std).tolist(), ((mean - own_mean) / own_std).tolist()


def _notices(members: Sequence[Member], held: HeldOut) -> list[str]:
    """What the validation figures mean where the runs have different validation images."""
    if held.same:
        return []
    runs = f"{held.mean_runs:.1f}".removesuffix(".0")
    return [
        f"The runs have different validation images, so each of these {len(held.names):,} images is predicted only by "
        f"the runs that were not trained on it ({runs} of {len(members)} on average). The val figures are out of fold: "
        "those of fewer runs than this ensemble has. Measure all of it on new images: zoo evaluate RUN DATASET"
    ]
