"""A batch in pieces or of two processes has the gradient of the whole batch with every bundled loss, or is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zoo.engine.batch_weights import compare_parts, declares_whole_batch
from zoo.engine.task import new_task
from zoo.errors import RequestError
from zoo.host.loader import open_registry
from zoo.job.request import make_request
from zoo.job.resolve import resolve
from zoo.job.task_fit import supports
from zoo.plugin import TASKS
from zoo.runner.losses import Scored
from zoo.runner.scoring import scoring_of

sys.path.insert(0, str(Path(__file__).parent))

import loss_cuts
from loss_cuts import LOSSES, Case, cases, cut, whole

ALL = [case for entry in LOSSES for case in cases(entry)]
MEANS = [case for case in ALL if not declares_whole_batch(case.loss())]
OF_BATCHES = [case for case in ALL if declares_whole_batch(case.loss())]


def same(found: list[list[float]], expected: list[list[float]]) -> bool:
    assert np.shape(found) == np.shape(expected) == (len(loss_cuts.SIZES), np.shape(expected)[1])
    assert np.shape(expected)[1] >= 25 + 6
    return np.allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_there_are_losses_of_both_kinds_with_options_and_targets_of_all_kinds():
    assert {case.targets for case in MEANS} == set(loss_cuts.TARGETS)
    assert {option for case in MEANS for option in case.options} == set(loss_cuts.OPTIONS)
    assert len({case.entry.id for case in MEANS}) >= 9
    assert {case.entry.id for case in OF_BATCHES} == {"losses/soft_f1"}


@pytest.mark.parametrize("case", MEANS, ids=str)
def test_pieces_have_the_gradient_of_the_batch(case: Case):
    expected = whole(case)
    assert [pieces for pieces in (1, 2, 3, 4, 11) if not same(cut(case, pieces), expected)] == []


@pytest.mark.parametrize("case", OF_BATCHES, ids=str)
def test_pieces_of_other_losses_have_another_gradient(case: Case):
    """Their refusal is not for nothing."""
    assert same(cut(case, 1), whole(case))
    assert not same(cut(case, 2), whole(case))


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.id)
@pytest.mark.parametrize("name", TASKS)
def test_a_job_that_cuts_a_batch_is_refused_for_those_losses_alone(entry: Any, name: str):
    if not supports(entry, entry.factory(), name):
        return
    registry, link = open_registry(), getattr(entry.factory(), "link", None)
    task = new_task(name, link() if link else None)
    for pieces, processes in ((1, 1), (2, 1), (1, 2), (4, 2)):
        values = {"train.accumulate": pieces, "metrics": [] if name == "regression" else ["f1"]}
        asked = {"architecture": "simple_cnn", "dataset": "digits", "loss": entry.id, "batch_size": 32, "set": values}
        request = make_request({**asked, **({} if name == "multi-label" else {"task": name})})
        scored = Scored(["a", "b", "c"], task)
        scoring = scoring_of(resolve(request, registry), scored, task, torch.device("cpu"), [5, 3, 1])
        if declares_whole_batch(scoring.loss_fn) and pieces * processes > 1:
            with pytest.raises(
                RequestError, match=rf"'{entry.id}' needs the whole batch.*--batch-size {32 // pieces // processes} "
            ):
                scoring.check_cuts(processes)
        else:
            scoring.check_cuts(processes)


@pytest.mark.parametrize("case", ALL, ids=str)
def test_a_trial_finds_what_each_loss_declares(case: Case):
    generator = torch.Generator().manual_seed(3)
    logits, made = torch.randn(24, case.width, generator=generator), loss_cuts.batches(case.targets)
    targets = torch.cat([targets for _, targets in made] * 2)[:24]
    found = compare_parts(case.loss(), logits, targets)
    assert found.repeatable
    assert found.agree is (not declares_whole_batch(case.loss()))


@pytest.fixture(scope="module")
def told(in_two_processes) -> list[dict[str, Any]]:
    """Gradients of each of two processes, by case and number of pieces."""
    return in_two_processes(Path(loss_cuts.__file__))


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_the_batch(told: list[dict[str, Any]]):
    assert all(set(found) == {str(case) for case in ALL} for found in told)
    wrong = [
        (str(case), rank, pieces)
        for case in MEANS
        for rank, found in enumerate(told)
        for pieces, gradients in found[str(case)].items()
        if not same(gradients, whole(case))
    ]
    assert wrong == []


@pytest.mark.slow
def test_two_processes_have_another_gradient_with_other_losses(told: list[dict[str, Any]]):
    assert [str(case) for case in OF_BATCHES if same(told[0][str(case)]["2"], whole(case))] == []
