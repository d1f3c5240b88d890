"""Distillation: one network, trained on the job of the first run with the ensemble of all as its teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from zoo.api.jobs import Resolved, make_request, resolve
from zoo.api.models import read_card, write_card
from zoo.api.running import Observer, RunPlace, run_job
from zoo.errors import Interrupted, RequestError
from zoo.reports.kit.results import main_metric_of
from zoo.runs import JOB, MODEL, EpochRecord, RunResult
from zoo.storage import read_mapping, read_plain, write_text
from zoo_merge.draft import Draft, merged_entry, write_bundle
from zoo_merge.ensemble import ensemble_draft
from zoo_merge.held_out import HeldOut
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace, RunMerger, Telling
from zoo_merge.words import member_lines, title

__all__ = ["DistilledMerger"]

TEACHER = "teacher"
"""Folder of the ensemble's bundle, within the run's."""


class DistilledMerger(RunMerger):
    """Train the first run's job again, with the ensemble of all runs as its teacher.

    Args:
        epochs: number of epochs; None for as many as the first run.
        weight: weight of the teacher's predictions in the loss, in 0..1; the labels have the rest.
        temperature: divisor of both logits before they are compared, above 0; values have none.
    """

    def __init__(self, epochs: int | None = None, weight: float = 0.5, temperature: float = 4.0):
        self.epochs = epochs
        self.set = {"train.distill_weight": weight, "train.distill_temperature": temperature}

    def check_repeats(self, resolved: Resolved, by: str) -> None:
        _check_link(getattr(resolved.entry("loss").factory(), "link", None))

    def check(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> None:
        _check_link(members[0].link)

    def merge(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> RunResult:
        draft = ensemble_draft(members, held, place)
        teacher = place.home.parent / TEACHER
        write_bundle(draft, teacher)
        resolved = self._job(members[0], teacher, place)
        place.home.rmdir()  # the run makes it
        result = _train(resolved, place)
        teacher.rename(place.home / TEACHER)
        return _settled(result, draft, place)

    def _job(self, first: Member, teacher: Path, place: MergePlace) -> Resolved:
        asked: dict[str, Any] = {"teacher": str(teacher), "set": self.set}
        if self.epochs is not None:
            asked["epochs"] = self.epochs
        if place.device != "auto":
            asked["device"] = place.device
        return resolve(make_request(asked, file=first.folder / JOB), place.registry)


def _check_link(link: object) -> None:
    """Check that the outputs of a loss are those of classes or values, which are compared with a teacher's.

    Raises:
        RequestError: they are quantiles, or logits of ranks.
    """
    if link:
        raise RequestError(
            "The outputs of this loss are quantiles or logits of ranks, which can't be compared with a teacher's. "
            "Merge the runs as an ensemble (zoo merge --as ensemble, zoo run --merge ensemble), or train them with "
            "another loss: --set loss=mse for values, --set loss=cross_entropy for ranks."
        )


class _Epochs(Observer):
    """Tells the validation accuracy or error of each epoch."""

    def __init__(self, tell: Telling, epochs: int):
        self._tell, self._epochs = tell, epochs

    def preparing(self, what: str, done: int, total: int) -> None:
        if not done:
            self._tell(what)

    def epoch_ended(self, record: EpochRecord) -> None:
        metric = main_metric_of(record.val)
        value = metric.value(record.val)
        known = "" if value is None else f": val {metric.name} {metric.text(value)}"
        self._tell(f"epoch {record.epoch}/{self._epochs}{known}")


def _train(resolved: Resolved, place: MergePlace) -> RunResult:
    """Train the student.

    Raises:
        Interrupted: by the user or a signal; a merged run is whole or absent, so nothing is kept.
    """
    observer = _Epochs(place.tell, resolved.job.train.epochs)
    run = RunPlace(place.home.parent, place.home.name)
    try:
        return run_job(resolved, place.registry.plugins, observer, run, lambda result, path: None)
    except Interrupted as error:
        raise Interrupted(
            "Interrupted: nothing was kept of the distillation. One that can be resumed: zoo merge RUN RUN --as "
            "ensemble, then zoo run RUN/job.yaml --teacher ENSEMBLE"
        ) from error


def _settled(result: RunResult, draft: Draft, place: MergePlace) -> RunResult:
    """Replace the temporary paths in the run's files by the final ones, and add the account of the merging."""
    home, teacher = place.home, str(place.target / TEACHER)
    job = {**read_mapping(home / JOB), "teacher": teacher}
    comments = [line for line in read_plain(home / JOB).decode("utf-8").splitlines(keepends=True) if line[:1] == "#"]
    write_text(home / JOB, "".join(comments) + yaml.safe_dump(job, sort_keys=False, allow_unicode=True))
    card = read_card(home / MODEL)
    write_card(home / MODEL, {**card, "merged": merged_entry("distilled", draft.members)})
    model = result.model.document()
    account = ["One network was trained with the ensemble of these runs as its teacher:", *member_lines(draft.members)]
    return result.changed(
        dir=str(place.target),
        job={**result.job.document(), "teacher": teacher},
        model={**model, "teacher": {**model["teacher"], "run": f"{place.target.name}/{TEACHER}", "bundle": teacher}},
        provenance={**result.document()["provenance"], **draft.records},
        notices=[*result.notices, *_notices(draft.held)],
        sections=[[title("distilled"), "\n".join(account)], *result.sections],
    )


def _notices(held: HeldOut) -> list[str]:
    if held.same:
        return []
    return [
        "Runs of the teacher were trained on these val images, so the val figures of this run are slightly too good: "
        f"{'rely on the test figures' if held.test else 'evaluate it on new images: zoo evaluate RUN DATASET'}."
    ]
