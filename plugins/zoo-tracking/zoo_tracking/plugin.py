"""The plugin's hooks: observe runs, add a section to the report, and contribute ``zoo tracking``.

Hooks import their modules when they are called, so that listing plugins loads no tracking library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.plugin import Command, hookimpl


@hookimpl
def zoo_commands() -> Iterator[Command]:
    yield Command(
        "tracking",
        "zoo_tracking.command:main",
        summary="List runs with TensorBoard or MLflow logs",
        tags=("tensorboard", "mlflow", "logs"),
    )


@hookimpl
def zoo_run_start(run: Any) -> None:
    from zoo_tracking import watch

    watch.start(run)


@hookimpl
def zoo_epoch_end(run: Any, epoch: dict[str, Any]) -> None:
    from zoo_tracking import watch

    watch.epoch(run, epoch)


@hookimpl
def zoo_run_end(run: Any, result: dict[str, Any]) -> None:
    from zoo_tracking import watch

    watch.end(run, result)


@hookimpl
def zoo_run_failed(run: Any, error: BaseException) -> None:
    from zoo_tracking import watch

    watch.failed(run, error)


@hookimpl
def zoo_report_sections(run: Any, result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from zoo_tracking import watch

    yield from watch.sections(run)
