"""Weights & Biases tracker: offline unless asked otherwise, and continued by a resumed run."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from zoo_track.flat import dataset_name, epoch_numbers, final_numbers, parameters
from zoo_track.memory import read, remember
from zoo_track.tracking import RunTracker, need

__all__ = ["WeightsAndBiases", "view"]


def view(folder: Path, about: Mapping[str, Any]) -> str:
    """Command that uploads the logs of a run's folder, or their address.

    Args:
        about: the entry of the run's tracking.json.
    """
    return str(about.get("url") or f"wandb sync {shlex.quote(str(folder / 'wandb'))}/offline-run-*")


class WeightsAndBiases(RunTracker):
    """Log to Weights & Biases: in the run's folder, or on a server.

    Args:
        project: name of the project; by default that of the dataset.
        entity: user or team that the project belongs to, for ``online``.
        mode: ``offline`` writes files only, which ``wandb sync`` uploads; ``online`` sends them. By default the value
            of WANDB_MODE, or ``offline``.
    """

    title = "Weights & Biases"

    def __init__(
        self,
        folder: Path,
        project: str | None = None,
        entity: str | None = None,
        mode: Literal["offline", "online"] | None = None,
    ) -> None:
        need("wandb", "wandb")
        self.folder, self.project, self.entity = folder, project, entity
        self.mode = mode or os.environ.get("WANDB_MODE") or "offline"
        self.url: str | None = None
        self.run: Any = None

    def where(self) -> str:
        seen = view(self.folder, {"url": self.url})
        if self.url:
            return f"Weights & Biases: {seen}"
        return f"Weights & Biases: {self.folder / 'wandb'}\nUpload it: {seen}"

    def started(self, run: Any) -> None:
        import wandb

        before = read(self.folder).get("wandb", {})
        self.run = wandb.init(
            project=self.project or dataset_name(run),
            entity=self.entity,
            name=run.name,
            id=before.get("run_id"),
            resume="allow" if before else None,
            dir=str(self.folder),
            mode=self.mode,
            config=parameters(run),
            notes="\n\n".join(run.notices) or None,
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.url = self.run.url if self.mode == "online" else None
        remember(self.folder, "wandb", {"run_id": self.run.id, "mode": self.mode, "url": self.url})

    def epoch(self, record: dict[str, Any]) -> None:
        self.run.log(epoch_numbers(record), step=int(record["epoch"]))

    def ended(self, run: Any, result: dict[str, Any], pictures: dict[str, bytes]) -> None:
        import wandb
        from PIL import Image

        images = {f"confusion_matrix/{split}": wandb.Image(Image.open(io.BytesIO(p))) for split, p in pictures.items()}
        if images:
            self.run.log(images)
        self.run.summary.update({**final_numbers(result), "status": result.get("status")})
        self.run.finish(exit_code=0)

    def failed(self, run: Any, error: BaseException) -> None:
        if self.run is not None:
            self.run.summary.update({"error": f"{type(error).__name__}: {error}".rstrip(": ")})
            self.run.finish(exit_code=1)
