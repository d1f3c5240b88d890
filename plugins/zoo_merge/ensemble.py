"""An ensemble: the members' networks in one, with the mean of their probabilities or values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from zoo.api.images import VAL
from zoo.api.jobs import plain
from zoo.api.models import Preprocessing, load_model
from zoo.runs import RunResult
from zoo_merge.averaging import average_of
from zoo_merge.draft import Draft, write_run
from zoo_merge.held_out import HeldOut
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace, RunMerger
from zoo_merge.networks import Ensemble, EnsembleMember
from zoo_merge.predicting import named, own_images, predict_bundle
from zoo_merge.words import member_lines

__all__ = ["EnsembleMerger", "ensemble_draft"]

ARCHITECTURE = "merge/ensemble"
_FINE_TUNING = (
    *("freeze", "freeze_epochs", "unfreeze_epochs", "freeze_norms", "head_lr", "layer_decay"),
    *("distill_weight", "distill_temperature"),
)
"""Values of ``train`` that concern the first run's weights or teacher; the job has the defaults in their place."""


class EnsembleMerger(RunMerger):
    """Average the probabilities or values of all runs, with each run's own normalisation, temperature and scale."""

    def merge(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> RunResult:
        return write_run(ensemble_draft(members, held, place), place)


def ensemble_draft(members: Sequence[Member], held: HeldOut, place: MergePlace) -> Draft:
    """Build the ensemble of runs, to be written."""
    first = members[0]
    average = average_of(first.task, first.link)
    described = [_described(first, member) for member in members]
    networks = [load_model(member.bundle, place.registry)[0] for member in members]
    model = Ensemble(networks, described, average).eval()
    params = {"members": [plain(each.model_dump()) for each in described], "average": average}
    entry = place.registry.find("architecture", ARCHITECTURE)
    logits = _quantiles(model.members, members, held, place) if first.levels else held.logits(members)
    what = "values" if first.task == "regression" else "probabilities"
    account = [f"The {what} of these runs are averaged:", *member_lines(members)]
    return Draft(
        "ensemble",
        members,
        held,
        model,
        {**entry.provenance(), "params": params},
        held.names,
        held.averaged(logits, average, first.card),
        account,
        _notices(members, held),
        {"architecture": {"name": entry.id, **params}, **untrained(first.job)},
    )


def untrained(job: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of a job whose training can't be repeated for another network: it begins with random weights."""
    train = {name: value for name, value in job.get("train", {}).items() if name not in _FINE_TUNING}
    return {"train": train, "pretrained": False, "weights": None, "teacher": None, "recipe": None}


def _described(first: Member, member: Member) -> EnsembleMember:
    """Describe a run's network, with the input and output of the first run's."""
    scale, shift = _normalisation(Preprocessing(**first.card["preprocessing"]), member)
    classes, width = [member.classes.index(name) for name in first.classes], len(first.levels) or 1
    order = [place * width + level for place in classes for level in range(width)]
    output_scale, output_shift = _output_scale(first, member, classes)
    return EnsembleMember(
        architecture=member.architecture,
        params=plain(member.params),
        scale=scale,
        shift=shift,
        order=None if order == list(range(len(order))) else order,
        temperature=member.temperature,
        output_scale=None if output_scale is None else np.repeat(output_scale, width).tolist(),
        output_shift=None if output_shift is None else np.repeat(output_shift, width).tolist(),
    )


def _normalisation(given: Preprocessing, member: Member) -> tuple[list[float] | None, list[float] | None]:
    """Factor and offset that turn images normalised as ``given`` into those that a run's network takes."""
    own = Preprocessing(**member.card["preprocessing"])
    mean, std, own_mean, own_std = (np.array(each) for each in (given.mean, given.std, own.mean, own.std))
    if (mean == own_mean).all() and (std == own_std).all():
        return None, None
    return (std / own_std).tolist(), ((mean - own_mean) / own_std).tolist()


def _output_scale(first: Member, member: Member, classes: Sequence[int]) -> tuple[Any, Any]:
    """Factor and offset that turn a run's standardised values into those on the scale of the first run's, (K,) each.

    Args:
        classes: for each value of the first run, its place among the run's.
    """
    if first.task != "regression":
        return None, None
    (mean, std), (own_mean, own_std) = (
        [np.array(each.outputs[name]) for name in ("mean", "std")] for each in (first, member)
    )
    own_mean, own_std = own_mean[classes], own_std[classes]
    if (mean == own_mean).all() and (std == own_std).all():
        return None, None
    return own_std / std, (own_mean - mean) / std


def _quantiles(
    networks: Iterable[Any], members: Sequence[Member], held: HeldOut, place: MergePlace
) -> dict[str, Tensor]:
    """Quantiles of each run for its own validation images, by its name; a run's files have the medians alone."""
    found = {}
    for member, adapted in zip(members, networks, strict=True):
        place.tell(f"predicting the quantiles of {member.name}")
        [split] = own_images(member, [VAL], place)
        outputs, _, _ = predict_bundle(member.bundle, named(split, held.own[member.name].names, member.root), place)
        found[member.name] = adapted.converted(outputs)
    return found


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
