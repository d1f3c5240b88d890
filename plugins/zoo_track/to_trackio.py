"""trackio tracker: a local database, which ``trackio show`` displays."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_track.flat import dataset_name, epoch_numbers, final_numbers, parameters
from zoo_track.memory import read, remember
from zoo_track.tracking import RunTracker, need

__all__ = ["Trackio", "view"]


def view(about: Mapping[str, Any]) -> str:
    """Command to view a project.

    Args:
        about: the entry of the run's tracking.json.
    """
    return f"trackio show --project {shlex.quote(str(about.get('project')))}"


class Trackio(RunTracker):
    """Log to trackio.

    Args:
        project: name of the project; by default that of the dataset.
        space_id: a Hugging Face Space, such as ``user/space``, that the logs are sent to; None: they stay on this
            machine.
    """

    title = "trackio"

    def __init__(self, folder: Path, project: str | None = None, space_id: str | None = None) -> None:
        need("trackio", "trackio")
        self.folder, self.project, self.space_id = folder, project, space_id
        self.run: Any = None

    def where(self) -> str:
        return f"trackio: project {self.project!r}\nSee it: {view({'project': self.project})}"

    def started(self, run: Any) -> None:
        import trackio

        self.project = self.project or dataset_name(run)
        before = read(self.folder).get("trackio", {})
        self.run = trackio.init(
            project=self.project,
            name=before.get("run", run.name),
            space_id=self.space_id,
            config=parameters(run),
            resume="allow" if before else "never",
            embed=False,
        )
        remember(self.folder, "trackio", {"project": self.project, "run": self.run.name})

    def epoch(self, record: dict[str, Any]) -> None:
        self.run.log(epoch_numbers(record), step=int(record["epoch"]))

    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None:
        self.run.log(final_numbers(result), step=len(result["epochs"]))
        self.run.finish()

    def failed(self, run: Any, error: BaseException) -> None:
        if self.run is not None:
            self.run.finish()
