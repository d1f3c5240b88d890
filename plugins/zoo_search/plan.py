"""What a sweep was asked to be: ``sweep.yaml`` in its folder, from which it goes on and others join it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from zoo.api.jobs import Request, Resolved, flatten, parse_sets
from zoo.errors import RequestError
from zoo.storage import read_mapping, write_text
from zoo_search.space import Space, Values, make_space, words_of

Pruner = Literal["median", "halving", "none"]
PRUNERS: tuple[str, ...] = get_args(Pruner)
PLAN, BASE = "sweep.yaml", "base.yaml"
"""What is swept, and the job file that it was asked for with, where there was one."""
MOST = 100_000


@dataclass(frozen=True)
class SweepPlan:
    """A sweep.

    Args:
        trials: how many there will be in all.
        vary: dotted path -> what it may be, as typed.
        options: dotted path -> the one value of all that isn't varied.
        recipe: asked for by name.
        budget_s: seconds for all trials; each is fitted to an equal share of what is left. None: trials are as long as
            the job says.
        monitor: what trials are compared by (``"val/accuracy"``).
        maximize: whether more of it is better.
        epochs: of a trial; where they vary, of the first.
    """

    trials: int
    vary: dict[str, str]
    monitor: str
    maximize: bool
    epochs: int
    seed: int = 0
    pruner: str = "median"
    options: dict[str, Any] = field(default_factory=dict)
    recipe: str | None = None
    budget_s: float | None = None

    @property
    def space(self) -> Space:
        return make_space(self.vary)

    def request(self, folder: Path, values: Values) -> Request:
        """The job of a trial: as ``zoo run`` has it, with the values of this one by ``--set``."""
        file = folder / BASE
        return Request(self.options, words_of(values), file if file.is_file() else None, self.recipe)

    def save(self, folder: Path) -> None:
        write_text(folder / PLAN, yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True))


def make_plan(request: Request, vary: Mapping[str, str], first: Resolved, trials: int, pruner: str) -> SweepPlan:
    """The plan of a request.

    Args:
        first: the job with the first of all values; it says where data and weights lie, wherever one joins from.
    """
    options = {**parse_sets(list(request.sets), []), **flatten(request.options)}
    options = {path: str(value) if isinstance(value, Path) else value for path, value in options.items()}
    job = first.job
    if "dataset" not in vary and "root" in job.dataset.params:
        options.update({"dataset.name": job.dataset.name, "dataset.root": job.dataset.params["root"]})
    options.update({name: getattr(job, name) for name in ("weights", "teacher") if name in options})
    return SweepPlan(
        trials=trials,
        vary=dict(vary),
        monitor=job.train.monitor,
        maximize=_higher_is_better(first),
        epochs=job.train.epochs,
        seed=job.seed,
        pruner=pruner,
        options=options,
        recipe=request.recipe,
    )


def refuse_doubles(request: Request, vary: Mapping[str, str]) -> None:
    """
    Raises:
        RequestError: an option gives one value to what is varied.
    """
    given = flatten(request.options)
    if both := [path for path in vary if path in given or f"{path}.name" in given]:
        raise RequestError(f"{both[0]} is varied by --set and given a value as well. Leave one of them out.")


def load_plan(folder: Path) -> SweepPlan:
    """The plan of a sweep's folder.

    Raises:
        RequestError: there is none, or it is damaged.
    """
    if not (folder / PLAN).is_file():
        raise RequestError(
            f"{folder} is not a sweep's folder (no {PLAN} in it). Begin one: zoo sweep simple_cnn digits "
            "--set lr=log:1e-4..1e-1 --trials 20"
        )
    content = read_mapping(folder / PLAN)
    try:
        plan = SweepPlan(**content)
        make_space(plan.vary)
        if not isinstance(plan.trials, int) or plan.pruner not in PRUNERS:
            raise TypeError("trials or pruner is not what the zoo writes")
    except (TypeError, AttributeError, RequestError) as error:
        raise RequestError(f"{folder / PLAN} is damaged, or of another zoo: {error}.") from error
    return plan


def _higher_is_better(resolved: Resolved) -> bool:
    """Of what the job monitors; the run itself refuses what isn't measured."""
    from zoo.api.compute import MULTI_LABEL, SINGLE_LABEL

    name = resolved.job.train.monitor.partition("/")[2]
    if name in (*SINGLE_LABEL.scalars, *MULTI_LABEL.scalars):
        return name in (*SINGLE_LABEL.higher, *MULTI_LABEL.higher)
    entries = {c.name: resolved.entry(f"metrics.{i}") for i, c in enumerate(resolved.job.metrics)}
    return name not in entries or bool(getattr(entries[name].component, "higher_is_better", True))
