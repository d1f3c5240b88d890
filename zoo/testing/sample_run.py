"""A small finished run, recorded from a real one, for checks of hooks: what a run passes to them, and its files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zoo.job.run_folder import JOB, METRICS, RESULT
from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.run_result import RunResult
from zoo.storage.files import write_json, write_text

_RECORDED = Path(__file__).with_name("sample_result.json")


@dataclass(frozen=True)
class SampleRun:
    """The arguments of lifecycle hooks.

    Args:
        run: the description of the run; its folder has job.yaml, metrics.jsonl and result.json.
        epochs: its two epochs.
        result: its result.
    """

    run: Run
    epochs: list[EpochRecord]
    result: RunResult


@contextmanager
def sample_run(name: str = "digits") -> Iterator[SampleRun]:
    """Write the recorded run into a temporary folder, which is the working folder within the context.

    Args:
        name: name of the run; its folder is ``runs/NAME``.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder, chdir(folder):
        place = Path("runs", name)
        document = {**json.loads(_RECORDED.read_text("utf-8")), "run": name, "dir": str(place)}
        place.mkdir(parents=True)
        write_text(place / JOB, yaml.safe_dump(document["job"], sort_keys=False, allow_unicode=True))
        write_text(place / METRICS, "".join(f"{json.dumps(epoch)}\n" for epoch in document["epochs"]))
        write_json(place / RESULT, document)
        result = RunResult.read(document)
        yield SampleRun(_run(document, result, place), result.epochs, result)


def _run(document: Mapping[str, Any], result: RunResult, place: Path) -> Run:
    environment = document["environment"]
    return Run(
        name=document["run"],
        dir=place,
        job=result.job,
        sources=result.job_sources,
        classes=result.classes,
        splits=result.splits,
        model=result.model,
        device={"name": environment["device"], "description": environment["execution"]},
        execution=environment["execution"],
        expect=None if result.recipe is None else result.recipe.expect,
    )
