"""A soup: the mean of the weights of runs that began with the same ones, chosen greedily on validation images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from zoo.api.compute import Answers, predict_logits
from zoo.api.images import VAL, build_opener
from zoo.api.jobs import Resolved
from zoo.api.models import copied_weights, load_model
from zoo.errors import RequestError
from zoo.runs import RunResult
from zoo_merge.draft import Draft, write_run
from zoo_merge.held_out import HeldOut
from zoo_merge.members import Member
from zoo_merge.mergers import MergePlace, RunMerger
from zoo_merge.soup_images import MEASURES, SoupImages, open_images
from zoo_merge.weights import (
    Weights,
    average_weights,
    check_architectures,
    check_beginnings,
    has_norms,
    recalibrate_norms,
)
from zoo_merge.words import member_lines

__all__ = ["SoupMerger"]

FEWEST = 30
"""Minimum number of validation images that are new to all runs: with fewer, the choice is mostly chance."""


class SoupMerger(RunMerger):
    """Average the weights of runs that began with the same ones.

    The runs are added from the best on by validation accuracy, or mean absolute error, each only if the mean of weights
    is then not worse. Source: M. Wortsman et al., Model soups, ICML 2022, arXiv:2203.05482, recipe 1.

    Args:
        norm_images: maximum number of training images that the statistics of batch norms are computed on again.
    """

    def __init__(self, norm_images: int = 2048):
        if norm_images < 1:
            raise RequestError(f"norm_images must be at least 1, not {norm_images}.")
        self.norm_images = norm_images

    def check_repeats(self, resolved: Resolved, by: str) -> None:
        if by == "fold":
            raise RequestError(
                "The runs of --folds share no validation images, which a soup is chosen on. Use --merge ensemble, or "
                "--seeds in place of --folds."
            )
        if not (resolved.job.pretrained or resolved.job.weights):
            raise RequestError(
                "Each seed begins with other random weights, and the mean of unrelated weights is a network of chance "
                "level. Begin with the same weights (--pretrained, or --weights FILE), or use --merge ensemble."
            )
        if VAL not in build_opener(resolved).splits():
            raise RequestError(
                "The dataset has no val split, so each seed holds out another part of train, and a soup is chosen on "
                "images that all have held out. Give the dataset a val folder, or use --merge ensemble."
            )

    def check(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> None:
        check_architectures(members)
        if not place.force:
            check_beginnings(members)
        if len(held.common) < FEWEST:
            raise RequestError(
                "A soup is chosen on validation images that are new to all runs, and these runs share only "
                f"{len(held.common)} of them (at least {FEWEST} are needed): each held out another part of train. "
                "Give the dataset a val folder, or use --as ensemble."
            )

    def merge(self, members: Sequence[Member], held: HeldOut, place: MergePlace) -> RunResult:
        started, first = time.perf_counter(), members[0]
        model = load_model(first.bundle, place.registry)[0]
        images = open_images(first, held.common, self.norm_images, place)
        images.execution.place(model)
        taken, best, lines = _greedy(members, model, images, place)
        model.load_state_dict(dict(best.weights))
        account = [f"{_head(taken, members)} {len(images.names):,} val images:", *lines, *member_lines(members)]
        notices = _notices(taken, held)
        architecture = first.card["architecture"]
        found = Draft("soup", members, held, model, architecture, images.names, best.answers, account, notices)
        return write_run(replace(found, started=started), place)


@dataclass(frozen=True)
class _Mixture:
    """Weights on the CPU, their validation outputs (N, M) and score, and whether batch norms were computed again."""

    weights: Weights
    answers: Answers
    score: float
    loss: float
    recomputed: bool = False

    @property
    def rank(self) -> tuple[float, float]:
        return self.score, -self.loss


def _greedy(
    members: Sequence[Member], model: nn.Module, images: SoupImages, place: MergePlace
) -> tuple[list[Member], _Mixture, list[str]]:
    """Add runs one after another where the score does not fall; returns them, their mixture, and a line for each."""
    alone = {}
    for member in members:
        place.tell(f"evaluating {member.name}")
        alone[member.name] = _scored(load_model(member.bundle, place.registry)[0].state_dict(), model, images)
    order = sorted(members, key=lambda member: alone[member.name].rank, reverse=True)
    taken, best = [order[0]], alone[order[0].name]
    lines = [f"{order[0].name} alone: {MEASURES[images.task.name]} {images.text(best.score)}"]
    for member in order[1:]:
        place.tell(f"adding {member.name}")
        mixed = _mixed([alone[each.name].weights for each in (*taken, member)], model, images)
        added = mixed.score >= best.score
        norms = ", with batch norms computed again" if mixed.recomputed else ""
        lines.append(f"{member.name} {'added' if added else 'left out'}: with it, {images.text(mixed.score)}{norms}")
        if added:
            taken, best = [*taken, member], mixed
    return taken, best, lines


def _mixed(several: Sequence[Weights], model: nn.Module, images: SoupImages) -> _Mixture:
    """Average weights, with the mean statistics of batch norms or those computed again, whichever are better."""
    plain = _scored(average_weights(several), model, images)
    if not has_norms(model):
        return plain
    return max(plain, _scored(plain.weights, model, images, recompute=True), key=lambda mixture: mixture.rank)


def _scored(weights: Weights, model: nn.Module, images: SoupImages, *, recompute: bool = False) -> _Mixture:
    model.load_state_dict(dict(weights))
    if recompute:
        recalibrate_norms(model, images.train)
    outputs, targets = predict_logits(model, images.val, images.execution)
    score, loss = images.score(outputs, targets), images.loss(outputs, targets)
    return _Mixture(copied_weights(model), Answers(outputs.cpu(), targets.cpu()), score, loss, recompute)


def _head(taken: Sequence[Member], members: Sequence[Member]) -> str:
    return f"The weights of {len(taken)} of {len(members)} runs are averaged, by greedy choice on"


def _notices(taken: Sequence[Member], held: HeldOut) -> list[str]:
    """What a reader of the numbers has to know."""
    notices = []
    if len(taken) == 1:
        notices.append(
            f"No mean of weights was at least as good as {taken[0].name} alone, so this run is a copy of it."
        )
    if len(taken) > 1 and not held.test:
        notices.append(
            "The soup was chosen on these val images, so its val figures, and the paired test, are slightly too good."
        )
    if not held.same:
        notices.append(
            f"Each run held out other images: the val figures are those of the {len(held.common):,} images that all "
            "of them held out."
        )
    return notices
