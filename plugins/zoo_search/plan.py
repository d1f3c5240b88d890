"""The plan of a sweep: ``sweep.yaml`` in its folder, from which it is resumed and joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from zoo.api.jobs import Request, Resolved, flatten, parse_sets
from zoo.errors import RequestError
from zoo.storage import read_mapping, write_text
from zoo_search.space import Space, Values, combinations, make_space, words_of

Pruner = Literal["median", "halving", "none"]
PRUNERS: tuple[str, ...] = get_args(Pruner)
PLAN, BASE = "sweep.yaml", "base.yaml"
"""File names of the plan, and of a copy of the requested job file, if any."""
MOST = 100_000


@dataclass(frozen=True)
class SweepPlan:
    """The plan of a sweep.

    Args:
        trials: total number of trials.
        vary: dotted path -> range or choice, as typed.
        monitor: metric by which trials are compared, such as ``"val/accuracy"``.
        maximize: larger values of the metric are better.
        epochs: epochs of a trial; where they vary, of the first.
        seed: seed of the sampler and of every run.
        pruner: name of the pruner, one of ``PRUNERS``.
        options: dotted path -> fixed value.
        recipe: name of the requested recipe.
        budget_s: seconds for all trials, each of which gets an equal share of the rest; None for trials of the job's
            own length.
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
        """Build the request of a trial: that of ``zoo run``, with the trial's values as ``--set``."""
        file = folder / BASE
        return Request(self.options, words_of(values), file if file.is_file() else None, self.recipe)

    def save(self, folder: Path) -> None:
        write_text(folder / PLAN, yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True))


def make_plan(request: Request, vary: Mapping[str, str], first: Resolved, trials: int, pruner: str) -> SweepPlan:
    """Create the plan of a request.

    Args:
        request: the requested job.
        vary: dotted path -> range or choice, as typed.
        first: job with the first value of each range or choice; its paths are absolute, so that a sweep can be joined
            from any folder.
        trials: number of trials; the number of combinations of values if that is less.
        pruner: name of the pruner.
    """
    options = {**parse_sets(list(request.sets), []), **flatten(request.options)}
    options = {path: str(value) if isinstance(value, Path) else value for path, value in options.items()}
    job = first.job
    if "dataset" not in vary and "root" in job.dataset.params:
        options.update({"dataset.name": job.dataset.name, "dataset.root": job.dataset.params["root"]})
    options.update({name: getattr(job, name) for name in ("weights", "teacher") if name in options})
    total = combinations(make_space(vary))
    return SweepPlan(
        trials=trials if total is None else min(trials, total),
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
    """Refuse an option for a value that is varied.

    Raises:
        RequestError: there is one.
    """
    given = flatten(request.options)
    if both := [path for path in vary if path in given or f"{path}.name" in given]:
        raise RequestError(f"{both[0]} is both varied and set by --set. Leave out one of them.")


def load_plan(folder: Path) -> SweepPlan:
    """Load the plan of a sweep's folder.

    Raises:
        RequestError: there is none, or it is damaged.
    """
    if not (folder / PLAN).is_file():
        raise RequestError(
            f"{folder} is not the folder of a sweep (no {PLAN} in it). Start one: zoo sweep simple_cnn digits --set "
            "lr=log:1e-4..1e-1 --trials 20"
        )
    content = read_mapping(folder / PLAN)
    try:
        plan = SweepPlan(**content)
        make_space(plan.vary)
        if not isinstance(plan.trials, int) or plan.pruner not in PRUNERS:
            raise TypeError("trials or pruner is invalid")
    except (TypeError, AttributeError, RequestError) as error:
        raise RequestError(f"{folder / PLAN} is damaged, or from an incompatible zoo: {error}.") from error
    return plan


def _higher_is_better(resolved: Resolved) -> bool:
    """Direction of the monitored metric; an unknown metric is refused by the run itself."""
    from zoo.api.compute import task_named

    name = resolved.job.train.monitor.partition("/")[2]
    tasks = [task_named(task) for task in ("single-label", "multi-label", "ordinal", "regression")]
    if any(name in task.scalars for task in tasks):
        return any(name in task.higher for task in tasks)
    entries = {c.label: resolved.entry(f"metrics.{i}") for i, c in enumerate(resolved.job.metrics)}
    return name not in entries or bool(getattr(entries[name].component, "higher_is_better", True))
