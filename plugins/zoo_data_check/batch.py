"""``zoo.show_batch``: a grid of augmented, labelled images as training gets them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api import Result
from zoo.api.commands import no_architecture
from zoo.api.jobs import Resolved, components, make_request, resolve
from zoo.reports.kit.pages import check_place
from zoo.reports.kit.text import component
from zoo.runs import JOB, find_run

if TYPE_CHECKING:
    from PIL import Image

    from zoo_data_check.samples import Samples

__all__ = ["BatchPicture", "show_batch"]

THUMBNAIL = 144
"""Largest side of an image in the grid, in pixels."""


@dataclass(frozen=True)
class BatchPicture:
    """A grid of training images, which a notebook shows as a picture.

    Args:
        picture: the grid.
        labels: the class of each image; where images are mixed, the class of the first of them.
        names: the name of each image in its dataset.
        title: dataset, split and size.
    """

    picture: Image.Image = field(repr=False)
    labels: list[str]
    names: list[str]
    title: str

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the grid as a PNG.

        Args:
            path: a file that ends with ``.png``.
            overwrite: replace a file that the zoo didn't make.

        Raises:
            RequestError: the folder doesn't exist, or the file isn't the zoo's.
            OutputError: the file can't be written.
        """
        from zoo_data_check.sheet import save_sheet

        save_sheet(self.picture, check_place(Path(path), (".png",), overwrite=overwrite))

    def show(self) -> None:
        """Open the grid in the system's picture viewer."""
        self.picture.show()

    def __repr__(self) -> str:
        return f"<BatchPicture {self.title}: {len(self.labels)} images>"

    def _repr_jpeg_(self) -> bytes:
        buffer = io.BytesIO()
        self.picture.save(buffer, "JPEG", quality=88)
        return buffer.getvalue()


def show_batch(
    architecture: str | Callable[..., Any] | None = None,
    dataset: str | Path | Any | None = None,
    *,
    job: str | Path | Result | None = None,
    recipe: str | None = None,
    set: Mapping[str, Any] | None = None,
    split: str = "train",
    count: int = 12,
    columns: int = 6,
    **options: Any,
) -> BatchPicture:
    """Draw a batch as training gets it: decoded, augmented, labelled.

    The job decides what is seen, since recipes augment: ``zoo.show_batch("simple_cnn", "digits")``. A dataset alone is
    shown without augmentation: ``zoo.show_batch("digits")``.

    Args:
        architecture, dataset, recipe, set, options: as ``zoo.run`` has them.
        job: a job file, or a run: its result, name or folder.
        split: train, val or test.
        count: number of images, evenly over the classes.
        columns: images in a row.

    Returns:
        The grid. In a notebook it is shown; elsewhere ``.show()`` opens it and ``.save("batch.png")`` writes it.

    Raises:
        ZooError: the job, dataset, split or augmentation is invalid.
    """
    from zoo_data_check.samples import draw_samples
    from zoo_data_check.sheet import make_sheet, sample_rows

    if dataset is None and job is None:
        architecture, dataset = no_architecture, architecture
    asked = {"architecture": architecture, "dataset": dataset, **options, "set": set or {}}
    request = make_request(asked, file=None if job is None else _job_file(job), recipe=recipe)
    resolved = resolve(request, components())
    samples = draw_samples(resolved, split=split, count=count, draws=1)
    cells = [row[1] for row in sample_rows(samples, THUMBNAIL)]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    root = resolved.job.dataset.params.get("root")
    name = Path(root).name if root else resolved.job.dataset.name
    title = f"{name} · {split} · {resolved.job.train.train_size} px"
    return BatchPicture(make_sheet(title, [], rows, _notes(resolved, samples)), samples.labels, samples.names, title)


def _job_file(job: str | Path | Result) -> Path:
    if isinstance(job, Result):
        return job.dir / JOB
    path = Path(job)
    return path if path.suffix in (".yaml", ".yml") else find_run(str(job)) / JOB


def _notes(resolved: Resolved, samples: Samples) -> list[str]:
    from zoo_data_check.sheet import channels_note

    augment = ", then ".join(component(choice) for choice in resolved.job.plain()["augment"]) or "none"
    skipped = f"{len(samples.skipped)} images can't be decoded" if samples.skipped else ""
    notes = [f"augmentation: {augment}", channels_note(samples.drawn.shape[2]), *samples.notices, skipped]
    return [note for note in notes if note]
